//! A journal of a million deliveries: how long lists, stories, the overview and previews take, and
//! what a replay of ten thousand costs in memory.
//!
//! `cargo bench --bench million -- [--deliveries N] [--keep FILE]`. It makes the journal through
//! SQL, prints figures and fails when a bound is missed. Each question is asked once for the
//! figure `first` and nine times more for the others; the file is in the page cache.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use apertur_bridge::{
    journal::{self, Settings},
    model::{
        DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, Kind, PhotoId, SessionId,
    },
    ops::{By, Ops, RunState, Span, Verb},
    route::Routes,
    system::{Clock, Live},
};
use clap::Parser;
use jiff::Timestamp;
use rusqlite::Connection;

const QUICK: Duration = Duration::from_millis(100);
const OVERVIEW: Duration = Duration::from_millis(300);
const PREVIEW: Duration = Duration::from_secs(2);
/// What a replay of ten thousand may take more than one of two hundred, in bytes.
const MORE: u64 = 8 * 1024 * 1024;
/// The newest photo of the journal.
const NOW: i64 = 1_800_000_000_000;
/// How long ago the oldest came.
const AGE: i64 = 60 * 24 * 3600 * 1000;
const REPLAY: Verb = Verb::Replay { force: false };

/// A journal of a million deliveries
#[derive(Parser)]
struct Options {
    /// How many deliveries
    #[arg(long, default_value_t = 1_000_000)]
    deliveries: i64,
    /// Make the journal here, or take the one that is there
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Said by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = options.keep.clone().unwrap_or_else(|| home.path().join("million.db"));
    let begun = Instant::now();
    if !path.exists() {
        make(&path, options.deliveries).await?;
        index(&path).await?;
    }
    let size = std::fs::metadata(&path)?.len() / 1024 / 1024;
    let took = begun.elapsed().as_secs();
    println!("{} deliveries, {size} MiB, made in {took} s\n", options.deliveries);
    let copy = home.path().join("copy.db");
    std::fs::copy(&path, &copy)?;
    let ops = ops(&copy).await?;
    let mut good = Vec::new();
    println!("{:<58} {:>9} {:>9} {:>9}", "", "first", "median", "slowest");
    good.extend(lists(&ops, options.deliveries).await?);
    good.extend(others(&ops, options.deliveries).await?);
    good.push(replay(&ops).await?);
    ops.journal.close().await;
    let is_good = good.into_iter().all(|good| good);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A journal with its schema and rows as a busy site has them after sixty days.
async fn make(path: &Path, deliveries: i64) -> anyhow::Result<()> {
    let settings = Settings::Sqlite { path: path.to_owned() };
    journal::open(&settings).await?.close().await;
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN")?;
    db.execute_batch(&format!(
        "CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (
             SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {deliveries}) SELECT i FROM n"
    ))?;
    let at = format!("({NOW} - ({deliveries} - i) * ({AGE} / {deliveries}))");
    let target = "'odoo:' || iif(i % 3 = 0, 'project.task', 'res.partner') || ':' \
                  || (1 + abs(i * 2654435761) % 50000)";
    db.execute_batch(&format!(
        "INSERT INTO photos (seq, id, image_id, session, idx, filename, media_type, size, sha256,
             tags, target, shape, scheme, received_at, fetch_state, fetch_since)
         SELECT i, printf('img_%08x%08x', i, abs(i * 2654435761) % 4294967296),
             printf('img_%08x%08x', i, abs(i * 2654435761) % 4294967296),
             printf('ses_%012x', i / 20), i % 20, printf('IMG_%04d.jpg', i % 10000),
             'image/jpeg', 2000000 + i, CAST(printf('%032d', i) AS BLOB),
             CASE i % 5 WHEN 0 THEN '[{{\"key\":\"vip\",\"value\":\"gold\"}}]'
                 WHEN 1 THEN '[{{\"key\":\"shop\",\"value\":\"' || (i % 40) || '\"}}]'
                 ELSE '[]' END,
             {target}, 'event', 'body', {at}, 'stored', {at} FROM n"
    ))?;
    let cause = "'{\"kind\":\"' || error || '\",\"what\":\"' || CASE error
        WHEN 'not_found' THEN 'there is no record ' || target
        WHEN 'rejected' THEN 'the other side refuses the photo'
        ELSE 'tried for 3 days: no answer in time' END || '\",\"fix\":\"replay it\"}'";
    db.execute_batch(&format!(
        "INSERT INTO deliveries (id, photo, destination, target, state, attempts, due_at, since,
             cause, error, receipt, settled_at)
         SELECT i, i, destination, target, state, 1, at, at,
             iif(error IS NULL, NULL, {cause}), error,
             iif(state = 'delivered', '{{\"ids\":[{{\"name\":\"attachment\",\"value\":\"' || i
                 || '\"}}],\"found\":false}}', NULL),
             iif(state IN ('delivered', 'held', 'dropped'), at + 2000, NULL)
         FROM (SELECT *, CASE WHEN state IN ('held', 'due') THEN CASE i % 7 WHEN 0 THEN 'not_found'
                 WHEN 1 THEN 'rejected' ELSE 'gave_up' END END AS error
             FROM (SELECT i, {at} AS at, {target} AS target,
                 CASE WHEN i / 10 % 10 < 7 THEN 'erp' WHEN i / 10 % 10 < 9 THEN 'archive'
                     ELSE 'desk' END
                     AS destination,
                 CASE WHEN i % 10 = 3 THEN 'held'
                     WHEN i > {deliveries} - 10000 AND i % 2 = 0 THEN 'due'
                     WHEN i % 997 = 0 THEN 'dropped' ELSE 'delivered' END AS state FROM n))"
    ))?;
    db.execute_batch(&format!(
        "INSERT INTO attempts (photo, delivery, started_at, ended_at, outcome)
         SELECT i, i, {at} + 1000, {at} + 2000, 'done' FROM n;
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    Ok(())
}

/// Makes texts quick to find, as the daemon does behind the arrivals.
async fn index(path: &Path) -> anyhow::Result<()> {
    let journal = journal::open(&Settings::Sqlite { path: path.to_owned() }).await?;
    while journal.index_texts(1000).await? > 0 {}
    journal.close().await;
    Ok(())
}

async fn ops(path: &Path) -> anyhow::Result<Ops> {
    let mut destinations = Vec::new();
    for name in ["erp", "archive", "desk"] {
        destinations.push((DestinationName::parse(name)?, Kind::Folder));
    }
    let journal = journal::open(&Settings::Sqlite { path: path.to_owned() }).await?;
    let clock = Clock::stepped(Timestamp::from_millisecond(NOW)?);
    let routes = Live::new(Routes { rules: Vec::new(), destinations });
    Ok(Ops { routes, ..Ops::to_read(journal, clock) })
}

/// The image id of a photo, as [`make`] writes it.
fn image(number: i64) -> String {
    format!("img_{number:08x}{:08x}", number * 2_654_435_761 % 4_294_967_296)
}

/// Every filter alone and some together.
fn filters(deliveries: i64) -> anyhow::Result<Vec<(&'static str, Filter)>> {
    use DeliveryState::{Delivered, Due, Held, Sending};
    let none = Filter::default;
    let states = |states: &[DeliveryState]| Filter { states: states.to_vec(), ..none() };
    let to = |name: &str| anyhow::Ok(Some(DestinationName::parse(name)?));
    let ago = |hours: i64| Timestamp::from_millisecond(NOW - hours * 3_600_000).map(Some);
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..none() };
    let (month, fortnight) = (30 * 24, 14 * 24);
    Ok(vec![
        ("no filter", none()),
        ("ids", Filter { ids: (1..=50).map(|n| DeliveryId(n * 999)).collect(), ..none() }),
        ("state held", states(&[Held])),
        ("state delivered", states(&[Delivered])),
        ("state sending (none)", states(&[Sending])),
        ("states held, due", states(&[Held, Due])),
        ("destination", Filter { destination: to("desk")?, ..none() }),
        ("destination (none)", Filter { destination: to("gone")?, ..none() }),
        ("session", Filter { session: Some(SessionId::parse("ses_000000003039")?), ..none() }),
        ("target", Filter { target: Some("odoo:res.partner:777".parse()?), ..none() }),
        ("photo", Filter { photo: Some(PhotoId::parse(&image(12_345))?), ..none() }),
        ("error", Filter { error: Some(ErrorKind::NotFound), ..none() }),
        ("error (none)", Filter { error: Some(ErrorKind::Encrypted), ..none() }),
        ("since 1 h", Filter { since: ago(1)?, ..none() }),
        ("since 30 d", Filter { since: ago(month)?, ..none() }),
        ("until 59 d ago", Filter { until: ago(59 * 24)?, ..none() }),
        ("until 1 h ago", Filter { until: ago(1)?, ..none() }),
        ("a day a month ago", Filter { since: ago(month)?, until: ago(29 * 24)?, ..none() }),
        ("held, destination", Filter { destination: to("archive")?, ..states(&[Held]) }),
        (
            "held, destination, since 14 d",
            Filter { destination: to("desk")?, since: ago(fortnight)?, ..states(&[Held]) },
        ),
        (
            "held, a day a month ago",
            Filter { since: ago(month)?, until: ago(29 * 24)?, ..states(&[Held]) },
        ),
        ("due, until 30 d ago (none)", Filter { until: ago(month)?, ..states(&[Due]) }),
        ("text: an image id", text(&image(deliveries / 2))),
        ("text: part of one", text(&format!("{:x}", deliveries / 2 + 77))),
        ("text: a file name", text("IMG_4711.jpg")),
        ("text: a tag", text("shop:17")),
        ("text: a common tag", text("vip:gold")),
        ("text: a target", text("partner:777")),
        ("text: a cause", text("refuses the photo")),
        ("text: a record in a cause", text("no record odoo:res.partner:7770")),
        ("text (nowhere)", text("no such thing anywhere")),
        ("held, text: a tag", Filter { text: Some("shop:17".to_owned()), ..states(&[Held]) }),
        ("held, text (nowhere)", Filter { text: Some("nowhere".to_owned()), ..states(&[Held]) }),
        (
            "destination, since 14 d, text",
            Filter { destination: to("erp")?, since: ago(fortnight)?, ..text("IMG_4711") },
        ),
    ])
}

async fn lists(ops: &Ops, deliveries: i64) -> anyhow::Result<Vec<bool>> {
    let mut good = Vec::new();
    for (what, filter) in filters(deliveries)? {
        let ask = async || Ok(ops.list(&filter, None, 50).await?.len());
        good.push(measure(&format!("list 50, {what}"), QUICK, ask).await?);
    }
    Ok(good)
}

async fn others(ops: &Ops, deliveries: i64) -> anyhow::Result<Vec<bool>> {
    let number = (deliveries / 3).to_string();
    let show = async || Ok(ops.show(&number).await?.map_or(0, |story| story.deliveries.len()));
    let mut good = vec![measure("show a photo", QUICK, show).await?];
    for (what, span) in [("day", Span::Day), ("week", Span::Week), ("month", Span::Month)] {
        let ask = async || Ok(ops.overview(span).await?.timeline.len());
        good.push(measure(&format!("overview of a {what}"), OVERVIEW, ask).await?);
    }
    let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
    let preview = async || Ok(usize::try_from(ops.preview(&REPLAY, &held).await?.changes)?);
    good.push(measure("preview of a replay of all that is held", PREVIEW, preview).await?);
    Ok(good)
}

/// Asks ten times and prints how long that took and how much came.
async fn measure<F>(what: &str, bound: Duration, ask: F) -> anyhow::Result<bool>
where
    F: AsyncFn() -> anyhow::Result<usize>,
{
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..10 {
        let begun = Instant::now();
        found = ask().await?;
        times.push(begun.elapsed());
    }
    let first = times.remove(0);
    times.sort();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    let is_good = median <= bound;
    let verdict = if is_good { "" } else { "  MISSED" };
    let what = format!("{what}: {found}");
    println!("{what:<58} {} {} {}{verdict}", ms(first), ms(median), ms(slowest));
    Ok(is_good)
}

fn ms(time: Duration) -> String {
    format!("{:>6.1} ms", time.as_secs_f64() * 1000.0)
}

/// Replays two hundred, then ten thousand: the second takes no more memory.
async fn replay(ops: &Ops) -> anyhow::Result<bool> {
    let some = async |number: usize| {
        let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
        // What is received since the right time.
        let newest = ops.list(&held, None, number).await?;
        let since = newest.last().map(|last| last.photo.received_at);
        drop(newest);
        let begun = Instant::now();
        let mut run = ops.begin(REPLAY, Filter { since, ..held }, By::new("a bench")).await?;
        let (mut slowest, mut pages) = (Duration::ZERO, 0);
        while run.state == RunState::Running {
            let page = Instant::now();
            run = ops.advance(run.id).await?.context("the run is gone")?;
            slowest = slowest.max(page.elapsed());
            pages += 1;
        }
        let (took, peak) = (begun.elapsed(), rss()?);
        println!(
            "replay of {}: {} in {pages} pages, the slowest {}; {} MiB in memory",
            run.tally.done,
            ms(took),
            ms(slowest),
            peak / 1024 / 1024
        );
        anyhow::Ok((run.tally.done, peak))
    };
    println!();
    some(200).await?;
    let (_, before) = some(1000).await?;
    let (done, after) = some(10_000).await?;
    let is_good = done >= 10_000 && after.saturating_sub(before) <= MORE;
    if !is_good {
        println!("MISSED");
    }
    Ok(is_good)
}

/// Memory in use now, in bytes.
fn rss() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}
