//! What people do with deliveries, on a journal alone: each to its destination, page by page.

use std::collections::HashMap;

use apertur_bridge::{
    journal::{Journal, JournalError, NewRun, Page, Way},
    model::{By, DeliveryId, Filter, Planned, Run, RunState, Verb},
};
use jiff::Timestamp;

/// Small, so that most stories have several.
const PAGE: usize = 2;

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Due again.
    pub due: u64,
    /// To be fetched first.
    pub fetching: u64,
    /// As they were.
    pub left: u64,
}

/// Replays what matches.
pub(crate) async fn replay(
    journal: &dyn Journal,
    filter: &Filter,
    force: bool,
    times: (Timestamp, Timestamp),
) -> Result<Replayed, JournalError> {
    let run = change(journal, Verb::Replay { force }, filter, &HashMap::new(), times).await?;
    let (done, fetching) = (run.tally.done, run.tally.fetching);
    Ok(Replayed { due: done - fetching, fetching, left: run.tally.left() })
}

/// Carries out a verb to its end; deliveries that are named here go where their plan says.
pub(crate) async fn change(
    journal: &dyn Journal,
    verb: Verb,
    filter: &Filter,
    plans: &HashMap<DeliveryId, Vec<Planned>>,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<Run, JournalError> {
    let matching = journal.count(filter).await?.iter().map(|count| count.count).sum();
    let new = NewRun { verb, filter: filter.clone(), by: By::new("a test"), matching };
    let run = journal.begin_run(new, now).await?;
    carry_out(journal, run, plans, (now, look_at)).await
}

/// Carries out a run to its end; deliveries that are named here go where their plan says.
pub(crate) async fn carry_out(
    journal: &dyn Journal,
    mut run: Run,
    plans: &HashMap<DeliveryId, Vec<Planned>>,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<Run, JournalError> {
    while run.state == RunState::Running {
        let found = journal.find_page(&run, PAGE).await?;
        let is_last = found.len() < PAGE;
        let step = |one: apertur_bridge::journal::Found| {
            let way = match (plans.get(&one.delivery), one.destination) {
                (Some(plan), _) => Way::Again(plan.clone()),
                (None, Some(_)) => Way::On,
                (None, None) => Way::Nowhere,
            };
            (one.delivery, way)
        };
        let steps = found.into_iter().map(step).collect();
        let page = Page { run: run.id, after: run.cursor, steps, is_last, now, look_at };
        run = journal.advance(page).await?;
    }
    Ok(run)
}
