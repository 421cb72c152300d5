//! Daemons that are killed in the middle of an upload, and two at once on one place: every photo
//! is there once, and what stays of broken uploads does not grow with their number.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::{
    Shore,
    azure::Azurite,
    files::{OpenSsh, Vsftpd},
    proxy::Proxy,
    s3::Moto,
    webdav::{Nginx, Rclone as WebdavRclone},
};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
};

const MIB: usize = 1024 * 1024;
/// How often a daemon is killed in the middle of one upload.
const KILLS: usize = 2;

fn daemon<S: Shore>(keys: &str, template: &str) -> Daemon {
    Daemon::start(Options::toml(format!(
        "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"500ms\"\nprobe_every = \"100ms\"\n\
         [destination.far]\n{keys}\n{} = {template:?}\n",
        S::TEMPLATE
    )))
}

fn post(daemon: &Daemon, photo: &Photo) {
    let answer = apertur::post(daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
}

fn delivered(daemon: &Daemon, count: usize) {
    look::eventually(Duration::from_secs(60), "everything delivered", || {
        let states = look::states(daemon);
        (states.len() == count && states.iter().all(|state| state == "delivered")).then_some(())
    });
}

/// Kills a daemon again and again in the middle of one upload; gives where the photo is then.
async fn killed_again_and_again<S: Shore>() -> S {
    let mut shore = S::start().await;
    let proxy = Proxy::before(shore.server().address());
    let mut daemon = daemon::<S>(&shore.keys(proxy.address()), "{image_id}.{ext}");
    let photo = Photo::of_size("img_1", 12 * MIB);
    proxy.hold_next((9 * MIB) as u64);
    post(&daemon, &photo);
    for _ in 0..KILLS {
        proxy.wait_until_held().await;
        daemon.kill9();
        assert_eq!(shore.list().await, [""; 0]);
        proxy.heal();
        proxy.hold_next((9 * MIB) as u64);
        daemon.restart();
    }
    proxy.wait_until_held().await;
    proxy.heal();
    delivered(&daemon, 1);
    assert_eq!(shore.list().await, ["img_1.jpg"]);
    assert!(shore.get("img_1.jpg").await == photo.bytes);
    shore
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_a_killed_daemon_left_open_at_s3_are_as_many_as_it_was_killed() {
    let moto = killed_again_and_again::<Moto>().await;
    // They are invisible; a lifecycle rule ends them.
    assert_eq!(moto.open_uploads().await, KILLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_nothing_at_azure() {
    killed_again_and_again::<Azurite>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_nothing_at_an_sftp_server() {
    let mut shore = killed_again_and_again::<OpenSsh>().await;
    assert_eq!(look::files(&shore.server().home().join("root")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_nothing_at_nginx() {
    let mut nginx = killed_again_and_again::<Nginx>().await;
    assert_eq!(look::files(&nginx.server().home().join("root")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_nothing_at_another_webdav_server() {
    let mut rclone = killed_again_and_again::<WebdavRclone>().await;
    assert_eq!(look::files(&rclone.server().home().join("root")).len(), 1);
}

/// FTP sends its data beside what a proxy sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_nothing_at_an_ftp_server() {
    let mut shore = Vsftpd::start().await;
    let address = shore.server().address();
    let mut daemon = daemon::<Vsftpd>(&shore.keys(address), "{image_id}.{ext}");
    let root = shore.server().home().join("root/place");
    let photo = Photo::of_size("img_1", 40 * MIB);
    post(&daemon, &photo);
    let grown = || {
        let sizes = look::files(&root).into_iter().filter_map(|file| file.metadata().ok());
        sizes.map(|there| there.len()).max().filter(|size| *size > 0)
    };
    for _ in 0..KILLS {
        look::eventually(Duration::from_secs(30), "a part is written", grown);
        daemon.kill9();
        daemon.restart();
    }
    delivered(&daemon, 1);
    assert_eq!(shore.list().await, ["img_1.jpg"]);
    assert!(shore.get("img_1.jpg").await == photo.bytes);
    assert_eq!(look::files(&root).len(), 1);
}

/// Two daemons with one photo and with two that render to one key, at the same time.
async fn two_at_once<S: Shore>() {
    let mut shore = S::start().await;
    let address = shore.server().address();
    let both = [0, 1].map(|_| daemon::<S>(&shore.keys(address), "one/{stem}.{ext}"));
    let mut own = Photo::new("img_own");
    own.filename = "same.jpg".to_owned();
    let mut other = Photo::new("img_other");
    other.filename = "same.jpg".to_owned();
    let shared = Photo::of_size("img_shared", 9 * MIB);
    std::thread::scope(|scope| {
        for (daemon, photo) in both.iter().zip([&own, &other]) {
            let shared = &shared;
            scope.spawn(move || {
                post(daemon, photo);
                post(daemon, shared);
                delivered(daemon, 2);
            });
        }
    });
    let mut there = shore.list().await;
    there.sort();
    assert_eq!(there.len(), 3, "{there:?}");
    assert!(shore.get("one/img_shared.jpg").await == shared.bytes);
    let taken = shore.get("one/same.jpg").await;
    let (second, bytes) = if taken == own.bytes {
        ("one/same-img_other.jpg", other.bytes)
    } else {
        assert!(taken == other.bytes);
        ("one/same-img_own.jpg", own.bytes)
    };
    assert!(shore.get(second).await == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_on_one_bucket_replace_nothing() {
    two_at_once::<Moto>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_on_one_container_replace_nothing() {
    two_at_once::<Azurite>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_on_one_folder_of_a_server_replace_nothing() {
    two_at_once::<OpenSsh>().await;
    two_at_once::<Nginx>().await;
    two_at_once::<WebdavRclone>().await;
}
