//! What every journal must do: each sentence of the [`Journal`] trait's docs as a case, run on
//! every store. A new store is one more line at the end of this file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrivals;
mod crowds;
mod doubts;
mod fetches;
mod machine;
mod notices;
mod operators;
mod parcels;
mod reopening;
mod retention;
mod sealed;
mod sending;
mod strays;
mod twins;
mod upkeep;
mod verbs;

use std::{collections::HashMap, ops::Deref, path::Path, sync::Arc, time::Duration};

use apertur_bridge::{
    journal::{
        self, Arrival, Bytes, Claim, Claimed, DeliveryEnd, Fetch, Journal, JournalError, Planned,
        Story,
    },
    model::{
        AttemptOutcome, Cause, Delivery, DeliveryId, DeliveryState, DestinationName, Digest,
        Environment, ErrorKind, Filter, ImageId, OwnSession, Photo, PhotoId, Receipt, Run, Scheme,
        SessionId, Shape, Target, Verb,
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::change::{self, Replayed};

/// A session of ours for record 1, made and ended at these times.
fn own_session(id: &str, made: i64, ends: i64) -> OwnSession {
    OwnSession {
        session: SessionId::parse(id).unwrap(),
        target: target(1),
        destination: None,
        mode: None,
        label: None,
        link: None,
        environment: Environment::Live,
        long_polling: false,
        tags: Vec::new(),
        created_at: at(made),
        expires_at: at(ends),
        closed_at: None,
    }
}

/// A time, in seconds after the story begins.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

fn name(text: &str) -> DestinationName {
    DestinationName::parse(text).unwrap()
}

fn target(id: u64) -> Target {
    Target::odoo("res.partner", id).unwrap()
}

fn cause(kind: ErrorKind) -> Cause {
    Cause::new(kind, "it went wrong", "look at it")
}

/// The digest of some bytes; equal numbers are equal bytes.
fn digest(bytes: u8) -> Digest {
    Digest([bytes; 32])
}

fn id(image: &str) -> PhotoId {
    PhotoId::parse(image).unwrap()
}

fn copy_id(bytes: u8) -> PhotoId {
    PhotoId::of_bytes(&digest(bytes), None)
}

/// An event whose signature covers the image id and that brought the bytes; for `erp`.
fn stored(image: &str, bytes: u8) -> Arrival {
    let mut arrival = announced(image);
    arrival.bytes = Bytes::Stored;
    arrival.photo.sha256 = Some(digest(bytes));
    arrival.photo.size = Some(3);
    arrival.photo.media_type = Some("image/jpeg".to_owned());
    arrival
}

/// An event whose signature covers the image id and that brought a link; for `erp`.
fn announced(image: &str) -> Arrival {
    let photo = Photo {
        id: id(image),
        image_id: Some(ImageId::parse(image).unwrap()),
        session: None,
        index: None,
        filename: None,
        media_type: None,
        size: None,
        sha256: None,
        tags: Vec::new(),
        target: Some(target(1)),
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: Some(Scheme::Body),
        received_at: at(0),
    };
    let bytes = Bytes::Announced { url: Some(format!("https://photos.example.com/{image}")) };
    Arrival { photo, bytes, plan: Vec::new(), held: None, is_doubtful: false }.to(&["erp"])
}

/// An event known only by its bytes, whose unsigned header names the image; for `erp`.
fn copy(image: &str, bytes: u8) -> Arrival {
    let mut arrival = stored(image, bytes);
    arrival.photo.id = copy_id(bytes);
    arrival.photo.shape = Shape::Binary;
    arrival
}

fn planned(destination: Option<&str>, target: Option<Target>) -> Planned {
    Planned { destination: destination.map(name), target, mode: None }
}

/// Changes to an arrival, to be chained.
trait Change {
    fn at(self, seconds: i64) -> Self;
    fn to(self, destinations: &[&str]) -> Self;
    fn on(self, target: Option<Target>) -> Self;
    fn unrouted(self) -> Self;
}

impl Change for Arrival {
    fn at(mut self, seconds: i64) -> Self {
        self.photo.received_at = at(seconds);
        self
    }

    fn to(mut self, destinations: &[&str]) -> Self {
        let plan = |to: &&str| planned(Some(to), self.photo.target.clone());
        self.plan = destinations.iter().map(plan).collect();
        self
    }

    fn on(mut self, target: Option<Target>) -> Self {
        self.photo.target.clone_from(&target);
        for planned in &mut self.plan {
            planned.target.clone_from(&target);
        }
        self
    }

    fn unrouted(mut self) -> Self {
        self.plan = vec![planned(None, None)];
        self
    }
}

/// A store under test and the questions that many cases ask.
#[derive(Clone)]
struct Store(Arc<dyn Journal>);

impl Deref for Store {
    type Target = dyn Journal;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Store {
    /// Every delivery, oldest first.
    async fn all(&self) -> Vec<Delivery> {
        let mut all = self.list(&Filter::default(), None, usize::MAX).await.unwrap();
        all.reverse();
        all
    }

    async fn story_of(&self, photo: &PhotoId) -> Story {
        self.story(photo).await.unwrap().unwrap()
    }

    /// The delivery of a photo to a destination.
    async fn delivery(&self, photo: &PhotoId, destination: &str) -> Delivery {
        let mut deliveries = self.story_of(photo).await.deliveries.into_iter();
        deliveries.find(|d| d.destination == Some(name(destination))).unwrap()
    }

    async fn state(&self, photo: &PhotoId, destination: &str) -> DeliveryState {
        self.delivery(photo, destination).await.state
    }

    /// How the attempts of a photo ended, oldest first.
    async fn outcomes(&self, photo: &PhotoId) -> Vec<AttemptOutcome> {
        self.story_of(photo).await.attempts.iter().map(|attempt| attempt.outcome).collect()
    }

    /// Replays what matches.
    async fn replay(
        &self,
        filter: &Filter,
        force: bool,
        now: Timestamp,
        look_at: Timestamp,
    ) -> Result<Replayed, JournalError> {
        change::replay(&**self, filter, force, (now, look_at)).await
    }

    /// Carries out a verb, ten minutes after the story begins.
    async fn change(&self, verb: Verb, filter: &Filter) -> Run {
        let times = (at(600), at(660));
        change::change(&**self, verb, filter, &HashMap::new(), times).await.unwrap()
    }

    /// Plans a delivery again that is held as unrouted; gives whether that changed anything.
    async fn plan_again(
        &self,
        delivery: DeliveryId,
        plan: Vec<Planned>,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let filter =
            Filter { ids: vec![delivery], error: Some(ErrorKind::Unrouted), ..Filter::default() };
        let plans = if plan.iter().any(|planned| planned.destination.is_some()) {
            HashMap::from([(delivery, plan)])
        } else {
            HashMap::new()
        };
        if plans.is_empty() {
            return Ok(false);
        }
        let verb = Verb::Replay { force: false };
        let run = change::change(&**self, verb, &filter, &plans, (now, now)).await?;
        assert_eq!(run.tally.routed, run.tally.done);
        Ok(run.tally.routed == 1)
    }

    /// Claims all that is due at a destination, for a minute.
    async fn claim(&self, destination: &str, seconds: i64) -> Vec<Claimed> {
        self.claim_as(claim(destination, seconds)).await
    }

    /// Claims what is asked for, whatever the parcels.
    async fn claim_as(&self, ask: Claim) -> Vec<Claimed> {
        self.claim_deliveries(ask).await.unwrap().into_iter().flatten().collect()
    }

    /// Claims the one delivery that is due at a destination.
    async fn claim_one(&self, destination: &str, seconds: i64) -> Claimed {
        let mut claimed = self.claim(destination, seconds).await;
        assert_eq!(claimed.len(), 1);
        claimed.remove(0)
    }

    /// Claims every fetch that is due, for a minute.
    async fn claim_all_fetches(&self, seconds: i64) -> Vec<Fetch> {
        self.claim_fetches(at(seconds), at(seconds + 60), usize::MAX).await.unwrap()
    }

    async fn claim_fetch(&self, seconds: i64) -> Fetch {
        let mut fetches = self.claim_all_fetches(seconds).await;
        assert_eq!(fetches.len(), 1);
        fetches.remove(0)
    }

    /// Fetches the one photo that is due.
    async fn fetch(&self, bytes: u8, seconds: i64) {
        let fetch = self.claim_fetch(seconds).await;
        self.settle_fetch(&fetch, fetches::got(bytes), at(seconds)).await.unwrap();
    }

    /// Claims the one delivery that is due and settles it.
    async fn send(&self, destination: &str, end: DeliveryEnd, seconds: i64) {
        let claimed = self.claim_one(destination, seconds).await;
        self.settle_delivery(&claimed, end, at(seconds)).await.unwrap();
    }
}

fn claim(destination: &str, seconds: i64) -> Claim {
    Claim {
        now: at(seconds),
        lease_until: at(seconds + 60),
        lease_more: Duration::ZERO,
        destination: name(destination),
        limit: usize::MAX,
        photos_per_parcel: 1,
        parcel_size: u64::MAX,
        one_per_target: false,
        except: Vec::new(),
    }
}

fn delivered() -> DeliveryEnd {
    DeliveryEnd::Delivered(Receipt::default().with("attachment", 77))
}

/// Whether a delivery was left to another photo with the same bytes.
fn is_left_to(delivery: &Delivery, other: &PhotoId) -> bool {
    let note = delivery.receipt.as_ref().and_then(|receipt| receipt.note.clone());
    delivery.state == DeliveryState::Delivered && note == Some(format!("same photo as {other}"))
}

async fn memory(_dir: &Path) -> Arc<dyn Journal> {
    Arc::new(journal::memory::Memory::new())
}

async fn sqlite(dir: &Path) -> Arc<dyn Journal> {
    let path = dir.join("journal.db");
    journal::open(&journal::Settings::Sqlite { path }).await.unwrap()
}

macro_rules! run {
    ($open:ident; $($room:ident: $($case:ident)+;)+) => {$(
        mod $room {
            use crate::journal_contract::{self as contract, Store};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let dir = tempfile::tempdir().unwrap();
                    let store = Store(contract::$open(dir.path()).await);
                    contract::$room::$case(&store).await;
                    store.close().await;
                }
            )+
        }
    )+};
}

macro_rules! hold_to_contract {
    ($store:ident, $stories:literal) => {
        mod $store {
            run! { $store;
                arrivals:
                    bytes_at_hand_are_due_at_once
                    an_announced_photo_waits_for_its_fetch
                    everything_said_about_a_photo_is_kept
                    a_known_photo_is_a_duplicate
                    bytes_that_come_later_end_a_fetch
                    bytes_that_come_later_free_a_held_photo
                    bytes_that_are_here_are_not_taken_again
                    a_newer_link_replaces_the_older
                    a_record_named_later_is_taken
                    a_record_named_later_ends_unrouted
                    a_record_named_later_reaches_what_is_under_way
                    a_record_named_later_ends_a_refusal_for_lack_of_it
                    a_fresh_link_frees_a_held_photo
                    a_fresh_link_ends_a_wait
                    expired_bytes_are_taken_again_for_a_new_delivery
                    a_delivery_of_expired_bytes_is_held
                    an_unrouted_photo_is_held_whatever_its_bytes
                    a_destination_gets_one_delivery
                    an_empty_plan_counts_as_unrouted
                    a_tag_that_names_no_record_is_named_in_the_cause
                    what_is_in_doubt_is_held_for_that_until_it_is_planned_again
                    a_session_keeps_its_record
                    a_session_is_settled_until_it_ends_later
                    sessions_are_listed_the_latest_first_and_forgotten_long_after_their_end
                    sessions_of_a_record_are_found_by_record_destination_and_time
                    a_session_is_kept_as_long_as_a_photo_of_it;
                twins:
                    a_copy_of_a_photo_with_bytes_is_a_duplicate
                    a_copy_with_other_bytes_is_new
                    a_copy_waits_and_is_left_to_the_photo
                    a_waiting_copy_is_settled_by_taken_bytes
                    a_waiting_copy_with_other_bytes_goes_on
                    a_waiting_copy_goes_on_when_the_fetch_is_held
                    a_photo_with_bytes_is_left_to_its_copy
                    a_fetched_photo_is_left_to_its_copy
                    what_the_other_does_not_bring_goes_on
                    different_records_both_get_it
                    a_held_copy_brings_nothing
                    a_replayed_waiting_copy_is_sent_once
                    a_replayed_copy_is_left_to_the_photo_unless_forced
                    equal_bytes_without_a_hint_are_two_photos
                    equal_bytes_of_one_session_are_one_photo
                    a_new_plan_knows_the_copy
                    a_workspace_makes_no_other_record
                    a_copy_that_names_the_record_completes_the_photo
                    a_copy_for_another_record_is_a_photo_of_its_own
                    bytes_for_two_records_are_two_photos
                    the_one_that_is_sent_takes_the_record_over;
                doubts:
                    a_certain_arrival_later_ends_a_doubt
                    a_fetch_ends_a_doubt_too
                    what_is_certain_already_leaves_no_doubt
                    only_the_same_picture_of_the_session_ends_a_doubt
                    a_doubt_is_decided_by_a_certain_arrival_of_its_own
                    a_request_that_was_repeated_with_a_forged_session_goes_its_own_way
                    a_person_s_word_on_a_doubt_stands;
                strays:
                    open_deliveries_to_nowhere_are_held
                    settled_deliveries_to_nowhere_stay
                    a_stray_under_way_leaves_doubt
                    bytes_do_not_release_a_stray
                    a_stray_is_planned_again
                    a_plan_for_the_same_place_keeps_doubt_and_steps
                    a_plan_for_another_name_looks_first_for_what_may_be_there
                    a_stray_covers_nothing;
                fetches:
                    claims_by_due_time_up_to_the_limit
                    a_claimed_fetch_is_nobody_elses
                    a_lost_fetch_is_claimed_again_and_counts
                    a_stale_fetch_changes_nothing
                    bytes_make_deliveries_due
                    a_later_fetch_counts_and_waits
                    a_held_fetch_holds_its_deliveries
                    a_cancelled_fetch_does_not_count
                    the_next_fetch_is_known
                    a_fetch_with_an_old_link_goes_on_with_the_new_one
                    a_fetch_due_far_ahead_is_due_after_a_restart;
                sealed:
                    a_sealed_photo_waits_for_its_opening
                    a_held_envelope_is_opened_after_a_replay
                    the_same_envelope_changes_nothing_until_it_is_held
                    an_envelope_stands_beside_a_link
                    bytes_that_come_plain_end_the_opening
                    an_opened_copy_is_left_to_its_photo
                    two_envelopes_of_one_picture_are_one_photo
                    an_envelope_of_a_picture_that_came_plain_is_that_photo
                    an_envelope_brings_expired_bytes_and_expires_itself;
                sending:
                    claims_by_due_time_up_to_the_limit
                    a_claim_writes_the_attempt_down
                    a_claimed_delivery_is_nobody_elses
                    one_per_target_passes_over_the_rest
                    a_lost_delivery_is_claimed_unsure
                    a_stale_settlement_changes_nothing
                    a_late_settlement_counts
                    delivered_clears_cause_and_doubt
                    later_counts_unless_told_otherwise
                    unknown_makes_unsure_until_delivered
                    broken_is_due_at_once_and_does_not_count
                    held_stays_until_a_person_comes
                    cancelled_leaves_things_as_they_were
                    steps_are_kept_and_replaced
                    a_crash_leaves_doubt_and_counts
                    the_next_delivery_is_known
                    what_is_in_flight_is_not_claimed_again
                    what_is_due_far_ahead_is_due_after_a_restart;
                parcels:
                    photos_of_a_session_are_claimed_together
                    a_lease_is_as_long_as_its_parcel
                    a_lease_is_as_long_as_its_bytes_take_on_a_slow_line
                    only_what_belongs_together_is_claimed_together
                    a_parcel_holds_so_many_bytes
                    parcels_come_by_their_first_photo_and_show_theirs_in_order
                    a_parcel_counts_as_one_for_its_target
                    a_ticket_has_one_writer_with_and_without_its_workspace
                    what_is_in_flight_joins_no_parcel
                    doubtful_and_new_ones_travel_together;
                notices:
                    what_is_held_is_told_once_each_time_it_is_held
                    a_notice_waits_until_it_is_settled_and_is_replaced_by_a_newer;
                operators:
                    pauses_are_kept_and_lifted
                    each_part_of_a_filter_filters
                    a_ticket_is_found_with_and_without_its_workspace
                    a_list_is_paged_by_number
                    counts_are_by_destination_state_and_error
                    a_story_tells_everything
                    a_replay_makes_held_and_due_ones_due_now
                    a_replay_of_delivered_ones_takes_force_and_looks_first
                    a_replay_hurries_no_look
                    a_replay_leaves_alone_what_is_under_way_or_unrouted
                    a_replay_fetches_a_gone_photo_again
                    a_replay_leaves_a_running_fetch_alone
                    a_replay_leaves_expired_bytes_alone
                    a_new_plan_replaces_an_unrouted_delivery
                    a_new_plan_follows_the_fetch
                    a_plan_that_changes_nothing_loses_nothing
                    a_ping_changes_nothing;
                verbs:
                    a_hold_keeps_from_being_sent_until_released
                    a_release_fetches_what_is_not_here_and_looks_for_what_is_in_doubt
                    a_drop_gives_up_what_is_not_under_way_or_delivered
                    what_people_do_is_written_down
                    a_run_asks_for_what_was_there_when_it_began
                    what_no_longer_matches_is_left
                    what_is_foreseen_comes_true
                    what_is_replayed_with_many_comes_after_the_rest
                    a_text_is_found_wherever_it_stands
                    a_text_is_found_after_any_change
                    what_happened_is_told_step_by_step
                    the_oldest_open_photo_of_each_destination_is_known
                    the_last_delivery_is_the_one_that_was_settled_last
                    a_photo_of_a_session_counts_once_however_many_want_it
                    filters_may_be_put_together;
                retention:
                    only_finished_photos_expire
                    young_photos_do_not_expire
                    bytes_go_when_nobody_needs_them
                    an_expired_photo_is_still_known
                    only_expired_photos_are_forgotten
                    photos_of_a_session_are_known_until_long_after_its_end
                    numbers_are_never_reused;
                upkeep:
                    measures_count_every_state
                    the_last_upkeep_of_each_sort_is_known
                    what_would_be_removed_is_what_then_is;
                crowds:
                    one_of_many_brings_the_photo
                    nobody_gets_what_another_has
                    many_photos_come_and_go_at_once;
            }

            #[test]
            fn no_story_loses_doubles_or_strands_a_photo() {
                crate::journal_contract::machine::tell($stories, async || {
                    let dir = tempfile::tempdir().unwrap();
                    let store = crate::journal_contract::$store(dir.path()).await;
                    (dir, crate::journal_contract::Store(store))
                });
            }
        }
    };
}

/// For stores that outlive the process.
macro_rules! hold_to_durability {
    ($store:ident: $($case:ident)+) => {
        mod $store {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let dir = tempfile::tempdir().unwrap();
                use crate::journal_contract as contract;
                contract::reopening::$case(dir.path(), contract::$store).await;
            }
        )+}
    };
}

mod contract {
    hold_to_contract!(memory, 256);
    hold_to_contract!(sqlite, 12);
}

mod durability {
    hold_to_durability!(sqlite:
        what_was_accepted_is_there_after_a_restart
        what_was_under_way_is_there_after_a_crash
        what_was_settled_stays_settled
        a_ping_fails_when_nobody_writes
    );
}
