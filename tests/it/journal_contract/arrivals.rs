//! Taking events in.

use apertur_bridge::{
    journal::{Accepted, Arrival, Bytes, DeliveryEnd, FetchEnd},
    model::{
        AttemptOutcome, Cause, DeliveryState, Environment, ErrorKind, FetchState, Mode, OwnSession,
        Scheme, SessionId, SessionLink, Shape, Tag, Target,
    },
};

use super::{
    Change, Store, announced, at, cause, delivered, digest, id, name, own_session, planned, stored,
    target,
};

const TAKEN: Accepted = Accepted::Duplicate { completed: true };
const KNOWN: Accepted = Accepted::Duplicate { completed: false };

pub(super) async fn bytes_at_hand_are_due_at_once(store: &Store) {
    let arrival = stored("a", 1).to(&["erp", "archive"]).at(5);
    assert_eq!(store.accept(arrival).await.unwrap(), Accepted::New);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Stored, None));
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!(delivery.state, DeliveryState::Due);
        assert_eq!((delivery.due_at, delivery.since), (at(5), at(5)));
        assert_eq!((delivery.attempts, delivery.unsure), (0, false));
        assert_eq!((&delivery.cause, &delivery.receipt), (&None, &None));
        assert_eq!(delivery.settled_at, None);
    }
    assert!(story.attempts.is_empty(), "nothing was tried yet");
    assert_eq!(store.next_fetch_at().await.unwrap(), None);
}

pub(super) async fn an_announced_photo_waits_for_its_fetch(store: &Store) {
    assert_eq!(store.accept(announced("a").at(5)).await.unwrap(), Accepted::New);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Wanted, Some(at(5))));
    assert_eq!(story.deliveries[0].state, DeliveryState::Waiting);
    assert!(store.claim("erp", 1000).await.is_empty());
    let fetch = store.claim_fetch(5).await;
    assert_eq!(fetch.url.as_deref(), Some("https://photos.example.com/a"));
    assert_eq!((fetch.attempts, fetch.since), (0, at(5)));
}

pub(super) async fn everything_said_about_a_photo_is_kept(store: &Store) {
    let mut arrival = stored("a", 1);
    let photo = &mut arrival.photo;
    photo.session = Some(SessionId::parse("11111111-2222-4333-8444-555555555555").unwrap());
    photo.index = Some(3);
    photo.filename = Some("pé \u{1F4F7}.jpg".to_owned());
    photo.tags = vec![Tag::from_text("vip:gold"), Tag::from_text("plain")];
    photo.mode = Some(Mode::Internal);
    photo.topic = Some("image.delivered".to_owned());
    (photo.shape, photo.scheme) = (Shape::Multipart, Some(Scheme::Svix));
    arrival.plan[0].mode = Some(Mode::Public);
    let photo = photo.clone();
    store.accept(arrival).await.unwrap();
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.photo, photo);
    assert_eq!(story.deliveries[0].photo, photo);
    assert_eq!(story.deliveries[0].target, Some(target(1)));
    assert_eq!(story.deliveries[0].mode, Some(Mode::Public));
    assert_eq!(store.claim_one("erp", 0).await.delivery.photo, photo);
}

pub(super) async fn a_known_photo_is_a_duplicate(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let before = store.all().await;
    let again = stored("a", 2).to(&["erp", "archive"]).at(9);
    assert_eq!(store.accept(again).await.unwrap(), KNOWN);
    assert_eq!(store.all().await, before);

    store.accept(announced("b")).await.unwrap();
    let before = store.all().await;
    assert_eq!(store.accept(announced("b").to(&["archive"]).at(9)).await.unwrap(), KNOWN);
    assert_eq!(store.all().await, before);
}

pub(super) async fn bytes_that_come_later_end_a_fetch(store: &Store) {
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    let fetch = store.claim_fetch(1).await;
    assert_eq!(store.accept(stored("a", 1).at(7)).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Stored, Some(digest(1))));
    assert_eq!(
        (story.photo.size, story.photo.media_type.as_deref()),
        (Some(3), Some("image/jpeg"))
    );
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(7)));
        assert_eq!((delivery.since, delivery.photo.sha256), (at(7), Some(digest(1))));
    }
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Cancelled]);
    assert_eq!(store.next_fetch_at().await.unwrap(), None);

    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(8)).await.unwrap();
    assert_eq!(store.story_of(&id("a")).await.fetch_state, FetchState::Stored);
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
}

pub(super) async fn bytes_that_come_later_free_a_held_photo(store: &Store) {
    store.accept(announced("a").to(&["erp", "archive"])).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(1)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Held);

    assert_eq!(store.accept(stored("a", 1).at(7)).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_cause), (FetchState::Stored, None));
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, delivery.due_at), (DeliveryState::Due, at(7)));
        assert_eq!((&delivery.cause, delivery.settled_at), (&None, None));
    }
}

pub(super) async fn bytes_that_are_here_are_not_taken_again(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", delivered(), 1).await;
    assert_eq!(store.expire_bytes(at(10), 10).await.unwrap(), [digest(1)]);
    assert_eq!(store.accept(stored("a", 1).at(20)).await.unwrap(), KNOWN);
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.fetch_state, FetchState::Expired);
    assert_eq!(story.deliveries[0].state, DeliveryState::Delivered);
}

pub(super) async fn a_newer_link_replaces_the_older(store: &Store) {
    let link = |text: &str| Bytes::Announced { url: Some(text.to_owned()) };
    let mut first = announced("a");
    first.bytes = Bytes::Announced { url: None };
    let (mut second, mut third) = (first.clone(), first.clone());
    (second.bytes, third.bytes) = (link("https://one"), link("https://two"));
    store.accept(first.clone()).await.unwrap();
    assert_eq!(store.claim_fetch(0).await.url, None);
    assert_eq!(store.accept(second).await.unwrap(), KNOWN);
    assert_eq!(store.claim_fetch(60).await.url.as_deref(), Some("https://one"));
    assert_eq!(store.accept(third).await.unwrap(), KNOWN);
    assert_eq!(store.accept(first).await.unwrap(), KNOWN);
    assert_eq!(store.claim_fetch(120).await.url.as_deref(), Some("https://two"));
}

pub(super) async fn an_unrouted_photo_is_held_whatever_its_bytes(store: &Store) {
    store.accept(stored("a", 1).unrouted().at(3)).await.unwrap();
    store.accept(announced("b").unrouted().at(3)).await.unwrap();
    for delivery in store.all().await {
        assert_eq!((delivery.state, delivery.destination), (DeliveryState::Held, None));
        assert_eq!(delivery.cause.unwrap().kind, ErrorKind::Unrouted);
        assert_eq!(delivery.settled_at, Some(at(3)));
    }
    store.fetch(2, 4).await;
    let story = store.story_of(&id("b")).await;
    assert_eq!(story.fetch_state, FetchState::Stored);
    assert_eq!(story.deliveries[0].state, DeliveryState::Held, "bytes do not make a route");
}

pub(super) async fn a_destination_gets_one_delivery(store: &Store) {
    let mut arrival = stored("a", 1);
    arrival.plan = vec![
        planned(Some("erp"), Some(target(1))),
        planned(Some("archive"), None),
        planned(Some("erp"), Some(target(2))),
    ];
    assert_eq!(store.accept(arrival).await.unwrap(), Accepted::New);
    assert_eq!(store.all().await.len(), 2);
    assert_eq!(store.delivery(&id("a"), "erp").await.target, Some(target(1)));
}

pub(super) async fn an_empty_plan_counts_as_unrouted(store: &Store) {
    let mut arrival = stored("a", 1);
    arrival.plan.clear();
    assert_eq!(store.accept(arrival).await.unwrap(), Accepted::New);
    let all = store.all().await;
    assert_eq!(all.len(), 1, "a photo without deliveries would be silently stuck");
    assert_eq!(all[0].cause.as_ref().unwrap().kind, ErrorKind::Unrouted);
}

pub(super) async fn a_tag_that_names_no_record_is_named_in_the_cause(store: &Store) {
    for (photo, tags, target, part) in [
        ("a", &["vip:gold", "zendesk:9a\u{1b}[31m"][..], None, "the tag \"zendesk:9a\\u{1b}[31m\""),
        ("b", &["odoo:res.partner:x"], None, "the tag \"odoo:res.partner:x\" names no record"),
        ("c", &["zendesk:9a"], Some(target(1)), "no destination wants this photo"),
        ("d", &["vip:gold"], None, "no destination wants this photo"),
    ] {
        let mut arrival = stored(photo, 1);
        arrival.photo.tags = tags.iter().map(|tag| Tag::from_text(tag)).collect();
        arrival.photo.target.clone_from(&target);
        arrival.plan = vec![planned(None, target)];
        store.accept(arrival).await.unwrap();
        let cause = store.story_of(&id(photo)).await.deliveries.remove(0).cause.unwrap();
        assert_eq!(cause.kind, ErrorKind::Unrouted);
        assert!(cause.what.starts_with(part), "{photo} {cause}");
        assert_eq!(cause.fix.contains("digits only"), part.contains("tag"), "{cause}");
    }
}

pub(super) async fn what_is_in_doubt_is_held_for_that_until_it_is_planned_again(store: &Store) {
    let doubt = Cause::new(ErrorKind::Unrouted, "two records are named", "look at the photo");
    let mut arrival = stored("a", 1).unrouted();
    (arrival.photo.target, arrival.held) = (Some(target(1)), Some(doubt.clone()));
    arrival.is_doubtful = true;
    assert_eq!(store.accept(arrival.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(arrival).await.unwrap(), KNOWN);
    let all = store.all().await;
    assert_eq!((all.len(), all[0].state), (1, DeliveryState::Held));
    assert_eq!(all[0].cause, Some(doubt));
    assert!(
        store
            .plan_again(all[0].id, vec![planned(Some("erp"), Some(target(1)))], at(9))
            .await
            .unwrap()
    );
    let all = store.all().await;
    assert_eq!((all.len(), all[0].state, &all[0].cause), (1, DeliveryState::Due, &None));
}

pub(super) async fn a_session_keeps_its_record(store: &Store) {
    let session = SessionId::parse("s1").unwrap();
    assert_eq!(store.session(&session).await.unwrap(), None);
    let first = own_session("s1", 1, 10);
    store.keep_session(first.clone()).await.unwrap();
    assert_eq!(store.session(&session).await.unwrap(), Some(first.clone()));
    let second = OwnSession {
        target: target(2),
        destination: Some(name("erp")),
        mode: Some(Mode::Public),
        label: Some("the roof".to_owned()),
        link: SessionLink::parse("https://u.example.com/s/1").ok(),
        environment: Environment::Sandbox,
        long_polling: true,
        tags: vec![Tag::from_text("vip:gold")],
        closed_at: Some(at(3)),
        ..first
    };
    store.keep_session(second.clone()).await.unwrap();
    assert_eq!(store.session(&session).await.unwrap(), Some(second.clone()));
    assert_eq!(store.session(&SessionId::parse("s2").unwrap()).await.unwrap(), None);
    assert_eq!(store.sessions().await.unwrap(), [second]);
}

pub(super) async fn a_session_is_settled_until_it_ends_later(store: &Store) {
    let mut own = own_session("s1", 1, 10);
    store.settle_session(&own.session, at(10)).await.unwrap();
    let other = own_session("s2", 2, 10);
    for kept in [&own, &other] {
        store.keep_session(kept.clone()).await.unwrap();
    }
    store.settle_session(&own.session, at(9)).await.unwrap();
    assert_eq!(store.unsettled_sessions().await.unwrap(), [other.clone(), own.clone()]);
    store.settle_session(&own.session, at(10)).await.unwrap();
    let is_left = async || store.unsettled_sessions().await.unwrap() == vec![other.clone()];
    assert!(is_left().await);
    own.label = Some("the roof".to_owned());
    store.keep_session(own.clone()).await.unwrap();
    assert!(is_left().await, "kept again");
    own.expires_at = at(11);
    store.keep_session(own.clone()).await.unwrap();
    assert_eq!(store.unsettled_sessions().await.unwrap(), [other.clone(), own]);
}

pub(super) async fn sessions_are_listed_the_latest_first_and_forgotten_long_after_their_end(
    store: &Store,
) {
    let [old, young, long] = [("old", 1, 10), ("young", 3, 20), ("long", 2, 11)]
        .map(|(id, made, ends)| own_session(id, made, ends));
    for session in [&old, &young, &long] {
        store.keep_session(session.clone()).await.unwrap();
    }
    assert_eq!(store.sessions().await.unwrap(), [young.clone(), long.clone(), old.clone()]);
    store.forget(at(10), 9).await.unwrap();
    assert_eq!(store.sessions().await.unwrap().len(), 3);
    assert_eq!(store.forget(at(11), 9).await.unwrap(), 0);
    assert_eq!(store.sessions().await.unwrap(), [young, long]);
    assert_eq!(store.session(&old.session).await.unwrap(), None);
}

pub(super) async fn sessions_of_a_record_are_found_by_record_destination_and_time(store: &Store) {
    let ticket = |id, text: &str, made| OwnSession {
        target: text.parse().unwrap(),
        ..own_session(id, made, 10)
    };
    let [here, there, any] = [Some("erp"), Some("erp2"), None].map(|to| to.map(name));
    let open = OwnSession { destination: here.clone(), ..own_session("open", 1, 10) };
    let late = OwnSession { destination: any, ..own_session("late", 3, 20) };
    let closed = OwnSession { closed_at: Some(at(4)), ..own_session("closed", 2, 20) };
    let foreign = OwnSession { destination: there.clone(), ..own_session("foreign", 5, 20) };
    let other = OwnSession { target: target(2), ..own_session("other", 6, 20) };
    let desk = ticket("desk", "freshservice:2:241", 7);
    for own in [&open, &late, &closed, &foreign, &other, &desk] {
        store.keep_session(own.clone()).await.unwrap();
    }
    let ids = async |to: &str, on: &Target, since, limit| {
        let found = store.sessions_of(on, &name(to), at(since), limit).await.unwrap();
        found.iter().map(|own| own.session.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("erp", &target(1), 3, 9).await, ["late", "closed", "open"]);
    assert_eq!(ids("erp", &target(1), 3, 2).await, ["late", "closed"]);
    assert_eq!(ids("erp", &target(1), 4, 9).await, ["late", "open"]);
    assert_eq!(ids("erp", &target(1), 10, 9).await, ["late"]);
    assert_eq!(ids("erp2", &target(1), 4, 9).await, ["foreign", "late"]);
    assert_eq!(ids("erp", &target(3), 0, 9).await, [""; 0]);
    assert_eq!(ids("desk", &"freshservice:241".parse().unwrap(), 0, 9).await, ["desk"]);

    let found = async |to: &str, on, own: &OwnSession| {
        store.session_of(&target(on), &name(to), &own.session.mark()).await.unwrap()
    };
    assert_eq!(found("erp", 1, &open).await, Some(open.clone()));
    assert_eq!(found("erp2", 1, &late).await, Some(late));
    assert_eq!(found("erp2", 1, &open).await, None, "another destination's");
    assert_eq!(found("erp", 1, &other).await, None, "another record's");
    let short = open.session.fingerprint();
    assert_eq!(store.session_of(&target(1), &name("erp"), &short).await.unwrap(), None);
}

pub(super) async fn a_session_is_kept_as_long_as_a_photo_of_it(store: &Store) {
    let [held, gone] = ["held", "gone"].map(|id| own_session(id, 1, 10));
    for (session, bytes) in [(&held, 1), (&gone, 2)] {
        store.keep_session(session.clone()).await.unwrap();
        let mut arrival = stored(session.session.reveal(), bytes);
        arrival.photo.session = Some(session.session.clone());
        store.accept(arrival).await.unwrap();
    }
    for claimed in store.claim("erp", 1).await {
        let end = match claimed.delivery.photo.id == id("held") {
            true => DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) },
            false => delivered(),
        };
        store.settle_delivery(&claimed, end, at(1)).await.unwrap();
    }
    assert_eq!(store.forget(at(1000), 9).await.unwrap(), 0);
    assert_eq!(store.sessions().await.unwrap().len(), 2, "their photos are there");
    store.expire_bytes(at(1000), 9).await.unwrap();
    assert_eq!(store.forget(at(1000), 9).await.unwrap(), 1);
    assert_eq!(store.session(&gone.session).await.unwrap(), None);
    let kept = store.session(&held.session).await.unwrap();
    assert_eq!(kept, Some(held.clone()), "who asks for one finds what is listed");
    assert_eq!(store.sessions().await.unwrap(), [held]);
}

pub(super) async fn a_record_named_later_is_taken(store: &Store) {
    let mut first = announced("a").to(&["archive"]);
    first.photo.target = None;
    first.plan[0].target = None;
    store.accept(first).await.unwrap();

    let second = announced("a").to(&["erp", "archive"]).at(7);
    assert_eq!(store.accept(second).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!(story.photo.target, Some(target(1)));
    assert_eq!(story.deliveries.len(), 2);
    for delivery in &story.deliveries {
        assert_eq!(delivery.target, Some(target(1)));
        assert_eq!(delivery.state, DeliveryState::Waiting);
    }

    let before = store.all().await;
    let mut third = announced("a").to(&["other"]).at(9);
    third.photo.target = Some(target(2));
    assert_eq!(store.accept(third).await.unwrap(), KNOWN, "the first record stands");
    assert_eq!(store.all().await, before);
}

pub(super) async fn a_record_named_later_ends_unrouted(store: &Store) {
    let mut first = stored("a", 1);
    first.photo.target = None;
    first.plan = Vec::new();
    store.accept(first).await.unwrap();
    assert_eq!(store.all().await[0].destination, None);

    assert_eq!(store.accept(stored("a", 1).to(&["erp"]).at(7)).await.unwrap(), TAKEN);
    let all = store.all().await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].state, all[0].due_at), (DeliveryState::Due, at(7)));
    assert_eq!(all[0].target, Some(target(1)));
}

pub(super) async fn a_record_named_later_reaches_what_is_under_way(store: &Store) {
    let nameless = |image| stored(image, 1).on(None).to(&["erp"]);
    store.accept(nameless("a")).await.unwrap();
    let claimed = store.claim_one("erp", 1).await;
    assert_eq!(claimed.delivery.target, None);
    assert_eq!(store.accept(stored("a", 1).at(2)).await.unwrap(), TAKEN);
    let sending = store.delivery(&id("a"), "erp").await;
    assert_eq!((sending.state, sending.target), (DeliveryState::Sending, Some(target(1))));

    let refused = || DeliveryEnd::Held { cause: cause(ErrorKind::Unrouted) };
    store.settle_delivery(&claimed, refused(), at(3)).await.unwrap();
    let due = store.delivery(&id("a"), "erp").await;
    assert_eq!((due.state, due.due_at, due.attempts), (DeliveryState::Due, at(3), 1));
    assert_eq!((due.settled_at, due.cause), (None, Some(cause(ErrorKind::Unrouted))));
    assert_eq!(store.outcomes(&id("a")).await, [AttemptOutcome::Refused]);
    let again = store.claim_one("erp", 3).await;
    assert_eq!(again.delivery.target, Some(target(1)));
    store.settle_delivery(&again, refused(), at(4)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Held, "with its record");
}

pub(super) async fn a_record_named_later_ends_a_refusal_for_lack_of_it(store: &Store) {
    store.accept(stored("a", 1).on(None).to(&["erp", "old"])).await.unwrap();
    let refused = DeliveryEnd::Held { cause: cause(ErrorKind::Unrouted) };
    store.send("erp", refused, 1).await;
    store.hold_strays(&[name("erp")], at(2)).await.unwrap();
    assert_eq!(store.accept(stored("a", 1).at(5)).await.unwrap(), TAKEN);
    let due = store.delivery(&id("a"), "erp").await;
    assert_eq!((due.state, due.due_at, due.cause), (DeliveryState::Due, at(5), None));
    assert_eq!((due.target, due.settled_at), (Some(target(1)), None));
    assert_eq!(store.state(&id("a"), "old").await, DeliveryState::Held, "nobody sends there");
}

fn link(text: &str, seconds: i64) -> Arrival {
    let mut arrival = announced("a").to(&["erp", "archive"]).at(seconds);
    arrival.bytes = Bytes::Announced { url: Some(text.to_owned()) };
    arrival
}

pub(super) async fn a_fresh_link_frees_a_held_photo(store: &Store) {
    store.accept(link("https://one", 0)).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let gone = || FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone(), at(1)).await.unwrap();
    let before = store.all().await;
    assert_eq!(store.accept(link("https://one", 2)).await.unwrap(), KNOWN);
    assert_eq!(store.all().await, before, "the same link is no news");

    assert_eq!(store.accept(link("https://two", 3)).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.fetch_due_at), (FetchState::Wanted, Some(at(3))));
    assert_eq!(story.fetch_cause, None);
    for delivery in &story.deliveries {
        assert_eq!((delivery.state, &delivery.cause), (DeliveryState::Waiting, &None));
        assert_eq!(delivery.settled_at, None);
    }
    let fetch = store.claim_fetch(3).await;
    assert_eq!((fetch.url.as_deref(), fetch.attempts), (Some("https://two"), 0));
    assert_eq!(fetch.since, at(3));
    store.settle_fetch(&fetch, super::fetches::got(1), at(4)).await.unwrap();
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
}

pub(super) async fn a_fresh_link_ends_a_wait(store: &Store) {
    store.accept(link("https://one", 0)).await.unwrap();
    let fetch = store.claim_fetch(0).await;
    let later = FetchEnd::Later { at: at(900), cause: cause(ErrorKind::Timeout) };
    store.settle_fetch(&fetch, later, at(1)).await.unwrap();
    assert_eq!(store.accept(link("https://one", 2)).await.unwrap(), KNOWN);
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(900)));
    assert_eq!(store.accept(link("https://two", 3)).await.unwrap(), TAKEN);
    let fetch = store.claim_fetch(3).await;
    assert_eq!((fetch.url.as_deref(), fetch.attempts), (Some("https://two"), 1));
}

pub(super) async fn expired_bytes_are_taken_again_for_a_new_delivery(store: &Store) {
    let mut first = stored("a", 1).on(None).to(&["archive"]);
    first.photo.target = None;
    store.accept(first).await.unwrap();
    store.send("archive", delivered(), 1).await;
    store.expire_bytes(at(10), 10).await.unwrap();
    assert_eq!(store.knows_photo(&id("a")).await.unwrap(), Some(false));

    let named = stored("a", 1).to(&["erp", "archive"]).at(20);
    assert_eq!(store.accept(named).await.unwrap(), TAKEN);
    let story = store.story_of(&id("a")).await;
    assert_eq!((story.fetch_state, story.photo.sha256), (FetchState::Stored, Some(digest(1))));
    assert!(store.knows_bytes(&digest(1)).await.unwrap());
    assert_eq!(store.state(&id("a"), "archive").await, DeliveryState::Delivered);
    assert_eq!(store.claim_one("erp", 20).await.delivery.target, Some(target(1)));
}

pub(super) async fn a_delivery_of_expired_bytes_is_held(store: &Store) {
    store.accept(stored("a", 1).on(None).to(&["archive"])).await.unwrap();
    store.send("archive", delivered(), 1).await;
    store.expire_bytes(at(10), 10).await.unwrap();
    let named = announced("a").to(&["erp", "archive"]).at(20);
    assert_eq!(store.accept(named).await.unwrap(), TAKEN);
    let held = store.delivery(&id("a"), "erp").await;
    assert_eq!((held.state, held.settled_at), (DeliveryState::Held, Some(at(20))));
    let cause = held.cause.unwrap();
    assert_eq!(
        (cause.kind, &*cause.what),
        (ErrorKind::Local, "its bytes were removed by retention")
    );
    assert_eq!(store.forget(at(999), 9).await.unwrap(), 0, "it still has to be delivered");

    assert_eq!(store.accept(stored("a", 1).at(30)).await.unwrap(), TAKEN);
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Due);
}
