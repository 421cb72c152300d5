//! Many at once.

use std::collections::HashSet;

use apertur_bridge::{
    journal::{Accepted, Claim},
    model::{AttemptOutcome, DeliveryState},
};
use tokio::task::JoinSet;

use super::{Change, Store, announced, at, claim, delivered, fetches, id, stored};

pub(super) async fn one_of_many_brings_the_photo(store: &Store) {
    let mut crowd = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        crowd.spawn(async move { store.accept(stored("a", 1)).await.unwrap() });
    }
    let answers = crowd.join_all().await;
    assert_eq!(answers.iter().filter(|a| **a == Accepted::New).count(), 1);
    assert_eq!(store.all().await.len(), 1);
}

pub(super) async fn nobody_gets_what_another_has(store: &Store) {
    for n in 0..40 {
        store.accept(stored(&format!("s{n}"), 1)).await.unwrap();
        store.accept(announced(&format!("w{n}"))).await.unwrap();
    }
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        crowd.spawn(async move {
            let mut got = Vec::new();
            for _ in 0..4 {
                let some = Claim { limit: 3, ..claim("erp", 1) };
                let claimed = store.claim_as(some).await;
                got.extend(claimed.into_iter().map(|c| c.delivery.photo.id));
                let fetches = store.claim_fetches(at(1), at(61), 3).await.unwrap();
                got.extend(fetches.into_iter().map(|f| f.photo.id));
            }
            got
        });
    }
    let got = crowd.join_all().await.concat();
    assert_eq!(got.len(), 80);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 80);
}

pub(super) async fn many_photos_come_and_go_at_once(store: &Store) {
    let mut crowd = JoinSet::new();
    for n in 0..8 {
        let store = store.clone();
        crowd.spawn(async move {
            for m in 0..5 {
                let photo = announced(&format!("p{n}-{m}")).to(&["erp", "archive"]);
                store.accept(photo).await.unwrap();
                for fetch in store.claim_all_fetches(1).await {
                    store.settle_fetch(&fetch, fetches::got(n), at(1)).await.unwrap();
                }
                for destination in ["erp", "archive"] {
                    for claimed in store.claim(destination, 2).await {
                        store.settle_delivery(&claimed, delivered(), at(2)).await.unwrap();
                    }
                }
            }
        });
    }
    crowd.join_all().await;
    let all = store.all().await;
    assert_eq!(all.len(), 80);
    for delivery in all {
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
    }
    assert_eq!(store.outcomes(&id("p0-0")).await, [AttemptOutcome::Done; 3]);
}
