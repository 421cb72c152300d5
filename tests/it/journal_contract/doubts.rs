//! Photos of which nobody knows for certain which record they belong to: a header that nobody
//! signed names a session of ours for record 1, what is signed names record 2.

use apertur_bridge::{
    journal::{Accepted, Arrival, DeliveryEnd, FetchEnd},
    model::{Cause, DeliveryState, ErrorKind, PhotoId, SessionId},
};

use super::{
    Change, Store, announced, at, cause, copy, delivered, digest, fetches, id, is_left_to, planned,
    sealed::sealed, stored, target,
};

const TAKEN: Accepted = Accepted::Duplicate { completed: true };
const KNOWN: Accepted = Accepted::Duplicate { completed: false };

fn why() -> Cause {
    Cause::new(ErrorKind::Unrouted, "two records are named", "look at the photo")
}

fn of(session: &str, mut arrival: Arrival) -> Arrival {
    arrival.photo.session = SessionId::parse(session).ok();
    arrival
}

/// The photo in doubt: its bytes are signed, its image id and its session are not.
fn doubtful(image: &str, bytes: u8) -> Arrival {
    let mut arrival = of("s-1", copy(image, bytes)).on(Some(target(2)));
    arrival.photo.id = doubted(bytes);
    arrival.plan = vec![planned(None, Some(target(2)))];
    (arrival.held, arrival.is_doubtful) = (Some(why()), true);
    arrival
}

fn doubted(bytes: u8) -> PhotoId {
    PhotoId::of_bytes(&digest(bytes), Some(&target(2)))
}

/// The same photo, told for certain: signed, polled or asked for.
fn certain(arrival: Arrival) -> Arrival {
    of("s-1", arrival)
}

/// Whether the doubt is over because the photo `a` is this one.
async fn is_settled(store: &Store, bytes: u8) -> bool {
    let story = store.story_of(&doubted(bytes)).await;
    let [delivery] = &story.deliveries[..] else { panic!("one delivery: {story:?}") };
    is_left_to(delivery, &id("a")) && delivery.cause.is_none()
}

async fn is_held(store: &Store, bytes: u8) -> bool {
    let story = store.story_of(&doubted(bytes)).await;
    let [delivery] = &story.deliveries[..] else { panic!("one delivery: {story:?}") };
    delivery.state == DeliveryState::Held && delivery.cause == Some(why())
}

pub(super) async fn a_certain_arrival_later_ends_a_doubt(store: &Store) {
    assert_eq!(store.accept(doubtful("a", 1)).await.unwrap(), Accepted::New);
    assert!(is_held(store, 1).await);
    assert_eq!(store.accept(certain(stored("a", 1)).at(5)).await.unwrap(), Accepted::New);
    assert!(is_settled(store, 1).await, "held for ever, and attached by the other");
    let claimed = store.claim("erp", 9).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].delivery.target, Some(target(1)), "the session's record");
    assert_eq!(store.accept(doubtful("a", 1).at(9)).await.unwrap(), KNOWN);
}

pub(super) async fn a_fetch_ends_a_doubt_too(store: &Store) {
    store.accept(doubtful("a", 1)).await.unwrap();
    store.accept(certain(announced("a")).at(1)).await.unwrap();
    assert!(is_held(store, 1).await, "its bytes may be others");
    let fetch = store.claim_fetch(2).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(3)).await.unwrap();
    assert!(is_held(store, 1).await, "it may be all that there is");
    assert_eq!(store.accept(certain(stored("a", 1)).at(4)).await.unwrap(), TAKEN);
    assert!(is_settled(store, 1).await);

    let envelope = doubtful("a", 1);
    let mut envelope = sealed(envelope, 50);
    envelope.photo.id = id("sha256-sealed");
    store.accept(envelope.at(5)).await.unwrap();
    let fetch = store.claim_fetch(6).await;
    store.settle_fetch(&fetch, fetches::got(1), at(6)).await.unwrap();
    let opened = store.story_of(&id("sha256-sealed")).await.deliveries.remove(0);
    assert!(is_left_to(&opened, &id("a")));
    assert_eq!(store.claim("erp", 9).await.len(), 1);
}

pub(super) async fn what_is_certain_already_leaves_no_doubt(store: &Store) {
    store.accept(certain(stored("a", 1))).await.unwrap();
    assert_eq!(store.accept(doubtful("a", 1).at(1)).await.unwrap(), KNOWN);
    let mut same = stored("b", 2).on(Some(target(2)));
    same.photo.session = SessionId::parse("s-9").ok();
    store.accept(same).await.unwrap();
    assert_eq!(store.accept(doubtful("b", 2).at(1)).await.unwrap(), KNOWN, "that very record");
    assert_eq!(store.claim("erp", 9).await.len(), 2);
    assert_eq!(store.all().await.len(), 2);
}

pub(super) async fn only_the_same_picture_of_the_session_ends_a_doubt(store: &Store) {
    store.accept(doubtful("a", 1)).await.unwrap();
    store.accept(certain(stored("a", 2)).at(1)).await.unwrap();
    assert!(is_held(store, 1).await, "other bytes");
    store.accept(doubtful("b", 3).at(2)).await.unwrap();
    store.accept(of("s-2", stored("b", 3)).at(3)).await.unwrap();
    assert!(is_held(store, 3).await, "another session and another record");
    store.accept(stored("c", 4).on(None).to(&["archive"]).at(4)).await.unwrap();
    assert_eq!(store.accept(doubtful("c", 4).at(5)).await.unwrap(), Accepted::New);
    assert!(is_held(store, 4).await, "nobody knows the record of the other, either");
    assert_eq!(store.story_of(&id("c")).await.photo.target, None, "a doubt names no record");
}

pub(super) async fn a_doubt_is_decided_by_a_certain_arrival_of_its_own(store: &Store) {
    // The image id is signed, the session is not.
    let mut first = doubtful("a", 1);
    first.photo.id = id("a");
    store.accept(first.clone()).await.unwrap();
    assert_eq!(store.accept(first.at(1)).await.unwrap(), KNOWN);
    let decided = certain(stored("a", 1)).to(&["erp", "archive"]).at(5);
    assert_eq!(store.accept(decided.clone()).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.photo.target, story.photo.session), (Some(target(1)), decided.photo.session));
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, &delivery.target), (DeliveryState::Due, &Some(target(1))));
        assert_eq!(delivery.photo.target, Some(target(1)));
    }
    assert_eq!(store.accept(doubtful("a", 1).at(6)).await.unwrap(), KNOWN);
    assert_eq!(store.accept(certain(stored("a", 1)).at(7)).await.unwrap(), KNOWN);
}

pub(super) async fn a_request_that_was_repeated_with_a_forged_session_goes_its_own_way(
    store: &Store,
) {
    store.accept(doubtful("a", 1)).await.unwrap();
    store.accept(certain(stored("a", 1)).at(1)).await.unwrap();
    assert!(is_settled(store, 1).await);
    // The request itself, with its own session and image.
    let mut own = of("s-9", copy("z", 1)).on(Some(target(2))).to(&["erp"]).at(2);
    own.photo.id = doubted(1);
    assert_eq!(store.accept(own).await.unwrap(), TAKEN);
    let mut records: Vec<_> =
        store.claim("erp", 9).await.into_iter().map(|c| c.delivery.target).collect();
    records.sort_by_key(|target| target.as_ref().map(ToString::to_string));
    assert_eq!(records, [Some(target(1)), Some(target(2))]);
}

pub(super) async fn a_person_s_word_on_a_doubt_stands(store: &Store) {
    store.accept(doubtful("a", 1)).await.unwrap();
    let held = store.all().await.remove(0);
    let plan = vec![planned(Some("erp"), Some(target(2)))];
    assert!(store.plan_again(held.id, plan, at(1)).await.unwrap());
    store.send("erp", delivered(), 2).await;
    let mut own = copy("a", 1).on(Some(target(2))).to(&["erp", "archive"]).at(3);
    own.photo.id = doubted(1);
    assert_eq!(store.accept(own).await.unwrap(), KNOWN);
    assert_eq!(store.all().await.len(), 1);
    // What is certain is another photo: the person sent this one elsewhere.
    store.accept(certain(stored("a", 1)).at(4)).await.unwrap();
    store.send("erp", DeliveryEnd::Delivered(apertur_bridge::model::Receipt::default()), 5).await;
    assert_eq!(store.state(&doubted(1), "erp").await, DeliveryState::Delivered);
}
