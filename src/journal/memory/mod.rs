//! The journal in memory: what the trait's docs mean, in plain Rust, for tests and for trying
//! out. One lock around everything, no I/O; nothing outlives the process.

mod accept;
mod deliveries;
mod fetches;
mod notices;
mod operator;
mod place;
mod retention;
mod runs;
mod state;
mod told;
mod upkeep;

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;

use self::state::State;
use super::{
    Accepted, Arrival, Claim, Claimed, Count, DeliveryEnd, Fetch, FetchEnd, Found, Health,
    Integrity, Journal, JournalError, Moment, NewRun, Oldest, Page, Pause, Story,
};
use crate::model::{
    Delivery, DeliveryId, DestinationName, Digest, FetchState, Filter, Foreseen, OwnSession,
    PhotoId, Run, RunId, RunState, SessionId, Step, Target, Verb,
};

type Result<T> = std::result::Result<T, JournalError>;

/// A journal that forgets everything with the process. It never fails.
#[derive(Default)]
pub struct Memory(Mutex<State>);

impl fmt::Debug for Memory {
    // Links and session ids are in there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for Memory {
    async fn accept(&self, arrival: Arrival) -> Result<Accepted> {
        Ok(self.state().accept(arrival))
    }

    async fn session(&self, session: &SessionId) -> Result<Option<OwnSession>> {
        Ok(self.state().sessions.get(session).cloned())
    }

    async fn keep_session(&self, session: OwnSession) -> Result<()> {
        self.state().sessions.insert(session.session.clone(), session);
        Ok(())
    }

    async fn sessions(&self) -> Result<Vec<OwnSession>> {
        let mut all: Vec<_> = self.state().sessions.values().cloned().collect();
        all.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        Ok(all)
    }

    async fn sessions_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<OwnSession>> {
        let mut all = self.sessions().await?;
        all.retain(|own| own.is_for(target, destination) && own.ended_at() > since);
        all.truncate(limit);
        Ok(all)
    }

    async fn session_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        mark: &str,
    ) -> Result<Option<OwnSession>> {
        let all = self.sessions().await?;
        let is_it =
            |own: &OwnSession| own.is_for(target, destination) && own.session.mark() == mark;
        Ok(all.into_iter().find(is_it))
    }

    async fn unsettled_sessions(&self) -> Result<Vec<OwnSession>> {
        let mut all = self.sessions().await?;
        let state = self.state();
        all.retain(|own| state.settled.get(&own.session).is_none_or(|at| *at < own.expires_at));
        Ok(all)
    }

    async fn settle_session(&self, session: &SessionId, at: Timestamp) -> Result<()> {
        self.state().settled.insert(session.clone(), at);
        Ok(())
    }

    async fn claim_fetches(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Fetch>> {
        Ok(self.state().claim_fetches(now, lease_until, limit))
    }

    async fn settle_fetch(&self, fetch: &Fetch, end: FetchEnd, now: Timestamp) -> Result<()> {
        self.state().settle_fetch(fetch, end, now);
        Ok(())
    }

    async fn claim_deliveries(&self, claim: Claim) -> Result<Vec<Vec<Claimed>>> {
        Ok(self.state().claim_deliveries(&claim))
    }

    async fn note_step(&self, delivery: DeliveryId, step: Step) -> Result<()> {
        self.state().note_step(delivery, step);
        Ok(())
    }

    async fn settle_delivery(
        &self,
        claimed: &Claimed,
        end: DeliveryEnd,
        now: Timestamp,
    ) -> Result<()> {
        self.state().settle_delivery(claimed, end, now);
        Ok(())
    }

    async fn recover(&self, now: Timestamp, look_at: Timestamp) -> Result<u64> {
        let mut state = self.state();
        state.recover_fetches(now);
        state.mend_times(now);
        Ok(state.recover_deliveries(now, look_at))
    }

    async fn hold_strays(&self, configured: &[DestinationName], now: Timestamp) -> Result<u64> {
        Ok(self.state().hold_strays(configured, now))
    }

    async fn next_fetch_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.state().photos.values().filter_map(state::PhotoRow::due_at).min())
    }

    async fn next_delivery_at(&self, destination: &DestinationName) -> Result<Option<Timestamp>> {
        Ok(self.state().next_delivery_at(destination))
    }

    async fn set_pause(&self, destination: &DestinationName, pause: Option<Pause>) -> Result<()> {
        let mut state = self.state();
        match pause {
            Some(pause) => state.pauses.insert(destination.clone(), pause),
            None => state.pauses.remove(destination),
        };
        Ok(())
    }

    async fn pauses(&self) -> Result<Vec<Pause>> {
        Ok(self.state().pauses.values().cloned().collect())
    }

    async fn list(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        Ok(self.state().list(filter, before, limit))
    }

    async fn count(&self, filter: &Filter) -> Result<Vec<Count>> {
        Ok(self.state().count(filter))
    }

    async fn story(&self, photo: &PhotoId) -> Result<Option<Story>> {
        Ok(self.state().story(photo))
    }

    async fn begin_run(&self, run: NewRun, now: Timestamp) -> Result<Run> {
        Ok(self.state().begin_run(run, now))
    }

    async fn run(&self, run: RunId) -> Result<Option<Run>> {
        Ok(self.state().runs.get(&run).cloned())
    }

    async fn runs(&self, state: Option<RunState>, limit: usize) -> Result<Vec<Run>> {
        let all = self.state();
        let asked = |run: &&Run| state.is_none_or(|state| run.state == state);
        Ok(all.runs.values().rev().filter(asked).take(limit).cloned().collect())
    }

    async fn set_run(&self, run: RunId, state: RunState, now: Timestamp) -> Result<Option<Run>> {
        Ok(self.state().set_run(run, state, now))
    }

    async fn find_page(&self, run: &Run, limit: usize) -> Result<Vec<Found>> {
        Ok(self.state().find_page(run, limit))
    }

    async fn advance(&self, page: Page) -> Result<Run> {
        let run = page.run;
        let unknown = || JournalError::Unavailable(format!("there is no run {run}"));
        self.state().advance(page).ok_or_else(unknown)
    }

    async fn foresee(
        &self,
        verb: &Verb,
        filter: &Filter,
        configured: &[DestinationName],
    ) -> Result<Vec<Foreseen>> {
        Ok(self.state().foresee(verb, filter, configured))
    }

    async fn timeline(
        &self,
        since: Timestamp,
        step: Duration,
        steps: usize,
    ) -> Result<Vec<Moment>> {
        Ok(self.state().timeline(since, step, steps))
    }

    async fn index_texts(&self, _limit: usize) -> Result<usize> {
        Ok(0)
    }

    async fn oldest_open(&self) -> Result<Vec<Oldest>> {
        Ok(self.state().oldest_open())
    }

    async fn last_delivered(&self, destination: &DestinationName) -> Result<Option<Timestamp>> {
        Ok(self.state().last_delivered(destination))
    }

    async fn photos_of(&self, session: &SessionId) -> Result<u64> {
        Ok(self.state().photos_of(session))
    }

    async fn expire_bytes(&self, before: Timestamp, limit: usize) -> Result<Vec<Digest>> {
        Ok(self.state().expire_bytes(before, limit))
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<u64> {
        Ok(self.state().forget(before, limit))
    }

    async fn knows_bytes(&self, digest: &Digest) -> Result<bool> {
        Ok(self.state().knows_bytes(digest))
    }

    async fn knows_photo(&self, photo: &PhotoId) -> Result<Option<bool>> {
        let has = |row: &state::PhotoRow| row.fetch == FetchState::Stored;
        Ok(self.state().photos.get(photo).map(has))
    }

    async fn oldest_due(&self) -> Result<Option<Timestamp>> {
        Ok(self.state().oldest_due())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn health(&self, _patience: Duration) -> Result<Health> {
        let store = "this program's memory".to_owned();
        Ok(Health { store, schema: 0, integrity: Integrity::Whole })
    }

    async fn close(&self) {}
}
