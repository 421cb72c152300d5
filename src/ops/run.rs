//! Changes of many deliveries: begun once, written down, carried out page by page by whoever owns
//! the journal, through any restart.

use std::time::Duration;

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
        self.collector.wake();
        self.sender.wake();
        Ok(Some(run))
    }

    /// Begins a change and carries it out to its end: for a few deliveries.
    ///
    /// # Errors
    /// As [`Ops::advance`]; the run goes on by itself then where a daemon owns the journal.
    pub async fn carry_out(&self, verb: Verb, filter: Filter, by: By) -> Result<Run, JournalError> {
        let mut run = self.begin(verb, filter, by).await?;
        while run.state == RunState::Running
            && let Some(further) = self.advance(run.id).await?
        {
            run = further;
        }
        Ok(run)
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
/// before, and those that are begun. For the one process that owns the journal.
pub async fn carry_on(ops: Ops, stop: CancellationToken) {
    let mut woken = ops.runner.subscribe();
    while !stop.is_cancelled() {
        let rest = match turn(&ops, &stop).await {
            Ok(0) => None,
            Ok(_) => Some(BREATH),
            Err(error) => {
                let error = error.to_string();
                ops.telemetry.emit(&Fact::JournalFailed { room: "runs", error: &error });
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

/// One page of every run that is running; gives how many there are.
async fn turn(ops: &Ops, stop: &CancellationToken) -> Result<usize, JournalError> {
    let running = ops.journal.runs(Some(RunState::Running), AT_ONCE).await?;
    for run in &running {
        if stop.is_cancelled() {
            break;
        }
        ops.advance(run.id).await?;
    }
    Ok(running.len())
}
