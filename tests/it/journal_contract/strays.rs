//! Deliveries to destinations that are not configured any more: held, told, and on their way
//! again when a person says so. Never due where nobody sends.

use apertur_bridge::{
    journal::{DeliveryEnd, FetchEnd},
    model::{AttemptOutcome, DeliveryState, ErrorKind, Filter},
};

use super::{
    Change, Store, announced, at, cause, copy, copy_id, delivered, id, is_left_to, name, planned,
    stored, target,
};

const BOTH: [&str; 2] = ["erp", "archive"];

async fn hold_all_but_archive(store: &Store, seconds: i64) -> u64 {
    store.hold_strays(&[name("archive")], at(seconds)).await.unwrap()
}

pub(super) async fn open_deliveries_to_nowhere_are_held(store: &Store) {
    store.accept(stored("due", 1).to(&BOTH)).await.unwrap();
    store.accept(announced("waiting").to(&BOTH)).await.unwrap();
    assert_eq!(hold_all_but_archive(store, 7).await, 2);
    for image in ["due", "waiting"] {
        let stray = store.delivery(&id(image), "erp").await;
        assert_eq!((stray.state, stray.settled_at), (DeliveryState::Held, Some(at(7))));
        let cause = stray.cause.unwrap();
        assert_eq!(cause.kind, ErrorKind::Unrouted);
        assert_eq!(cause.what, "its destination `erp` is not configured any more");
    }
    assert_eq!(store.state(&id("due"), "archive").await, DeliveryState::Due);
    assert_eq!(store.state(&id("waiting"), "archive").await, DeliveryState::Waiting);
    assert_eq!(hold_all_but_archive(store, 8).await, 0);
    assert_eq!(store.hold_strays(&[], at(9)).await.unwrap(), 2, "nothing is configured");
}

pub(super) async fn settled_deliveries_to_nowhere_stay(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 0).await;
    store.accept(stored("b", 2)).await.unwrap();
    store.send("erp", DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }, 0).await;
    store.accept(stored("c", 3).unrouted()).await.unwrap();
    let before = store.all().await;
    assert_eq!(hold_all_but_archive(store, 7).await, 0);
    assert_eq!(store.all().await, before);
}

pub(super) async fn a_stray_under_way_leaves_doubt(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let lost = store.claim_one("erp", 0).await;
    assert_eq!(hold_all_but_archive(store, 5).await, 1);
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Unknown]);
    store.settle_delivery(&lost, DeliveryEnd::Cancelled, at(6)).await.unwrap();
    let stray = store.delivery(&id("a"), "erp").await;
    assert_eq!((stray.state, stray.unsure), (DeliveryState::Held, true));
    store.replay(&Filter::default(), false, at(7), at(7)).await.unwrap();
    assert!(store.claim_one("erp", 7).await.delivery.unsure, "it may be there");
}

pub(super) async fn bytes_do_not_release_a_stray(store: &Store) {
    for image in ["a", "b"] {
        store.accept(announced(image).to(&BOTH)).await.unwrap();
    }
    hold_all_but_archive(store, 5).await;
    let fetches = store.claim_all_fetches(6).await;
    store.settle_fetch(&fetches[0], super::fetches::got(1), at(6)).await.unwrap();
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetches[1], gone, at(6)).await.unwrap();
    store.accept(stored("b", 2).at(7)).await.unwrap();
    for image in ["a", "b"] {
        let stray = store.delivery(&id(image), "erp").await;
        assert_eq!(stray.cause.unwrap().kind, ErrorKind::Unrouted);
        assert_eq!(stray.state, DeliveryState::Held);
        assert_eq!(store.state(&id(image), "archive").await, DeliveryState::Due);
    }
    let done = store.replay(&Filter::default(), false, at(9), at(9)).await.unwrap();
    assert_eq!((done.due, done.left), (4, 0), "a person may, when it is configured again");
    assert_eq!(store.claim("erp", 9).await.len(), 2);
}

pub(super) async fn a_stray_is_planned_again(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    hold_all_but_archive(store, 5).await;
    let stray = store.delivery(&id("a"), "erp").await.id;
    let nowhere = vec![planned(None, None)];
    assert!(!store.plan_again(stray, nowhere, at(6)).await.unwrap());
    let plan = vec![planned(Some("archive"), Some(target(1)))];
    assert!(store.plan_again(stray, plan.clone(), at(6)).await.unwrap());
    let all = store.all().await;
    assert_eq!((all.len(), &all[0].destination), (1, &Some(name("archive"))));
    assert_eq!((all[0].state, all[0].due_at), (DeliveryState::Due, at(6)));
    assert!(!store.plan_again(stray, plan.clone(), at(7)).await.unwrap(), "it is gone");
    assert!(!store.plan_again(all[0].id, plan, at(7)).await.unwrap(), "it is not held");
}

pub(super) async fn a_plan_for_another_name_looks_first_for_what_may_be_there(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let lost = store.claim_one("erp", 0).await.delivery.id;
    hold_all_but_archive(store, 5).await;
    let plan = vec![planned(Some("archive"), Some(target(1)))];
    assert!(store.plan_again(lost, plan, at(6)).await.unwrap());
    let renamed = store.delivery(&id("a"), "archive").await;
    assert!(renamed.unsure, "the archive may be the erp under a new name");
    store.accept(stored("b", 2)).await.unwrap();
    hold_all_but_archive(store, 7).await;
    let sure = store.delivery(&id("b"), "erp").await.id;
    let plan = vec![planned(Some("archive"), Some(target(1)))];
    assert!(store.plan_again(sure, plan, at(8)).await.unwrap());
    assert!(!store.delivery(&id("b"), "archive").await.unsure);
}

pub(super) async fn a_plan_for_the_same_place_keeps_doubt_and_steps(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let number = store.claim_one("erp", 0).await.delivery.id;
    hold_all_but_archive(store, 5).await;
    let plan = vec![planned(Some("erp"), Some(target(1)))];
    assert!(store.plan_again(number, plan, at(6)).await.unwrap());
    let again = store.claim_one("erp", 6).await.delivery;
    assert_eq!((again.id, again.unsure, again.attempts), (number, true, 1));
    assert_eq!(again.cause, None);
}

pub(super) async fn a_stray_covers_nothing(store: &Store) {
    store.accept(copy("a", 1)).await.unwrap();
    hold_all_but_archive(store, 5).await;
    store.accept(stored("a", 1).at(6)).await.unwrap();
    assert_eq!(store.claim_one("erp", 6).await.delivery.photo.id, id("a"));
    store.replay(&Filter::default(), false, at(7), at(7)).await.unwrap();
    assert!(is_left_to(&store.delivery(&copy_id(1), "erp").await, &id("a")));
}
