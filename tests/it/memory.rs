//! What photos cost in memory: nothing that grows with them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, time::Duration};

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Photo},
        odoo::FakeOdoo,
    },
    look,
};

const SENDERS: usize = 8;
const PHOTOS: usize = 3;
const SIZE: usize = 20 * 1024 * 1024;

/// Peak while 8 senders post 3 photos of 20 MiB each, in KiB.
const MOST: u64 = 96 * 1024;

/// A number of `/proc/PID/status`, in KiB.
fn status(daemon: &Daemon, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn twenty_four_photos_of_twenty_mebibytes_pass_through_96() {
    let odoo = FakeOdoo::start(18);
    let daemon = Daemon::start(Options::toml(format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        odoo.url()
    )));
    let idle = status(&daemon, "VmRSS");
    let mut sent: Vec<String> = std::thread::scope(|scope| {
        let send = |sender: usize| {
            let url = daemon.url();
            scope.spawn(move || {
                let send = |number| {
                    let photo = Photo::of_size(&format!("img_{sender}_{number}"), SIZE);
                    let photo = photo.odoo("res.partner", 42, "internal");
                    let answer = apertur::post(url, &photo.json_base64().signed()).unwrap();
                    assert_eq!(answer.told(), (200, "accepted".to_owned()));
                    photo.sha256()
                };
                (0..PHOTOS).map(send).collect::<Vec<_>>()
            })
        };
        let senders: Vec<_> = (0..SENDERS).map(send).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let after_receiving = status(&daemon, "VmHWM");
    look::eventually(Duration::from_secs(300), "everything delivered", || {
        look::states(&daemon).iter().all(|state| state == "delivered").then_some(())
    });
    let peak = status(&daemon, "VmHWM");
    println!("idle {idle} KiB, after receiving {after_receiving} KiB, peak {peak} KiB");

    let attachments = odoo.attachments();
    assert_eq!(odoo.messages().len(), SENDERS * PHOTOS);
    let mut stored: Vec<_> = attachments.into_iter().map(|a| a.sha256).collect();
    stored.sort();
    sent.sort();
    assert!(stored == sent, "what is in Odoo is not what was sent");
    assert!(peak <= MOST, "peak {peak} KiB, idle {idle} KiB");
    look::assert_well(&daemon);
}
