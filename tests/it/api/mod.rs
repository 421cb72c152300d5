//! The JSON API of a running daemon, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changing;
mod document;
mod listing;
mod manners;
mod scopes;
mod sessions;

use std::time::Duration;

use serde_json::Value;

use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Answer, FakeApertur, Photo},
    look,
};

/// Tokens of each scope.
const READ: &str = "token-that-reads-0123456789abcdef";
const OPERATE: &str = "token-that-operates-0123456789abcdef";
const ADMIN: &str = "token-that-administers-0123456789abcdef";

/// A daemon with an API, a folder `archive`, and an Apertur.
struct Site {
    apertur: FakeApertur,
    daemon: Daemon,
}

impl Site {
    fn start() -> Self {
        Self::with("")
    }

    /// With more configuration, whole sections.
    fn with(more: &str) -> Self {
        let apertur = FakeApertur::start();
        let tokens = format!(
            "[console]\nlisten = \"127.0.0.1:0\"\ntokens = [\n\
             \x20 {{ name = \"reader\", scope = \"read\", token = \"{READ}\" }},\n\
             \x20 {{ name = \"ci\", scope = \"operate\", token = \"{OPERATE}\" }},\n\
             \x20 \"{ADMIN}\",\n]\n"
        );
        let text = format!("{}{tokens}{more}", apertur.settings());
        let daemon = Daemon::start(Options::toml(text));
        Self { apertur, daemon }
    }

    /// With an archive that takes nothing until [`Site::open`]: its folder is on a disk that is
    /// not mounted.
    fn closed() -> Self {
        Self::with(
            "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n\
             [destination.archive]\ntype = \"folder\"\npath = \"disk/photos\"\n",
        )
    }

    fn open(&self) {
        std::fs::create_dir(self.daemon.dir().join("disk")).unwrap();
    }

    /// Waits until the archive is paused and so many deliveries are due; gives the status.
    fn paused(&self, due: u64) -> Value {
        look::eventually(Duration::from_secs(30), "a pause", || {
            let is_paused = |status: &Value| {
                status["paused"][0].is_object() && status["deliveries"]["due"] == due
            };
            Some(self.get("/status")).filter(is_paused)
        })
    }

    /// Sends a request and gives whatever comes back.
    fn call(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let media_type = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let token = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n{token}{media_type}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        apertur::raw(self.daemon.console_url(), text.as_bytes()).unwrap()
    }

    /// What is there, for who reads.
    fn get(&self, path: &str) -> Value {
        let answer = self.call(READ, "GET", &format!("/api/v1{path}"), None);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        json(&answer)
    }

    /// Carries something out that is to go well; gives the status, too.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.call(OPERATE, "POST", &format!("/api/v1{path}"), Some(body));
        assert!(answer.status < 400, "{path}: {}", String::from_utf8_lossy(&answer.body));
        (answer.status, json(&answer))
    }

    /// Has Apertur post photos of these ids.
    fn receive(&self, ids: &[&str]) {
        for id in ids {
            let posted = Photo::new(id).tag("room:12").json_base64().signed();
            let answer = apertur::post(self.daemon.url(), &posted).unwrap();
            assert_eq!(answer.told(), (200, "accepted".to_owned()), "{id}");
        }
    }

    /// Waits until a run is at its end, and gives it.
    fn done(&self, run: &Value) -> Value {
        let path = format!("/runs/{}", run["id"]);
        look::eventually(Duration::from_secs(30), "the end of a run", || {
            Some(self.get(&path)).filter(|run| run["state"] == "done")
        })
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// The values of a field of each item of a list.
fn each(list: &Value, field: &str) -> Vec<Value> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].clone()).collect()
}
