//! Changes of many deliveries: begun once, written down, carried out page by page by whoever owns
//! the journal, through any restart.

use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::Ops;
use crate::{
    journal::{JournalError, LOOK_AFTER, NewRun, Page, Way},
    model::{By, Filter, Run, RunId, RunState, Verb},
    telemetry::Fact,
};

/// Deliveries that are changed in one transaction.
const PAGE: usize = 200;
/// Between two pages: whoever has something to write comes in between.
const BREATH: Duration = Duration::from_millis(20);
/// Until the next try where the journal could not be written.
const REST: Duration = Duration::from_secs(5);
/// Until the next try of a run whose page failed, while others go on.
const REST_OF_ONE: Duration = Duration::from_secs(4);
/// Failures in a row after which a run is stopped: retention waits for every run.
const FAILURES: u32 = 10;
/// Runs that are carried out by turns.
const AT_ONCE: usize = 100;

impl Ops {
    /// Begins a change of all that matches now. Nothing is changed yet: the daemon that owns the
    /// journal carries it out; without one, [`Ops::advance`] does.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn begin(&self, verb: Verb, filter: Filter, by: By) -> Result<Run, JournalError> {
        let matching = self.journal.count(&filter).await?.iter().map(|count| count.count).sum();
        let new = NewRun { verb, filter, by, matching };
        let run = self.journal.begin_run(new, self.clock.now()).await?;
        self.telemetry.emit(&Fact::Run { run: &run });
        self.runner.wake();
        Ok(run)
    }

    /// Carries out the next page of a run; `None` where there is no such run. One that is not
    /// running stays as it is.
    ///
    /// # Errors
    /// When the journal cannot be written; the page was not carried out then.
    pub async fn advance(&self, id: RunId) -> Result<Option<Run>, JournalError> {
        let Some(run) = self.journal.run(id).await? else { return Ok(None) };
        if run.state != RunState::Running {
            return Ok(Some(run));
        }
        let found = self.journal.find_page(&run, PAGE).await?;
        let is_last = found.len() < PAGE;
        let mut steps = Vec::with_capacity(found.len());
        for one in found {
            let way = match run.verb {
                Verb::Replay { .. } | Verb::Release => {
                    self.way(one.delivery, one.destination.as_ref()).await?
                }
                Verb::Hold { .. } | Verb::Drop { .. } => Way::On,
            };
            steps.push((one.delivery, way));
        }
        let (now, look_at) = (self.clock.now(), self.clock.after(LOOK_AFTER));
        let page = Page { run: id, after: run.cursor, steps, is_last, now, look_at };
        let changed = run.tally.done;
        let run = self.journal.advance(page).await?;
        let deliveries = run.tally.done.saturating_sub(changed);
        self.telemetry.emit(&Fact::Changed { verb: run.verb.as_str(), deliveries });
        if run.state == RunState::Done {
            self.telemetry.emit(&Fact::Run { run: &run });
        }
        let is_asked = matches!(run.verb, Verb::Replay { .. } | Verb::Release);
        if is_asked && run.state == RunState::Done && run.tally.done > 0 {
            self.asked.wake();
        }
        self.collector.wake();
        self.sender.wake();
        Ok(Some(run))
    }

    /// Stops a run behind the page it is at; `None` where there is no such run.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn stop(&self, id: RunId) -> Result<Option<Run>, JournalError> {
        let run = self.journal.set_run(id, RunState::Stopped, self.clock.now()).await?;
        run.iter().for_each(|run| self.telemetry.emit(&Fact::Run { run }));
        Ok(run)
    }

    /// Lets a stopped run go on where it was; `None` where there is no such run.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn resume(&self, id: RunId) -> Result<Option<Run>, JournalError> {
        let run = self.journal.set_run(id, RunState::Running, self.clock.now()).await?;
        run.iter().for_each(|run| self.telemetry.emit(&Fact::Run { run }));
        self.runner.wake();
        Ok(run)
    }

    /// A run.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, JournalError> {
        self.journal.run(id).await
    }

    /// The latest runs, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, JournalError> {
        self.journal.runs(None, limit).await
    }
}

/// Carries out every run that is running, by turns, until `stop`: those of a process that ended
/// before, and those that are begun. A run whose page fails keeps no other back; it is stopped
/// after ten failures in a row. For the one process that owns the journal.
pub async fn carry_on(ops: Ops, stop: CancellationToken) {
    let mut woken = ops.runner.subscribe();
    let mut failing = HashMap::new();
    while !stop.is_cancelled() {
        let rest = match turn(&ops, &mut failing, &stop).await {
            Ok(rest) => rest,
            Err(error) => {
                ops.runs_failed(&error.to_string());
                Some(REST)
            }
        };
        let rested = async {
            match rest {
                Some(rest) => ops.clock.sleep_until(ops.clock.after(rest)).await,
                // Who wakes nobody any more has ended, and so does this then.
                None if woken.changed().await.is_ok() => {}
                None => stop.cancelled().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = rested => {}
        }
    }
}

/// How often a run failed in a row, and when it did last, by [`Clock::passed`].
///
/// [`Clock::passed`]: crate::system::Clock::passed
type Failing = HashMap<RunId, (u32, Duration)>;

/// One page of every run that is running, but for those that failed just now; gives how long to
/// rest then, `None` where none is running.
async fn turn(
    ops: &Ops,
    failing: &mut Failing,
    stop: &CancellationToken,
) -> Result<Option<Duration>, JournalError> {
    let running = ops.journal.runs(Some(RunState::Running), AT_ONCE).await?;
    failing.retain(|id, _| running.iter().any(|run| run.id == *id));
    let mut rest = (!running.is_empty()).then_some(REST);
    for run in &running {
        if stop.is_cancelled() {
            break;
        }
        let rests = |(_, at): &(u32, Duration)| ops.clock.passed() < *at + REST_OF_ONE;
        if failing.get(&run.id).is_some_and(rests) {
            continue;
        }
        match ops.advance(run.id).await {
            Ok(_) => {
                failing.remove(&run.id);
                rest = Some(BREATH);
            }
            Err(error) => failed(ops, failing, run.id, &error).await,
        }
    }
    Ok(rest)
}

/// Tells that a page failed; stops the run where that happened too often.
async fn failed(ops: &Ops, failing: &mut Failing, run: RunId, error: &JournalError) {
    let (times, at) = failing.entry(run).or_default();
    (*times, *at) = (times.saturating_add(1), ops.clock.passed());
    if *times < FAILURES {
        return ops.runs_failed(&format!("run {run}: {error}"));
    }
    ops.runs_failed(&format!(
        "run {run} failed {times} times in a row and is stopped: {error}; once that is mended, \
         `apertur-bridge deliveries replay --resume {run}` lets it go on"
    ));
    match ops.stop(run).await {
        Ok(_) => drop(failing.remove(&run)),
        Err(error) => ops.runs_failed(&format!("run {run} could not be stopped: {error}")),
    }
}

impl Ops {
    fn runs_failed(&self, error: &str) {
        self.telemetry.emit(&Fact::JournalFailed { room: "runs", error });
    }
}
