//! The memory: photos, deliveries and attempts, durable before anybody is told.
//!
//! [`Journal`] is the whole contract; `tests/it/journal_contract/` holds every store to it.
//! Nothing here talks to the network, and no transaction is open while anybody else does.

mod arrival;
mod backup;
mod cause;
mod claim;
mod commit;
mod fetch;
mod health;
pub mod memory;
pub mod notices;
mod open;
mod run;
pub mod sqlite;
mod story;
mod upkeep;
mod verdict;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{
    Delivery, DeliveryId, DestinationName, Digest, Filter, Foreseen, ImageId, OwnSession, Photo,
    PhotoId, Receipt, Run, RunId, RunState, SessionId, Step, Target, Verb,
};

pub use self::backup::{Backup, Schema, back_up, schema};
pub use self::{
    arrival::{Accepted, Arrival, Bytes},
    cause::{misnamed, missed, unrouted},
    claim::{Claim, Claimed, DeliveryEnd, on_the_way},
    commit::{Commit, Observer, open_observed},
    fetch::{Fetch, FetchEnd},
    health::{Health, Integrity},
    open::{Settings, open, open_if_there, open_to_read},
    run::{Found, Moment, NewRun, Oldest, Page, Way},
    story::{Count, Pause, Story},
    upkeep::{Last, Prunable, Stats, Upkeep, Upkept},
};
pub use crate::model::Planned;

/// How long another side may go on with a request that nobody waits for any more: what is in
/// doubt is looked for after this. Odoo ends its workers after 120 seconds unless configured
/// otherwise, counted from the request's start.
pub const LOOK_AFTER: Duration = Duration::from_mins(1);

/// How long a system may not list yet what it acknowledged
/// (`fixtures/contracts/open-questions.md`, E12).
pub const LISTED_AFTER: Duration = Duration::from_secs(5);

/// Why the journal could not do it. Nothing was changed unless the text says so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The store cannot take it now (disk full, locked, closing).
    #[error("the journal cannot be written now: {0}")]
    Unavailable(String),
    /// The store holds something that cannot be: a bug or a damaged file.
    #[error("the journal is damaged: {0}; restore a backup or ask for help")]
    Damaged(String),
}

/// The durable log.
///
/// Every changing call is on disk when it returns (the in-memory store excepted) and either
/// happened as a whole or not at all. Any number of tasks may call at once.
#[async_trait]
pub trait Journal: Upkeep + notices::Notices + fmt::Debug + Send + Sync {
    /// Takes a verified event in; `photo.received_at` is the time of all that follows from it.
    ///
    /// * A photo id already known: `Duplicate`. If that photo still lacks its bytes
    ///   (`wanted` or `held`) and the arrival brought them, they are taken: the photo becomes
    ///   `stored`, a fetch that is under way ends `cancelled`, and its `waiting` deliveries, and
    ///   those `held` because of the fetch, become due at once (`completed: true`).
    /// * If it brought another link than the stored one instead, that replaces it, which may
    ///   have died: the fetch is due now, that of a `held` photo as if it arrived now (with its
    ///   deliveries `waiting` again), `completed: true`. A fetch that is under way is left to
    ///   end (`completed: false`). The same link again changes nothing.
    /// * `Sealed` bytes are taken like such a link, beside the one that is known: an envelope is
    ///   something to fetch the photo from. The same envelope again changes nothing while the
    ///   photo is `wanted`; where it is `held`, there may be a key by now.
    /// * The same where the known photo names no record and the arrival does (of two events
    ///   for one image only one may carry its metadata): the photo and its deliveries that are
    ///   neither delivered nor dropped get target and mode, planned deliveries to destinations
    ///   that it has none for are made, an `unrouted` one without destination is replaced by
    ///   them, and one to a planned destination that refused it as `unrouted` goes there after
    ///   all (`completed: true`).
    /// * An `expired` photo takes the bytes of an arrival, sealed or not, only where a delivery
    ///   needs them, such as one that the arrival added by naming its record.
    /// * An arrival known only by its bytes (`photo.id` is [`PhotoId::of_bytes`]) whose hinted
    ///   `image_id` names a known photo with the same digest, unless the two name different
    ///   records: as if it had come under that photo's id.
    /// * The same, but the known photo still waits for its bytes (`wanted`): `New`, with every
    ///   delivery `waiting` until that photo's fetch ends; then, if the digests are equal, the
    ///   deliveries that the other photo covers become `delivered` with the receipt note `same
    ///   photo as <id>`, all others `due`.
    /// * A photo with a signed image id that gets its bytes (now or by a fetch) while a photo
    ///   known only by the same bytes hints at that image id: its deliveries that the other one
    ///   covers become `delivered` with that note.
    /// * The same of two photos that are known only by the same bytes, which came in two envelopes
    ///   or in one and without, and that hint at the same image id, or at none and are of one
    ///   session: whichever is opened later is left to the other.
    /// * The same of a photo with a signed image id and one of its session that is known only by
    ///   the same bytes and hints at no image id: whichever is stored later is left to the other.
    /// * An arrival in doubt (`is_doubtful`) names no record to a known photo, and completes none
    ///   by one. It is a duplicate of the photo that its hint names where that has the same bytes
    ///   and a record that settles the doubt: the one that this names, or a certain one in the
    ///   same session. Otherwise it is `New` and held.
    /// * A certain arrival of a photo in doubt decides it, as long as no person did: session,
    ///   record, mode, tags and plan are the arrival's (`completed: true`).
    /// * A photo in doubt that hints at the image id of a photo with the same bytes that settles
    ///   the doubt like that, whichever is stored later: its delivery, which is held for the
    ///   doubt, becomes `delivered` with that note, as it is no photo more.
    /// * Otherwise `New`: deliveries of `Stored` bytes are `due` now, others `waiting`; a
    ///   planned delivery without destination is `held` with kind `unrouted`, whatever the
    ///   bytes. An announced or sealed photo is `wanted`, its fetch due now.
    ///
    /// A photo *covers* a delivery of the other with the same bytes when it has a delivery to
    /// the same destination that is `due`, `sending` or `delivered`, and the two do not name
    /// different records ([`Target::record`]). One that was itself left to the other covers
    /// nothing: at least one of the two is really sent. A covering delivery that names no record
    /// takes target and mode from the one that is left to it, while it is `due` or `sending`; so
    /// does its photo.
    ///
    /// What would be due is `held` (kind `local`) where the photo is `expired`.
    ///
    /// A photo has one delivery a destination: of two planned for one, the first stands. An
    /// empty plan counts as `unrouted`. Numbers of deliveries and attempts are never reused.
    async fn accept(&self, arrival: Arrival) -> Result<Accepted, JournalError>;

    /// A session that the bridge made itself.
    async fn session(&self, session: &SessionId) -> Result<Option<OwnSession>, JournalError>;

    /// Keeps a session; the same session again replaces it, but not whether it is settled.
    async fn keep_session(&self, session: OwnSession) -> Result<(), JournalError>;

    /// Every session that is kept, the latest made first.
    async fn sessions(&self) -> Result<Vec<OwnSession>, JournalError>;

    /// The sessions for a record ([`Target::record`]) of a destination ([`OwnSession::is_for`])
    /// that were open after `since` ([`OwnSession::ended_at`]), the latest made first, at most
    /// `limit`.
    async fn sessions_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<OwnSession>, JournalError>;

    /// The session of this mark ([`SessionId::mark`]) for a record of a destination.
    async fn session_of(
        &self,
        target: &Target,
        destination: &DestinationName,
        mark: &str,
    ) -> Result<Option<OwnSession>, JournalError>;

    /// The sessions that Apertur has to be asked about still, the latest made first: those that
    /// were not settled since they ended ([`OwnSession::expires_at`]).
    async fn unsettled_sessions(&self) -> Result<Vec<OwnSession>, JournalError>;

    /// Notes that Apertur was asked about a session at this time and that nothing more is
    /// expected of it. A session that is not known is none.
    async fn settle_session(&self, session: &SessionId, at: Timestamp) -> Result<(), JournalError>;

    /// Up to `limit` photos whose fetch is due, by lane, due time then arrival, each with an
    /// attempt written down and a lease. A fetch whose lease ran out (at its end, not after it) is
    /// due again and counts; its attempt becomes `unknown`.
    async fn claim_fetches(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Fetch>, JournalError>;

    /// Settles a fetch. `Stored`: the photo's digest, size and media type are set and its
    /// `waiting` deliveries become due (see [`Journal::accept`] for the ones of another photo);
    /// an envelope is known no more. `Held`: its `waiting` deliveries become held with the same
    /// cause; where the photo has another link or envelope than this fetch by now, it is due
    /// again at once instead. `Later` and `Held`
    /// count. A delivery that is held as `unrouted` stays so, whatever becomes of the fetch. A
    /// settlement for an attempt that is not the photo's latest, or was ended already,
    /// is ignored.
    async fn settle_fetch(
        &self,
        fetch: &Fetch,
        end: FetchEnd,
        now: Timestamp,
    ) -> Result<(), JournalError>;

    /// Claims due deliveries of one destination, in parcels, and writes an open attempt down for
    /// each. Parcels come by lane (see [`Journal::advance`]), due time (of a lease: its end) then
    /// number of their first delivery; what may join it, see [`Claim`], does so by due time and
    /// number until one no longer fits. In a parcel photos stand by their index in the session,
    /// then number. A delivery in `sending` whose lease ran out (at its end, not after it) is
    /// claimed too, with `unsure` set: its earlier attempt becomes `unknown`. Deliveries without
    /// target are not bound by `one_per_target`; those passed over take no room in `limit`. Pauses
    /// are the sender's to heed.
    async fn claim_deliveries(&self, claim: Claim) -> Result<Vec<Vec<Claimed>>, JournalError>;

    /// Writes down a step of a delivery. The same name again replaces the value. A delivery that
    /// is not known has no next attempt to tell: nothing is written.
    async fn note_step(&self, delivery: DeliveryId, step: Step) -> Result<(), JournalError>;

    /// Settles a claimed delivery. `Unknown` sets `unsure`; `Delivered` clears cause and
    /// `unsure`; all others keep `unsure` as it was (so `Held` says that this try surely did not
    /// store it). Each cause is kept, `Cancelled` leaves the earlier one. The attempt of a `Held`
    /// is `refused`; where the delivery was claimed without a target and has one by now, it is
    /// due at once instead of held (the attempt counts). A settlement for an attempt that is not
    /// the delivery's latest, or was ended already, is ignored; one that comes after its lease,
    /// but before anybody else's claim, counts.
    async fn settle_delivery(
        &self,
        claimed: &Claimed,
        end: DeliveryEnd,
        now: Timestamp,
    ) -> Result<(), JournalError>;

    /// What a crash left behind: every `sending` delivery becomes `unsure` and due at `look_at`
    /// (the other side may still be at work on it), every leased fetch due now; their attempts
    /// become `unknown` and count. What is due more than seven days from now is due now: the
    /// machine's clock was wrong. Called once at start by the one process that owns the
    /// journal. Gives the number of deliveries.
    async fn recover(&self, now: Timestamp, look_at: Timestamp) -> Result<u64, JournalError>;

    /// Holds, with kind `unrouted`, deliveries in `waiting`, `due` or `sending` whose destination
    /// is not `configured`: nobody would ever send them. An attempt that is under way becomes
    /// `unknown`, its delivery `unsure`. Gives their number, some hundreds at most: others may
    /// write in between, and what is configured may change. 0 where none is left, and then
    /// nothing is written. Called until it gives 0, at start, after a destination was taken out,
    /// and every minute.
    async fn hold_strays(
        &self,
        configured: &[DestinationName],
        now: Timestamp,
    ) -> Result<u64, JournalError>;

    /// When the next fetch is due; leases count with their end.
    async fn next_fetch_at(&self) -> Result<Option<Timestamp>, JournalError>;

    /// When the next delivery of a destination is due; leases count with their end.
    async fn next_delivery_at(
        &self,
        destination: &DestinationName,
    ) -> Result<Option<Timestamp>, JournalError>;

    /// Records that a destination is paused, or with `None` that it goes on.
    async fn set_pause(
        &self,
        destination: &DestinationName,
        pause: Option<Pause>,
    ) -> Result<(), JournalError>;

    /// Every pause.
    async fn pauses(&self) -> Result<Vec<Pause>, JournalError>;

    /// Deliveries that match, newest number first, at most `limit`, numbers below `before`.
    async fn list(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, JournalError>;

    /// Counts of what matches, by destination, state and last error.
    async fn count(&self, filter: &Filter) -> Result<Vec<Count>, JournalError>;

    /// Everything about one photo.
    async fn story(&self, photo: &PhotoId) -> Result<Option<Story>, JournalError>;

    /// Writes a run down that asks for all that matches now, by number; nothing is changed yet.
    async fn begin_run(&self, run: NewRun, now: Timestamp) -> Result<Run, JournalError>;

    /// A run.
    async fn run(&self, run: RunId) -> Result<Option<Run>, JournalError>;

    /// The latest runs, newest first, at most `limit`; only those in this state if one is given.
    /// One that cannot be read is logged and left out.
    async fn runs(&self, state: Option<RunState>, limit: usize) -> Result<Vec<Run>, JournalError>;

    /// Stops a run or lets one that was stopped go on; one that is done stays so.
    async fn set_run(
        &self,
        run: RunId,
        state: RunState,
        now: Timestamp,
    ) -> Result<Option<Run>, JournalError>;

    /// The next deliveries that a run asks for, by number, at most `limit`.
    async fn find_page(&self, run: &Run, limit: usize) -> Result<Vec<Found>, JournalError>;

    /// Carries out a page of a run that is `running` and still stands where the page begins (else
    /// nothing is changed), moves its cursor behind the page, counts what became of each delivery,
    /// and ends the run with its last page: all or nothing. What no longer matches the filter is
    /// left. Each delivery that is changed gets an [`Action`](crate::model::Action).
    ///
    /// * Replay, of what is `waiting`, `due` or `held`: due now, with `attempts` 0, `since` now,
    ///   `due_at` now and no cause; `unsure` and steps stay, so what is there is found. What is
    ///   `delivered` only with `force`, and it becomes `unsure`. What is `unsure` then is due no
    ///   sooner than a look can tell: what was `delivered` [`LISTED_AFTER`] its end, what was
    ///   `held` [`LOOK_AFTER`] its end, all else at `look_at`; one that was `due` sooner stays so.
    ///   Nothing is due before `now`, or later than `look_at`. Where the photo lacks its bytes its
    ///   fetch becomes due instead (one that is under way is left to end) and the delivery
    ///   `waiting`; where they are `expired` it is left. One that another photo with the same
    ///   bytes covers (see [`Journal::accept`]) becomes `delivered` with that note, and counts as
    ///   left; one that is `delivered` with that note stays so. With `force` those go on all the
    ///   same that the filter names one by one ([`Filter::means_each`]). What a person holds is
    ///   left.
    /// * The same of a `held` one whose [`Way`] is `Again`, of kind `unrouted` or not: it is
    ///   replaced by the plan, as if the photo arrived now; where the photo lacks its bytes its
    ///   fetch becomes due, as above, and the new deliveries `waiting`. Destinations that the
    ///   photo has a delivery for get no second one; the replaced one itself goes on if its
    ///   destination is planned. No other delivery's number changes. Without a way it is left.
    /// * Hold, of what is `waiting` or `due`: `held` with kind `operator`, for that reason.
    /// * Release, of what a person holds: as in a replay.
    /// * Drop, of what is `waiting`, `due` or `held`: `dropped` with kind `operator`.
    ///
    /// A replay or release of many ([`Run::is_many`]) goes to a second lane, fetches and what is
    /// planned too: what is not in it is claimed first.
    async fn advance(&self, page: Page) -> Result<Run, JournalError>;

    /// What a run would do now, by destination, state, last error and reason, as if each delivery
    /// to one of these destinations had its way, and no other had one.
    async fn foresee(
        &self,
        verb: &Verb,
        filter: &Filter,
        configured: &[DestinationName],
    ) -> Result<Vec<Foreseen>, JournalError>;

    /// What happened in each of `steps` spans of this length, the first of which begins then.
    async fn timeline(
        &self,
        since: Timestamp,
        step: Duration,
        steps: usize,
    ) -> Result<Vec<Moment>, JournalError>;

    /// Makes at most `limit` photos, those that were received first, quicker to find by a text;
    /// gives how many. What is found does not depend on it.
    async fn index_texts(&self, limit: usize) -> Result<usize, JournalError>;

    /// Of each destination that has deliveries in `waiting`, `due` or `sending` the one with the
    /// lowest number.
    async fn oldest_open(&self) -> Result<Vec<Oldest>, JournalError>;

    /// When a photo was delivered last to a destination, of those that are still known.
    async fn last_delivered(
        &self,
        destination: &DestinationName,
    ) -> Result<Option<Timestamp>, JournalError>;

    /// How many photos of a session are known.
    async fn photos_of(&self, session: &SessionId) -> Result<u64, JournalError>;

    /// Marks the bytes of photos `expired` that arrived before the given time and have no
    /// delivery in `waiting`, `due`, `sending` or `held`, oldest first; gives the digests (of the
    /// bytes, or of the envelope of one that was never opened) that no other photo needs any
    /// more, at most `limit` at once. Fewer than `limit`: none is left.
    async fn expire_bytes(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Digest>, JournalError>;

    /// Removes photos, deliveries and attempts that arrived before the given time and whose
    /// bytes are `expired`, at most `limit` photos at once, oldest first; never one that has a
    /// delivery in `waiting`, `due`, `sending` or `held`, nor one of a session that is kept and
    /// did not end before that time: who asks Apertur about it has to know what came already.
    /// So a photo of such a session stays for as long as the session lasts at most, which is a
    /// year from its making and usually a week, longer than others. Gives their number. Removes
    /// the sessions that ended ([`OwnSession::expires_at`]) before the given time and that no
    /// photo is left of, too, and the runs that were done or stopped before it and that changed no
    /// photo that is left, and counts none.
    async fn forget(&self, before: Timestamp, limit: usize) -> Result<u64, JournalError>;

    /// Whether a photo that is not `expired` has these bytes, or lies sealed in them (the spool
    /// keeps what is known).
    async fn knows_bytes(&self, digest: &Digest) -> Result<bool, JournalError>;

    /// Whether this photo is known, and whether it is `stored`: `Some(false)` says that its
    /// bytes may be needed.
    async fn knows_photo(&self, photo: &PhotoId) -> Result<Option<bool>, JournalError>;

    /// The earliest due time of the deliveries in `due`, for readiness and metrics.
    async fn oldest_due(&self) -> Result<Option<Timestamp>, JournalError>;

    /// Makes one small durable write. Fails when the disk is full or nobody writes any more, so
    /// that readiness and watchdog see it before a photo does.
    async fn ping(&self) -> Result<(), JournalError>;

    /// The state of the store; looks for damage for `patience` at most and changes nothing.
    async fn health(&self, patience: Duration) -> Result<Health, JournalError>;

    /// Ends the store: everything accepted is on disk when it returns.
    async fn close(&self);
}

/// Whether a hinted image id belongs to a photo known only by its bytes.
#[must_use]
pub fn is_hint(photo: &Photo) -> Option<&ImageId> {
    photo.image_id.as_ref().filter(|image| PhotoId::of_image(image) != photo.id)
}

/// How the note of a delivery begins that was left to another photo with the same bytes.
pub(crate) const SAME_PHOTO: &str = "same photo as ";

/// The receipt of a delivery that was left to another photo with the same bytes.
fn same_photo(other: &PhotoId) -> Receipt {
    let note = Some(format!("{SAME_PHOTO}{other}"));
    Receipt { note, found: true, ..Receipt::default() }
}

/// What is due later than this from now was written under a wrong clock; no schedule waits so
/// long.
const FAR: Duration = Duration::from_hours(7 * 24);

/// Whether two records are named and are not the same.
fn are_apart(one: Option<&Target>, other: Option<&Target>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.record() != other.record())
}
