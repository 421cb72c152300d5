//! WebDAV: wsgidav, nginx with its WebDAV modules, and rclone; all keep photos as files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs, net::SocketAddr, os::unix::fs::symlink, path::Path, process::Command, time::Duration,
};

use apertur_bridge::model::{ErrorKind, Failure, Finding, Severity};

use super::{Lab, Shore, key, proxy::Proxy};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
    servers::{Place, Prepare, Server, program},
};

const PASSWORD: &str = "a-webdav-password-that-nobody-sees";
const WRONG: &str = "another-password-that-nobody-sees";

fn keys(address: SocketAddr, folder: &str, password: &str) -> String {
    format!(
        "type = \"webdav\"\nurl = \"http://{address}/{folder}\"\nusername = \"bridge\"\n\
         password = \"{password}\""
    )
}

/// The folder that the server shows, and in it the one for photos.
fn root(place: &Place) -> String {
    fs::create_dir_all(place.home.join("root/photos")).unwrap();
    place.path("root")
}

fn wsgidav(place: &Place) -> Command {
    let config = place.path("wsgidav.json");
    let text = format!(
        r#"{{"host":"127.0.0.1","port":{},"server":"cheroot","provider_mapping":{{"/":"{}"}},
            "http_authenticator":{{"accept_basic":true,"accept_digest":false,
            "default_to_digest":false}},
            "simple_dc":{{"user_mapping":{{"*":{{"bridge":{{"password":"{PASSWORD}"}}}}}}}},
            "fs_dav_provider":{{"follow_symlinks":true}}}}"#,
        place.port,
        root(place)
    );
    fs::write(&config, text).unwrap();
    let mut command = program("python/bin/wsgidav");
    command.args(["--config", &config]);
    command
}

fn rclone(place: &Place) -> Command {
    let mut command = program("python/bin/rclone");
    command.args(["serve", "webdav", "--addr", &format!("127.0.0.1:{}", place.port)]);
    command.args(["--user", "bridge", "--pass", PASSWORD, "--copy-links"]);
    command.arg("--config").arg(place.path("rclone.conf")).arg(root(place));
    command
}

fn nginx(place: &Place) -> Command {
    nginx_with(place, "dav_methods PUT DELETE MKCOL COPY MOVE;")
}

fn nginx_with(place: &Place, methods: &str) -> Command {
    let root = root(place);
    fs::create_dir_all(place.home.join("bodies")).unwrap();
    fs::write(place.home.join("users"), format!("bridge:{{PLAIN}}{PASSWORD}\n")).unwrap();
    let text = format!(
        "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;\n\
         daemon off; master_process off; pid {home}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{ access_log off; client_max_body_size 0; client_body_temp_path {home}/bodies;\n\
         proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u;\n\
         scgi_temp_path {home}/s;\n\
         server {{ listen 127.0.0.1:{port}; root {root};\n\
         auth_basic dav; auth_basic_user_file {home}/users;\n\
         {methods} dav_ext_methods PROPFIND OPTIONS; }} }}\n",
        home = place.home.display(),
        port = place.port,
    );
    fs::write(place.home.join("nginx.conf"), text).unwrap();
    let mut command = program("/usr/sbin/nginx");
    command.args(["-c", &place.path("nginx.conf"), "-p", &place.path("")]);
    command
}

/// A server that keeps files below `root` of its folder, photos in `photos` of it.
pub(crate) struct Files<const WHICH: usize>(Server);

/// wsgidav.
pub(crate) type Wsgidav = Files<0>;
/// nginx with dav_ext.
pub(crate) type Nginx = Files<1>;
/// rclone.
pub(crate) type Rclone = Files<2>;

const SERVERS: [Prepare; 3] = [wsgidav, nginx, rclone];

impl<const WHICH: usize> Files<WHICH> {
    /// Everything below the folder that the server shows.
    fn all(&self) -> Vec<String> {
        let root = self.0.home().join("root");
        let files = look::files(&root).into_iter();
        files.map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect()
    }
}

impl<const WHICH: usize> Shore for Files<WHICH> {
    async fn start() -> Self {
        Self(Server::start(SERVERS[WHICH]))
    }

    fn server(&mut self) -> &mut Server {
        &mut self.0
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos", PASSWORD)
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        keys(address, "photos", WRONG)
    }

    fn missing(&self, address: SocketAddr) -> String {
        keys(address, "nothing", PASSWORD)
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned(), WRONG.to_owned()]
    }

    /// What stays of an upload that broke has a temporary name and is no photo.
    async fn list(&self) -> Vec<String> {
        let all = self.all().into_iter();
        let seen = all.filter(|file| !is_temporary(file));
        seen.map(|file| file.strip_prefix("photos/").map_or(format!("/{file}"), Into::into))
            .collect()
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        fs::read(self.0.home().join("root/photos").join(key)).unwrap()
    }
}

fn is_temporary(file: &str) -> bool {
    let name = Path::new(file).file_name().unwrap().to_str().unwrap();
    name.starts_with(".apertur-") && name.contains(".tmp")
}

async fn nothing_temporary_stays_once_a_broken_upload_went_through<const WHICH: usize>() {
    let mut shore = Files::<WHICH>::start().await;
    let proxy = Proxy::before(shore.server().address());
    let lab = Lab::new(&shore.keys(proxy.address()), shore.secrets());
    let bytes = Photo::of_size("img_1", 3_000_000).bytes;
    proxy.cut_after(1_500_000);
    lab.send(lab.item("img_1", "a.jpg", &bytes)).await.unwrap_err();
    proxy.heal();
    let sent = lab.send(lab.item("img_1", "a.jpg", &bytes)).await.unwrap();
    assert!(!sent.found);
    assert_eq!(shore.all(), [format!("photos/{}", key(&sent))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_uploads_leave_nothing_at_any_server() {
    nothing_temporary_stays_once_a_broken_upload_went_through::<0>().await;
    nothing_temporary_stays_once_a_broken_upload_went_through::<1>().await;
    nothing_temporary_stays_once_a_broken_upload_went_through::<2>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_changes_the_name_has_not_stored_the_photo() {
    let forgetful: Prepare = |place| {
        let keeps = "dav_methods PUT DELETE MKCOL; if ($request_method = MOVE) { return 201; }";
        nginx_with(place, keeps)
    };
    let server = Server::start(forgetful);
    let lab = Lab::new(&keys(server.address(), "photos", PASSWORD), vec![PASSWORD.to_owned()]);
    let failure = lab.send(lab.item("img_1", "a.jpg", b"\xff\xd8\xff")).await.unwrap_err();
    let Failure::Broken { cause } = failure else { panic!("{failure:?}") };
    assert!(cause.what.contains("nothing is under 2027-01-15/img_1.jpg"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_nobody_may_write_into_is_told_from_one_that_went_away() {
    let readers: [Prepare; 2] = [
        |place| nginx_with(place, "dav_methods DELETE;"),
        |place| {
            let mut command = rclone(place);
            command.arg("--read-only");
            command
        },
    ];
    for prepare in readers {
        let server = Server::start(prepare);
        let keys = keys(server.address(), "photos", PASSWORD);
        for template in ["{image_id}.jpg", "new/{image_id}.jpg"] {
            let keys = format!("{keys}\nkey_template = {template:?}");
            let lab = Lab::new(&keys, vec![PASSWORD.to_owned()]);
            let failure = lab.send(lab.item("img_1", "a.jpg", b"\xff\xd8\xff")).await;
            let Err(Failure::Broken { cause }) = failure else { panic!("{template} {failure:?}") };
            assert!(cause.fix.contains("user"), "{template} {cause}");
        }
    }
}

async fn a_trial_is_made_where_photos_go<const WHICH: usize>() {
    let mut shore = Files::<WHICH>::start().await;
    let address = shore.server().address();
    for (template, told) in [("{date}/{image_id}.jpg", ""), ("in/{image_id}.jpg", "in/")] {
        let keys = format!("{}\nkey_template = {template:?}", shore.keys(address));
        let findings = Lab::new(&keys, shore.secrets()).trial().await;
        let wrote = findings.iter().find(|finding| finding.subject == "write").unwrap();
        let begin = format!("wrote {told}apertur-bridge-test-");
        assert!(wrote.what.starts_with(&begin), "{WHICH} {findings:?}");
        assert!(findings.iter().all(|f| f.severity == Severity::Ok), "{WHICH} {findings:?}");
    }
    // The folder that all photos share stays, as the first photo would have made it.
    let photos = shore.server().home().join("root/photos");
    let left = fs::read_dir(&photos).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["in"], "{WHICH}");
    assert_eq!(fs::read_dir(photos.join("in")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_leaves_no_folder_of_its_own_at_any_server() {
    a_trial_is_made_where_photos_go::<0>().await;
    a_trial_is_made_where_photos_go::<1>().await;
    a_trial_is_made_where_photos_go::<2>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_put_under_the_name_stays() {
    let mut shore = Wsgidav::start().await;
    let address = shore.server().address();
    let lab = Lab::new(
        &format!("{}\nkey_template = \"a/{{filename}}\"", shore.keys(address)),
        shore.secrets(),
    );
    let photos = shore.server().home().join("root/photos");
    fs::create_dir_all(photos.join("a/one.jpg")).unwrap();
    fs::write(photos.join("a/two.jpg"), "a letter").unwrap();
    let send = async |id: &str, name: &str| {
        let bytes = Photo::new(id).bytes;
        lab.send(lab.item(id, name, &bytes)).await
    };
    // A folder and a file of that name.
    assert_eq!(key(&send("img_1", "one.jpg").await.unwrap()), "a/one-img_1.jpg");
    assert_eq!(key(&send("img_2", "two.jpg").await.unwrap()), "a/two-img_2.jpg");
    assert_eq!(fs::read(photos.join("a/two.jpg")).unwrap(), b"a letter");
    // A file where a folder is to be.
    let lab = Lab::new(
        &format!("{}\nkey_template = \"a/two.jpg/{{filename}}\"", shore.keys(address)),
        shore.secrets(),
    );
    let failure = lab.send(lab.item("img_3", "x.jpg", b"\xff\xd8\xff")).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused { .. }), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_folder_and_nobody_there_are_told_apart() {
    let mut shore = Wsgidav::start().await;
    let address = shore.server().address();
    fs::write(shore.server().home().join("root/letter"), "a letter").unwrap();
    let probe =
        async |keys: &str| -> Vec<Finding> { Lab::new(keys, shore.secrets()).probe().await };
    let found = probe(&keys(address, "letter", PASSWORD)).await;
    assert!(found[0].severity == Severity::Error && found[0].what.contains("file"), "{found:?}");
    let found = probe(&keys(address, "photos", PASSWORD)).await;
    assert!(found.iter().all(|finding| finding.severity != Severity::Error), "{found:?}");
    let nobody = Lab::new(&keys(([127, 0, 0, 1], 1).into(), "x", PASSWORD), shore.secrets());
    let failure = nobody.send(nobody.item("img_1", "x.jpg", b"\xff")).await.unwrap_err();
    assert_eq!(failure.cause().kind, ErrorKind::Unreachable, "{failure:?}");
}

/// A full disk: the folder for photos leads to a file system of one mebibyte.
async fn a_full_disk_stores_nothing_half<const WHICH: usize>() {
    let mut shore = Files::<WHICH>::start().await;
    let small = SmallDisk::mount();
    let photos = shore.server().home().join("root/photos");
    fs::remove_dir(&photos).unwrap();
    symlink(small.0.path(), &photos).unwrap();
    let address = shore.server().address();
    let lab = Lab::new(&shore.keys(address), shore.secrets());
    let bytes = Photo::of_size("img_1", 3_000_000).bytes;
    let failure = lab.send(lab.item("img_1", "a.jpg", &bytes)).await.unwrap_err();
    assert!(!matches!(failure, Failure::Refused { .. }), "{failure:?}");
    let fix = &failure.cause().fix;
    assert!(fix.contains("disk") || fix.contains("space"), "{WHICH} {failure:?}");
    let left = look::files(small.0.path());
    assert!(left.iter().all(|file| is_temporary(file.to_str().unwrap())), "{left:?}");
}

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(home.path());
        assert!(mount.status().unwrap().success(), "a small disk needs root");
        Self(home)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_half_at_any_server() {
    a_full_disk_stores_nothing_half::<0>().await;
    a_full_disk_stores_nothing_half::<1>().await;
    a_full_disk_stores_nothing_half::<2>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mebibytes_cost_no_more_memory_than_one() {
    const MIB: usize = 1024 * 1024;
    let mut shore = Nginx::start().await;
    let address = shore.server().address();
    let daemon = Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"300MiB\"\n[destination.far]\n{}\n",
        shore.keys(address)
    )));
    let mut peaks = Vec::new();
    for (count, size) in [(1, MIB), (2, 200 * MIB)] {
        let photo = Photo::of_size(&format!("img_{count}"), size);
        let answer = apertur::post(daemon.url(), &photo.binary().signed()).unwrap();
        assert_eq!(answer.told(), (200, "accepted".to_owned()));
        look::eventually(Duration::from_secs(120), "everything delivered", || {
            let states = look::states(&daemon);
            (states.len() == count && states.iter().all(|state| state == "delivered")).then_some(())
        });
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        peaks.push(peak.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap());
    }
    assert!(peaks[1] < peaks[0] + 16 * 1024, "{peaks:?} KiB");
    assert_eq!(shore.list().await.len(), 2);
    assert!(!daemon.log().contains(PASSWORD), "{}", daemon.log());
}

/// nginx with the limit that it has by itself.
fn nginx_with_a_limit(place: &Place) -> Command {
    let command = nginx(place);
    let config = place.home.join("nginx.conf");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, text.replace("client_max_body_size 0;", "")).unwrap();
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_too_large_is_held_and_others_go_on() {
    let shore = Files::<1>(Server::start(nginx_with_a_limit));
    let lab = Lab::new(&shore.keys(shore.0.address()), shore.secrets());
    let bytes = Photo::of_size("img_1", 3_000_000).bytes;
    let failure = lab.send(lab.item("img_1", "a.jpg", &bytes)).await.unwrap_err();
    let Failure::Refused { cause } = &failure else { panic!("{failure:?}") };
    assert!(cause.kind == ErrorKind::TooLarge && cause.fix.contains("limit"), "{cause:?}");
    assert_eq!(shore.all(), [""; 0]);
    lab.send(lab.item("img_2", "b.jpg", &Photo::new("img_2").bytes)).await.unwrap();
}
