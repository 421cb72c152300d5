//! OAuth for destinations against a strict authorization server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod command;
mod failures;
mod keeping;
mod login;
mod renewal;

use std::{path::PathBuf, time::Duration};

use apertur_bridge::{
    destinations::{
        Shared,
        oauth::{Access, Addresses, Client, Endpoints, Grant, Granted, Style, Token},
    },
    http::Http,
    model::{DestinationName, Failure},
    system::Clock,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;

use crate::fakes::oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants, visit};

/// An authorization server, a stepped clock, and a data directory.
struct Lab {
    server: FakeOauth,
    clock: Clock,
    home: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self::wanting(Wants::BasicForm)
    }

    fn wanting(wants: Wants) -> Self {
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        let server = FakeOauth::start_at(wants, clock.clone());
        Self { server, clock, home: tempfile::tempdir().unwrap() }
    }

    /// With somebody logged in.
    async fn logged_in() -> Self {
        let lab = Self::new();
        lab.log_in(&lab.access()).await;
        lab
    }

    /// A process of its own, as far as tokens go.
    fn access(&self) -> Access {
        self.access_with(self.client(), Grant::LoggedIn)
    }

    fn access_with(&self, client: Client, grant: Grant) -> Access {
        let shared = Shared::new(Http::new().unwrap(), self.clock.clone(), self.home.path());
        let name = DestinationName::parse("desk").unwrap();
        Access::new("Freshservice", name, client, grant, &shared)
    }

    fn client(&self) -> Client {
        Client {
            id: CLIENT_ID.to_owned(),
            secret: CLIENT_SECRET.into(),
            scopes: ["tickets.view", "tickets.write"].map(str::to_owned).to_vec(),
            endpoints: Endpoints::Fixed(Addresses {
                authorize: Some(self.server.authorize_url()),
                token: self.server.token_url(),
            }),
            style: Style::BasicForm,
            redirect: "http://localhost:8789/callback".parse().unwrap(),
        }
    }

    /// A person logs in.
    async fn log_in(&self, access: &Access) -> Granted {
        let login = access.login().unwrap();
        let back = sent_back(&login.url().await.unwrap());
        login.exchange(login.pasted(&back).unwrap()).await.unwrap()
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("tokens.json")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// Requests to the token endpoint so far, by what they were for.
    fn grants(&self) -> Vec<String> {
        self.server.seen().into_iter().map(|seen| seen.grant).collect()
    }

    /// Every token runs out.
    fn wait(&self) {
        self.clock.step(Duration::from_mins(30));
    }

    fn is_good(&self, token: &Token) -> bool {
        self.server.is_good(token.secret.expose_secret())
    }

    /// Asserts that a text holds nothing that was given out.
    fn assert_silent(&self, text: &str) {
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        for secret in self.server.secrets().into_iter().chain([basic]) {
            assert!(!text.contains(&secret), "{secret} is in {text}");
        }
    }
}

/// Where the browser of a person who agrees is sent to.
fn sent_back(url: &url::Url) -> String {
    let (status, location, page) = visit(url.as_str()).unwrap();
    assert_eq!(status, 302, "{url} {page}");
    location.unwrap()
}

/// The text of a failure that only a login ends.
fn logged_out(failure: &Failure) -> String {
    let Failure::Broken { cause } = failure else { panic!("{failure:?}") };
    assert_eq!(cause.kind.as_str(), "unauthorized");
    assert_eq!(cause.fix, "log in: apertur-bridge destinations login desk");
    cause.what.clone()
}
