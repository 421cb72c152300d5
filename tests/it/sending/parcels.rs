//! Photos that travel together: each keeps its own end, and none is sent twice.

use std::{collections::HashSet, time::Duration};

use apertur_bridge::{
    deliver::Settings,
    destinations::Limits,
    model::{AttemptOutcome, DeliveryState, Digest, ErrorKind, Failure, SessionId},
    work::{Wake, Work as _},
};

use super::{LIMITS, Play, Rig, after, broken, cause, later, name, refused, unknown};

const TEN: Limits = Limits { photos_per_parcel: 10, one_per_target: true, ..LIMITS };
const DUE: DeliveryState = DeliveryState::Due;
const DELIVERED: DeliveryState = DeliveryState::Delivered;
const HELD: DeliveryState = DeliveryState::Held;

impl Rig {
    async fn by_ten() -> Vec<Rig> {
        Rig::each_with(TEN, Settings::default()).await
    }

    /// Works until nothing is due any more; gives the number of parcels.
    async fn work_off(&self) -> usize {
        let mut parcels = 0;
        for _ in 0..1000 {
            match self.work().await {
                0 => return parcels,
                more => parcels += more,
            }
        }
        panic!("it goes on for ever");
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}")).collect()
}

#[tokio::test]
async fn thirty_photos_of_a_session_travel_in_three_calls() {
    for rig in Rig::by_ten().await {
        let images = numbered(30);
        rig.arrive_together(&images).await;
        assert_eq!(rig.work_off().await, 3);
        let calls = images.chunks(10).map(|ten| format!("deliver {}", ten.join(" ")));
        assert_eq!(rig.stage.seen(), calls.collect::<Vec<_>>(), "{}", rig.store);
        for image in &images {
            let done = rig.delivery(image).await;
            assert_eq!((done.state, done.attempts), (DELIVERED, 1));
            assert_eq!(done.receipt.unwrap().ids.len(), 1);
            assert_eq!(rig.outcomes(image).await, [AttemptOutcome::Done]);
        }
    }
}

#[tokio::test]
async fn a_refused_photo_is_held_alone_and_its_neighbours_arrive_at_once() {
    for rig in Rig::by_ten().await {
        let images = numbered(10);
        rig.arrive_together(&images).await;
        rig.stage.is_bad(&["p3"], refused());
        assert_eq!(rig.work().await, 1);
        let alone = images.iter().map(|image| format!("deliver {image}"));
        let calls = std::iter::once(format!("deliver {}", images.join(" "))).chain(alone);
        assert_eq!(rig.stage.seen(), calls.collect::<Vec<_>>(), "eleven calls");
        for image in &images {
            let state = if image == "p3" { HELD } else { DELIVERED };
            assert_eq!(rig.states([image]).await, [(state, 1)], "{image}");
        }
        assert_eq!(rig.delivery("p3").await.cause.unwrap().kind, ErrorKind::Rejected);
    }
}

#[tokio::test]
async fn a_photo_that_cannot_be_sent_keeps_nobody_back() {
    for rig in Rig::by_ten().await {
        let session = || SessionId::parse("s-1").ok();
        rig.arrive_together(["a"]).await;
        rig.arrive_as("large", 1, |p| (p.session, p.size) = (session(), Some(1001))).await;
        rig.arrive_together(["b"]).await;
        rig.arrive_as("nowhere", 1, |p| (p.session, p.sha256) = (session(), None)).await;
        let lost = Some(Digest([9; 32]));
        rig.arrive_as("lost", 1, |p| (p.session, p.sha256) = (session(), lost)).await;
        rig.arrive_together(["c"]).await;
        rig.stage.is_bad(&["lost"], later(ErrorKind::Local));
        // The large one fits into no parcel with others.
        assert_eq!(rig.work_off().await, 3);
        assert_eq!(rig.stage.seen(), ["deliver a", "deliver b c", "deliver lost"]);
        let states = rig.states(["a", "b", "c", "large", "nowhere", "lost"]).await;
        let done = (DELIVERED, 1);
        assert_eq!(states, [done, done, done, (HELD, 1), (HELD, 1), (DUE, 1)], "{}", rig.store);
        let kind = async |image| rig.delivery(image).await.cause.unwrap().kind;
        assert_eq!(kind("large").await, ErrorKind::TooLarge);
        assert_eq!(kind("nowhere").await, ErrorKind::Local);
    }
}

#[tokio::test]
async fn what_failed_together_comes_again_together() {
    for failure in [later(ErrorKind::Unavailable), unknown(ErrorKind::Unreachable)] {
        for rig in Rig::by_ten().await {
            rig.arrive_together(["a", "b", "c"]).await;
            rig.plays([failure.clone()]);
            rig.work().await;
            let due = rig.due_in("a").await;
            assert_eq!([rig.due_in("b").await, rig.due_in("c").await], [due; 2]);
            rig.step(10);
            rig.plays([Play::Nothing]);
            assert_eq!(rig.work().await, 1);
            assert_eq!(rig.states(["a", "b", "c"]).await, [(DELIVERED, 2); 3]);
            assert_eq!(rig.stage.stored.lock().unwrap().len(), 3);
        }
    }
}

#[tokio::test]
async fn the_doubtful_ones_of_a_parcel_are_looked_for_in_one_call() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([unknown(ErrorKind::Timeout), Play::Only("b")]);
        rig.work().await;
        for image in ["a", "b", "c"] {
            assert!(rig.delivery(image).await.unsure, "{image}");
            assert_eq!(rig.outcomes(image).await, [AttemptOutcome::Unknown]);
        }
        rig.step(60);
        rig.arrive_together(["new"]).await;
        assert_eq!(rig.work().await, 1);
        assert_eq!(
            rig.stage.seen(),
            ["deliver a b c", "find a b c", "deliver new", "deliver a", "deliver c"]
        );
        for (image, found) in [("a", false), ("b", true), ("c", false), ("new", false)] {
            let done = rig.delivery(image).await;
            assert_eq!((done.state, done.unsure), (DELIVERED, false), "{image}");
            assert_eq!(done.receipt.unwrap().found, found, "{image}");
        }
    }
}

#[tokio::test]
async fn what_was_too_much_at_once_goes_alone_from_then_on() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([unknown(ErrorKind::Timeout), Play::Nothing, Play::Well]);
        rig.plays([unknown(ErrorKind::Timeout)]);
        rig.work().await;
        rig.step(60);
        assert_eq!(rig.work().await, 1);
        let calls = ["deliver a b c", "find a b c", "deliver a", "deliver b"];
        assert_eq!(rig.stage.seen(), calls, "{}", rig.store);
        let states = rig.states(["a", "b", "c"]).await;
        assert_eq!(states, [(DELIVERED, 2), (DUE, 2), (DUE, 1)], "c was not in that call");
        rig.plays([Play::Nothing]);
        assert_eq!(rig.work().await, 1);
        rig.step(60);
        rig.plays([Play::Nothing]);
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.stage.seen(), ["find c", "deliver c", "find b", "deliver b"]);
        assert_eq!(rig.states(["a", "b", "c"]).await.map(|(state, _)| state), [DELIVERED; 3]);
    }
}

#[tokio::test]
async fn a_look_that_fails_keeps_back_only_the_doubtful_ones() {
    for (failure, sent) in [
        (later(ErrorKind::Unavailable), true),
        (unknown(ErrorKind::Timeout), true),
        (after(ErrorKind::RateLimited, 90), false),
        (broken(), false),
    ] {
        for rig in Rig::by_ten().await {
            rig.arrive_together(["a"]).await;
            rig.plays([unknown(ErrorKind::Unreachable), failure.clone()]);
            rig.work().await;
            rig.step(10);
            rig.arrive_together(["new"]).await;
            rig.work().await;
            let doubtful = rig.delivery("a").await;
            assert_eq!((doubtful.state, doubtful.unsure), (DUE, true));
            let new = rig.delivery("new").await;
            let expected = if sent { (DELIVERED, 1) } else { (DUE, 0) };
            assert_eq!((new.state, new.attempts), expected, "{failure:?} {}", rig.store);
            assert!(!new.unsure, "it was never sent");
            let calls = &["deliver a", "find a", "deliver new"][..if sent { 3 } else { 2 }];
            assert_eq!(rig.stage.seen(), calls);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_in_a_split_keeps_the_rest_until_its_end() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c", "d"]).await;
        rig.plays([refused(), Play::Well, after(ErrorKind::RateLimited, 600)]);
        rig.work().await;
        assert_eq!(rig.stage.seen(), ["deliver a b c d", "deliver a", "deliver b"]);
        let states = rig.states(["a", "b", "c", "d"]).await;
        assert_eq!(states, [(DELIVERED, 1), (DUE, 0), (DUE, 0), (DUE, 0)]);
        for image in ["b", "c", "d"] {
            assert_eq!(rig.due_in(image).await, 600, "{image}");
            assert!(!rig.delivery(image).await.unsure, "{image}");
        }
        rig.step(599);
        assert_eq!(rig.work().await, 0);
        rig.step(1);
        rig.stage.is_bad(&["c"], refused());
        assert_eq!(rig.work_off().await, 1);
        let calls = ["deliver b c d", "deliver b", "deliver c", "deliver d"];
        assert_eq!(rig.stage.seen(), calls);
        assert_eq!(rig.states(["b", "c", "d"]).await, [(DELIVERED, 1), (HELD, 1), (DELIVERED, 1)]);
    }
}

#[tokio::test]
async fn after_a_doubtful_end_in_a_split_the_rest_goes_on_without_that_one() {
    for failure in [unknown(ErrorKind::Timeout), later(ErrorKind::Unavailable)] {
        for rig in Rig::by_ten().await {
            rig.arrive_together(["a", "b", "c"]).await;
            rig.plays([refused(), failure.clone()]);
            rig.work().await;
            assert_eq!(rig.states(["a", "b", "c"]).await, [(DUE, 1), (DUE, 0), (DUE, 0)]);
            for image in ["b", "c"] {
                assert_eq!(rig.outcomes(image).await, [AttemptOutcome::Cancelled]);
                assert_eq!((rig.due_in(image).await, rig.delivery(image).await.unsure), (0, false));
            }
            rig.stage.seen();
            assert_eq!(rig.work_off().await, 1);
            assert_eq!(rig.stage.seen(), ["deliver b c"]);
            assert!(rig.due_in("a").await > 0);
        }
    }
}

#[tokio::test]
async fn a_split_ends_where_the_destination_breaks_or_the_daemon_stops() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([refused(), Play::Well, broken()]);
        rig.work().await;
        let states = rig.states(["a", "b", "c"]).await;
        assert_eq!(states, [(DELIVERED, 1), (DUE, 0), (DUE, 0)]);
        assert_eq!(rig.stage.seen(), ["deliver a b c", "deliver a", "deliver b"]);
        assert_eq!(rig.outcomes("c").await, [AttemptOutcome::Cancelled]);
        assert_eq!(rig.journal.pauses().await.unwrap().len(), 1);
    }
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b"]).await;
        rig.plays([refused(), Play::Wait]);
        let running = rig.start(&Wake::default());
        rig.sees(2).await;
        rig.stop.cancel();
        rig.stage.go.notify_one();
        running.await.unwrap();
        assert_eq!(rig.states(["a", "b"]).await, [(DELIVERED, 1), (DUE, 0)]);
        assert_eq!(rig.outcomes("b").await, [AttemptOutcome::Cancelled]);
    }
}

#[tokio::test]
async fn what_is_known_of_a_split_is_settled_at_once_and_a_crash_leaves_doubt_of_the_rest() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([refused(), Play::Well, Play::Wait]);
        let running = rig.start(&Wake::default());
        rig.sees(3).await;
        assert_eq!(rig.states(["a", "b"]).await, [(DELIVERED, 1), (DeliveryState::Sending, 1)]);
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(rig.journal.recover(rig.clock.now(), rig.clock.now()).await.unwrap(), 2);
        for image in ["b", "c"] {
            let left = rig.delivery(image).await;
            assert_eq!((left.state, left.unsure), (DUE, true), "{image}");
        }
    }
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([Play::Wait]);
        let running = rig.start(&Wake::default());
        rig.sees(1).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(rig.journal.recover(rig.clock.now(), rig.clock.now()).await.unwrap(), 3);
        for image in ["a", "b", "c"] {
            assert!(rig.delivery(image).await.unsure, "{image}");
            assert_eq!(rig.outcomes(image).await, [AttemptOutcome::Unknown]);
        }
    }
}

#[tokio::test]
async fn a_bug_in_a_parcel_leaves_doubt_of_all_that_is_not_settled() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.plays([refused(), Play::Well, Play::Panic, Play::Nothing]);
        let running = rig.start(&Wake::default());
        rig.sees(3).await;
        rig.reaches("c", DUE).await;
        for (image, state, unsure) in [("a", DELIVERED, false), ("b", DUE, true), ("c", DUE, true)]
        {
            let delivery = rig.delivery(image).await;
            assert_eq!((delivery.state, delivery.unsure), (state, unsure), "{image}");
            assert_eq!(rig.outcomes(image).await.len(), 1);
        }
        rig.step(60);
        rig.reaches("b", DELIVERED).await;
        rig.reaches("c", DELIVERED).await;
        let seen = rig.stage.seen();
        assert_eq!(seen[3..], ["find b c", "deliver b", "deliver c"], "{}", rig.store);
        rig.stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test]
async fn a_photo_that_brings_every_parcel_down_keeps_its_neighbours_back_for_an_hour_at_most() {
    for failure in [unknown(ErrorKind::Unavailable), later(ErrorKind::Unavailable)] {
        for rig in Rig::by_ten().await {
            let images = numbered(10);
            rig.arrive_together(&images).await;
            rig.stage.is_bad(&["p3"], failure.clone());
            for _ in 0..360 {
                rig.work_off().await;
                rig.step(10);
            }
            for image in images.iter().filter(|image| *image != "p3") {
                assert_eq!(rig.delivery(image).await.state, DELIVERED, "{image} {}", rig.store);
            }
            assert_eq!(rig.delivery("p3").await.state, DUE);
            let stored = rig.stage.stored.lock().unwrap().clone();
            assert_eq!(stored.iter().collect::<HashSet<_>>().len(), stored.len(), "once each");
            assert!(rig.outcomes("p9").await.len() < 40, "{:?}", rig.outcomes("p9").await);
        }
    }
}

#[tokio::test]
async fn each_call_has_the_deadline_and_the_lease_covers_them_all() {
    let deadline = Duration::from_millis(100);
    let settings = Settings { deadline, ..Settings::default() };
    for rig in Rig::each_with(TEN, settings).await {
        rig.arrive_together(["a", "b"]).await;
        rig.plays([unknown(ErrorKind::Timeout), Play::Wait, Play::Wait]);
        rig.work().await;
        rig.step(60);
        rig.arrive_together(["c"]).await;
        rig.work().await;
        assert_eq!(rig.stage.seen(), ["deliver a b", "find a b", "deliver c"]);
        for image in ["a", "b", "c"] {
            assert_eq!(rig.delivery(image).await.cause.unwrap().kind, ErrorKind::Timeout);
        }
    }
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a"]).await;
        rig.sender.claim(1).await.unwrap();
        let lease = rig.journal.next_delivery_at(&name()).await.unwrap().unwrap();
        // A look, the call, and as much to spare.
        let calls = Settings::default().deadline;
        assert!((rig.clock.after(calls * 2)..rig.clock.after(calls * 4)).contains(&lease));
    }
    for rig in Rig::by_ten().await {
        rig.arrive_together(numbered(10)).await;
        rig.sender.claim(1).await.unwrap();
        let lease = rig.journal.next_delivery_at(&name()).await.unwrap().unwrap();
        let calls = Settings::default().deadline * 12;
        assert!(lease > rig.clock.after(calls), "{lease}");
    }
}

#[tokio::test]
async fn a_refusal_of_all_takes_a_call_for_each() {
    for rig in Rig::by_ten().await {
        rig.arrive_together(["a", "b", "c"]).await;
        rig.stage.is_bad(&["a", "b", "c"], refused());
        rig.work_off().await;
        assert_eq!(rig.stage.seen().len(), 4);
        assert_eq!(rig.states(["a", "b", "c"]).await, [(HELD, 1); 3]);
        let refused = Failure::Refused { cause: cause(ErrorKind::Rejected) };
        assert_eq!(rig.delivery("c").await.cause.as_ref(), Some(refused.cause()));
    }
}
