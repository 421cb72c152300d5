//! Getting the bytes of announced photos.

use apertur_bridge::{
    journal::{Bytes, FetchEnd},
    model::{AttemptOutcome, DeliveryState, ErrorKind, FetchState},
};

use super::{Change, Store, announced, at, cause, digest, id};

/// The bytes came.
pub(super) fn got(bytes: u8) -> FetchEnd {
    FetchEnd::Stored { sha256: digest(bytes), size: 5, media_type: "image/png".to_owned() }
}

fn later(seconds: i64) -> FetchEnd {
    FetchEnd::Later { at: at(seconds), cause: cause(ErrorKind::Timeout) }
}

pub(super) async fn claims_by_due_time_up_to_the_limit(store: &Store) {
    for (image, seconds) in [("late", 9), ("second", 2), ("first", 1), ("third", 2)] {
        store.accept(announced(image).at(seconds)).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        let fetches = store.claim_fetches(at(8), at(60), 2).await.unwrap();
        order.push(fetches.iter().map(|f| f.photo.id.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(order, [vec!["first", "second"], vec!["third"], vec![]]);
    assert!(store.claim_fetches(at(9), at(60), 0).await.unwrap().is_empty());
    assert_eq!(store.claim_fetch(9).await.photo.id, id("late"), "due at its very time");
}

pub(super) async fn a_claimed_fetch_is_nobody_elses(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let fetch = store.claim_fetch(5).await;
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.attempts.len(), 1);
    let attempt = &story.attempts[0];
    assert_eq!((attempt.id, attempt.delivery), (fetch.attempt, None));
    assert_eq!((attempt.started_at, attempt.ended_at), (at(5), None));
    assert_eq!(attempt.outcome, AttemptOutcome::Open);
    assert!(store.claim_all_fetches(64).await.is_empty(), "leased until 65");
}

pub(super) async fn a_lost_fetch_is_claimed_again_and_counts(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    store.claim_fetch(0).await;
    let again = store.claim_fetch(60).await;
    assert_eq!((again.attempts, again.since), (1, at(0)));
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Open];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);

    assert_eq!(store.recover(at(70), at(70)).await.unwrap(), 0, "no delivery was under way");
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(70)));
    assert_eq!(store.claim_fetch(70).await.attempts, 2);
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Unknown, AttemptOutcome::Open];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);
}

pub(super) async fn a_stale_fetch_changes_nothing(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let stale = store.claim_fetch(0).await;
    let current = store.claim_fetch(60).await;
    store.settle_fetch(&stale, got(1), at(61)).await.unwrap();
    assert_eq!(store.story_of(&id("a")).await.fetch_state, FetchState::Wanted);
    store.settle_fetch(&current, got(2), at(62)).await.unwrap();
    store.settle_fetch(&current, later(99), at(63)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Stored, Some(digest(2))));
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Done];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);

    store.accept(announced("b").at(100)).await.unwrap();
    let lost = store.claim_fetch(100).await;
    store.recover(at(101), at(101)).await.unwrap();
    store.settle_fetch(&lost, got(3), at(102)).await.unwrap();
    assert_eq!(store.outcomes(&id("b")).await, [AttemptOutcome::Unknown]);
    assert_eq!(store.story_of(&id("b")).await.fetch_state, FetchState::Wanted);
}

pub(super) async fn bytes_make_deliveries_due(store: &Store) {
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    let fetch = store.claim_fetch(1).await;
    store.settle_fetch(&fetch, later(2), at(1)).await.unwrap();
    let fetch = store.claim_fetch(2).await;
    store.settle_fetch(&fetch, got(1), at(3)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_cause), (FetchState::Stored, None));
    assert_eq!((story.photo.sha256, story.photo.size), (Some(digest(1)), Some(5)));
    assert_eq!(story.photo.media_type.as_deref(), Some("image/png"));
    assert_eq!((story.fetch_due_at, story.attempts[1].ended_at), (None, Some(at(3))));
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.photo.size), (DeliveryState::Due, Some(5)));
        assert_eq!((delivery.due_at, delivery.since), (at(3), at(3)));
    }
}

pub(super) async fn a_later_fetch_counts_and_waits(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    store.settle_fetch(&fetch, later(30), at(1)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Wanted, Some(at(30))));
    assert_eq!(story.fetch_cause, Some(cause(ErrorKind::Timeout)));
    assert_eq!(story.attempts[0].outcome, AttemptOutcome::Later);
    assert_eq!(story.attempts[0].cause, Some(cause(ErrorKind::Timeout)));
    assert_eq!(story.deliveries[0].state, DeliveryState::Waiting);
    assert!(store.claim_all_fetches(29).await.is_empty());
    let again = store.claim_fetch(30).await;
    assert_eq!((again.attempts, again.since), (1, at(0)));
}

pub(super) async fn a_held_fetch_holds_its_deliveries(store: &Store) {
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(1)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Held, None));
    assert_eq!(story.fetch_cause, Some(cause(ErrorKind::Gone)));
    assert_eq!(story.attempts[0].outcome, AttemptOutcome::Refused);
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.settled_at), (DeliveryState::Held, Some(at(1))));
        assert_eq!(delivery.cause, Some(cause(ErrorKind::Gone)));
    }
    assert_eq!(store.next_fetch_at().await.unwrap(), None);
    assert!(store.claim_all_fetches(9999).await.is_empty());
}

pub(super) async fn a_cancelled_fetch_does_not_count(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    store.settle_fetch(&fetch, FetchEnd::Cancelled, at(1)).await.unwrap();
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Cancelled]);
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(1)));
    assert_eq!(store.claim_fetch(1).await.attempts, 0);
}

pub(super) async fn the_next_fetch_is_known(store: &Store) {
    assert_eq!(store.next_fetch_at().await.unwrap(), None);
    store.accept(announced("a").at(5)).await.unwrap();
    store.accept(announced("b").at(7)).await.unwrap();
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(5)));
    store.claim_fetches(at(5), at(65), 9).await.unwrap();
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(7)));
    store.claim_fetches(at(7), at(67), 9).await.unwrap();
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(65)), "the lease's end");
}

pub(super) async fn a_fetch_with_an_old_link_goes_on_with_the_new_one(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let mut fresh = announced("a").at(1);
    fresh.bytes = Bytes::Announced { url: Some("https://fresh".to_owned()) };
    store.accept(fresh).await.unwrap();
    assert_eq!(
        store.next_fetch_at().await.unwrap(),
        Some(at(60)),
        "under way until its lease ends"
    );
    let gone = || FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone(), at(2)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Wanted, Some(at(2))));
    assert_eq!(story.deliveries[0].state, DeliveryState::Waiting);
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Refused]);
    let fetch = store.claim_fetch(2).await;
    assert_eq!((fetch.url.as_deref(), fetch.attempts), (Some("https://fresh"), 1));
    store.settle_fetch(&fetch, gone(), at(3)).await.unwrap();
    assert_eq!(store.story_of(&id("a")).await.fetch_state, FetchState::Held);
}

pub(super) async fn a_fetch_due_far_ahead_is_due_after_a_restart(store: &Store) {
    const DAY: i64 = 24 * 3600;
    store.accept(announced("near")).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    store.settle_fetch(&fetch, later(7 * DAY), at(0)).await.unwrap();
    store.accept(announced("far").at(400 * DAY)).await.unwrap();
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(7 * DAY)));
    store.recover(at(0), at(0)).await.unwrap();
    assert_eq!(store.claim_fetch(0).await.photo.id, id("far"), "its clock was wrong");
}
