//! Odoo, as its fake.

use std::time::Duration;

use apertur_bridge::destinations::{
    Destination, Message,
    odoo::{
        Api, DEFAULT_CONCURRENCY, DEFAULT_MODE, DEFAULT_MODELS, DEFAULT_TIMEOUT, Odoo, Settings,
    },
};

use super::{
    Lab, around, name,
    shore::{On, Seen, Shore, Stored, Trouble},
};
use crate::fakes::odoo::{FakeOdoo, Fault, Switch, What};

struct Side {
    version: u32,
    odoo: FakeOdoo,
    destination: Odoo,
}

/// One of this version.
pub(super) fn at(version: u32) -> Lab {
    let odoo = FakeOdoo::start(version);
    let (shared, _, home) = around();
    let settings = Settings {
        url: odoo.url().parse().unwrap(),
        database: "prod".to_owned(),
        username: "bot@example.com".to_owned(),
        secret: "odoo-key".into(),
        is_api_key: true,
        api: Api::Auto,
        models: DEFAULT_MODELS.map(str::to_owned).to_vec(),
        default_mode: DEFAULT_MODE,
        message: Message::default(),
        keep_original: true,
        timeout: DEFAULT_TIMEOUT,
        concurrency: DEFAULT_CONCURRENCY,
        public_url: None,
    };
    let destination = Odoo::new(name(), settings, shared.http.clone());
    Lab::new(Side { version, odoo, destination }, home)
}

impl Side {
    fn what(trouble: Trouble) -> Option<What> {
        Some(match trouble {
            Trouble::LoseAnswer => What::LoseAnswer,
            Trouble::CloseBefore => What::CloseBefore,
            Trouble::Half => What::HalfAnswer,
            Trouble::Garbage => What::Garbage,
            Trouble::Huge => What::Huge(5_000_000),
            Trouble::Status(status) => What::HtmlStatus(status),
            Trouble::Echo(status @ (422 | 500)) => What::Echo(status),
            Trouble::TooMany => What::RetryAfter(429, 7),
            Trouble::Cut | Trouble::After(_) | Trouble::Echo(_) => return None,
        })
    }

    fn call(on: On) -> Option<&'static str> {
        match on {
            On::Look => Some("ir.attachment.search"),
            On::Write => Some("*.message_post"),
            // The attachment is a step of its own; its faults stand in `odoo/faults.rs`.
            On::Ask | On::Upload => None,
        }
    }
}

impl Shore for Side {
    fn name(&self) -> String {
        format!("Odoo {}", self.version)
    }

    fn destination(&self) -> &dyn Destination {
        &self.destination
    }

    fn records(&self) -> [&'static str; 2] {
        ["odoo:res.partner:42", "odoo:res.partner:43"]
    }

    fn nowhere(&self) -> Option<&'static str> {
        Some("odoo:res.partner:9999")
    }

    fn stored(&self) -> Vec<Stored> {
        let attachments = self.odoo.attachments();
        let messages = self.odoo.messages();
        let of = |id: &i64| attachments.iter().find(|attachment| attachment.id == *id).unwrap();
        let mut stored = Vec::new();
        for message in &messages {
            let seen = match (message.subtype, message.partner_ids.is_empty()) {
                ("mail.mt_note", _) => Seen::Staff,
                (_, false) => Seen::Customer,
                (_, true) => Seen::Public,
            };
            stored.extend(message.attachment_ids.iter().map(of).map(|attachment| Stored {
                record: format!("odoo:{}:{}", attachment.res_model, attachment.res_id),
                sha256: attachment.sha256.clone(),
                file_name: attachment.name.clone(),
                text: message.body.clone(),
                seen,
                note: message.id.unsigned_abs(),
            }));
        }
        stored
    }

    fn words(&self) -> Vec<(Seen, String)> {
        let messages = self.odoo.messages();
        let bare = messages.iter().filter(|message| message.attachment_ids.is_empty());
        let seen = |word| if word == "mail.mt_note" { Seen::Staff } else { Seen::Public };
        bare.map(|message| (seen(message.subtype), message.body.clone())).collect()
    }

    fn litter(&self) -> usize {
        self.odoo.attachments().len() - self.stored().len()
    }

    fn default_seen(&self) -> Seen {
        Seen::Customer
    }

    fn secrets(&self) -> Vec<String> {
        vec!["odoo-key".to_owned()]
    }

    fn shapes(&self, on: On, trouble: Trouble) -> usize {
        usize::from(Side::call(on).is_some() && Side::what(trouble).is_some())
    }

    fn plant(&self, on: On, trouble: Trouble, _shape: usize) {
        let (on, what) = (Side::call(on).unwrap().to_owned(), Side::what(trouble).unwrap());
        self.odoo.fault(Fault { on, times: 1, what });
    }

    /// Nothing there waits.
    fn step(&self, _by: Duration) {}

    fn lock_out(&self) -> Option<()> {
        self.odoo.set(Switch::KeyRevoked(true));
        Some(())
    }

    fn crowd(&self) {}
}
