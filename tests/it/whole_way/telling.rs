//! Links of sessions, sent to the people of a ticket.

use serde_json::{Value, json};

use super::desks::{Desk, each};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{FakeApertur, WEBHOOK_DESTINATION},
        desk::{Shape, What},
    },
};

impl Desk {
    /// What stands on the ticket: how, and its HTML.
    fn told(&self) -> Vec<(&'static str, String)> {
        match self {
            Desk::Freshworks(fake) => fake
                .conversations(self.ticket())
                .into_iter()
                .map(|it| {
                    let how = match (it.mailed, it.private) {
                        (true, _) => "reply",
                        (false, true) => "private note",
                        (false, false) => "public note",
                    };
                    (how, it.body)
                })
                .collect(),
            Desk::Zendesk(fake, _) => {
                let how = |public| if public { "public comment" } else { "private comment" };
                let all = fake.everything().into_iter();
                all.map(|comment| (how(comment.public), comment.html)).collect()
            }
        }
    }

    /// How a mode tells people here.
    fn manner(&self, mode: &str) -> &'static str {
        match (self, mode) {
            (Desk::Zendesk(..), "internal") => "private comment",
            (Desk::Zendesk(..), _) => "public comment",
            (Desk::Freshworks(_), "client") => "reply",
            (Desk::Freshworks(_), "agent") => "public note",
            (Desk::Freshworks(_), _) => "private note",
        }
    }

    /// The call that tells the customer.
    fn telling(&self) -> &'static str {
        if self.kind() == "zendesk" { "update" } else { "reply" }
    }
}

/// A daemon that knows the desk and an Apertur.
fn daemon(desk: &Desk, apertur: &FakeApertur) -> Daemon {
    let lines = format!("session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n");
    Daemon::start(Options::toml(format!("{}{lines}{}", apertur.settings(), desk.toml(""))))
}

#[test]
fn a_sent_link_is_a_reply_to_the_requester_or_a_note() {
    each(|desk| {
        let apertur = FakeApertur::start();
        let daemon = daemon(&desk, &apertur);
        let ticket = format!("{}:{}", desk.kind(), desk.ticket());
        for mode in ["client", "agent", "internal"] {
            let args = ["sessions", "create", "--for", &ticket, "--mode", mode, "--send", "--json"];
            let made = daemon.command(&args);
            let err = String::from_utf8_lossy(&made.stderr);
            assert!(made.status.success(), "{}: {err}", desk.kind());
            let made: Value = serde_json::from_slice(&made.stdout).unwrap();
            let (how, html) = desk.told().pop().unwrap();
            assert_eq!(how, desk.manner(mode), "{}", desk.kind());
            let link = made["link"].as_str().unwrap();
            assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
        }
        assert_eq!(desk.told().len(), 3);
    });
}

#[test]
fn a_link_whose_fate_is_unknown_is_not_sent_twice_and_its_echo_not_shown() {
    each(|desk| {
        let apertur = FakeApertur::start();
        let daemon = daemon(&desk, &apertur);
        let ticket = format!("{}:{}", desk.kind(), desk.ticket());
        let create = ["sessions", "create", "--for", &ticket, "--mode", "client", "--send"];
        desk.fault(desk.telling(), What::LoseAnswer);
        let lost = daemon.command(&create);
        let err = String::from_utf8_lossy(&lost.stderr);
        assert_eq!(lost.status.code(), Some(69), "{err}");
        assert!(err.contains("nobody knows whether its link was sent"), "{err}");
        assert_eq!(desk.told().len(), 1, "{}", desk.kind());

        // The fake Apertur counts its sessions.
        let link = "https://u.example.com/s/5e551012-2222-4333-8444-000000000002";
        let echo = json!({"description": format!("Validation failed: {link}")});
        desk.fault(desk.telling(), What::Status(422, Shape::Json(echo)));
        let refused = daemon.command(&create);
        let err = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{err}");
        assert!(err.contains("the session works, but its link was not sent"), "{err}");
        assert!(String::from_utf8_lossy(&refused.stdout).contains(link));
        assert!(!err.contains("u.example.com"), "{err}");
        assert_eq!(desk.told().len(), 1, "{}", desk.kind());
    });
}
