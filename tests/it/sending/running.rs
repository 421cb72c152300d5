//! The sender on its loop: bugs, stops and what is under way then.

use std::{sync::Arc, time::Duration};

use apertur_bridge::{
    model::{AttemptOutcome, DeliveryState, ErrorKind, PhotoId},
    work::{Loop, Wake, Work as _},
};
use tokio::task::JoinHandle;

use super::{Play, Rig};

impl Rig {
    pub(super) fn start(&self, wake: &Wake) -> JoinHandle<()> {
        let looping = Loop {
            clock: self.clock.clone(),
            wake: wake.clone(),
            stop: self.stop.clone(),
            limit: 4,
        };
        tokio::spawn(looping.run(Arc::clone(&self.sender)))
    }

    /// Waits until a delivery is in this state.
    pub(super) async fn reaches(&self, image: &str, state: DeliveryState) {
        let reached = async {
            while self.delivery(image).await.state != state {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let patience = Duration::from_secs(20);
        assert!(tokio::time::timeout(patience, reached).await.is_ok(), "{image} {state}");
    }

    /// Waits until the destination has seen this much.
    pub(super) async fn sees(&self, count: usize) {
        let seen = async {
            while self.stage.seen.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), seen).await.is_ok());
    }
}

#[tokio::test]
async fn a_bug_in_a_destination_ends_one_attempt_and_nothing_else() {
    for rig in Rig::each().await {
        rig.plays([Play::Panic]);
        rig.arrive("a", 1).await;
        let running = rig.start(&Wake::default());
        rig.sees(1).await;
        rig.reaches("a", DeliveryState::Due).await;
        let doubtful = rig.delivery("a").await;
        let why = doubtful.cause.unwrap();
        assert_eq!((doubtful.unsure, doubtful.attempts), (true, 1));
        assert_eq!(why.kind, ErrorKind::Local);
        assert!(!why.to_string().contains("as it was told"), "{why}");
        // The loop lives, and the next attempt looks first.
        rig.step(60);
        rig.reaches("a", DeliveryState::Delivered).await;
        assert_eq!(rig.stage.seen(), ["deliver a", "find a"]);
        rig.stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_begins_nothing() {
    for rig in Rig::each().await {
        rig.plays([Play::Wait]);
        rig.arrive("a", 1).await;
        let wake = Wake::default();
        let running = rig.start(&wake);
        rig.sees(1).await;
        rig.stop.cancel();
        rig.arrive("b", 1).await;
        wake.wake();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!running.is_finished(), "it waits for the attempt under way");
        rig.stage.go.notify_one();
        running.await.unwrap();
        assert_eq!(rig.delivery("a").await.state, DeliveryState::Delivered);
        let left = rig.delivery("b").await;
        assert_eq!((left.state, left.attempts), (DeliveryState::Due, 0));
        assert_eq!(rig.stage.seen(), ["deliver a"]);
    }
}

#[tokio::test]
async fn an_attempt_that_was_not_begun_before_a_stop_does_not_count() {
    for rig in Rig::each().await {
        rig.arrive("a", 1).await;
        let jobs = rig.sender.claim(4).await.unwrap();
        rig.stop.cancel();
        rig.sender.run(&jobs[0]).await;
        assert_eq!(rig.sender.claim(4).await.unwrap().len(), 0);
        let back = rig.delivery("a").await;
        assert_eq!((back.state, back.attempts, back.unsure), (DeliveryState::Due, 0, false));
        assert_eq!(rig.stage.seen(), Vec::<String>::new());
        let story = rig.journal.story(&PhotoId::parse("a").unwrap()).await.unwrap().unwrap();
        assert_eq!(story.attempts[0].outcome, AttemptOutcome::Cancelled);
    }
}

#[tokio::test]
async fn what_a_stop_cut_off_is_looked_for_by_the_next_run() {
    for rig in Rig::each().await {
        rig.plays([Play::Wait]);
        rig.arrive("a", 1).await;
        let running = rig.start(&Wake::default());
        rig.sees(1).await;
        rig.stop.cancel();
        // The deadline of the stop.
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(rig.delivery("a").await.state, DeliveryState::Sending);
        let now = rig.clock.now();
        assert_eq!(
            rig.journal.recover(now, rig.clock.after(Duration::from_secs(10))).await.unwrap(),
            1
        );
        let found = rig.delivery("a").await;
        assert_eq!((found.state, found.unsure), (DeliveryState::Due, true));
        assert_eq!(rig.due_in("a").await, 10);
    }
}
