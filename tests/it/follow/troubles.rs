//! Apertur does not answer, or not as expected.

use std::time::Duration;

use apertur_bridge::{
    model::{Environment, FetchState, OwnSession},
    system::Low,
    telemetry::Gauges,
};
use serde_json::json;

use super::Rig;
use crate::fakes::apertur::Reply;

const ALL: &str = "session_failures_total{sessions=\"all\"}";
const ONE: &str = "session_failures_total{sessions=\"one\"}";

impl Rig {
    fn answers(&self, count: usize, status: u16) {
        let refused = || Reply::refused(status, "no");
        self.fake.with(|api| {
            api.next.clear();
            api.next.extend((0..count).map(|_| refused()));
        });
    }

    async fn hours(&self, hours: usize) {
        for _ in 0..2 * hours {
            self.clock.step(Duration::from_mins(30));
            self.settle().await;
        }
    }

    async fn open_sessions(&self) -> usize {
        self.journal.unsettled_sessions().await.unwrap().len()
    }

    fn fails_for(&self) -> String {
        let gauges = Gauges { now: self.clock.now(), ..Gauges::default() };
        let text = self.telemetry.render(&gauges);
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("apertur_bridge_asking_fails_seconds "));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_session_is_given_up_only_after_a_day_of_refusals() {
    let mut rig = Rig::new();
    rig.session(3600, 60, false).await;
    rig.clock.step(Duration::from_hours(8 * 24));
    rig.answers(1000, 503);
    rig.start("").await;
    rig.hours(30).await;
    assert_eq!(rig.open_sessions().await, 1, "nobody answers: that says nothing of it");
    rig.answers(1000, 403);
    rig.hours(20).await;
    assert_eq!(rig.open_sessions().await, 1);
    rig.hours(8).await;
    assert_eq!(rig.open_sessions().await, 0);
    assert_eq!(rig.counted(ONE), 2, "refused, and given up");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_has_ended_and_is_not_known_is_left() {
    let mut rig = Rig::new();
    rig.session(3600, 60, false).await;
    rig.fake.with(|api| api.sessions.all.clear());
    rig.clock.step(Duration::from_hours(1));
    rig.start("").await;
    rig.pass(120).await;
    assert_eq!(rig.open_sessions().await, 1);
    rig.hours(3).await;
    assert_eq!(rig.open_sessions().await, 0);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_outage_is_not_told_and_a_longer_one_once() {
    let mut rig = Rig::new();
    rig.session(60, 7200, false).await;
    rig.answers(1, 503);
    rig.start("").await;
    assert_eq!(rig.fails_for(), "0");
    rig.pass(4).await;
    assert_eq!(rig.fails_for(), "4");
    rig.pass(20).await;
    assert_eq!((rig.fails_for().as_str(), rig.counted(ALL)), ("0", 0));
    rig.answers(1000, 503);
    for _ in 0..50 {
        rig.clock.step(Duration::from_mins(1));
        rig.settle().await;
    }
    assert_eq!(rig.counted(ALL), 1);
    rig.hours(2).await;
    assert!((2..=4).contains(&rig.counted(ALL)), "{}: hourly", rig.counted(ALL));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_read_is_about_its_session_unless_many_are() {
    let mut rig = Rig::new();
    rig.session(60, 7200, false).await;
    let rubbish = || Reply::json(200, &json!({"files": "?"}));
    rig.fake.with(|api| api.next.extend((0..100).map(|_| rubbish())));
    rig.start("").await;
    rig.pass(30).await;
    assert_eq!((rig.counted(ONE), rig.counted(ALL)), (1, 0));
    for _ in 0..3 {
        rig.session(60, 7200, true).await;
    }
    rig.end().await;
    rig.start("poll = true\n").await;
    rig.pass(90).await;
    assert_eq!(rig.counted(ALL), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_an_open_session_is_over_does_not_end_its_polls() {
    let mut rig = Rig::new();
    let own = rig.session(60, 7200, true).await;
    let end = rig.fake.with(|api| {
        std::mem::replace(&mut api.sessions.all[0].expires_at, jiff::Timestamp::UNIX_EPOCH)
    });
    rig.start("poll = true\n").await;
    rig.fake.with(|api| api.sessions.all[0].expires_at = end);
    rig.upload(&own, "img_1");
    rig.pass(310).await;
    assert!(rig.known("img_1").await.photo.sha256.is_some());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_apertur_tells_nothing_of_any_more_is_told_once() {
    let mut rig = Rig::new();
    rig.session(3600, 60, false).await;
    rig.clock.step(Duration::from_hours(1));
    rig.answers(1, 410);
    rig.start("").await;
    rig.pass(2).await;
    assert_eq!((rig.open_sessions().await, rig.counted(ONE)), (0, 1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_whose_id_cannot_be_read_is_told_and_keeps_its_session_open() {
    let mut rig = Rig::new();
    rig.session(3600, 60, false).await;
    rig.clock.step(Duration::from_hours(1));
    let odd = || Reply::json(200, &json!({"status": "expired", "files": [{"filename": "a"}]}));
    rig.fake.with(|api| api.next.extend([odd(), odd()]));
    rig.start("").await;
    rig.pass(2).await;
    assert_eq!((rig.open_sessions().await, rig.counted(ONE)), (1, 1));
    rig.hours(1).await;
    assert_eq!((rig.open_sessions().await, rig.counted(ONE)), (0, 1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_the_other_environment_is_not_asked_about() {
    let mut rig = Rig::new();
    let own = rig.session(60, 7200, false).await;
    let live = OwnSession { environment: Environment::Live, ..own };
    rig.journal.keep_session(live).await.unwrap();
    rig.session(60, 7200, false).await;
    rig.start("").await;
    rig.pass(10).await;
    assert_eq!(rig.calls("delivery-status"), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_photos_stay_at_apertur_and_nobody_asks_in_a_hurry() {
    let mut rig = Rig::new();
    let own = rig.session(60, 7200, true).await;
    rig.upload(&own, "img_1");
    let low = Low { place: "/".into(), free: 1, wanted: 2 };
    rig.floor.set(Some(low));
    rig.start("poll = true\n").await;
    rig.pass(60).await;
    assert!(rig.story("img_1").await.is_none());
    assert!((1..60).contains(&rig.calls("")), "{} calls", rig.calls(""));
    rig.floor.set(None);
    rig.pass(60).await;
    assert_eq!(rig.known("img_1").await.fetch_state, FetchState::Stored);
    rig.end().await;
}
