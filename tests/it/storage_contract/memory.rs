//! The whole way through a daemon: what a large photo costs, and that nothing tells the secret.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, time::Duration};

use super::{Shore, s3::Rclone};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
};

const MIB: usize = 1024 * 1024;
/// What the parts of 8 MiB and what is allocated around them may take, in KiB.
const MOST_PARTS: u64 = 72 * 1024;
/// What a large photo may take more than one of three parts, in KiB: on a busy machine the
/// allocator gets some parts back late.
const MOST_MORE: u64 = 24 * 1024;

/// The most memory that a daemon ever had, in KiB.
pub(super) fn peak(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_mebibytes_cost_no_more_than_three_parts() {
    let mut rclone = Rclone::start().await;
    let address = rclone.server().address();
    let daemon = Daemon::start(Options::toml(format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"300MiB\"\n[destination.far]\n{}\n",
        rclone.keys(address)
    )));
    let send = |id: &str, size: usize, count: usize| {
        let photo = Photo::of_size(id, size);
        let answer = apertur::post(daemon.url(), &photo.binary().signed()).unwrap();
        assert_eq!(answer.told(), (200, "accepted".to_owned()));
        look::eventually(Duration::from_secs(120), "everything delivered", || {
            let states = look::states(&daemon);
            (states.len() == count && states.iter().all(|state| state == "delivered")).then_some(())
        });
    };
    let [small, parts, large] = [(1, MIB), (2, 24 * MIB), (3, 200 * MIB)].map(|(count, size)| {
        send(&format!("img_{count}"), size, count);
        peak(&daemon)
    });
    println!("{small} KiB, {parts} KiB, {large} KiB");
    let stored = rclone.list().await;
    let mut sizes = Vec::new();
    for key in &stored {
        sizes.push(rclone.get(key).await.len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [MIB, 24 * MIB, 200 * MIB], "{stored:?}");
    assert!(parts - small <= MOST_PARTS, "{small} KiB, then {parts} KiB");
    assert!(large - parts <= MOST_MORE, "{parts} KiB, then {large} KiB");
    for secret in rclone.secrets() {
        assert!(!daemon.log().contains(&secret));
        assert!(look::deliveries(&daemon).iter().all(|told| !told.to_string().contains(&secret)));
    }
}
