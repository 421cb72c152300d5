//! Claiming deliveries and settling them.

use apertur_bridge::{
    journal::{Claim, DeliveryEnd},
    model::{AttemptOutcome, DeliveryId, DeliveryState, ErrorKind, Step},
};

use super::{Change, Store, announced, at, cause, claim, delivered, id, name, stored, target};

fn later(seconds: i64, counts: bool) -> DeliveryEnd {
    DeliveryEnd::Later { at: at(seconds), cause: cause(ErrorKind::Unavailable), counts }
}

fn unknown(seconds: i64) -> DeliveryEnd {
    DeliveryEnd::Unknown { at: at(seconds), cause: cause(ErrorKind::Timeout) }
}

fn held(kind: ErrorKind) -> DeliveryEnd {
    DeliveryEnd::Held { cause: cause(kind) }
}

fn step(name: &str, value: &str) -> Step {
    Step { name: name.to_owned(), value: value.to_owned() }
}

pub(super) async fn claims_by_due_time_up_to_the_limit(store: &Store) {
    for (image, seconds) in [("late", 9), ("second", 2), ("first", 1), ("third", 2)] {
        store.accept(stored(image, 1).at(seconds)).await.unwrap();
    }
    store.accept(stored("elsewhere", 1).to(&["archive"])).await.unwrap();
    let mut order = Vec::new();
    for _ in 0..3 {
        let two = Claim { limit: 2, ..claim("erp", 8) };
        let claimed = store.claim_as(two).await;
        order.push(claimed.iter().map(|c| c.delivery.photo.id.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(order, [vec!["first", "second"], vec!["third"], vec![]]);
    let none = Claim { limit: 0, ..claim("erp", 9) };
    assert!(store.claim_as(none).await.is_empty());
    assert_eq!(store.claim_one("erp", 9).await.delivery.photo.id, id("late"), "at its very time");
}

pub(super) async fn a_claim_writes_the_attempt_down(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let claimed = store.claim_one("erp", 5).await;
    assert_eq!(claimed.delivery.state, DeliveryState::Sending);
    assert_eq!((claimed.delivery.attempts, claimed.delivery.unsure), (1, false));
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.deliveries[0].state, DeliveryState::Sending);
    assert_eq!(story.deliveries[0].attempts, 1);
    assert_eq!(story.attempts.len(), 1);
    let attempt = &story.attempts[0];
    assert_eq!((attempt.id, attempt.delivery), (claimed.attempt, Some(claimed.delivery.id)));
    assert_eq!((attempt.started_at, attempt.ended_at), (at(5), None));
    assert_eq!(attempt.outcome, AttemptOutcome::Open);
}

pub(super) async fn a_claimed_delivery_is_nobody_elses(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.claim_one("erp", 0).await;
    assert!(store.claim("erp", 59).await.is_empty(), "leased until 60");
}

pub(super) async fn one_per_target_passes_over_the_rest(store: &Store) {
    for (image, record) in [("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("b2", 2)] {
        store.accept(stored(image, 1).on(Some(target(record)))).await.unwrap();
    }
    for image in ["n1", "n2"] {
        store.accept(stored(image, 1).on(None)).await.unwrap();
    }
    let one = |seconds, limit| Claim { one_per_target: true, limit, ..claim("erp", seconds) };
    let mut order = Vec::new();
    for ask in [one(0, 2), one(1, 9), one(2, 9), one(60, 9), one(61, 9)] {
        let claimed = store.claim_as(ask).await;
        order.push(claimed.iter().map(|c| c.delivery.photo.id.to_string()).collect::<Vec<_>>());
    }
    // At 60 the leases of a1 and b1 end, and others of their records have been due for longer.
    // At 61 the leases of n1 and n2 end, which name no record; a1 and b1 have to wait.
    let expected = [vec!["a1", "b1"], vec!["n1", "n2"], vec![], vec!["a2", "b2"], vec!["n1", "n2"]];
    assert_eq!(order, expected);

    store.accept(stored("elsewhere", 1).on(Some(target(1))).to(&["archive"])).await.unwrap();
    let there = Claim { one_per_target: true, ..claim("archive", 61) };
    assert_eq!(store.claim_as(there).await.len(), 1, "another destination");
}

pub(super) async fn a_lost_delivery_is_claimed_unsure(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let lost = store.claim_one("erp", 0).await;
    let again = store.claim_one("erp", 60).await;
    assert_ne!(again.attempt, lost.attempt);
    assert!(again.delivery.unsure);
    assert_eq!(again.delivery.attempts, 2);
    let story = store.story_of(&id("a")).await;
    assert!(story.deliveries[0].unsure);
    assert_eq!(story.attempts[0].outcome, AttemptOutcome::Unknown);
    assert_eq!(story.attempts[0].ended_at, Some(at(60)));
    assert_eq!(story.attempts[1].outcome, AttemptOutcome::Open);
}

pub(super) async fn a_stale_settlement_changes_nothing(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let stale = store.claim_one("erp", 0).await;
    let current = store.claim_one("erp", 60).await;
    store.settle_delivery(&stale, later(999, true), at(61)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Sending);
    store.settle_delivery(&current, delivered(), at(62)).await.unwrap();
    let done = store.delivery(&id("a"), "erp").await;
    store.settle_delivery(&current, later(999, false), at(63)).await.unwrap();
    store.settle_delivery(&stale, held(ErrorKind::Rejected), at(64)).await.unwrap();
    assert_eq!(store.delivery(&id("a"), "erp").await, done);
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Done];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);

    store.accept(stored("b", 1).at(100)).await.unwrap();
    let lost = store.claim_one("erp", 100).await;
    assert_eq!(store.recover(at(101), at(101)).await.unwrap(), 1);
    store.settle_delivery(&lost, later(999, true), at(102)).await.unwrap();
    assert_eq!(store.delivery(&id("b"), "erp").await.due_at, at(101));
    assert_eq!(store.outcomes(&id("b")).await, [AttemptOutcome::Unknown]);
}

pub(super) async fn a_late_settlement_counts(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let slow = store.claim_one("erp", 0).await;
    store.settle_delivery(&slow, delivered(), at(100)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
    assert!(store.claim("erp", 200).await.is_empty());
}

pub(super) async fn delivered_clears_cause_and_doubt(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", unknown(1), 0).await;
    store.send("erp", delivered(), 5).await;
    let done = store.delivery(&id("a"), "erp").await;
    assert_eq!((done.state, done.settled_at), (DeliveryState::Delivered, Some(at(5))));
    assert_eq!((done.cause, done.unsure, done.attempts), (None, false, 2));
    assert_eq!(done.receipt.unwrap().ids, [step("attachment", "77")]);
    assert!(store.claim("erp", 99_999).await.is_empty());
    let last = store.story_of(&id("a")).await.attempts.remove(1);
    assert_eq!((last.outcome, last.cause), (AttemptOutcome::Done, None));
    assert_eq!(last.ended_at, Some(at(5)));
}

pub(super) async fn later_counts_unless_told_otherwise(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", later(30, true), 1).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(30)));
    assert_eq!((delivery.attempts, delivery.unsure), (1, false));
    assert_eq!(delivery.cause, Some(cause(ErrorKind::Unavailable)));
    assert_eq!((delivery.since, delivery.settled_at), (at(0), None));
    assert!(store.claim("erp", 29).await.is_empty());

    store.send("erp", later(40, false), 30).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.attempts, delivery.due_at), (1, at(40)));
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Later; 2]);
}

pub(super) async fn unknown_makes_unsure_until_delivered(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", unknown(10), 1).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(10)));
    assert_eq!((delivery.attempts, delivery.unsure), (1, true));
    assert_eq!(delivery.cause, Some(cause(ErrorKind::Timeout)));
    let ends = [
        later(11, true),
        DeliveryEnd::Broken { cause: cause(ErrorKind::Unauthorized) },
        DeliveryEnd::Cancelled,
        held(ErrorKind::Rejected),
    ];
    for (seconds, end) in (20..).zip(ends) {
        let claimed = store.claim_one("erp", seconds).await;
        assert!(claimed.delivery.unsure);
        store.settle_delivery(&claimed, end, at(seconds)).await.unwrap();
        assert!(store.delivery(&id("a"), "erp").await.unsure, "nobody looked yet");
    }
    assert_eq!(store.outcomes(&id("a")).await[0], AttemptOutcome::Unknown);
}

pub(super) async fn broken_is_due_at_once_and_does_not_count(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let broken = DeliveryEnd::Broken { cause: cause(ErrorKind::Unauthorized) };
    store.send("erp", broken, 7).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(7)));
    assert_eq!((delivery.attempts, delivery.unsure), (0, false));
    assert_eq!(delivery.cause, Some(cause(ErrorKind::Unauthorized)));
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Broken]);
}

pub(super) async fn held_stays_until_a_person_comes(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", held(ErrorKind::Rejected), 7).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.settled_at), (DeliveryState::Held, Some(at(7))));
    assert_eq!((delivery.attempts, delivery.unsure), (1, false), "surely not there");
    assert_eq!(delivery.cause, Some(cause(ErrorKind::Rejected)));
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Refused]);
    assert!(store.claim("erp", 99_999).await.is_empty());
    assert_eq!(store.next_delivery_at(&name("erp")).await.unwrap(), None);
}

pub(super) async fn cancelled_leaves_things_as_they_were(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", later(5, true), 1).await;
    store.send("erp", DeliveryEnd::Cancelled, 7).await;
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(7)));
    assert_eq!((delivery.attempts, delivery.unsure), (1, false));
    assert_eq!(delivery.cause, Some(cause(ErrorKind::Unavailable)));
    assert_eq!(store.outcomes(&id("a")).await[1], AttemptOutcome::Cancelled);
}

pub(super) async fn steps_are_kept_and_replaced(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let number = store.claim_one("erp", 0).await.delivery.id;
    for noted in [step("attachment", "76"), step("message", "9"), step("attachment", "77")] {
        store.note_step(number, noted).await.unwrap();
    }
    let mut again = store.claim_one("erp", 60).await.delivery;
    assert_eq!(again.step("attachment"), Some("77"));
    again.steps.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(again.steps, [step("attachment", "77"), step("message", "9")]);

    store.note_step(DeliveryId(number.0 + 1000), step("attachment", "1")).await.unwrap();
    assert_eq!(store.all().await.len(), 1);
}

pub(super) async fn a_crash_leaves_doubt_and_counts(store: &Store) {
    for image in ["a", "b", "c"] {
        store.accept(stored(image, 1)).await.unwrap();
    }
    let two = Claim { limit: 2, ..claim("erp", 0) };
    store.claim_as(two).await;
    assert_eq!(store.recover(at(30), at(40)).await.unwrap(), 2);
    for image in ["a", "b"] {
        let delivery = store.delivery(&id(image), "erp").await;
        assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(40)));
        assert_eq!((delivery.unsure, delivery.attempts), (true, 1));
        let attempt = store.story_of(&id(image)).await.attempts.remove(0);
        assert_eq!((attempt.outcome, attempt.ended_at), (AttemptOutcome::Unknown, Some(at(30))));
    }
    assert!(!store.delivery(&id("c"), "erp").await.unsure, "it was not under way");
    assert_eq!(store.recover(at(31), at(41)).await.unwrap(), 0);
    assert_eq!(store.claim_one("erp", 39).await.delivery.photo.id, id("c"));
    assert_eq!(store.claim("erp", 40).await.len(), 2, "once the other side is surely done");
}

pub(super) async fn the_next_delivery_is_known(store: &Store) {
    let next = async || store.next_delivery_at(&name("erp")).await.unwrap();
    assert_eq!((next().await, store.oldest_due().await.unwrap()), (None, None));
    store.accept(announced("waiting").at(1)).await.unwrap();
    store.accept(stored("elsewhere", 1).to(&["archive"]).at(2)).await.unwrap();
    assert_eq!(next().await, None);
    store.accept(stored("a", 1).at(5)).await.unwrap();
    store.accept(stored("b", 1).at(7)).await.unwrap();
    assert_eq!(next().await, Some(at(5)));
    assert_eq!(store.oldest_due().await.unwrap(), Some(at(2)), "of every destination");
    store.claim_one("erp", 5).await;
    store.claim_one("archive", 5).await;
    assert_eq!((next().await, store.oldest_due().await.unwrap()), (Some(at(7)), Some(at(7))));
    store.claim_one("erp", 7).await;
    assert_eq!(next().await, Some(at(65)), "the lease's end");
    assert_eq!(store.oldest_due().await.unwrap(), None, "all are under way");
}

pub(super) async fn what_is_in_flight_is_not_claimed_again(store: &Store) {
    for (image, record) in [("a", 1), ("b", 1), ("c", 2)] {
        store.accept(stored(image, 1).on(Some(target(record)))).await.unwrap();
    }
    let ask = |seconds| Claim { one_per_target: true, ..claim("erp", seconds) };
    let first = store.claim_as(Claim { limit: 1, ..ask(0) }).await.remove(0);
    let except = vec![first.delivery.id];
    let claimed = store.claim_as(Claim { except, ..ask(9999) }).await;
    let photos = claimed.iter().map(|c| c.delivery.photo.id.clone()).collect::<Vec<_>>();
    assert_eq!(photos, [id("c")], "a is in flight, so its record is busy");
    store.settle_delivery(&first, delivered(), at(9999)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Done]);
}

pub(super) async fn what_is_due_far_ahead_is_due_after_a_restart(store: &Store) {
    const DAY: i64 = 24 * 3600;
    for (image, days) in [("near", 7), ("far", 8)] {
        store.accept(stored(image, 1)).await.unwrap();
        store.send("erp", later(days * DAY, true), 0).await;
    }
    assert_eq!(store.recover(at(0), at(0)).await.unwrap(), 0);
    assert_eq!(store.claim_one("erp", 0).await.delivery.photo.id, id("far"));
    assert_eq!(store.next_delivery_at(&name("erp")).await.unwrap(), Some(at(60)));
    assert_eq!(store.delivery(&id("near"), "erp").await.due_at, at(7 * DAY));
}
