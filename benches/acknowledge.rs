//! Acknowledgements: how many signed 2 KB events with fresh image ids the daemon takes in, how
//! long each waits and what it costs, beside a handler that stores nothing and beside the
//! durable floor.
//!
//! `cargo bench --bench acknowledge -- [--quick] [--seconds N] [--rounds N] [--fetching] [--alone]`
//!
//! Every server runs all the time as a process of its own; rounds are interleaved, so that what
//! else the machine does meets all of them, and ratios are taken within a round. It only
//! prints; it fails when an acknowledged event is not in the file of the server that took it.
//!
//! The collector is kept out: the link host takes connections and never answers, so that its
//! four downloads wait for 30 seconds each and it claims nothing more. With `--fetching` a
//! second daemon runs whose link host answers 503 at once, so that the collector fetches and
//! settles as fast as it can while events come in.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded for people anyway")]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/load.rs"]
mod load;
#[path = "support/process.rs"]
mod process;
#[path = "support/rivals.rs"]
mod rivals;

use std::{
    collections::HashSet,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

use self::{
    daemon::{Daemon, SECRET},
    load::Requests,
    process::Process,
    rivals::Rival,
};

const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// One delivery a photo, to a destination that is not asked before the photo is here.
const CONFIG: &str = "[apertur]\nallow_private_downloads = true\n\
    [destination.erp]\ntype = \"odoo\"\nurl = \"http://127.0.0.1:9\"\ndatabase = \"prod\"\n\
    username = \"bot@example.com\"\napi_key = \"odoo-key\"\n";

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if !options.child.is_empty() {
        actix_web::rt::System::new().block_on(rivals::run(&options.child))?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut servers = start(home.path(), &options)?;
    let shots = runtime.block_on(measure(&mut servers, &options))?;
    for (place, connections) in CONNECTIONS.into_iter().enumerate() {
        report(connections, &servers, &shots, place);
    }
    println!();
    let missing: usize = servers.into_iter().map(check).sum::<anyhow::Result<_>>()?;
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Acknowledgements of the daemon, a bare handler and the durable floor
#[derive(Parser)]
struct Options {
    /// Seconds of a run
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Runs of each server at each number of connections
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Half a second twice: does it work?
    #[arg(long)]
    quick: bool,
    /// Measure a second daemon whose collector is busy, too
    #[arg(long)]
    fetching: bool,
    /// Start no other servers than the daemon, for a profiler
    #[arg(long)]
    alone: bool,
    /// Said by cargo
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true, num_args = 3)]
    child: Vec<String>,
}

impl Options {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.5 } else { self.seconds.clamp(0.1, 600.0) })
    }

    fn rounds(&self) -> usize {
        if self.quick { 2 } else { self.rounds.max(1) }
    }
}

/// A server under measurement.
struct Server {
    name: &'static str,
    process: Process,
    address: SocketAddr,
    /// Where it writes, and how the ids in there are asked for; the bare handler writes nothing.
    file: Option<(PathBuf, &'static str)>,
    link_host: SocketAddr,
    _silent: Option<TcpListener>,
    acknowledged: Vec<String>,
    refused: usize,
    /// Requests to make for the next run at each number of connections.
    room: [u32; CONNECTIONS.len()],
}

impl Server {
    fn rival(rival: Rival, name: &'static str, home: &Path) -> anyhow::Result<Self> {
        let home = home.join(format!("{rival:?}"));
        std::fs::create_dir(&home)?;
        let (process, address) = rival.start(&home, SECRET)?;
        let file =
            (rival != Rival::Bare).then(|| (rivals::journal(&home), "SELECT id FROM events"));
        let link_host = SocketAddr::from(([127, 0, 0, 1], 9));
        Ok(Self::new(name, process, address, file, link_host, None))
    }

    fn ours(name: &'static str, home: &Path, silent: Option<TcpListener>) -> anyhow::Result<Self> {
        let home = home.join(name);
        std::fs::create_dir(&home)?;
        let daemon = Daemon::start(&home, CONFIG)?;
        println!("{name}: ready after {:.0?}", daemon.took);
        let file = Some((home.join("data/journal.db"), "SELECT id FROM photos"));
        let link_host = match &silent {
            Some(silent) => silent.local_addr()?,
            None => busy_host()?,
        };
        Ok(Self::new(name, daemon.process, daemon.address, file, link_host, silent))
    }

    fn new(
        name: &'static str,
        process: Process,
        address: SocketAddr,
        file: Option<(PathBuf, &'static str)>,
        link_host: SocketAddr,
        silent: Option<TcpListener>,
    ) -> Self {
        let (acknowledged, room) = (Vec::new(), [2000; CONNECTIONS.len()]);
        Self {
            name,
            process,
            address,
            file,
            link_host,
            _silent: silent,
            acknowledged,
            refused: 0,
            room,
        }
    }
}

fn start(home: &Path, options: &Options) -> anyhow::Result<Vec<Server>> {
    // Never accepted: the kernel takes the connections, nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let mut servers = vec![Server::ours("ours", home, Some(silent))?];
    if !options.alone {
        servers.push(Server::rival(Rival::Bare, "bare", home)?);
        servers.push(Server::rival(Rival::Row, "floor", home)?);
        servers.push(Server::rival(Rival::Key, "floor, id only", home)?);
    }
    if options.fetching {
        servers.push(Server::ours("ours, fetching", home, None)?);
    }
    Ok(servers)
}

/// Answers everything with 503 at once.
fn busy_host() -> anyhow::Result<SocketAddr> {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|length| length > 0) {
                    let answer = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\n\
                                   Content-Length: 0\r\n\r\n";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

/// What one server did in one run.
#[derive(Clone)]
struct Shot {
    rate: f64,
    median: Duration,
    p99: Duration,
    cpu: Duration,
    rss: u64,
}

/// By server, number of connections and round.
type Shots = Vec<[Vec<Shot>; CONNECTIONS.len()]>;

async fn measure(servers: &mut [Server], options: &Options) -> anyhow::Result<Shots> {
    let mut shots: Shots = servers.iter().map(|_| Default::default()).collect();
    let mut run = 0;
    for round in 0..=options.rounds() {
        // The first round warms up, and tells how many requests a run needs.
        let time = if round == 0 { Duration::from_millis(500) } else { options.time() };
        for (place, turn) in turns(servers.len()) {
            // Each goes first once in a while.
            let number = (turn + round) % servers.len();
            run += 1;
            let shot = shoot(&mut servers[number], place, run, time).await?;
            let needed = shot.rate * options.time().as_secs_f64() * 2.0 + 1000.0;
            servers[number].room[place] = needed as u32;
            if round > 0 {
                shots[number][place].push(shot);
            }
        }
    }
    Ok(shots)
}

/// Every server's turn at every number of connections.
fn turns(servers: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..CONNECTIONS.len()).flat_map(move |place| (0..servers).map(move |turn| (place, turn)))
}

async fn shoot(
    server: &mut Server,
    place: usize,
    run: u32,
    time: Duration,
) -> anyhow::Result<Shot> {
    let requests = Requests::new(run, server.room[place], SECRET, server.link_host)?;
    let before = server.process.cpu()?;
    let mut outcome = load::post(server.address, &requests, CONNECTIONS[place], time)
        .await
        .context(server.name)?;
    let cpu = server.process.cpu()? - before;
    let shot = Shot {
        rate: outcome.rate(),
        median: outcome.latency(0.5),
        p99: outcome.latency(0.99),
        cpu: cpu / u32::try_from(outcome.acknowledged.len().max(1))?,
        rss: server.process.rss()?,
    };
    server.refused += outcome.refused;
    server.acknowledged.append(&mut outcome.acknowledged);
    Ok(shot)
}

fn report(connections: usize, servers: &[Server], shots: &Shots, place: usize) {
    println!("\n{connections} connection(s); medians over the rounds");
    println!(
        "{:<16}{:>9}{:>10}{:>10}{:>12}{:>9}   {:>20}  {:>16}",
        "",
        "acks/s",
        "p50 ms",
        "p99 ms",
        "CPU µs/ack",
        "RSS MiB",
        "ours: acks/s ÷ its",
        "p99 ÷ its"
    );
    let ours = &shots[0][place];
    for (server, shots) in servers.iter().zip(shots) {
        let shots = &shots[place];
        let of = |value: fn(&Shot) -> f64| median(shots.iter().map(value));
        let versus = |value: fn(&Shot) -> f64| {
            spread(ours.iter().zip(shots).map(|(ours, its)| value(ours) / value(its)))
        };
        println!(
            "{:<16}{:>9.0}{:>10.2}{:>10.2}{:>12.0}{:>9.1}   {:>20}  {:>16}",
            server.name,
            of(|shot| shot.rate),
            of(|shot| shot.median.as_secs_f64() * 1e3),
            of(|shot| shot.p99.as_secs_f64() * 1e3),
            of(|shot| shot.cpu.as_secs_f64() * 1e6),
            of(|shot| shot.rss as f64 / 1024.0 / 1024.0),
            versus(|shot| shot.rate),
            versus(|shot| shot.p99.as_secs_f64()),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of same-round ratios, with the least and the greatest.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let last = values.len().saturating_sub(1);
    format!("{:.2} ({:.2}-{:.2})", at(values.len() / 2), at(0), at(last))
}

/// Stops a server and looks for every event that it acknowledged; gives how many are missing.
fn check(server: Server) -> anyhow::Result<usize> {
    let Server { name, process, file, acknowledged, refused, .. } = server;
    let peak = process.peak_rss()? as f64 / 1024.0 / 1024.0;
    process.stop()?;
    let Some((file, ids)) = file else {
        println!("{name}: {} answered, {refused} refused", acknowledged.len());
        return Ok(0);
    };
    let db = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found = db.prepare(ids)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>();
    let found: HashSet<String> = found?;
    let missing = acknowledged.iter().filter(|id| !found.contains(*id)).count();
    println!(
        "{name}: {} acknowledged, {refused} refused, {} in the file, {missing} missing",
        acknowledged.len(),
        found.len()
    );
    if name.starts_with("ours") {
        let fetches =
            db.query_row("SELECT count(*) FROM attempts", [], |row| row.get::<_, i64>(0))?;
        println!("{name}: the collector tried {fetches} times; {peak:.1} MiB at the peak");
    }
    Ok(missing)
}
