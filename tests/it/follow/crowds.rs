//! Many sessions, one limit.

use std::{collections::VecDeque, time::Duration};

use apertur_bridge::model::OwnSession;

use super::Rig;
use crate::fakes::apertur::{Reply, Way};

/// Calls a minute that the API allows a key (section 3.3).
const LIMIT: usize = 200;
/// Seconds between two looks at the calls.
const STEP: u64 = 5;

/// The calls of the last minute, and the most there were.
#[derive(Default)]
struct Minute {
    steps: VecDeque<usize>,
    before: usize,
    most: usize,
}

impl Minute {
    fn look(&mut self, rig: &Rig) {
        let all = rig.calls("");
        self.steps.push_back(all - self.before);
        self.before = all;
        while self.steps.len() as u64 > 60 / STEP {
            self.steps.pop_front();
        }
        self.most = self.most.max(self.steps.iter().sum());
    }
}

/// Lets time pass and counts.
async fn pass(rig: &Rig, minute: &mut Minute, seconds: u64) {
    for _ in 0..seconds / STEP {
        rig.clock.step(Duration::from_secs(STEP));
        rig.settle().await;
        minute.look(rig);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_three_hundred_sessions_stays_within_the_limit_and_a_photo_is_taken_quickly() {
    let mut rig = Rig::new();
    let mut sessions: Vec<OwnSession> = Vec::new();
    for _ in 0..299 {
        sessions.push(rig.session(6 * 3600, 6 * 3600, true).await);
    }
    let busy = rig.session(600, 6 * 3600, true).await;
    rig.start("poll = true\n").await;
    let mut minute = Minute::default();
    minute.look(&rig);
    let mut uploaded = Vec::new();
    for round in 0_u64..30 {
        // Somebody takes photos; somebody else one, after hours of quiet.
        let image = format!("busy_{round}");
        rig.upload(&busy, &image);
        uploaded.push((image, rig.clock.now(), 40));
        let quiet = format!("quiet_{round}");
        rig.upload(&sessions[usize::try_from(round).unwrap() * 9], &quiet);
        uploaded.push((quiet, rig.clock.now(), 600));
        pass(&rig, &mut minute, 120).await;
    }
    pass(&rig, &mut minute, 500).await;

    assert!(minute.most <= LIMIT, "{} calls in a minute", minute.most);
    let mut slowest = (0, 0);
    for (image, at, most) in &uploaded {
        let story = rig.story(image).await.unwrap_or_else(|| panic!("{image} was not taken"));
        let late = story.photo.received_at.duration_since(*at).as_secs();
        assert!(late <= *most, "{image} came after {late} s");
        let slot = if *most == 40 { &mut slowest.0 } else { &mut slowest.1 };
        *slot = late.max(*slot);
    }
    assert_eq!(rig.counted("polled_photos_total{outcome=\"new\"}"), 60);
    assert_eq!(rig.counted("acknowledgements_total{outcome=\"done\"}"), 60);
    println!(
        "{} calls in 68 minutes, at most {} in one; latest photo after {} s where photos come and \
         {} s where none came for hours",
        rig.calls(""),
        minute.most,
        slowest.0,
        slowest.1,
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_photos_that_never_came_are_fetched_within_the_limit() {
    let mut rig = Rig::new();
    rig.collects = true;
    let mut images = Vec::new();
    for session in 0..6 {
        let own = rig.session(3600, 6 * 3600, false).await;
        for photo in 0..50 {
            let image = format!("img_{session}_{photo}");
            rig.upload(&own, &image);
            rig.remote(&image, "failed");
            images.push(image);
        }
    }
    let mut polled = Vec::new();
    for _ in 0..100 {
        polled.push(rig.session(600, 6 * 3600, true).await);
    }
    rig.start("poll = true\n").await;
    let mut minute = Minute::default();
    minute.look(&rig);
    pass(&rig, &mut minute, 120).await;
    rig.upload(&polled[7], "waits");
    pass(&rig, &mut minute, 60).await;
    assert!(rig.story("waits").await.is_some(), "polls go on");
    pass(&rig, &mut minute, 900).await;
    assert!(minute.most <= 160, "{} calls in a minute", minute.most);
    let mut left = Vec::new();
    for image in &images {
        let story = rig.known(image).await;
        left.extend(story.photo.sha256.is_none().then_some((story.fetch_state, story.fetch_cause)));
    }
    assert!(left.is_empty(), "{} were not fetched: {:?}", left.len(), left[0]);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_a_fetch_meets_stops_everybody_and_is_told_once() {
    let mut rig = Rig::new();
    rig.collects = true;
    let own = rig.session(3600, 7200, false).await;
    for photo in 0..20 {
        let image = format!("img_{photo}");
        rig.upload(&own, &image);
        rig.remote(&image, "failed");
    }
    rig.fake.api(Way::Limited(40));
    rig.start("").await;
    rig.pass(5).await;
    rig.fake.api(Way::Works);
    let calls = rig.calls("");
    assert!(calls <= 6, "{calls}: the answer about the session and one fetch a worker");
    rig.pass(30).await;
    assert_eq!(rig.calls(""), calls, "nobody asks meanwhile");
    assert_eq!(rig.counted("session_failures_total"), 1, "told once");
    assert_eq!(rig.counted("fetches_total"), 0);
    rig.pass(60).await;
    for photo in 0..20 {
        assert!(rig.known(&format!("img_{photo}")).await.photo.sha256.is_some());
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_the_minute_stops_everybody_until_it_ends() {
    let mut rig = Rig::new();
    for _ in 0..20 {
        rig.session(60, 3600, true).await;
    }
    let limited = || Reply::refused(429, "Too many requests").header("Retry-After", "40");
    rig.fake.with(|api| api.next.extend((0..8).map(|_| limited())));
    rig.start("poll = true\n").await;
    let asked = rig.calls("");
    assert!(asked <= 8, "{asked}");
    rig.pass(39).await;
    assert_eq!(rig.calls(""), asked, "nobody asks meanwhile");
    rig.fake.with(|api| api.next.clear());
    rig.pass(20).await;
    assert!(rig.calls("poll") >= asked + 20);
    assert_eq!(rig.counted("session_failures_total"), 1, "told once");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_polled_until_it_is_over_and_asked_about_a_last_time() {
    let mut rig = Rig::new();
    let own = rig.session(60, 300, true).await;
    rig.start("poll = true\n").await;
    rig.pass(30).await;
    assert!((4..10).contains(&rig.calls("poll")), "{}", rig.calls("poll"));
    rig.upload(&own, "img_1");
    // Closed here, and over at Apertur; what was uploaded before still comes.
    let closed = OwnSession {
        closed_at: Some(rig.clock.now()),
        expires_at: rig.clock.after(Duration::from_secs(10)),
        ..own
    };
    rig.journal.keep_session(closed).await.unwrap();
    rig.fake.with(|api| api.sessions.all[0].expires_at = jiff::Timestamp::UNIX_EPOCH);
    rig.pass(20).await;
    rig.known("img_1").await;
    let polls = rig.calls("poll");
    rig.pass(1000).await;
    assert_eq!(rig.calls("poll"), polls, "410: no more can come");
    let checks = rig.calls("delivery-status");
    assert!((2..=5).contains(&checks), "{checks}: at the start, around the end and after all");
    assert_eq!(rig.journal.unsettled_sessions().await.unwrap(), []);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_apertur_does_not_know_is_told_once_and_hurts_no_other() {
    let mut rig = Rig::new();
    let lost = rig.session(60, 7200, true).await;
    let other = rig.session(60, 7200, true).await;
    rig.fake.with(|api| api.sessions.all.retain(|known| known.id != lost.session.reveal()));
    rig.start("poll = true\n").await;
    rig.upload(&other, "img_1");
    for _ in 0..130 {
        rig.clock.step(Duration::from_mins(1));
        rig.settle().await;
    }
    rig.known("img_1").await;
    assert_eq!(rig.counted("session_failures_total{sessions=\"one\"}"), 1);
    let of_lost = rig.fake.with(|api| {
        api.asked.iter().filter(|asked| asked.target.contains(lost.session.reveal())).count()
    });
    assert!((8..=14).contains(&of_lost), "{of_lost}: soon, then every hour");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_nobody_gives_is_told_and_announced_and_a_later_one_is_not_kept_waiting() {
    let mut rig = Rig::new();
    let own = rig.session(60, 7200, true).await;
    rig.upload(&own, "img_1");
    rig.fake.with(|api| api.sessions.all[0].photos[0].photo.bytes = b"no picture".to_vec());
    rig.upload(&own, "img_2");
    rig.start("poll = true\n").await;
    rig.pass(3).await;
    let story = rig.known("img_1").await;
    assert_eq!((story.photo.sha256, story.fetch_state.as_str()), (None, "wanted"));
    assert!(rig.known("img_2").await.photo.sha256.is_some());
    let tries = rig.calls("img_1");
    rig.pass(60).await;
    assert!(rig.calls("img_1") <= tries + 3, "it is not asked for at each poll");
    assert_eq!(rig.calls("img_1/ack"), 0);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_by_hours_keeps_nobody_waiting() {
    let mut rig = Rig::new();
    let own = rig.session(60, 12 * 3600, true).await;
    rig.start("poll = true\n").await;
    rig.pass(10).await;
    let polls = rig.calls("poll");
    rig.clock.set(rig.clock.now().checked_sub(Duration::from_hours(6)).unwrap());
    rig.upload(&own, "img_1");
    rig.pass(40).await;
    assert!(rig.calls("poll") > polls, "it is polled");
    rig.known("img_1").await;
    let checks = rig.calls("delivery-status");
    for _ in 0..70 {
        rig.clock.step(Duration::from_mins(1));
        rig.settle().await;
    }
    assert!(rig.calls("delivery-status") > checks, "it is compared");
    rig.end().await;
}
