//! What may go after a while. Nothing that still has to be delivered ever does.

use apertur_bridge::{
    journal::{DeliveryEnd, FetchEnd},
    model::{DeliveryState, ErrorKind, FetchState, PhotoId},
};

use super::{Change, Store, announced, at, cause, delivered, digest, id, own_session, stored};

async fn deliver_all(store: &Store, seconds: i64) {
    for claimed in store.claim("erp", seconds).await {
        store.settle_delivery(&claimed, delivered(), at(seconds)).await.unwrap();
    }
}

async fn fetch_state(store: &Store, photo: &PhotoId) -> FetchState {
    store.story_of(photo).await.fetch_state
}

pub(super) async fn only_finished_photos_expire(store: &Store) {
    store.accept(stored("done", 1)).await.unwrap();
    deliver_all(store, 1).await;
    store.accept(stored("held", 2)).await.unwrap();
    store.send("erp", DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }, 1).await;
    store.accept(stored("half", 3).to(&["erp", "archive"])).await.unwrap();
    deliver_all(store, 1).await;
    store.accept(stored("sending", 4)).await.unwrap();
    store.claim_one("erp", 1).await;
    store.accept(announced("gone")).await.unwrap();
    let fetch = store.claim_fetch(1).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(1)).await.unwrap();
    store.accept(stored("due", 5)).await.unwrap();
    store.accept(announced("waiting")).await.unwrap();
    store.accept(stored("unrouted", 6).unrouted()).await.unwrap();

    assert_eq!(store.expire_bytes(at(1000), 99).await.unwrap(), [digest(1)]);
    assert_eq!(store.forget(at(1000), 99).await.unwrap(), 1);
    assert!(store.story(&id("done")).await.unwrap().is_none());
    for image in ["held", "half", "sending", "gone", "due", "waiting", "unrouted"] {
        let story = store.story_of(&id(image)).await;
        assert_ne!(story.fetch_state, FetchState::Expired, "{image}");
        assert!(!story.deliveries.is_empty(), "{image}");
    }
    assert_eq!(store.all().await.len(), 8);
}

pub(super) async fn young_photos_do_not_expire(store: &Store) {
    for (image, seconds) in [("a", 10), ("b", 20)] {
        store.accept(stored(image, u8::try_from(seconds).unwrap()).at(seconds)).await.unwrap();
    }
    deliver_all(store, 30).await;
    assert!(store.expire_bytes(at(10), 9).await.unwrap().is_empty());
    assert_eq!(store.expire_bytes(at(11), 9).await.unwrap(), [digest(10)]);
    assert_eq!(store.expire_bytes(at(21), 9).await.unwrap(), [digest(20)]);
    assert_eq!(store.forget(at(10), 9).await.unwrap(), 0);
    assert_eq!(store.forget(at(11), 9).await.unwrap(), 1);
    assert_eq!(store.knows_photo(&id("b")).await.unwrap(), Some(false));
}

pub(super) async fn bytes_go_when_nobody_needs_them(store: &Store) {
    for (image, bytes) in [("a", 1), ("b", 1), ("c", 2), ("d", 3), ("e", 3)] {
        store.accept(stored(image, bytes)).await.unwrap();
    }
    for claimed in store.claim("erp", 1).await {
        let end =
            if claimed.delivery.photo.id == id("e") { DeliveryEnd::Cancelled } else { delivered() };
        store.settle_delivery(&claimed, end, at(1)).await.unwrap();
    }
    assert!(store.expire_bytes(at(9), 0).await.unwrap().is_empty());
    assert_eq!(store.expire_bytes(at(9), 1).await.unwrap(), [digest(1)], "a and b shared them");
    assert!(!store.knows_bytes(&digest(1)).await.unwrap());
    assert!(store.knows_bytes(&digest(2)).await.unwrap());
    assert_eq!(store.expire_bytes(at(9), 9).await.unwrap(), [digest(2)], "e needs the third");
    assert!(store.knows_bytes(&digest(3)).await.unwrap());
    deliver_all(store, 2).await;
    assert_eq!(store.expire_bytes(at(9), 9).await.unwrap(), [digest(3)]);
    assert!(store.expire_bytes(at(9), 9).await.unwrap().is_empty());
}

pub(super) async fn an_expired_photo_is_still_known(store: &Store) {
    let known = async |image: &str| store.knows_photo(&id(image)).await.unwrap();
    store.accept(stored("a", 1)).await.unwrap();
    store.accept(announced("b")).await.unwrap();
    assert_eq!(
        (known("a").await, known("b").await, known("c").await),
        (Some(true), Some(false), None)
    );
    assert!(store.knows_bytes(&digest(1)).await.unwrap());
    deliver_all(store, 1).await;
    store.expire_bytes(at(9), 9).await.unwrap();
    assert_eq!(fetch_state(store, &id("a")).await, FetchState::Expired);
    assert_eq!(known("a").await, Some(false), "its bytes are not here");
    assert!(!store.knows_bytes(&digest(1)).await.unwrap());
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
}

pub(super) async fn only_expired_photos_are_forgotten(store: &Store) {
    for image in ["a", "b", "c"] {
        store.accept(stored(image, 1)).await.unwrap();
    }
    deliver_all(store, 1).await;
    assert_eq!(store.forget(at(9), 9).await.unwrap(), 0, "bytes go first");
    store.expire_bytes(at(9), 9).await.unwrap();
    assert_eq!(store.forget(at(9), 2).await.unwrap(), 2);
    let left = store.all().await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].photo.id, id("c"), "the oldest go first");
    assert_eq!(store.outcomes(&id("c")).await.len(), 1);
    assert_eq!(store.forget(at(9), 9).await.unwrap(), 1);
    assert_eq!(store.forget(at(9), 9).await.unwrap(), 0);
    assert!(store.all().await.is_empty());
}

pub(super) async fn photos_of_a_session_are_known_until_long_after_its_end(store: &Store) {
    let kept = own_session("s1", 0, 100);
    store.keep_session(kept.clone()).await.unwrap();
    let mut arrival = stored("a", 1);
    arrival.photo.session = Some(kept.session);
    store.accept(arrival).await.unwrap();
    deliver_all(store, 1).await;
    store.expire_bytes(at(50), 9).await.unwrap();
    assert_eq!(store.forget(at(100), 9).await.unwrap(), 0, "it may be asked for again");
    assert_eq!(store.forget(at(101), 9).await.unwrap(), 1);
}

pub(super) async fn numbers_are_never_reused(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let old = store.claim_one("erp", 0).await;
    store.settle_delivery(&old, delivered(), at(1)).await.unwrap();
    store.expire_bytes(at(9), 9).await.unwrap();
    store.forget(at(9), 9).await.unwrap();
    store.accept(stored("b", 2).at(10)).await.unwrap();
    let new = store.claim_one("erp", 10).await;
    assert!(new.delivery.id > old.delivery.id && new.attempt > old.attempt);
    store.settle_delivery(&old, delivered(), at(11)).await.unwrap();
    assert_eq!(store.state(&id("b"), "erp").await, DeliveryState::Sending, "not b's attempt");
}
