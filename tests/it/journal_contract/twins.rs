//! One image that comes twice: once with a signed image id, once known only by its bytes with
//! an image id in an unsigned header. At least one of the two is sent, to each place once.

use apertur_bridge::{
    journal::{Accepted, Arrival, DeliveryEnd, FetchEnd},
    model::{DeliveryState, ErrorKind, Filter, Foreseen, Left, Mode, PhotoId, SessionId, Verb},
};

use super::{
    Change, Store, announced, at, cause, copy, copy_id, delivered, digest, id, is_left_to, name,
    planned, stored, target,
};

fn refused() -> DeliveryEnd {
    DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }
}

fn gone() -> FetchEnd {
    FetchEnd::Held { cause: cause(ErrorKind::Gone) }
}

async fn photo_is_left_to_copy(store: &Store, destination: &str) -> bool {
    is_left_to(&store.delivery(&id("a"), destination).await, &copy_id(1))
}

async fn copy_is_left_to_photo(store: &Store, destination: &str) -> bool {
    is_left_to(&store.delivery(&copy_id(1), destination).await, &id("a"))
}

pub(super) async fn a_copy_of_a_photo_with_bytes_is_a_duplicate(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let known = Accepted::Duplicate { completed: false };
    assert_eq!(store.accept(copy("a", 1)).await.unwrap(), known);
    assert_eq!(store.all().await.len(), 1);
    assert_eq!(store.knows_photo(&copy_id(1)).await.unwrap(), None);

    store.send("erp", delivered(), 0).await;
    store.expire_bytes(at(9), 9).await.unwrap();
    assert_eq!(store.accept(copy("a", 1)).await.unwrap(), known, "known after its bytes went");
}

pub(super) async fn a_copy_with_other_bytes_is_new(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    assert_eq!(store.accept(copy("a", 2)).await.unwrap(), Accepted::New);
    assert_eq!(store.claim("erp", 0).await.len(), 2);
}

pub(super) async fn a_copy_waits_and_is_left_to_the_photo(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    assert_eq!(store.accept(copy("a", 1)).await.unwrap(), Accepted::New);
    assert_eq!(store.state(&copy_id(1), "erp").await, DeliveryState::Waiting);
    assert!(store.claim("erp", 9).await.is_empty());

    let fetch = store.claim_fetch(10).await;
    let later = FetchEnd::Later { at: at(20), cause: cause(ErrorKind::Timeout) };
    store.settle_fetch(&fetch, later, at(10)).await.unwrap();
    assert_eq!(store.state(&copy_id(1), "erp").await, DeliveryState::Waiting);

    store.fetch(1, 20).await;
    assert!(copy_is_left_to_photo(store, "erp").await);
    assert_eq!(store.delivery(&copy_id(1), "erp").await.settled_at, Some(at(20)));
    assert_eq!(store.claim_one("erp", 20).await.delivery.photo.id, id("a"));
}

pub(super) async fn a_waiting_copy_is_settled_by_taken_bytes(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    store.accept(copy("a", 1)).await.unwrap();
    store.accept(stored("a", 1).at(5)).await.unwrap();
    assert!(copy_is_left_to_photo(store, "erp").await);
    assert_eq!(store.claim_one("erp", 5).await.delivery.photo.id, id("a"));
}

pub(super) async fn a_waiting_copy_with_other_bytes_goes_on(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    store.accept(copy("a", 2)).await.unwrap();
    store.fetch(1, 5).await;
    let copied = store.delivery(&copy_id(2), "erp").await;
    assert_eq!((copied.state, copied.due_at), (DeliveryState::Due, at(5)));
    assert_eq!(copied.since, at(5));
    assert_eq!(store.claim("erp", 5).await.len(), 2);
}

pub(super) async fn a_waiting_copy_goes_on_when_the_fetch_is_held(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    store.accept(copy("a", 1)).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    store.settle_fetch(&fetch, gone(), at(1)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Held);
    store.send("erp", delivered(), 1).await;
    assert_eq!(store.state(&copy_id(1), "erp").await, DeliveryState::Delivered);

    store.replay(&Filter::default(), false, at(2), at(2)).await.unwrap();
    store.fetch(1, 2).await;
    assert!(photo_is_left_to_copy(store, "erp").await);
}

pub(super) async fn a_photo_with_bytes_is_left_to_its_copy(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    assert_eq!(store.accept(stored("a", 1).at(3)).await.unwrap(), Accepted::New);
    assert!(photo_is_left_to_copy(store, "erp").await, "due");

    store.accept(copy("b", 2)).await.unwrap();
    assert_eq!(store.claim("erp", 3).await.len(), 2);
    store.accept(stored("b", 2).at(4)).await.unwrap();
    assert!(is_left_to(&store.delivery(&id("b"), "erp").await, &copy_id(2)), "sending");
    assert!(store.claim("erp", 4).await.is_empty());
}

pub(super) async fn a_fetched_photo_is_left_to_its_copy(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    store.send("erp", delivered(), 0).await;
    store.accept(announced("a").at(1)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Waiting);
    store.fetch(1, 2).await;
    assert!(photo_is_left_to_copy(store, "erp").await);
    assert!(store.claim("erp", 2).await.is_empty());
}

pub(super) async fn what_the_other_does_not_bring_goes_on(store: &Store) {
    store.accept(copy("a", 1).to(&["erp"])).await.unwrap();
    store.accept(stored("a", 1).to(&["erp", "archive"])).await.unwrap();
    assert!(photo_is_left_to_copy(store, "erp").await);
    assert_eq!(store.state(&id("a"), "archive").await, DeliveryState::Due);

    store.accept(announced("b").to(&["erp"])).await.unwrap();
    store.accept(copy("b", 2).to(&["erp", "archive"])).await.unwrap();
    store.fetch(2, 5).await;
    assert_eq!(store.state(&id("b"), "erp").await, DeliveryState::Due);
    assert!(is_left_to(&store.delivery(&copy_id(2), "erp").await, &id("b")));
    assert_eq!(store.state(&copy_id(2), "archive").await, DeliveryState::Due);

    store.accept(announced("c").unrouted()).await.unwrap();
    store.accept(copy("c", 3).to(&["erp"])).await.unwrap();
    store.fetch(3, 6).await;
    assert_eq!(store.state(&copy_id(3), "erp").await, DeliveryState::Due, "nobody else sends it");
}

pub(super) async fn different_records_both_get_it(store: &Store) {
    store.accept(copy("a", 1).on(Some(target(1)))).await.unwrap();
    store.accept(stored("a", 1).on(Some(target(2)))).await.unwrap();
    assert_eq!(store.claim("erp", 0).await.len(), 2);

    store.accept(announced("b").on(Some(target(1)))).await.unwrap();
    store.accept(copy("b", 2).on(Some(target(2)))).await.unwrap();
    store.fetch(2, 1).await;
    assert_eq!(store.claim("erp", 1).await.len(), 2);

    store.accept(copy("c", 3).on(None)).await.unwrap();
    store.accept(stored("c", 3).on(Some(target(2)))).await.unwrap();
    assert_eq!(store.claim("erp", 1).await.len(), 1, "one of the two names no record at all");
}

pub(super) async fn a_held_copy_brings_nothing(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    store.send("erp", refused(), 0).await;
    store.accept(stored("a", 1)).await.unwrap();
    assert_eq!(store.claim_one("erp", 0).await.delivery.photo.id, id("a"));
}

pub(super) async fn a_replayed_waiting_copy_is_sent_once(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    store.accept(copy("a", 1)).await.unwrap();
    let only = Filter { photo: Some(copy_id(1)), ..Filter::default() };
    assert_eq!(store.replay(&only, false, at(1), at(1)).await.unwrap().due, 1);
    store.send("erp", delivered(), 1).await;
    store.fetch(1, 2).await;
    assert!(photo_is_left_to_copy(store, "erp").await);
    assert!(!copy_is_left_to_photo(store, "erp").await, "one of the two is really there");
    assert!(store.claim("erp", 2).await.is_empty());
}

pub(super) async fn a_replayed_copy_is_left_to_the_photo_unless_forced(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    store.send("erp", refused(), 0).await;
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 1).await;

    let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
    let done = store.replay(&held, false, at(2), at(2)).await.unwrap();
    assert_eq!((done.due, done.left), (0, 1));
    assert!(copy_is_left_to_photo(store, "erp").await);
    assert_eq!(store.delivery(&copy_id(1), "erp").await.cause, None);
    assert!(store.claim("erp", 2).await.is_empty());

    let only = Filter { photo: Some(copy_id(1)), ..Filter::default() };
    assert_eq!(store.replay(&only, true, at(3), at(3)).await.unwrap().due, 1);
    assert_eq!(store.claim("erp", 3).await.len(), 1, "a person insists");
}

pub(super) async fn a_replay_of_many_sends_no_copy_even_with_force(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    store.send("erp", refused(), 0).await;
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 1).await;
    let (force, everything) = (Verb::Replay { force: true }, Filter::default());
    for (state, done) in [(DeliveryState::Held, 1), (DeliveryState::Delivered, 1)] {
        assert_eq!(store.delivery(&copy_id(1), "erp").await.state, state);
        let foreseen = store.foresee(&force, &everything, &[name("erp")]).await.unwrap();
        let same = |it: &&Foreseen| it.left == Some(Left::SamePhoto);
        assert_eq!(foreseen.iter().filter(same).map(|it| it.count).sum::<u64>(), 1);
        let before = store.delivery(&copy_id(1), "erp").await;
        let run = store.change(force.clone(), &everything).await;
        assert_eq!((run.tally.left[&Left::SamePhoto], run.tally.done), (1, done));
        let copy = store.delivery(&copy_id(1), "erp").await;
        assert!(is_left_to(&copy, &id("a")));
        assert!(copy == before || state == DeliveryState::Held, "nothing is done with it");
        let sent = store.claim_one("erp", 700).await;
        assert!(sent.delivery.unsure, "what is there is found");
        store.settle_delivery(&sent, delivered(), at(700)).await.unwrap();
    }

    let ids = vec![store.delivery(&copy_id(1), "erp").await.id];
    let states = vec![DeliveryState::Delivered];
    let limited = Filter { ids: ids.clone(), states, ..Filter::default() };
    assert_eq!(store.change(force.clone(), &limited).await.tally.done, 0, "one of a sort");
    let named = Filter { ids, ..Filter::default() };
    assert_eq!(store.change(force.clone(), &named).await.tally.done, 1, "a person insists");
    store.send("erp", delivered(), 800).await;
    let run = store.change(force, &everything).await;
    assert_eq!((run.tally.done, run.tally.left()), (2, 0), "each of the two finds itself");
}

pub(super) async fn equal_bytes_without_a_hint_are_two_photos(store: &Store) {
    let mut nameless = copy("a", 1);
    nameless.photo.image_id = None;
    store.accept(stored("a", 1)).await.unwrap();
    assert_eq!(store.accept(nameless).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(stored("b", 1)).await.unwrap(), Accepted::New);
    assert_eq!(store.claim("erp", 0).await.len(), 3);
}

pub(super) async fn equal_bytes_of_one_session_are_one_photo(store: &Store) {
    let of = |session: &str, mut arrival: Arrival| {
        arrival.photo.session = SessionId::parse(session).ok();
        arrival
    };
    let nameless = |bytes| {
        let mut arrival = copy("a", bytes);
        arrival.photo.image_id = None;
        arrival
    };
    store.accept(of("s1", nameless(1))).await.unwrap();
    store.send("erp", delivered(), 0).await;
    store.accept(of("s1", announced("a")).at(1)).await.unwrap();
    store.fetch(1, 2).await;
    assert!(photo_is_left_to_copy(store, "erp").await, "it never came, as far as is known");

    store.accept(of("s1", stored("b", 2)).at(3)).await.unwrap();
    store.accept(of("s1", nameless(2)).at(4)).await.unwrap();
    assert!(is_left_to(&store.delivery(&copy_id(2), "erp").await, &id("b")), "it came after all");
    assert_eq!(store.claim_one("erp", 4).await.delivery.photo.id, id("b"));

    store.accept(of("s1", nameless(3)).at(5)).await.unwrap();
    store.accept(of("s2", stored("c", 3)).at(5)).await.unwrap();
    assert_eq!(store.claim("erp", 5).await.len(), 2, "of two sessions");
    for (image, bytes) in [("d", 4), ("e", 4)] {
        store.accept(of("s1", stored(image, bytes)).at(6)).await.unwrap();
    }
    assert_eq!(store.claim("erp", 6).await.len(), 2, "whoever has two ids is two photos");
}

pub(super) async fn a_new_plan_knows_the_copy(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    store.accept(stored("a", 1).unrouted()).await.unwrap();
    let unrouted = store.story_of(&id("a")).await.deliveries[0].id;
    let plan = ["erp", "archive"].map(|to| planned(Some(to), Some(target(1))));
    store.plan_again(unrouted, plan.to_vec(), at(2)).await.unwrap();
    assert!(photo_is_left_to_copy(store, "erp").await);
    assert_eq!(store.state(&id("a"), "archive").await, DeliveryState::Due);
}

pub(super) async fn a_copy_that_names_the_record_completes_the_photo(store: &Store) {
    let taken = Accepted::Duplicate { completed: true };
    store.accept(stored("a", 1).on(None).unrouted()).await.unwrap();
    let named = copy("a", 1).to(&["erp", "archive"]).at(3);
    assert_eq!(store.accept(named).await.unwrap(), taken);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.photo.target, story.deliveries.len()), (Some(target(1)), 2));
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(3)));
        assert_eq!(delivery.target, Some(target(1)));
    }
    let known = Accepted::Duplicate { completed: false };
    assert_eq!(store.accept(copy("a", 1).at(4)).await.unwrap(), known);
    assert_eq!(store.all().await.len(), 2);
}

pub(super) async fn a_copy_for_another_record_is_a_photo_of_its_own(store: &Store) {
    store.accept(stored("a", 1).on(Some(target(1)))).await.unwrap();
    let other = copy("a", 1).on(Some(target(2)));
    assert_eq!(store.accept(other).await.unwrap(), Accepted::New);
    assert_eq!(store.claim("erp", 0).await.len(), 2);
}

pub(super) async fn bytes_for_two_records_are_two_photos(store: &Store) {
    for (record, accepted) in
        [(1, Accepted::New), (2, Accepted::New), (1, Accepted::Duplicate { completed: false })]
    {
        let mut arrival = copy("a", 1).on(Some(target(record)));
        arrival.photo.id = PhotoId::of_bytes(&digest(1), Some(&target(record)));
        assert_eq!(store.accept(arrival).await.unwrap(), accepted);
    }
    assert_eq!(store.claim("erp", 0).await.len(), 2);
    let mut ids = [None, Some(target(1)), Some(target(2))]
        .map(|target| PhotoId::of_bytes(&digest(1), target.as_ref()).to_string());
    ids.sort();
    assert!(ids.iter().all(|id| id.len() == 55 && id.starts_with("sha256-")));
    assert!(ids.windows(2).all(|two| two[0] != two[1]));

    // Each of the two may be the one that covers a photo with a signed id.
    store.accept(stored("a", 1).on(Some(target(2)))).await.unwrap();
    let second = PhotoId::of_bytes(&digest(1), Some(&target(2)));
    assert!(is_left_to(&store.delivery(&id("a"), "erp").await, &second));
}

pub(super) async fn the_one_that_is_sent_takes_the_record_over(store: &Store) {
    store.accept(copy("due", 1).on(None)).await.unwrap();
    let mut named = stored("due", 1).on(Some(target(7)));
    named.plan[0].mode = Some(Mode::Public);
    store.accept(named).await.unwrap();
    assert!(is_left_to(&store.delivery(&id("due"), "erp").await, &copy_id(1)));
    let sent = store.claim_one("erp", 0).await;
    assert_eq!(sent.delivery.photo.id, copy_id(1));
    assert_eq!((sent.delivery.target, sent.delivery.mode), (Some(target(7)), Some(Mode::Public)));
    assert_eq!(sent.delivery.photo.target, Some(target(7)));

    store.accept(copy("sending", 2).on(None).to(&["desk"])).await.unwrap();
    let sent = store.claim_one("desk", 0).await;
    store.accept(stored("sending", 2).to(&["desk"])).await.unwrap();
    store.settle_delivery(&sent, refused(), at(1)).await.unwrap();
    let again = store.claim_one("desk", 1).await;
    assert_eq!((again.delivery.photo.id, again.delivery.target), (copy_id(2), Some(target(1))));
}

pub(super) async fn a_workspace_makes_no_other_record(store: &Store) {
    let [bare, within] = ["freshservice:241", "freshservice:2:241"].map(|t| t.parse().ok());
    let ids = [&bare, &within].map(|t| PhotoId::of_bytes(&digest(1), t.as_ref()));
    assert_eq!(ids[0], ids[1]);

    store.accept(stored("a", 1).on(bare.clone())).await.unwrap();
    let known = Accepted::Duplicate { completed: false };
    assert_eq!(store.accept(copy("a", 1).on(within.clone())).await.unwrap(), known);

    store.accept(copy("b", 2).on(within)).await.unwrap();
    store.accept(stored("b", 2).on(bare)).await.unwrap();
    assert!(is_left_to(&store.delivery(&id("b"), "erp").await, &copy_id(2)));
    assert_eq!(store.claim("erp", 0).await.len(), 2);
}
