//! What waits, what is held, and why.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::Checkup;
use crate::{
    journal::{Count, Journal, JournalError, Pause},
    model::{DeliveryState, Filter, Finding},
};

/// What has been due for longer than this does not just wait for its turn.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Longest look.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks at them.
pub(super) async fn look(checkup: &Checkup, is_running: bool) -> Vec<Finding> {
    let Ok(Some(journal)) = &checkup.journal else { return Vec::new() };
    let looked = findings(checkup, journal.as_ref(), is_running);
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => {
            let fix = "see what is said of the journal";
            vec![Finding::error("deliveries", error.to_string(), fix)]
        }
        Err(_) => {
            let what = "the journal does not answer within 30 s";
            vec![Finding::error(
                "deliveries",
                what,
                "see whether the disk is overloaded: iostat -x",
            )]
        }
    }
}

async fn findings(
    checkup: &Checkup,
    journal: &dyn Journal,
    is_running: bool,
) -> Result<Vec<Finding>, JournalError> {
    let now = checkup.clock.now();
    let pauses = journal.pauses().await?;
    let counts = journal.count(&Filter::default()).await?;
    let mut findings: Vec<_> = pauses.iter().map(paused).collect();
    findings.push(oldest(checkup, journal, (&pauses, &counts), (now, is_running)).await?);
    if let Some(at) = journal.next_fetch_at().await?.filter(|at| is_late(*at, now)) {
        let what = format!("a photo waits to be fetched from Apertur since {at:.0}");
        let fix = "see why: apertur-bridge deliveries list --state waiting";
        findings.push(Finding::warning("fetching", what, fix));
    }
    findings.push(held(&counts));
    Ok(findings)
}

fn is_late(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > LATE
}

fn paused(Pause { destination, since, cause }: &Pause) -> Finding {
    let what = format!("{destination} gets nothing since {since:.0}: {}", cause.what);
    let detail =
        if cause.detail.is_empty() { String::new() } else { format!(" ({})", cause.detail) };
    let fix = format!(
        "{}; it goes on by itself then: apertur-bridge destinations test {destination}",
        cause.fix
    );
    Finding::error("pause", format!("{what}{detail}"), fix)
}

/// The delivery that is due for longest, and why it is not done.
async fn oldest(
    checkup: &Checkup,
    journal: &dyn Journal,
    (pauses, counts): (&[Pause], &[Count]),
    (now, is_running): (Timestamp, bool),
) -> Result<Finding, JournalError> {
    const SUBJECT: &str = "oldest due";
    let Some(at) = journal.oldest_due().await?.filter(|at| *at <= now) else {
        return Ok(Finding::ok(SUBJECT, "nothing waits for its turn"));
    };
    if !is_late(at, now) {
        return Ok(Finding::ok(SUBJECT, format!("due since {at:.0}")));
    }
    let mut whose = None;
    for far in &checkup.destinations {
        if journal.next_delivery_at(&far.name).await? == Some(at) {
            whose = Some(&far.name);
        }
    }
    let to = whose.map_or(String::new(), |name| format!(" to {name}"));
    let is_paused = pauses.iter().any(|pause| Some(&pause.destination) == whose);
    let failed = counts
        .iter()
        .filter(|count| count.state == DeliveryState::Due && count.destination.as_ref() == whose);
    let failed = failed.filter_map(|count| count.error.map(|error| (count.count, error)));
    let failed = failed.max_by_key(|(count, _)| *count);
    let (why, fix) = match failed {
        _ if !is_running => ("no daemon runs".to_owned(), "start it, see above".to_owned()),
        _ if is_paused => {
            ("its destination is paused".to_owned(), "see the pause above".to_owned())
        }
        Some((_, error)) => {
            let state = whose.map_or(String::new(), |name| format!(" --destination {name}"));
            let fix =
                format!("see what was said: apertur-bridge deliveries list --state due{state}");
            (format!("most failed with `{error}`"), fix)
        }
        None => {
            let fix = "it comes to its turn; raise `concurrency` of the destination if this stays";
            ("others are before it".to_owned(), fix.to_owned())
        }
    };
    let what = format!("a delivery{to} is due since {at:.0}: {why}");
    Ok(Finding::warning(SUBJECT, what, fix))
}

/// What only a person can help.
fn held(counts: &[Count]) -> Finding {
    const SUBJECT: &str = "held";
    let mut by_cause: BTreeMap<String, u64> = BTreeMap::new();
    let held = counts.iter().filter(|count| count.state == DeliveryState::Held);
    for count in held {
        let to =
            count.destination.as_ref().map_or("no destination".to_owned(), ToString::to_string);
        let why = count.error.map_or("held", |error| error.as_str());
        *by_cause.entry(format!("{to}: {why}")).or_default() += count.count;
    }
    let sum: u64 = by_cause.values().sum();
    if sum == 0 {
        return Finding::ok(SUBJECT, "nothing waits for a person");
    }
    let causes: Vec<_> =
        by_cause.iter().map(|(cause, count)| format!("{count} ({cause})")).collect();
    let what = format!("{sum} wait for a person: {}", causes.join(", "));
    let fix = "apertur-bridge deliveries list --state held, then deliveries show ID; once it is \
               mended: apertur-bridge deliveries replay --state held";
    Finding::warning(SUBJECT, what, fix)
}
