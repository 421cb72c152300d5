//! What operators ask and change.

use apertur_bridge::{
    journal::{Count, DeliveryEnd, FetchEnd, Pause},
    model::{AttemptOutcome, DeliveryId, DeliveryState, ErrorKind, FetchState, Filter, SessionId},
};

use super::{
    Change, Replayed, Store, announced, at, cause, delivered, digest, id, name, planned, stored,
    target,
};

fn everything() -> Filter {
    Filter::default()
}

fn held(kind: ErrorKind) -> DeliveryEnd {
    DeliveryEnd::Held { cause: cause(kind) }
}

pub(super) async fn pauses_are_kept_and_lifted(store: &Store) {
    let pause = |to: &str, seconds| Pause {
        destination: name(to),
        since: at(seconds),
        cause: cause(ErrorKind::Unauthorized).with_detail("no such user"),
    };
    assert!(store.pauses().await.unwrap().is_empty());
    for (to, seconds) in [("erp", 1), ("archive", 2), ("erp", 3)] {
        store.set_pause(&name(to), Some(pause(to, seconds))).await.unwrap();
    }
    let mut pauses = store.pauses().await.unwrap();
    pauses.sort_by_key(|pause| pause.since);
    assert_eq!(pauses, [pause("archive", 2), pause("erp", 3)]);
    store.set_pause(&name("erp"), None).await.unwrap();
    store.set_pause(&name("unknown"), None).await.unwrap();
    assert_eq!(store.pauses().await.unwrap(), [pause("archive", 2)]);
}

pub(super) async fn each_part_of_a_filter_filters(store: &Store) {
    let session = SessionId::parse("s1").unwrap();
    let mut first = stored("a", 1).on(Some(target(7))).to(&["erp", "archive"]).at(10);
    first.photo.session = Some(session.clone());
    store.accept(first).await.unwrap();
    store.accept(stored("b", 2).to(&["archive"]).at(20)).await.unwrap();
    store.send("erp", held(ErrorKind::Rejected), 30).await;
    let (erp, archived) = (store.delivery(&id("a"), "erp").await.id, {
        store.delivery(&id("a"), "archive").await.id
    });
    let other = store.delivery(&id("b"), "archive").await.id;
    let empty = Filter::default;
    let states = vec![DeliveryState::Due, DeliveryState::Delivered];
    let cases = [
        (empty(), vec![other, archived, erp]),
        (Filter { ids: vec![erp, other], ..empty() }, vec![other, erp]),
        (Filter { states, ..empty() }, vec![other, archived]),
        (Filter { destination: Some(name("archive")), ..empty() }, vec![other, archived]),
        (Filter { session: Some(session), ..empty() }, vec![archived, erp]),
        (Filter { target: Some(target(7)), ..empty() }, vec![archived, erp]),
        (Filter { photo: Some(id("b")), ..empty() }, vec![other]),
        (Filter { error: Some(ErrorKind::Rejected), ..empty() }, vec![erp]),
        (Filter { since: Some(at(20)), ..empty() }, vec![other]),
        (Filter { until: Some(at(20)), ..empty() }, vec![archived, erp]),
        (Filter { ids: vec![erp], photo: Some(id("b")), ..empty() }, vec![]),
    ];
    for (filter, expected) in cases {
        let mut expected = expected;
        expected.sort_by(|a, b| b.cmp(a));
        let found = store.list(&filter, None, usize::MAX).await.unwrap();
        assert_eq!(found.iter().map(|d| d.id).collect::<Vec<_>>(), expected, "{filter:?}");
        let counted = store.count(&filter).await.unwrap().iter().map(|c| c.count).sum::<u64>();
        assert_eq!(counted, expected.len() as u64, "{filter:?}");
    }
}

pub(super) async fn a_ticket_is_found_with_and_without_its_workspace(store: &Store) {
    for (image, target) in [
        ("bare", "freshservice:241"),
        ("within", "freshservice:2:241"),
        ("next", "freshservice:2:242"),
        ("nameless", "ticket:2:241"),
        ("elsewhere", "freshdesk:241"),
    ] {
        store.accept(announced(image).on(target.parse().ok())).await.unwrap();
    }
    for (asked, expected) in [
        ("freshservice:241", &["within", "bare"][..]),
        ("freshservice:2:241", &["within", "bare"]),
        ("freshservice:3:241", &["within", "bare"]),
        ("freshservice:242", &["next"]),
        ("ticket:241", &["nameless"]),
        ("freshdesk:241", &["elsewhere"]),
    ] {
        let filter = Filter { target: asked.parse().ok(), ..everything() };
        let found = store.list(&filter, None, usize::MAX).await.unwrap();
        let found: Vec<_> = found.iter().map(|d| d.photo.id.as_str()).collect();
        assert_eq!(found, expected, "{asked}");
        let counted = store.count(&filter).await.unwrap().iter().map(|c| c.count).sum::<u64>();
        assert_eq!(counted, expected.len() as u64, "{asked}");
    }
}

pub(super) async fn a_list_is_paged_by_number(store: &Store) {
    for image in ["a", "b", "c", "d", "e"] {
        store.accept(stored(image, 1)).await.unwrap();
    }
    let mut pages = Vec::new();
    let mut before = None;
    for _ in 0..4 {
        let page = store.list(&everything(), before, 2).await.unwrap();
        before = page.last().map(|d| d.id).or(before);
        pages.push(page.iter().map(|d| d.photo.id.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["e", "d"], vec!["c", "b"], vec!["a"], vec![]]);
    assert!(store.list(&everything(), Some(DeliveryId(0)), 9).await.unwrap().is_empty());
    assert!(store.list(&everything(), None, 0).await.unwrap().is_empty());
}

pub(super) async fn counts_are_by_destination_state_and_error(store: &Store) {
    assert!(store.count(&everything()).await.unwrap().is_empty());
    store.accept(stored("u", 1).unrouted()).await.unwrap();
    for image in ["a", "b"] {
        store.accept(stored(image, 1)).await.unwrap();
    }
    for (end, claimed) in
        [held(ErrorKind::Rejected), delivered()].into_iter().zip(store.claim("erp", 1).await)
    {
        store.settle_delivery(&claimed, end, at(1)).await.unwrap();
    }
    store.accept(stored("c", 1).to(&["erp", "archive"])).await.unwrap();
    store.accept(stored("d", 1)).await.unwrap();
    let mut counts = store.count(&everything()).await.unwrap();
    counts.sort_by_key(|c| (c.destination.clone(), c.state.as_str()));
    let counted = |to: Option<&str>, state, error, count| Count {
        destination: to.map(name),
        state,
        error,
        count,
    };
    let (unrouted, rejected) = (Some(ErrorKind::Unrouted), Some(ErrorKind::Rejected));
    let expected = [
        counted(None, DeliveryState::Held, unrouted, 1),
        counted(Some("archive"), DeliveryState::Due, None, 1),
        counted(Some("erp"), DeliveryState::Delivered, None, 1),
        counted(Some("erp"), DeliveryState::Due, None, 2),
        counted(Some("erp"), DeliveryState::Held, rejected, 1),
    ];
    assert_eq!(counts, expected);
}

pub(super) async fn a_story_tells_everything(store: &Store) {
    assert!(store.story(&id("a")).await.unwrap().is_none());
    store.accept(stored("other", 9).to(&["archive"])).await.unwrap();
    store.claim_one("archive", 0).await;
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    store.fetch(1, 1).await;
    store.send("erp", DeliveryEnd::Cancelled, 2).await;
    store.send("archive", delivered(), 3).await;
    let story = store.story_of(&id("a")).await;
    let destinations = story.deliveries.iter().map(|d| d.destination.clone().unwrap());
    assert_eq!(destinations.collect::<Vec<_>>(), [name("erp"), name("archive")]);
    assert_eq!(story.attempts.len(), 3, "the other photo's are not among them");
    assert!(story.attempts.is_sorted_by_key(|attempt| attempt.id));
    let of = story.attempts.iter().map(|attempt| attempt.delivery).collect::<Vec<_>>();
    assert_eq!(of, [None, Some(story.deliveries[0].id), Some(story.deliveries[1].id)]);
    let outcomes = [AttemptOutcome::Done, AttemptOutcome::Cancelled, AttemptOutcome::Done];
    assert_eq!(store.outcomes(&id("a")).await, outcomes);
}

pub(super) async fn a_replay_makes_held_and_due_ones_due_now(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store
        .send("erp", DeliveryEnd::Unknown { at: at(1), cause: cause(ErrorKind::Timeout) }, 0)
        .await;
    let number = store.delivery(&id("a"), "erp").await.id;
    let step = apertur_bridge::model::Step { name: "attachment".into(), value: "77".into() };
    store.note_step(number, step).await.unwrap();
    store.send("erp", held(ErrorKind::Rejected), 1).await;
    store.accept(stored("b", 2).at(2)).await.unwrap();
    let later = DeliveryEnd::Later { at: at(900), cause: cause(ErrorKind::Timeout), counts: true };
    store.send("erp", later, 2).await;

    let replayed = store.replay(&everything(), false, at(50), at(50)).await.unwrap();
    assert_eq!(replayed, Replayed { due: 2, fetching: 0, left: 0 });
    for delivery in store.all().await {
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Due, 0));
        assert_eq!((delivery.since, delivery.due_at), (at(50), at(50)));
        assert_eq!((&delivery.cause, delivery.settled_at), (&None, None));
    }
    let first = store.delivery(&id("a"), "erp").await;
    assert!(first.unsure, "what is there must be found");
    assert_eq!(first.step("attachment"), Some("77"));
    assert!(!store.delivery(&id("b"), "erp").await.unsure);
    assert_eq!(store.outcomes(&id("a")).await.len(), 2, "history stays");
    assert_eq!(store.claim("erp", 50).await.len(), 2);
}

pub(super) async fn a_replay_of_delivered_ones_takes_force_and_looks_first(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 0).await;
    let before = store.all().await;
    let left = store.replay(&everything(), false, at(5), at(5)).await.unwrap();
    assert_eq!(left, Replayed { due: 0, fetching: 0, left: 1 });
    assert_eq!(store.all().await, before);

    assert_eq!(store.replay(&everything(), true, at(6), at(6)).await.unwrap().due, 1);
    let claimed = store.claim_one("erp", 6).await;
    assert!(claimed.delivery.unsure, "it may well be there: it must not be attached twice");
    assert_eq!((claimed.delivery.attempts, claimed.delivery.settled_at), (1, None));
}

pub(super) async fn a_replay_hurries_no_look(store: &Store) {
    let unknown = |due| DeliveryEnd::Unknown { at: at(due), cause: cause(ErrorKind::Timeout) };
    let later = DeliveryEnd::Later { at: at(900), cause: cause(ErrorKind::Timeout), counts: true };
    // Each with the time that it is due at after a replay at 20 with a look at 80.
    let cases = [
        ("soon", vec![unknown(60)], 60),
        ("late", vec![unknown(900)], 80),
        ("past", vec![unknown(10)], 20),
        ("held", vec![unknown(0), held(ErrorKind::GaveUp)], 60),
        ("delivered", vec![delivered()], 20),
        ("sure", vec![later], 20),
        ("refused", vec![held(ErrorKind::Rejected)], 20),
    ];
    for ((image, ends, _), bytes) in cases.iter().zip(1..) {
        store.accept(stored(image, bytes)).await.unwrap();
        for end in ends {
            store.send("erp", end.clone(), 0).await;
        }
    }
    store.accept(stored("fresh", 99).to(&["archive"])).await.unwrap();
    store.send("archive", delivered(), 18).await;
    let forced = store.replay(&everything(), true, at(20), at(80)).await.unwrap();
    assert_eq!(forced.due, 8);
    let fresh = store.delivery(&id("fresh"), "archive").await;
    assert_eq!((fresh.due_at, fresh.unsure), (at(23), true));
    for (image, _, due) in cases {
        let again = store.delivery(&id(image), "erp").await;
        let unsure = !["sure", "refused"].contains(&image);
        assert_eq!((again.due_at, again.unsure), (at(due), unsure), "{image}");
        assert_eq!((again.state, again.since), (DeliveryState::Due, at(20)), "{image}");
    }
    // Another replay does not put it off, nor does a look that is over bring it before now.
    store.replay(&everything(), true, at(30), at(90)).await.unwrap();
    assert_eq!(store.delivery(&id("late"), "erp").await.due_at, at(80));
    store.replay(&everything(), true, at(40), at(30)).await.unwrap();
    assert_eq!(store.delivery(&id("late"), "erp").await.due_at, at(40));
}

pub(super) async fn a_replay_leaves_alone_what_is_under_way_or_unrouted(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.accept(stored("u", 2).unrouted()).await.unwrap();
    let claimed = store.claim_one("erp", 0).await;
    let before = store.all().await;
    for force in [false, true] {
        let left = store.replay(&everything(), force, at(5), at(5)).await.unwrap();
        assert_eq!(left, Replayed { due: 0, fetching: 0, left: 2 });
    }
    assert_eq!(store.all().await, before);
    store.settle_delivery(&claimed, delivered(), at(6)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
}

pub(super) async fn a_replay_fetches_a_gone_photo_again(store: &Store) {
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(1)).await.unwrap();

    let only = Filter { destination: Some(name("erp")), ..everything() };
    let replayed = store.replay(&only, false, at(50), at(50)).await.unwrap();
    assert_eq!(replayed, Replayed { due: 0, fetching: 1, left: 0 });
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Wanted, Some(at(50))));
    let delivery = store.delivery(&id("a"), "erp").await;
    assert_eq!((delivery.state, delivery.settled_at), (DeliveryState::Waiting, None));
    let fetch = store.claim_fetch(50).await;
    assert_eq!((fetch.attempts, fetch.since), (0, at(50)));
    assert_eq!(fetch.url.as_deref(), Some("https://photos.example.com/a"));
    store.settle_fetch(&fetch, super::fetches::got(1), at(51)).await.unwrap();
    for destination in ["erp", "archive"] {
        let delivery = store.delivery(&id("a"), destination).await;
        assert_eq!(delivery.state, DeliveryState::Due, "{destination} was held for its bytes only");
        assert_eq!((delivery.since, delivery.cause), (at(51), None));
    }
}

pub(super) async fn a_replay_leaves_a_running_fetch_alone(store: &Store) {
    store.accept(announced("a")).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    assert_eq!(store.replay(&everything(), false, at(5), at(5)).await.unwrap().fetching, 1);
    assert!(store.claim_all_fetches(5).await.is_empty());
    store.settle_fetch(&fetch, super::fetches::got(1), at(6)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Done]);

    store.accept(announced("b")).await.unwrap();
    let fetch = store.claim_fetch(10).await;
    let later = FetchEnd::Later { at: at(900), cause: cause(ErrorKind::Timeout) };
    store.settle_fetch(&fetch, later, at(10)).await.unwrap();
    store
        .replay(&Filter { photo: Some(id("b")), ..everything() }, false, at(20), at(20))
        .await
        .unwrap();
    assert_eq!(store.claim_fetch(20).await.attempts, 0, "one that waits is due now");
}

pub(super) async fn a_replay_leaves_expired_bytes_alone(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 0).await;
    assert_eq!(store.expire_bytes(at(9), 9).await.unwrap(), [digest(1)]);
    let left = store.replay(&everything(), true, at(10), at(10)).await.unwrap();
    assert_eq!(left, Replayed { due: 0, fetching: 0, left: 1 });
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
}

pub(super) async fn a_new_plan_replaces_an_unrouted_delivery(store: &Store) {
    store.accept(stored("a", 1).unrouted()).await.unwrap();
    let unrouted = store.all().await[0].id;
    let plan = vec![planned(Some("erp"), Some(target(4))), planned(Some("archive"), None)];
    store.plan_again(unrouted, plan.clone(), at(30)).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(30)));
        assert_eq!((delivery.since, delivery.settled_at), (at(30), None));
    }
    assert_eq!(store.delivery(&id("a"), "erp").await.target, Some(target(4)));
    store.plan_again(unrouted, plan, at(31)).await.unwrap();
    assert_eq!(store.story_of(&id("a")).await.deliveries, story.deliveries, "only once");
}

pub(super) async fn a_new_plan_follows_the_fetch(store: &Store) {
    let plan = || vec![planned(Some("erp"), None)];
    store.accept(announced("a").unrouted()).await.unwrap();
    store.accept(announced("b").unrouted()).await.unwrap();
    let numbers = store.all().await.iter().map(|d| d.id).collect::<Vec<_>>();
    store.plan_again(numbers[0], plan(), at(1)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Waiting);

    for fetch in store.claim_all_fetches(2).await {
        let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
        store.settle_fetch(&fetch, gone, at(2)).await.unwrap();
    }
    store.plan_again(numbers[1], plan(), at(3)).await.unwrap();
    let late = store.delivery(&id("b"), "erp").await;
    assert_eq!((late.state, late.settled_at), (DeliveryState::Waiting, None));
    let fetch = store.claim_fetch(3).await;
    assert_eq!((fetch.photo.id.as_str(), fetch.attempts), ("b", 0), "it is fetched again");
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(3)).await.unwrap();

    assert_eq!(store.replay(&everything(), false, at(4), at(4)).await.unwrap().fetching, 2);
    for fetch in store.claim_all_fetches(4).await {
        store.settle_fetch(&fetch, super::fetches::got(1), at(5)).await.unwrap();
    }
    assert_eq!(store.claim("erp", 5).await.len(), 2);
}

pub(super) async fn a_plan_that_changes_nothing_loses_nothing(store: &Store) {
    let mut arrival = stored("a", 1);
    arrival.plan.push(planned(None, None));
    store.accept(arrival).await.unwrap();
    let before = store.all().await;
    let (routed, unrouted) = (before[0].id, before[1].id);
    for (number, plan) in [
        (unrouted, vec![]),
        (routed, vec![planned(Some("archive"), None)]),
        (DeliveryId(unrouted.0 + 1000), vec![planned(Some("archive"), None)]),
    ] {
        store.plan_again(number, plan, at(9)).await.unwrap();
        assert_eq!(store.all().await, before);
    }
    let plan = vec![planned(Some("erp"), None), planned(Some("archive"), None)];
    store.plan_again(unrouted, plan, at(9)).await.unwrap();
    let after = store.all().await;
    assert_eq!(after.len(), 2, "no second one for erp");
    assert_eq!((&after[0], &after[1].destination), (&before[0], &Some(name("archive"))));
}

pub(super) async fn a_ping_changes_nothing(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let before = store.all().await;
    store.ping().await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.all().await, before);
}
