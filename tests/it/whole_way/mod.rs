//! The whole way of a photo: a webhook to the built binary, and what is in Odoo then.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collecting;
mod crowds;
mod desks;
mod failing;
mod fetching;
mod outage;
mod polling;
mod posted;
mod quiet;
mod reconciling;
mod sessions;
mod telling;
mod versions;
mod waiting;

use serde_json::Value;

use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, Answer, FakeApertur, Photo, Request},
        odoo::{Attachment, FakeOdoo, Message},
    },
    look,
};

/// Tries follow each other quickly.
const QUICK: &str =
    "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n";

/// A daemon with an Odoo `erp`, and both other sides.
struct Rig {
    odoo: FakeOdoo,
    apertur: FakeApertur,
    daemon: Daemon,
}

impl Rig {
    fn new(version: u32) -> Rig {
        Rig::with(FakeOdoo::start(version), "")
    }

    /// With more configuration, whole sections; `[destination.erp]` comes after it.
    fn with(odoo: FakeOdoo, more: &str) -> Rig {
        let apertur = FakeApertur::start();
        let retry = if more.contains("[retry]") { "" } else { QUICK };
        let text = format!("{}{retry}{more}\n{}", apertur.settings(), erp(&odoo, "odoo-key"));
        let daemon = Daemon::start(Options::toml(text));
        Rig { odoo, apertur, daemon }
    }

    /// With more lines of `[apertur]`.
    fn on(odoo: FakeOdoo, lines: &str) -> Rig {
        let apertur = FakeApertur::start();
        let text = format!("{}{lines}{QUICK}{}", apertur.settings(), erp(&odoo, "odoo-key"));
        let daemon = Daemon::start(Options::toml(text));
        Rig { odoo, apertur, daemon }
    }

    fn post(&self, request: &Request) -> Answer {
        apertur::post(self.daemon.url(), request).unwrap()
    }

    /// Posts a signed request that is new.
    fn accepted(&self, request: Request) {
        let answered = self.post(&request.signed());
        assert_eq!(answered.told(), (200, "accepted".to_owned()));
    }

    /// Waits until everything is delivered.
    fn delivered(&self) -> Vec<Value> {
        look::settled(&self.daemon, &["delivered"])
    }

    /// Waits until everything is held, and gives the only delivery.
    fn held(&self) -> Value {
        let mut all = look::settled(&self.daemon, &["held"]);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn replay(&self, more: &[&str]) -> Value {
        let done = self.daemon.command(&[&["deliveries", "replay", "--json"], more].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let run: Value = serde_json::from_slice(&done.stdout).unwrap();
        run["tally"].clone()
    }

    /// Asserts that the photo is in Odoo once: one attachment, unchanged, and one message.
    fn once(&self, photo: &Photo) -> (Attachment, Message) {
        let key = format!("apertur:{}", photo.image_id);
        let mut attachments = self.odoo.attachments();
        attachments.retain(|attachment| attachment.description == key);
        let [attachment] = attachments.as_slice() else { panic!("{attachments:?}") };
        assert_eq!(attachment.sha256, photo.sha256());
        assert!(!attachment.postprocessed);
        let mut messages = self.odoo.messages();
        messages.retain(|message| message.attachment_ids.contains(&attachment.id));
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(message.attachment_ids, [attachment.id]);
        assert_eq!((&message.model, message.res_id), (&attachment.res_model, attachment.res_id));
        (attachment.clone(), message.clone())
    }

    /// That, and nothing else is there.
    fn only(&self, photo: &Photo) -> (Attachment, Message) {
        assert_eq!((self.odoo.attachments().len(), self.odoo.messages().len()), (1, 1));
        self.once(photo)
    }
}

/// The section of an Odoo.
fn erp(odoo: &FakeOdoo, key: &str) -> String {
    format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"{key}\"\n",
        odoo.url()
    )
}

fn kind(delivery: &Value) -> &str {
    delivery["cause"]["kind"].as_str().unwrap_or_default()
}

/// `img_1` for contact 42.
fn photo() -> Photo {
    Photo::new("img_1").odoo("res.partner", 42, "contact")
}
