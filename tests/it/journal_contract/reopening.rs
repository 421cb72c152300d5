//! What outlives the process. `open` on the same folder opens the same store again.

use std::{path::Path, sync::Arc};

use apertur_bridge::{
    journal::{self, Journal, Pause},
    model::{AttemptOutcome, DeliveryState, ErrorKind, FetchState, Step},
};

use super::{Change, Store, announced, at, cause, delivered, id, name, own_session, stored};

type Opened = Arc<dyn Journal>;

pub(super) async fn what_was_accepted_is_there_after_a_restart(
    dir: &Path,
    open: impl AsyncFn(&Path) -> Opened,
) {
    let store = Store(open(dir).await);
    let kept = own_session("s1", 1, 10);
    let pause = Pause { destination: name("erp"), since: at(1), cause: cause(ErrorKind::Local) };
    store.accept(stored("a", 1).to(&["erp", "archive"])).await.unwrap();
    store.accept(announced("b")).await.unwrap();
    store.keep_session(kept.clone()).await.unwrap();
    store.set_pause(&name("erp"), Some(pause.clone())).await.unwrap();
    let before = store.all().await;
    store.close().await;
    drop(store);

    let store = Store(open(dir).await);
    assert_eq!(store.recover(at(9), at(9)).await.unwrap(), 0);
    assert_eq!(store.all().await, before);
    assert_eq!(store.session(&kept.session).await.unwrap().as_ref(), Some(&kept));
    assert_eq!(store.pauses().await.unwrap(), [pause]);
    let fetch = store.claim_fetch(9).await;
    assert_eq!((fetch.attempts, fetch.url.is_some()), (0, true));
    store.close().await;
}

pub(super) async fn what_was_under_way_is_there_after_a_crash(
    dir: &Path,
    open: impl AsyncFn(&Path) -> Opened,
) {
    let store = Store(open(dir).await);
    store.accept(stored("a", 1)).await.unwrap();
    store.accept(announced("b").to(&["archive"])).await.unwrap();
    let claimed = store.claim_one("erp", 1).await;
    let step = Step { name: "attachment".to_owned(), value: "77".to_owned() };
    store.note_step(claimed.delivery.id, step.clone()).await.unwrap();
    store.claim_fetch(1).await;
    drop(store); // nobody said goodbye

    let store = Store(open(dir).await);
    assert_eq!(store.recover(at(5), at(5)).await.unwrap(), 1);
    let again = store.claim_one("erp", 5).await.delivery;
    assert!(again.unsure);
    assert_eq!((again.attempts, again.steps), (2, vec![step]));
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Open];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);
    assert_eq!(store.claim_fetch(5).await.attempts, 1);
    store.close().await;
}

pub(super) async fn what_was_settled_stays_settled(
    dir: &Path,
    open: impl AsyncFn(&Path) -> Opened,
) {
    let store = Store(open(dir).await);
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 1).await;
    store.accept(announced("b").at(2)).await.unwrap();
    store.fetch(2, 2).await;
    let before = store.all().await;
    store.close().await;
    drop(store);

    let store = Store(open(dir).await);
    store.recover(at(9), at(9)).await.unwrap();
    assert_eq!(store.all().await, before);
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
    assert_eq!(store.story_of(&id("b")).await.fetch_state, FetchState::Stored);
    assert_eq!(store.claim_one("erp", 9).await.delivery.photo.id, id("b"));
    store.close().await;
}

pub(super) async fn a_ping_fails_when_nobody_writes(
    dir: &Path,
    open: impl AsyncFn(&Path) -> Opened,
) {
    let store = Store(open(dir).await);
    store.ping().await.unwrap();
    let reading = journal::Settings::Sqlite { path: dir.join("journal.db") };
    let reading = journal::open_to_read(&reading).await.unwrap();
    assert!(reading.ping().await.is_err(), "it cannot write");
    store.close().await;
    assert!(store.ping().await.is_err());
}
