//! Changes of many deliveries whose page cannot be carried out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use apertur_bridge::{
    journal::{Arrival, Bytes, Planned, Settings, open},
    model::{
        By, DeliveryState, DestinationName, Digest, Filter, Photo, PhotoId, Reason, RunState,
        Shape, Verb,
    },
    ops::{self, Ops},
    system::Clock,
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

fn arrival(number: u8) -> Arrival {
    let photo = Photo {
        id: PhotoId::parse(&format!("img_{number}")).unwrap(),
        image_id: None,
        session: None,
        index: None,
        filename: None,
        media_type: None,
        size: Some(3),
        sha256: Some(Digest([number; 32])),
        tags: Vec::new(),
        target: None,
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: None,
        received_at: Timestamp::UNIX_EPOCH,
    };
    let destination = DestinationName::parse("erp").ok();
    let plan = vec![Planned { destination, target: None, mode: None }];
    Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false }
}

#[tokio::test]
async fn a_run_that_cannot_be_carried_out_keeps_no_other_back_and_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let journal = open(&Settings::Sqlite { path: path.clone() }).await.unwrap();
    for number in [1, 2] {
        journal.accept(arrival(number)).await.unwrap();
    }
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON actions WHEN new.run = 2
        BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";
    rusqlite::Connection::open(&path).unwrap().execute_batch(broken).unwrap();
    let ops = Ops::to_read(Arc::clone(&journal), Clock::stepped(Timestamp::UNIX_EPOCH));
    let hold = Verb::Hold { reason: Reason::default() };
    let mut runs = Vec::new();
    for number in ["img_1", "img_2"] {
        let filter = Filter { photo: PhotoId::parse(number).ok(), ..Filter::default() };
        runs.push(ops.begin(hold.clone(), filter, By::new("a test")).await.unwrap().id);
    }
    let stop = CancellationToken::new();
    let carrying = tokio::spawn(ops::carry_on(ops.clone(), stop.clone()));
    let state = async |run: usize| ops.run(runs[run]).await.unwrap().unwrap().state;
    let steps = async |until: RunState, run: usize| {
        let stepping = async {
            let mut seconds = 0;
            while state(run).await != until {
                ops.clock.step(Duration::from_secs(1));
                seconds += 1;
                tokio::task::yield_now().await;
            }
            seconds
        };
        // The disk takes the time it takes.
        tokio::time::timeout(Duration::from_secs(60), stepping).await.unwrap()
    };
    steps(RunState::Done, 0).await;
    assert_eq!(state(1).await, RunState::Running, "it is tried again");
    let seconds = steps(RunState::Stopped, 1).await;
    assert!(seconds >= 30, "not for a moment's trouble: {seconds}");
    let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
    let held = journal.list(&held, None, 9).await.unwrap();
    assert_eq!(held.iter().map(|it| it.photo.id.as_str()).collect::<Vec<_>>(), ["img_1"]);

    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TRIGGER broken").unwrap();
    ops.resume(runs[1]).await.unwrap();
    steps(RunState::Done, 1).await;
    stop.cancel();
    carrying.await.unwrap();
    journal.close().await;
}
