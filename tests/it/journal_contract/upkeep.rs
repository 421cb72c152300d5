//! The measures of a journal, and what retention would remove.

use apertur_bridge::{
    journal::{DeliveryEnd, Prunable, Upkept},
    model::{DeliveryState, ErrorKind, FetchState},
};

use super::{Change, Store, announced, at, cause, delivered, digest, id, stored};

pub(super) async fn measures_count_every_state(store: &Store) {
    assert_eq!(store.stats().await.unwrap().oldest, None);
    store.accept(stored("a", 1).at(5).to(&["erp", "archive"])).await.unwrap();
    store.accept(announced("b").at(9)).await.unwrap();
    store.send("erp", delivered(), 10).await;
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.photos, [(FetchState::Stored, 1), (FetchState::Wanted, 1)]);
    let states = [DeliveryState::Delivered, DeliveryState::Due, DeliveryState::Waiting];
    assert_eq!(stats.deliveries, states.map(|state| (state, 1)));
    assert_eq!((stats.attempts, stats.sessions, stats.oldest), (1, 0, Some(at(5))));
    assert_eq!((stats.last_backup, stats.last_retention), (None, None));
}

pub(super) async fn the_last_upkeep_of_each_sort_is_known(store: &Store) {
    let backup = |bytes| Upkept::Backup { to: "/b.db".into(), bytes };
    let retention = Upkept::Retention { files: 1, bytes: 2, photos: 3, millis: 4 };
    for (seconds, done) in [(1, backup(1)), (2, retention.clone()), (3, backup(3))] {
        store.upkept(at(seconds), done).await.unwrap();
    }
    let stats = store.stats().await.unwrap();
    let backup_done = stats.last_backup.map(|last| (last.at, last.done));
    assert_eq!(backup_done, Some((at(3), backup(3))));
    let retention_done = stats.last_retention.map(|last| (last.at, last.done));
    assert_eq!(retention_done, Some((at(2), retention)));
}

pub(super) async fn what_would_be_removed_is_what_then_is(store: &Store) {
    // Two with one file, one of them too young; one held; one to two places, half there.
    for (image, bytes, seconds) in [("a", 1, 0), ("b", 2, 0), ("c", 2, 50)] {
        store.accept(stored(image, bytes).at(seconds)).await.unwrap();
    }
    for claimed in store.claim("erp", 60).await {
        store.settle_delivery(&claimed, delivered(), at(60)).await.unwrap();
    }
    store.accept(stored("held", 3)).await.unwrap();
    store.send("erp", DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }, 60).await;
    store.accept(stored("half", 4).to(&["erp", "archive"])).await.unwrap();
    store.send("erp", delivered(), 60).await;

    let would = store.prunable(at(40), at(30)).await.unwrap();
    assert_eq!(would, Prunable { photos: 2, files: 1, bytes: 3, rows: 2, runs: 0 });
    assert_eq!(store.undelivered_bytes().await.unwrap(), [digest(3), digest(4)]);
    assert_eq!(store.expire_bytes(at(40), 99).await.unwrap(), [digest(1)]);
    let rest = store.prunable(at(100), at(30)).await.unwrap();
    assert_eq!(rest, Prunable { photos: 1, files: 1, bytes: 3, rows: 2, runs: 0 });
    assert_eq!(store.forget(at(30), 99).await.unwrap(), 2);
    assert!(store.story(&id("b")).await.unwrap().is_none());
    assert_eq!(store.all().await.len(), 4);
    assert!(!store.shrink().await.unwrap(), "there is nothing to give back");
}
