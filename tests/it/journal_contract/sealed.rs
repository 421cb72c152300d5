//! Photos that came in an envelope, which somebody has to open first.

use apertur_bridge::{
    journal::{Accepted, Arrival, Bytes, FetchEnd},
    model::{DeliveryState, ErrorKind, FetchState, Filter, PhotoId, SessionId},
};

use super::{
    Change, Store, announced, at, cause, copy, copy_id, delivered, digest, id, is_left_to, stored,
    target,
};

const TAKEN: Accepted = Accepted::Duplicate { completed: true };
const KNOWN: Accepted = Accepted::Duplicate { completed: false };

/// The same arrival in the envelope with this digest.
pub(super) fn sealed(mut arrival: Arrival, envelope: u8) -> Arrival {
    arrival.photo.sha256 = None;
    arrival.bytes = Bytes::Sealed { envelope: digest(envelope) };
    arrival
}

fn shut() -> FetchEnd {
    FetchEnd::Held { cause: cause(ErrorKind::Encrypted) }
}

async fn knows(store: &Store, bytes: u8) -> bool {
    store.knows_bytes(&digest(bytes)).await.unwrap()
}

pub(super) async fn a_sealed_photo_waits_for_its_opening(store: &Store) {
    store.accept(sealed(stored("a", 1), 50)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Wanted, None));
    assert_eq!(story.deliveries[0].state, DeliveryState::Waiting);
    assert!(knows(store, 50).await, "the spool must keep it");
    let fetch = store.claim_fetch(0).await;
    assert_eq!((fetch.envelope, &fetch.url), (Some(digest(50)), &None));
    store.settle_fetch(&fetch, super::fetches::got(1), at(1)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
    assert!(knows(store, 1).await && !knows(store, 50).await);
    assert_eq!(store.accept(sealed(stored("a", 1), 50)).await.unwrap(), KNOWN);
    assert!(!knows(store, 50).await);
}

pub(super) async fn a_held_envelope_is_opened_after_a_replay(store: &Store) {
    store.accept(sealed(stored("a", 1), 50)).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    store.settle_fetch(&fetch, shut(), at(1)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.deliveries[0].cause, Some(cause(ErrorKind::Encrypted)));
    assert!(knows(store, 50).await);
    assert!(store.expire_bytes(at(1000), 9).await.unwrap().is_empty());

    store.replay(&Filter::default(), false, at(2), at(2)).await.unwrap();
    let fetch = store.claim_fetch(2).await;
    assert_eq!(fetch.envelope, Some(digest(50)));
    store.settle_fetch(&fetch, super::fetches::got(1), at(3)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
}

pub(super) async fn the_same_envelope_changes_nothing_until_it_is_held(store: &Store) {
    let again = |seconds| sealed(stored("a", 1), 50).at(seconds);
    store.accept(again(0)).await.unwrap();
    assert_eq!(store.accept(again(1)).await.unwrap(), KNOWN);
    let fetch = store.claim_fetch(1).await;
    store.settle_fetch(&fetch, shut(), at(2)).await.unwrap();
    assert_eq!(store.accept(again(3)).await.unwrap(), TAKEN);
    let fetch = store.claim_fetch(3).await;
    assert_eq!((fetch.envelope, fetch.attempts, fetch.since), (Some(digest(50)), 0, at(3)));
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Waiting);
}

pub(super) async fn an_envelope_stands_beside_a_link(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let by_link = store.claim_fetch(0).await;
    assert_eq!(store.accept(sealed(stored("a", 1), 50).at(1)).await.unwrap(), KNOWN);
    store.settle_fetch(&by_link, shut(), at(2)).await.unwrap();
    let both = store.claim_fetch(2).await;
    assert_eq!((both.envelope, &both.url), (Some(digest(50)), &by_link.url));
    store.settle_fetch(&both, shut(), at(3)).await.unwrap();
    assert_eq!(store.story_of(&id("a")).await.fetch_state, FetchState::Held);
}

pub(super) async fn bytes_that_come_plain_end_the_opening(store: &Store) {
    store.accept(sealed(stored("a", 1), 50)).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    assert_eq!(store.accept(stored("a", 1).at(1)).await.unwrap(), TAKEN);
    store.settle_fetch(&fetch, shut(), at(2)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
    assert!(knows(store, 1).await && !knows(store, 50).await);
}

pub(super) async fn an_opened_copy_is_left_to_its_photo(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    assert_eq!(store.accept(sealed(copy("a", 1), 50)).await.unwrap(), Accepted::New);
    store.fetch(1, 1).await;
    assert!(is_left_to(&store.delivery(&copy_id(1), "erp").await, &id("a")));

    store.accept(announced("b")).await.unwrap();
    store.accept(sealed(copy("b", 2), 51).at(1)).await.unwrap();
    let [by_link, opened] = &store.claim_all_fetches(1).await[..] else { panic!() };
    store.settle_fetch(opened, super::fetches::got(2), at(2)).await.unwrap();
    assert_eq!(store.state(&copy_id(2), "erp").await, DeliveryState::Waiting);
    store.settle_fetch(by_link, super::fetches::got(2), at(3)).await.unwrap();
    assert!(is_left_to(&store.delivery(&copy_id(2), "erp").await, &id("b")));
}

pub(super) async fn an_envelope_brings_expired_bytes_and_expires_itself(store: &Store) {
    store.accept(stored("a", 1).on(None).to(&["archive"])).await.unwrap();
    store.send("archive", delivered(), 1).await;
    assert_eq!(store.expire_bytes(at(10), 9).await.unwrap(), [digest(1)]);
    assert_eq!(store.accept(sealed(stored("a", 1), 50).on(None)).await.unwrap(), KNOWN);
    let named = sealed(stored("a", 1), 50).to(&["erp", "archive"]).at(20);
    assert_eq!(store.accept(named).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Wanted, None));
    assert_eq!(story.deliveries[0].photo.sha256, None);
    let fetch = store.claim_fetch(20).await;
    store.settle_fetch(&fetch, shut(), at(21)).await.unwrap();
    assert!(knows(store, 50).await && !knows(store, 1).await);
}

/// A copy known by its envelope, as the door makes one of an event with an unsigned image id.
fn opened_later(image: &str, envelope: u8) -> Arrival {
    let mut arrival = sealed(copy(image, 1), envelope);
    arrival.photo.id = PhotoId::of_bytes(&digest(envelope), Some(&target(1)));
    arrival
}

/// Opens every envelope, and there is the same picture in each.
async fn open_all(store: &Store, seconds: i64) {
    for fetch in store.claim_all_fetches(seconds).await {
        store.settle_fetch(&fetch, super::fetches::got(1), at(seconds)).await.unwrap();
    }
}

pub(super) async fn two_envelopes_of_one_picture_are_one_photo(store: &Store) {
    let (first, second) = (opened_later("a", 50), opened_later("a", 51).at(1));
    let (one, two) = (first.photo.id.clone(), second.photo.id.clone());
    for arrival in [first, second] {
        assert_eq!(store.accept(arrival).await.unwrap(), Accepted::New, "nobody opened it yet");
    }
    open_all(store, 2).await;
    assert_eq!(store.state(&one, "erp").await, DeliveryState::Due);
    assert!(is_left_to(&store.delivery(&two, "erp").await, &one));
    assert_eq!(store.claim("erp", 9).await.len(), 1, "attached once");

    let mut foreign = opened_later("a", 52).on(Some(target(2))).at(10);
    foreign.photo.id = id("sha256-foreign");
    store.accept(foreign).await.unwrap();
    store.accept(opened_later("b", 53).at(10)).await.unwrap();
    open_all(store, 11).await;
    assert_eq!(store.claim("erp", 12).await.len(), 2, "another record, and another image");

    for (envelope, session) in [(54, Some("s-1")), (55, Some("s-1")), (56, Some("s-2")), (57, None)]
    {
        let mut nameless = opened_later("c", envelope).at(20);
        nameless.photo.image_id = None;
        nameless.photo.session = session.and_then(|id| SessionId::parse(id).ok());
        store.accept(nameless).await.unwrap();
    }
    open_all(store, 21).await;
    assert_eq!(store.claim("erp", 22).await.len(), 3, "without an image id each session its own");
}

pub(super) async fn an_envelope_of_a_picture_that_came_plain_is_that_photo(store: &Store) {
    store.accept(opened_later("a", 50)).await.unwrap();
    store.accept(copy("a", 1).at(1)).await.unwrap();
    store.fetch(1, 2).await;
    let opened = PhotoId::of_bytes(&digest(50), Some(&target(1)));
    assert!(is_left_to(&store.delivery(&opened, "erp").await, &copy_id(1)));

    store.accept(opened_later("b", 51).at(3)).await.unwrap();
    store.fetch(2, 4).await;
    store.accept(copy("b", 2).at(5)).await.unwrap();
    let opened = PhotoId::of_bytes(&digest(51), Some(&target(1)));
    assert!(is_left_to(&store.delivery(&copy_id(2), "erp").await, &opened));
    assert_eq!(store.claim("erp", 9).await.len(), 2, "each picture once");
}
