//! What each ending of an attempt leads to, step by step.

use apertur_bridge::{
    deliver::Settings,
    destinations::Limits,
    model::{AttemptOutcome, Cause, DeliveryState, ErrorKind, Failure, Filter, Finding, PhotoId},
};

use crate::change;

use super::{LIMITS, Play, Rig, after, broken, cause, later, unknown};

const DAY: u64 = 24 * 3600;

#[tokio::test]
async fn failures_that_may_pass_come_again_with_growing_waits() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays(vec![later(ErrorKind::Unavailable); 12]);
        let mut spent = 0;
        for wait in [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
            assert_eq!(rig.work().await, 1, "{} {wait}", rig.store);
            spent += 1;
            let due = rig.due_in("a").await;
            assert!((wait * 8 / 10 - 1..=wait * 12 / 10).contains(&due), "{due} after {wait}");
            assert_eq!(rig.delivery("a").await.attempts, spent);
            rig.step(due.cast_unsigned().saturating_sub(1));
            assert_eq!(rig.work().await, 0, "not before its time");
            rig.step(2);
        }
        assert_eq!(rig.work().await, 1);
        let done = rig.delivery("a").await;
        assert_eq!((done.state, done.attempts), (DeliveryState::Delivered, 13));
        assert_eq!((done.cause, rig.stage.seen().len()), (None, 13));
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_and_a_rate_limit_costs_no_attempt() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([
            after(ErrorKind::Unavailable, 7200),
            after(ErrorKind::RateLimited, 90),
            after(ErrorKind::Unavailable, 1),
        ]);
        rig.work().await;
        assert_eq!((rig.due_in("a").await, rig.delivery("a").await.attempts), (7200, 1));
        rig.step(7200);
        rig.work().await;
        assert_eq!((rig.due_in("a").await, rig.delivery("a").await.attempts), (90, 1));
        rig.step(90);
        rig.work().await;
        assert_eq!(rig.delivery("a").await.attempts, 2);
        assert!((7..=12).contains(&rig.due_in("a").await), "the schedule asks for more");
    }
}

#[tokio::test]
async fn a_cause_names_no_session() {
    for rig in Rig::each().await {
        rig.arrive_together(["a"]).await;
        let cause = Cause::new(ErrorKind::Rejected, "s-1/a.jpg is taken", "move s-1/a.jpg away")
            .with_detail("no: s-1/a.jpg, as-10.jpg");
        rig.plays([Play::Fail(Failure::Refused { cause })]);
        rig.work().await;
        let why = rig.delivery("a").await.cause.unwrap().to_string();
        assert!(!why.contains("s-1/") && why.matches("session~").count() == 3, "{why}");
        // A short id is part of other words.
        assert!(why.contains("as-10.jpg"), "{why}");
    }
}

#[tokio::test]
async fn after_three_days_it_is_held_and_a_replay_begins_again() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([later(ErrorKind::Unavailable), later(ErrorKind::Unavailable)]);
        rig.work().await;
        rig.step(3 * DAY);
        rig.work().await;
        let held = rig.delivery("a").await;
        let why = held.cause.unwrap();
        assert_eq!((held.state, why.kind), (DeliveryState::Held, ErrorKind::GaveUp));
        assert!(why.what.contains("3days") && why.what.contains("it went wrong"), "{why}");
        assert!(why.fix.contains("replay"), "{why}");
        rig.step(30 * DAY);
        assert_eq!(rig.work().await, 0, "a held one waits for a person");
        let times = (rig.clock.now(), rig.clock.now());
        change::replay(&*rig.journal, &Filter::default(), false, times).await.unwrap();
        rig.work().await;
        let again = rig.delivery("a").await;
        assert_eq!((again.state, again.attempts), (DeliveryState::Delivered, 1));
    }
}

#[tokio::test]
async fn a_doubtful_ending_is_looked_at_once_more_before_it_is_given_up() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.step(4 * DAY);
        rig.plays([unknown(ErrorKind::Unreachable), Play::Well]);
        rig.work().await;
        assert_eq!(rig.delivery("a").await.state, DeliveryState::Due, "it may be there");
        rig.step(60);
        rig.work().await;
        assert_eq!(rig.stage.seen(), ["deliver a", "find a"]);
        assert_eq!(rig.delivery("a").await.state, DeliveryState::Delivered);
        // Where the look ends in doubt as well, a person is asked, and a replay looks again.
        rig.arrive("b", 1).await;
        rig.step(4 * DAY);
        rig.plays(vec![unknown(ErrorKind::Unreachable); 2]);
        rig.work().await;
        rig.step(60);
        rig.work().await;
        let held = rig.delivery("b").await;
        assert_eq!((held.state, held.unsure), (DeliveryState::Held, true));
        let times = (rig.clock.now(), rig.clock.now());
        change::replay(&*rig.journal, &Filter::default(), false, times).await.unwrap();
        rig.work().await;
        assert_eq!(rig.stage.seen(), ["deliver b", "find b", "find b"]);
        assert_eq!(rig.delivery("b").await.state, DeliveryState::Delivered);
    }
}

#[tokio::test]
async fn what_may_be_stored_is_looked_for_before_it_is_sent_again() {
    for rig in Rig::each().await {
        for image in ["a", "b", "c"] {
            rig.arrive(image, 1).await;
            rig.plays([unknown(ErrorKind::Unreachable)]);
            rig.work().await;
            assert!(rig.delivery(image).await.unsure);
            rig.step(10);
            match image {
                // Found.
                "a" => {}
                // Not there, so it is sent.
                "b" => rig.plays([Play::Nothing]),
                // Nobody can say: neither sent nor believed to be there.
                _ => rig.plays([later(ErrorKind::Unavailable), Play::Nothing]),
            }
            rig.stage.seen();
            rig.work().await;
            if image == "c" {
                assert_eq!(rig.stage.seen(), ["find c"]);
                assert!(rig.delivery("c").await.unsure);
                rig.step(20);
                rig.work().await;
            }
            let done = rig.delivery(image).await;
            assert_eq!((done.state, done.unsure), (DeliveryState::Delivered, false));
            assert_eq!(done.receipt.unwrap().found, image == "a");
            let expected = [format!("find {image}"), format!("deliver {image}")];
            let count = if image == "a" { 1 } else { 2 };
            assert_eq!(rig.stage.seen(), &expected[..count], "{}", rig.store);
        }
    }
}

#[tokio::test]
async fn what_timed_out_is_given_time_before_the_look() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([unknown(ErrorKind::Timeout)]);
        rig.work().await;
        assert_eq!(rig.due_in("a").await, 60);
    }
}

#[tokio::test]
async fn an_attempt_has_a_deadline_and_ends_in_doubt() {
    let settings =
        Settings { deadline: std::time::Duration::from_millis(30), ..Settings::default() };
    for rig in Rig::each_with(LIMITS, settings).await {
        rig.arrive("a", 1).await;
        rig.plays([Play::Wait]);
        rig.work().await;
        let late = rig.delivery("a").await;
        let why = late.cause.unwrap();
        assert_eq!((late.unsure, late.attempts, why.kind), (true, 1, ErrorKind::Timeout));
        assert!(why.what.contains("30ms"), "{why}");
        rig.step(60);
        rig.work().await;
        assert_eq!(rig.stage.seen(), ["deliver a", "find a"]);
    }
}

#[tokio::test]
async fn a_large_photo_has_more_time() {
    const LIMIT: Limits = Limits { max_size: u64::MAX, ..LIMITS };
    let deadline = std::time::Duration::from_millis(30);
    for rig in Rig::each_with(LIMIT, Settings { deadline, ..Settings::default() }).await {
        rig.arrive_as("a", 1, |photo| photo.size = Some(32 * 1024)).await;
        rig.plays([Play::Wait]);
        rig.work().await;
        let why = rig.delivery("a").await.cause.unwrap();
        assert!(why.what.contains("within 1s 30ms"), "{why}");
    }
}

#[tokio::test]
async fn a_refused_or_too_large_photo_is_held_and_its_neighbours_go_on() {
    for rig in Rig::each_with(Limits { max_size: 3, ..LIMITS }, Settings::default()).await {
        rig.arrive("a", 1).await;
        rig.arrive("b", 1).await;
        rig.plays([Play::Fail(Failure::Refused { cause: cause(ErrorKind::Rejected) })]);
        rig.work().await;
        let held = rig.delivery("a").await;
        assert_eq!(
            (held.state, held.cause.unwrap().kind),
            (DeliveryState::Held, ErrorKind::Rejected)
        );
        assert_eq!(rig.delivery("b").await.state, DeliveryState::Delivered);
    }
    for size_key in [None, Some("max_attachment")] {
        let limits = Limits { max_size: 2, size_key, ..LIMITS };
        for rig in Rig::each_with(limits, Settings::default()).await {
            rig.arrive("a", 1).await;
            rig.work().await;
            let held = rig.delivery("a").await;
            let cause = held.cause.unwrap();
            assert_eq!((held.state, cause.kind), (DeliveryState::Held, ErrorKind::TooLarge));
            let names = cause.fix.contains(".max_attachment`");
            assert_eq!(names, size_key.is_some(), "{cause}");
            assert_eq!(rig.stage.seen(), Vec::<String>::new(), "nobody was asked");
        }
    }
}

#[tokio::test]
async fn a_broken_destination_is_left_alone_until_a_probe_succeeds() {
    // Who refuses our key is asked less and less often: accounts are locked.
    let refused = [30, 60, 120, 240, 480, 900, 900];
    for (failure, waits) in [(broken(), refused), (later(ErrorKind::Unreachable), [30; 7])] {
        for rig in Rig::each().await {
            rig.arrive("a", 1).await;
            rig.plays([failure.clone()]);
            *rig.stage.works.lock().unwrap() = false;
            rig.work().await;
            rig.arrive("b", 2).await;
            let pauses = rig.journal.pauses().await.unwrap();
            assert_eq!((pauses.len(), pauses[0].since), (1, rig.clock.now()));
            rig.stage.seen();
            for wait in waits {
                rig.step(wait - 1);
                assert_eq!((rig.work().await, rig.stage.seen().len()), (0, 0), "{wait}");
                rig.step(1);
                assert_eq!(rig.work().await, 0);
                assert_eq!(rig.stage.seen(), ["probe"]);
            }
            for image in ["a", "b"] {
                let waiting = rig.delivery(image).await;
                assert_eq!((waiting.state, waiting.attempts), (DeliveryState::Due, 0));
            }
            *rig.stage.works.lock().unwrap() = true;
            rig.step(waits[6]);
            assert_eq!(rig.work().await, 1, "one tries it out");
            assert_eq!(rig.journal.pauses().await.unwrap(), []);
            assert_eq!(rig.work().await, 1);
            for image in ["a", "b"] {
                let done = rig.delivery(image).await;
                assert_eq!((done.state, done.attempts), (DeliveryState::Delivered, 1));
            }
        }
    }
}

#[tokio::test]
async fn a_destination_that_may_be_read_but_not_written_stays_paused() {
    for rig in Rig::each().await {
        for image in ["a", "b", "c"] {
            rig.arrive(image, 1).await;
        }
        let refuses = Play::Fail(Failure::Broken { cause: cause(ErrorKind::Rejected) });
        rig.stage.is_bad(&["a", "b", "c"], refuses);
        assert_eq!(rig.work().await, 3);
        let paused = rig.journal.pauses().await.unwrap();
        assert_eq!(rig.stage.seen(), ["deliver a"]);
        // Each probe succeeds, and one photo tries: another one as long as there is such.
        let mut tries = Vec::new();
        for wait in [30, 60, 120, 240, 480, 900, 900] {
            rig.step(wait - 1);
            assert_eq!((rig.work().await, rig.stage.seen().len()), (0, 0), "{wait}");
            rig.step(1);
            assert_eq!(rig.work().await, 1);
            let mut seen = rig.stage.seen();
            assert_eq!((seen.len(), seen[0].as_str()), (2, "probe"), "{seen:?}");
            tries.push(seen.remove(1));
            assert_eq!(rig.journal.pauses().await.unwrap(), paused, "{wait} {}", rig.store);
            assert_eq!(rig.work().await, 0);
        }
        assert_eq!(tries[..2], ["deliver b", "deliver c"]);
        assert_eq!(rig.states(["a", "b", "c"]).await, [(DeliveryState::Due, 0); 3]);
        *rig.stage.bad.lock().unwrap() = None;
        rig.step(900);
        assert_eq!((rig.work().await, rig.work().await), (1, 2));
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
        // The next pause begins with short waits again.
        rig.plays([broken()]);
        rig.arrive("d", 1).await;
        rig.work().await;
        rig.step(30);
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.delivery("d").await.state, DeliveryState::Delivered);
    }
}

#[tokio::test]
async fn while_one_photo_tries_a_destination_out_no_other_is_sent() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.arrive("b", 2).await;
        rig.plays([broken()]);
        rig.work().await;
        rig.step(30);
        use apertur_bridge::work::Work as _;
        let trial = rig.sender.claim(4).await.unwrap();
        assert_eq!((trial.len(), trial[0].len()), (1, 1));
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 0);
        assert_eq!(rig.sender.next_at().await.unwrap(), None, "its end is awaited");
        assert_eq!(rig.journal.pauses().await.unwrap().len(), 1);
        // What may pass says nothing: another one tries.
        rig.plays([later(ErrorKind::Unavailable)]);
        rig.sender.run(&trial[0]).await;
        assert_eq!(rig.journal.pauses().await.unwrap().len(), 1);
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_destination_for_which_nothing_is_left_to_try_goes_on() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([broken(), Play::Fail(Failure::Refused { cause: cause(ErrorKind::Rejected) })]);
        rig.work().await;
        rig.step(30);
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.delivery("a").await.state, DeliveryState::Held);
        assert_eq!(rig.work().await, 0);
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_pause_tells_the_newest_cause() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([later(ErrorKind::Unreachable)]);
        rig.work().await;
        let told = async || rig.journal.pauses().await.unwrap().remove(0);
        let since = told().await.since;
        let refused = Failure::Broken { cause: cause(ErrorKind::Unauthorized) };
        let say = |finding| *rig.stage.finding.lock().unwrap() = finding;
        say(Finding::failed("log in", &refused));
        rig.step(30);
        assert_eq!(rig.work().await, 0);
        assert_eq!(
            (told().await.since, told().await.cause),
            (since, cause(ErrorKind::Unauthorized))
        );
        // Who refuses our key is asked less often from now on.
        say(Finding::error("stage", "down", "wait"));
        rig.step(59);
        rig.stage.seen();
        assert_eq!((rig.work().await, rig.stage.seen().len()), (0, 0));
        rig.step(1);
        assert_eq!(rig.work().await, 0);
        assert_eq!(
            (told().await.since, told().await.cause.what),
            (since, "stage: down".to_owned())
        );
    }
}

#[tokio::test]
async fn a_photo_for_which_alone_the_destination_is_broken_is_held_in_the_end() {
    for rig in Rig::each().await {
        rig.arrive("bad", 1).await;
        rig.stage.is_bad(&["bad"], broken());
        rig.step(4 * DAY);
        rig.work().await;
        rig.step(30);
        rig.work().await;
        assert_eq!(rig.states(["bad"]).await, [(DeliveryState::Due, 0)], "nobody knows yet");
        rig.arrive("good", 2).await;
        rig.step(60);
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.delivery("good").await.state, DeliveryState::Delivered);
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
        rig.work().await;
        assert_eq!(rig.states(["bad"]).await, [(DeliveryState::Due, 1)], "an outage is no age");
        for _ in 0..3 * DAY / 600 - 1 {
            while rig.work().await > 0 {}
            rig.step(600);
        }
        assert_eq!(rig.delivery("bad").await.state, DeliveryState::Due);
        rig.arrive("other", 2).await;
        rig.work().await;
        assert_eq!(rig.delivery("other").await.state, DeliveryState::Delivered, "at once");
        for _ in 0..24 {
            rig.step(600);
            while rig.work().await > 0 {}
        }
        let held = rig.delivery("bad").await;
        assert_eq!(
            (held.state, held.cause.unwrap().kind),
            (DeliveryState::Held, ErrorKind::GaveUp)
        );
        let tries = rig.outcomes("bad").await.len();
        assert!((50..200).contains(&tries), "{tries}");
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_was_claimed_when_the_destination_broke_is_given_back() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.arrive("b", 2).await;
        rig.plays([broken()]);
        assert_eq!(rig.work().await, 2);
        assert_eq!(rig.stage.seen(), ["deliver a"], "b was not begun");
        let back = rig.delivery("b").await;
        assert_eq!((back.state, back.attempts, back.unsure), (DeliveryState::Due, 0, false));
        let story = rig.journal.story(&PhotoId::parse("b").unwrap()).await.unwrap().unwrap();
        assert_eq!(story.attempts[0].outcome, AttemptOutcome::Cancelled);
    }
}

#[tokio::test]
async fn one_photo_a_target_where_the_destination_says_so() {
    let limits = Limits { one_per_target: true, ..LIMITS };
    for rig in Rig::each_with(limits, Settings::default()).await {
        for (image, contact) in [("a", 1), ("b", 1), ("c", 2)] {
            rig.arrive(image, contact).await;
        }
        use apertur_bridge::work::Work as _;
        let first = rig.sender.claim(4).await.unwrap();
        let ids = |parcels: &[Vec<apertur_bridge::journal::Claimed>]| {
            parcels
                .iter()
                .flatten()
                .map(|job| job.delivery.photo.id.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&first), ["a", "c"]);
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 0, "a is under way");
        rig.sender.run(&first[1]).await;
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 0, "c is another target");
        rig.sender.run(&first[0]).await;
        assert_eq!(ids(&rig.sender.claim(4).await.unwrap()), ["b"]);
    }
}
