//! Zendesk, as its fake.

use std::time::Duration;

use apertur_bridge::{
    destinations::{
        Destination, Message,
        zendesk::{Login, Settings, Zendesk},
    },
    model::Mode,
    system::Clock,
};
use sha2::{Digest as _, Sha256};

use super::{
    Lab, around,
    freshworks::whats,
    name,
    shore::{On, Seen, Shore, Stored, Trouble},
};
use crate::fakes::{
    desk::Fault,
    oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants},
    zendesk::{EMAIL, FakeZendesk, SCOPES, SIGNED, Switch, TOKEN, UPLOAD, echoes, shapes},
};

struct Side {
    fake: FakeZendesk,
    oauth: Option<FakeOauth>,
    clock: Clock,
    destination: Zendesk,
}

/// With OAuth, and with an API token.
pub(super) fn all() -> Vec<Lab> {
    vec![with(true), with(false)]
}

fn with(oauth: bool) -> Lab {
    let (shared, clock, home) = around();
    let fake = FakeZendesk::on(clock.clone());
    let oauth = oauth.then(|| FakeOauth::start_at(Wants::Json, clock.clone()));
    let login = match &oauth {
        Some(server) => {
            fake.trust(server, SCOPES);
            Login::Client {
                id: CLIENT_ID.to_owned(),
                secret: CLIENT_SECRET.into(),
                scopes: SCOPES.split(' ').map(str::to_owned).collect(),
            }
        }
        None => Login::ApiToken { email: EMAIL.to_owned(), token: TOKEN.into() },
    };
    let settings = Settings {
        base_url: fake.url().parse().unwrap(),
        agent_url: "https://acme.example.com".parse().unwrap(),
        login,
        default_mode: Mode::Internal,
        message: Message::default(),
        max_attachment: 50 << 20,
        writes_per_minute: 10_000,
        timeout: Duration::from_mins(2),
        concurrency: 4,
    };
    let destination = Zendesk::new(name(), settings, &shared);
    Lab::new(Side { fake, oauth, clock, destination }, home)
}

fn call(on: On) -> &'static str {
    match on {
        On::Look => "comments",
        On::Ask => "ticket",
        On::Upload => "upload",
        On::Write => "update",
    }
}

impl Shore for Side {
    fn name(&self) -> String {
        let how = if self.oauth.is_some() { "OAuth" } else { "a token" };
        format!("Zendesk with {how}")
    }

    fn destination(&self) -> &dyn Destination {
        &self.destination
    }

    fn records(&self) -> [&'static str; 2] {
        ["zendesk:9", "zendesk:10"]
    }

    fn nowhere(&self) -> Option<&'static str> {
        Some("zendesk:1")
    }

    fn stored(&self) -> Vec<Stored> {
        assert_eq!(self.fake.overwritten(), Vec::<String>::new());
        let mut stored = Vec::new();
        for comment in self.fake.everything() {
            let seen = match (comment.public, comment.author) {
                (false, _) => Seen::Staff,
                (true, 900) => Seen::Public,
                (true, _) => Seen::Customer,
            };
            stored.extend(comment.files.iter().map(|file| Stored {
                record: format!("zendesk:{}", comment.ticket),
                sha256: hex::encode(Sha256::digest(&file.bytes)),
                file_name: file.name.clone(),
                text: comment.html.clone(),
                seen,
                note: comment.id,
            }));
        }
        stored
    }

    fn words(&self) -> Vec<(Seen, String)> {
        let bare = self.fake.everything().into_iter().filter(|comment| comment.files.is_empty());
        let seen = |public| if public { Seen::Public } else { Seen::Staff };
        bare.map(|comment| (seen(comment.public), comment.html.clone())).collect()
    }

    fn litter(&self) -> usize {
        self.fake.loose_uploads()
    }

    fn default_seen(&self) -> Seen {
        Seen::Staff
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = [TOKEN, SIGNED, UPLOAD].map(str::to_owned).to_vec();
        secrets.extend(self.oauth.iter().flat_map(FakeOauth::secrets));
        secrets
    }

    fn shapes(&self, _on: On, trouble: Trouble) -> usize {
        whats(trouble, &shapes(), &echoes()).len()
    }

    fn plant(&self, on: On, trouble: Trouble, shape: usize) {
        let what = whats(trouble, &shapes(), &echoes()).remove(shape);
        self.fake.fault(Fault::once(call(on), what));
    }

    fn renews(&self) -> bool {
        self.oauth.is_some()
    }

    fn step(&self, by: Duration) {
        self.clock.step(by);
    }

    fn lock_out(&self) -> Option<()> {
        self.fake.set(Switch::NoApiTokens(true));
        if let Some(server) = &self.oauth {
            server.end_all_tokens();
            self.fake.forget_tokens();
        }
        Some(())
    }

    fn crowd(&self) {
        for file in ["apertur-img_10.jpg", "apertur-img_1-2.jpg", "xapertur-img_1.jpg", ""] {
            self.fake.add_comment(9, "<p>look (ref apertur-img_10)</p>", file);
        }
        self.fake.add_comment(10, "<p>(ref apertur-img_1)</p>", "apertur-img_1.jpg");
        self.fake.set(Switch::PageOf(2));
        // A proxy may stand between: links name the account's own address, not ours.
        self.fake.set(Switch::LinksTo("https://acme.example.com".to_owned()));
    }
}
