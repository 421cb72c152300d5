//! What the daemon is measured against, run as child processes of the benchmark: a handler that
//! only checks the signature, and the durable floor, which also writes one SQLite row an event.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context as _, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rusqlite::Connection;
use sha2::Sha256;
use tokio::sync::{mpsc, oneshot};

use super::process::Process;

/// Threads that answer requests; the daemon's default, too.
const WORKERS: usize = 2;

/// What a rival does once the signature is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// Nothing.
    Bare,
    /// A row with the image id alone, under a unique key.
    Key,
    /// A row with the image id and the whole event.
    Row,
}

impl Rival {
    fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Key => "key",
            Self::Row => "row",
        }
    }

    /// Starts it as a child of this process.
    pub(crate) fn start(self, home: &Path, secret: &str) -> anyhow::Result<(Process, SocketAddr)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--child", self.word(), secret]).arg(home).stdout(Stdio::piped());
        let mut process = Process::spawn(&mut command)?;
        let mut line = String::new();
        let out = process.0.stdout.take().context("no output")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
        let address = line.trim().parse().with_context(|| format!("{self:?} did not start"))?;
        Ok((process, address))
    }
}

/// Runs the child that [`Rival::start`] asked for: its word, the secret and its folder.
pub(crate) async fn run(args: &[String]) -> anyhow::Result<()> {
    let [word, secret, home] = args else { bail!("three arguments") };
    let rival = [Rival::Bare, Rival::Key, Rival::Row].into_iter().find(|r| r.word() == word);
    let rival = rival.context("no such rival")?;
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("the secret")?;
    let rows = match rival {
        Rival::Bare => None,
        Rival::Key | Rival::Row => Some(Rows::start(&journal(home.as_ref()))?),
    };
    let door = web::Data::new(Door { mac, rows, whole: rival == Rival::Row });
    let app = move || {
        App::new().app_data(door.clone()).route("/apertur/webhook", web::post().to(webhook))
    };
    let server = HttpServer::new(app).workers(WORKERS).bind("127.0.0.1:0")?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.addrs().first().context("no address")?)?;
    out.flush()?;
    Ok(server.run().await?)
}

/// The file that a rival writes its rows to.
pub(crate) fn journal(home: &Path) -> PathBuf {
    home.join("rows.db")
}

struct Door {
    mac: Hmac<Sha256>,
    rows: Option<Rows>,
    whole: bool,
}

async fn webhook(request: HttpRequest, body: web::Bytes, door: web::Data<Door>) -> HttpResponse {
    let signature = request.headers().get("x-apertur-signature").and_then(|v| v.to_str().ok());
    let digits = signature.and_then(|text| text.strip_prefix("sha256="));
    let mut claimed = [0; 32];
    let formed = digits.is_some_and(|text| hex::decode_to_slice(text, &mut claimed).is_ok());
    let mut mac = door.mac.clone();
    mac.update(&body);
    if !formed || mac.verify_slice(&claimed).is_err() {
        return HttpResponse::Unauthorized().json(serde_json::json!({"status": "unauthorized"}));
    }
    match &door.rows {
        Some(rows) if rows.insert(body, door.whole).await.is_none() => {
            HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "unavailable"}))
        }
        _ => HttpResponse::Ok().json(serde_json::json!({"status": "accepted"})),
    }
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(serde::Deserialize)]
struct Data<'a> {
    id: &'a str,
}

struct Row {
    id: String,
    event: web::Bytes,
    stored: oneshot::Sender<()>,
}

/// One thread that commits whatever rows wait, and answers after the fsync.
struct Rows(mpsc::UnboundedSender<Row>);

impl Rows {
    fn start(path: &Path) -> anyhow::Result<Self> {
        let mut db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE events (id TEXT PRIMARY KEY, event BLOB) STRICT;",
        )?;
        let (queue, mut rows) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut group = Vec::new();
            while rows.blocking_recv_many(&mut group, 1024) > 0 {
                let done = commit(&mut db, &group).is_ok();
                // A row that is dropped unanswered is a 503.
                for row in group.drain(..).filter(|_| done) {
                    _ = row.stored.send(());
                }
            }
        });
        Ok(Self(queue))
    }

    async fn insert(&self, body: web::Bytes, whole: bool) -> Option<()> {
        let id = serde_json::from_slice::<Event<'_>>(&body).ok()?.data.id.to_owned();
        let event = if whole { body } else { web::Bytes::new() };
        let (stored, answer) = oneshot::channel();
        self.0.send(Row { id, event, stored }).ok()?;
        answer.await.ok()
    }
}

fn commit(db: &mut Connection, group: &[Row]) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for row in group {
        tx.prepare_cached("INSERT INTO events VALUES (?1, ?2)")?
            .execute((&row.id, &row.event[..]))?;
    }
    tx.commit()
}
