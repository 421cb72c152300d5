//! Destinations that say how fast they may be called, and when to look for what is in doubt.

use std::time::Duration;

use apertur_bridge::{
    deliver::Settings,
    destinations::{Allowance, Limits},
    model::{DeliveryState, ErrorKind},
    work::Work as _,
};

use super::{LIMITS, Play, Rig, after, broken, later, unknown};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

impl Rig {
    fn allows(&self, allowance: Allowance) {
        *self.stage.allowance.lock().unwrap() = allowance;
    }

    /// Attempts that were ever made of these.
    async fn rows(&self, images: &[String]) -> usize {
        let mut rows = 0;
        for image in images {
            rows += self.outcomes(image).await.len();
        }
        rows
    }

    /// So many photos, each for a contact of its own.
    async fn crowd(&self, count: u64) -> Vec<String> {
        let images: Vec<_> = (0..count).map(|n| format!("p{n}")).collect();
        for (image, contact) in images.iter().zip(1..) {
            self.arrive(image, contact).await;
        }
        images
    }
}

#[tokio::test]
async fn nothing_is_claimed_before_the_destination_takes_it() {
    for rig in Rig::each().await {
        let images = rig.crowd(300).await;
        let at = rig.clock.after(Duration::from_secs(HOUR));
        rig.allows(Allowance::From(at));
        for _ in 0..HOUR / 30 {
            assert_eq!(rig.work().await, 0);
            assert_eq!(rig.sender.next_at().await.unwrap(), Some(at), "no earlier look");
            rig.step(30);
        }
        assert_eq!(rig.rows(&images).await, 0);
        assert_eq!(rig.work().await, 1, "the time has come; it says no more than that");
        rig.allows(Allowance::Parcels(usize::MAX));
        assert_eq!(rig.work().await, 4);
        assert_eq!(rig.stage.seen().len(), 5);
    }
}

#[tokio::test]
async fn an_allowance_without_work_is_no_time_to_look() {
    for rig in Rig::each().await {
        rig.allows(Allowance::From(rig.clock.after(Duration::from_secs(5))));
        assert_eq!(rig.sender.next_at().await.unwrap(), None);
        rig.arrive("a", 1).await;
        rig.plays([Play::Fail(apertur_bridge::model::Failure::Later {
            after: Some(Duration::from_secs(90)),
            cause: super::cause(ErrorKind::Unavailable),
        })]);
        rig.allows(Allowance::Parcels(1));
        rig.work().await;
        rig.allows(Allowance::From(rig.clock.after(Duration::from_secs(5))));
        let due = rig.delivery("a").await.due_at;
        assert_eq!(rig.sender.next_at().await.unwrap(), Some(due), "the later of both");
    }
}

#[tokio::test]
async fn no_more_parcels_are_claimed_than_the_destination_takes() {
    for rig in Rig::each().await {
        rig.crowd(9).await;
        rig.allows(Allowance::Parcels(3));
        let first = rig.sender.claim(2).await.unwrap();
        assert_eq!(first.len(), 2);
        // Those have not asked for their calls yet.
        let second = rig.sender.claim(4).await.unwrap();
        assert_eq!(second.len(), 1);
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 0);
        for parcel in first.iter().chain(&second) {
            rig.sender.run(parcel).await;
        }
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_rate_limit_is_kept_to_the_second_and_never_ends_in_giving_up() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays(vec![after(ErrorKind::RateLimited, 2 * DAY); 4]);
        for _ in 0..4 {
            assert_eq!(rig.work().await, 1);
            assert_eq!(rig.states(["a"]).await, [(DeliveryState::Due, 0)], "{}", rig.store);
            rig.step(2 * DAY - 1);
            assert_eq!(rig.work().await, 0);
            rig.step(1);
        }
        rig.plays([after(ErrorKind::RateLimited, 1), later(ErrorKind::RateLimited)]);
        rig.work().await;
        assert_eq!(rig.due_in("a").await, 1, "the schedule has no say");
        rig.step(1);
        rig.work().await;
        assert!((3..=6).contains(&rig.due_in("a").await), "{}", rig.due_in("a").await);
        rig.step(6);
        rig.work().await;
        assert_eq!(rig.states(["a"]).await, [(DeliveryState::Delivered, 1)]);
    }
}

#[tokio::test]
async fn a_rate_limit_that_is_over_already_names_no_time() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays(vec![after(ErrorKind::RateLimited, 0); 3]);
        for wait in [5, 10, 20] {
            rig.work().await;
            let due = rig.due_in("a").await;
            assert!((wait * 8 / 10 - 1..=wait * 12 / 10).contains(&due), "{due} after {wait}");
            rig.step(due.cast_unsigned() + 1);
        }
        rig.work().await;
        assert_eq!(rig.states(["a"]).await, [(DeliveryState::Delivered, 1)], "{}", rig.store);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_goes_over_the_time_to_give_up() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays(vec![after(ErrorKind::Unavailable, 5 * DAY); 2]);
        rig.work().await;
        assert_eq!(rig.due_in("a").await, (5 * DAY).cast_signed());
        rig.step(5 * DAY);
        rig.work().await;
        assert_eq!(rig.delivery("a").await.cause.unwrap().kind, ErrorKind::GaveUp);
        // By schedule there is one last try in time.
        rig.arrive("b", 1).await;
        rig.step(3 * DAY - 2);
        rig.plays([later(ErrorKind::Unavailable)]);
        rig.work().await;
        assert_eq!(rig.due_in("b").await, 2);
        rig.step(2);
        rig.work().await;
        assert_eq!(rig.delivery("b").await.state, DeliveryState::Delivered);
    }
}

#[tokio::test]
async fn a_limit_of_an_hour_costs_each_photo_one_row_at_most() {
    for rig in Rig::each().await {
        let images = rig.crowd(300).await;
        rig.plays(vec![after(ErrorKind::RateLimited, HOUR); 300]);
        for _ in 0..HOUR / 30 {
            while rig.work().await > 0 {}
            rig.step(30);
        }
        assert_eq!((rig.rows(&images).await, rig.stage.seen().len()), (300, 300));
        while rig.work().await > 0 {}
        assert_eq!(rig.stage.seen().len(), 300);
        assert_eq!(rig.states(["p0", "p299"]).await, [(DeliveryState::Delivered, 1); 2]);
    }
}

#[tokio::test]
async fn limits_that_name_no_time_make_the_whole_destination_wait_longer_each_time() {
    for rig in Rig::each().await {
        let images = rig.crowd(300).await;
        rig.plays(vec![later(ErrorKind::RateLimited); 10_000]);
        for _ in 0..2 * HOUR {
            while rig.work().await > 0 {}
            rig.step(1);
        }
        let rows = rig.rows(&images).await;
        assert!((20..=60).contains(&rows), "{rows} rows: four a round, of rounds that double");
        assert_eq!(rig.stage.seen().len(), rows);
        let next = rig.sender.next_at().await.unwrap().unwrap();
        assert!(next > rig.clock.now(), "{next}");
        rig.stage.plays.lock().unwrap().clear();
        rig.step(2 * HOUR);
        while rig.work().await > 0 {}
        assert_eq!(rig.stage.seen().len(), 300, "the first that is taken ends the wait");
        for image in &images {
            assert_eq!(rig.states([image]).await, [(DeliveryState::Delivered, 1)]);
        }
    }
}

#[tokio::test]
async fn a_look_waits_until_the_other_side_shows_what_it_has() {
    let limits = Limits { settles_in: Duration::from_secs(120), ..LIMITS };
    for rig in Rig::each_with(limits, Settings::default()).await {
        for (image, kind) in [("a", ErrorKind::Unreachable), ("b", ErrorKind::Timeout)] {
            rig.arrive(image, 1).await;
            rig.plays([unknown(kind)]);
            rig.work().await;
            assert_eq!(rig.due_in(image).await, 120, "{image}");
        }
    }
    for rig in Rig::each().await {
        for (image, kind, wait) in
            [("a", ErrorKind::Unreachable, 4..=6), ("b", ErrorKind::Timeout, 60..=60)]
        {
            rig.arrive(image, 1).await;
            rig.plays([unknown(kind)]);
            rig.work().await;
            assert!(wait.contains(&rig.due_in(image).await), "{image}");
        }
    }
}

#[tokio::test]
async fn a_broken_destination_is_probed_in_time_whatever_it_allows() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        rig.plays([broken()]);
        rig.work().await;
        rig.allows(Allowance::From(rig.clock.after(Duration::from_secs(HOUR))));
        let probe = rig.clock.after(Duration::from_secs(30));
        assert_eq!(rig.sender.next_at().await.unwrap(), Some(probe));
        rig.step(30);
        assert_eq!(rig.work().await, 0);
        assert_eq!(rig.stage.seen(), ["deliver a", "probe"]);
        assert_eq!(rig.journal.pauses().await.unwrap().len(), 1, "until a photo went through");
        rig.allows(Allowance::Parcels(1));
        assert_eq!(rig.work().await, 1);
        assert_eq!(rig.journal.pauses().await.unwrap(), []);
    }
}
