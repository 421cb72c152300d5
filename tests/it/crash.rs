//! Twelve power cuts under four senders: what was acknowledged is in Odoo, once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, FakeApertur, Photo, Request, Scheme, Signer},
        odoo::FakeOdoo,
    },
    look,
};

const CUTS: u64 = 12;
const SENDERS: usize = 4;

/// The record of each sender.
const RECORDS: [(&str, u64); SENDERS] =
    [("res.partner", 42), ("res.partner", 43), ("project.task", 5), ("project.task", 55)];

/// The photo that a sender sends as its `number`th, in the shape whose turn it is.
fn next(apertur: &FakeApertur, sender: usize, number: usize) -> (Photo, Request) {
    let id = format!("img_{sender}_{number}");
    // Every fifth is larger than what is kept in memory.
    let size = if number % 5 == 4 { 300_000 } else { 3_000 };
    let (model, record) = RECORDS[sender];
    let photo = Photo::of_size(&id, size);
    let request = match number % 4 {
        0 => photo.clone().odoo(model, record, "internal").json_base64(),
        1 => {
            let link = apertur.keep(&id, &photo.bytes);
            photo.clone().odoo(model, record, "public").event("image.delivered", Some(&link))
        }
        2 => photo.clone().tag(&format!("odoo:{model}:{record}")).multipart(),
        _ => {
            apertur.keep(&id, &photo.bytes);
            let photo = photo.clone().tag(&format!("odoo:{model}:{record}"));
            photo.project_event("project.upload.image.uploaded", None)
        }
    };
    let scheme = Scheme::ALL[number % 3];
    (photo, Signer::scheme(scheme).sign(request))
}

/// Sends until told to stop; every photo again and again until it is acknowledged. Gives the
/// digests of those that were.
fn send(url: &str, apertur: &FakeApertur, sender: usize, stop: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (photo, request) = next(apertur, sender, number);
        loop {
            match apertur::post(url, &request) {
                Ok(answer) if answer.status == 200 => {
                    acknowledged.push(photo.sha256());
                    break;
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{:?}", answer.word()),
                // The daemon is dead: once more, the same bytes.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    acknowledged
}

/// Kills and restarts the daemon at moments that look random and are always the same.
fn cut(daemon: &mut Daemon) {
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..CUTS {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        std::thread::sleep(Duration::from_millis(300 + chance % 700));
        daemon.kill9();
        daemon.restart();
    }
}

#[test]
fn what_was_acknowledged_is_in_odoo_once_after_twelve_power_cuts() {
    let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
    odoo.add_record("project.task", 55, "Another task");
    let text = format!(
        "{}[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"500ms\"\nprobe_every = \"100ms\"\n\
         [destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        apertur.settings(),
        odoo.url()
    );
    let mut daemon = Daemon::start(Options::toml(text));
    let (stop, url) = (AtomicBool::new(false), daemon.url().to_owned());
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (url, apertur, stop, acknowledged) = (&url, &apertur, &stop, &acknowledged);
            scope.spawn(move || {
                let sent = send(url, apertur, sender, stop);
                acknowledged.lock().unwrap().extend(sent);
            });
        }
        cut(&mut daemon);
        stop.store(true, Ordering::Relaxed);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 100, "only {} photos", acknowledged.len());
    look::eventually(Duration::from_secs(120), "everything delivered", || {
        look::states(&daemon).iter().all(|state| state == "delivered").then_some(())
    });

    let (attachments, messages) = (odoo.attachments(), odoo.messages());
    let mut times: HashMap<&str, usize> = HashMap::new();
    for attachment in &attachments {
        *times.entry(&attachment.sha256).or_default() += 1;
    }
    for sha256 in &acknowledged {
        assert_eq!(times.remove(sha256.as_str()), Some(1), "lost or doubled");
    }
    assert!(times.is_empty(), "in Odoo without an acknowledgement: {times:?}");
    assert_eq!((attachments.len(), messages.len()), (acknowledged.len(), acknowledged.len()));
    for attachment in &attachments {
        let of = messages.iter().filter(|message| message.attachment_ids == [attachment.id]);
        assert_eq!(of.count(), 1, "{attachment:?}");
    }
    look::assert_well(&daemon);
    println!("{} photos through {CUTS} power cuts", acknowledged.len());
}
