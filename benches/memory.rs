//! Memory and start: the release binary's peak while 8 senders post 3 photos of 20 MiB each as
//! inline JSON and an Odoo takes them, its rest when nothing happens, and the time from its
//! start until it takes requests.
//!
//! `cargo bench --bench memory`. It prints the figures and fails when a bound is missed or a
//! photo arrives changed.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "../tests/it/fakes/odoo/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use all of it, this needs little")]
mod odoo;
#[path = "support/process.rs"]
mod process;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use self::{
    daemon::{Daemon, SECRET},
    odoo::FakeOdoo,
};

const MIB: u64 = 1024 * 1024;
const SENDERS: u32 = 8;
const PHOTOS: u32 = 3;
const PHOTO_SIZE: usize = 20 * 1024 * 1024;
const STARTS: usize = 10;

const MOST_BUSY: u64 = 96 * MIB;
const MOST_IDLE: u64 = 20 * MIB;
/// Longest wait for everything to arrive.
const PATIENCE: Duration = Duration::from_mins(3);
const LONGEST_START: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<ExitCode> {
    let odoo = FakeOdoo::start(19);
    let config = format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
         username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
        odoo.url()
    );
    let start = median_start(&config)?;
    let (idle, busy) = memory(&config, &odoo)?;
    let good = [
        verdict("start to ready", millis(start), millis(LONGEST_START), "ms"),
        verdict("memory at rest", mib(idle), mib(MOST_IDLE), "MiB"),
        verdict("memory at its peak", mib(busy), mib(MOST_BUSY), "MiB"),
    ];
    Ok(if good.iter().all(|good| *good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn verdict(what: &str, measured: f64, most: f64, unit: &str) -> bool {
    let good = measured <= most;
    let word = if good { "" } else { "  MISSED" };
    println!("{what:<22}{measured:>8.1} {unit} of at most {most:.0}{word}");
    good
}

/// The time from the spawn to `READY=1` on an empty journal.
fn median_start(config: &str) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let daemon = Daemon::start(home.path(), config)?;
        times.push(daemon.took);
        daemon.process.stop()?;
    }
    times.sort_unstable();
    println!("starts: {:.0?}", times);
    times.get(STARTS / 2).copied().context("no start was measured")
}

/// Memory before anything came, and at most while the photos came and went.
fn memory(config: &str, odoo: &FakeOdoo) -> anyhow::Result<(u64, u64)> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let daemon = Daemon::start(home.path(), config)?;
    thread::sleep(Duration::from_secs(2));
    let idle = daemon.process.rss()?;
    let started = Instant::now();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let address = daemon.address;
            thread::spawn(move || send(address, sender))
        })
        .collect();
    let mut sent = BTreeSet::new();
    for sender in senders {
        let digests = sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?;
        sent.extend(digests?);
    }
    println!("{} photos acknowledged after {:.1?}", sent.len(), started.elapsed());
    while odoo.messages().len() < sent.len() {
        ensure!(started.elapsed() < PATIENCE, "not all photos arrived; see {}", log(home));
        thread::sleep(Duration::from_millis(50));
    }
    println!("and in Odoo after {:.1?}", started.elapsed());
    let stored: BTreeSet<String> = odoo.attachments().into_iter().map(|a| a.sha256).collect();
    ensure!(odoo.attachments().len() == sent.len(), "Odoo has more attachments than photos");
    ensure!(stored == sent, "a photo arrived changed");
    println!(
        "every SHA-256 is equal; {:.1} MiB in use now, {:.1?} of processor time",
        mib(daemon.process.rss()?),
        daemon.process.cpu()?
    );
    Ok((idle, daemon.process.peak_rss()?))
}

/// Keeps the folder for a look at the log.
fn log(home: tempfile::TempDir) -> String {
    home.keep().join("log").display().to_string()
}

/// Posts a sender's photos, one after the other over one connection; gives their digests.
fn send(address: SocketAddr, sender: u32) -> anyhow::Result<Vec<String>> {
    let mut stream = TcpStream::connect(address)?;
    (0..PHOTOS)
        .map(|photo| {
            let mut picture = vec![0; PHOTO_SIZE];
            rand::fill(&mut picture[..]);
            picture[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
            post(&mut stream, &body(&format!("img_{sender}_{photo}"), &picture))?;
            Ok(hex::encode(Sha256::digest(&picture)))
        })
        .collect()
}

fn body(id: &str, picture: &[u8]) -> String {
    format!(
        "{{\"session_id\":\"sess_demo\",\"image_id\":\"{id}\",\"image_index\":0,\
         \"mime_type\":\"image/jpeg\",\"filename\":\"{id}.jpg\",\"size_bytes\":{},\
         \"data\":\"{}\",\"tags\":[\"odoo:res.partner:42\"]}}",
        picture.len(),
        STANDARD.encode(picture)
    )
}

fn post(stream: &mut TcpStream, body: &str) -> anyhow::Result<()> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).context("the secret")?;
    mac.update(body.as_bytes());
    write!(
        stream,
        "POST /apertur/webhook HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nX-Apertur-Signature: sha256={}\r\n\r\n{body}",
        body.len(),
        hex::encode(mac.finalize().into_bytes())
    )?;
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut some = [0; 1024];
        let length = stream.read(&mut some)?;
        ensure!(length > 0, "no answer");
        answer.push_str(std::str::from_utf8(&some[..length])?);
    }
    ensure!(answer.contains("\"accepted\""), "not accepted: {answer}");
    Ok(())
}
