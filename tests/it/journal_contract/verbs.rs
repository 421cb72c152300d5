//! What people do with deliveries: each verb, page by page.

use apertur_bridge::{
    journal::{DeliveryEnd, FetchEnd, Moment, NewRun, Oldest, Page, Way},
    model::{
        By, Delivery, DeliveryId, DeliveryState, ErrorKind, FetchState, Filter, Foreseen, Left,
        Reason, RunState, SessionId, Tag, Tally, Verb,
    },
};
use jiff::SignedDuration;

use super::{Change, Store, announced, at, cause, claim, delivered, id, name, stored, target};

const REPLAY: Verb = Verb::Replay { force: false };

fn hold() -> Verb {
    Verb::Hold { reason: Reason::parse("wrong record").unwrap() }
}

fn drop_it() -> Verb {
    Verb::Drop { reason: Reason::parse("a test picture").unwrap() }
}

fn everything() -> Filter {
    Filter::default()
}

fn left(tally: &Tally) -> Vec<(Left, u64)> {
    tally.left.iter().map(|(left, count)| (*left, *count)).collect()
}

/// One delivery in each state, and two that only a person can help: in the order of their
/// numbers `waiting`, `due`, `sending`, `delivered`, `held`, `unrouted`.
async fn one_of_each(store: &Store) {
    store.accept(announced("waiting")).await.unwrap();
    store.accept(stored("due", 2).to(&["archive"])).await.unwrap();
    store.accept(stored("sending", 3)).await.unwrap();
    store.claim_one("erp", 0).await;
    for (image, bytes, end) in [
        ("delivered", 4, delivered()),
        ("held", 5, DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }),
    ] {
        store.accept(stored(image, bytes)).await.unwrap();
        store.send("erp", end, 1).await;
    }
    store.accept(stored("unrouted", 6).unrouted()).await.unwrap();
}

async fn states(store: &Store) -> Vec<&'static str> {
    store.all().await.iter().map(|delivery| delivery.state.as_str()).collect()
}

pub(super) async fn a_hold_keeps_from_being_sent_until_released(store: &Store) {
    one_of_each(store).await;
    let run = store.change(hold(), &everything()).await;
    assert_eq!((run.tally.done, run.state), (2, RunState::Done));
    let expected = [(Left::Delivered, 1), (Left::UnderWay, 1), (Left::HeldAlready, 2)];
    assert_eq!(left(&run.tally), expected);
    assert_eq!(states(store).await, ["held", "held", "sending", "delivered", "held", "held"]);
    let held = store.delivery(&id("due"), "archive").await;
    let why = held.cause.unwrap();
    assert_eq!((why.kind, why.what.as_str()), (ErrorKind::Operator, "wrong record"));
    assert!(why.fix.contains("deliveries release"), "{why}");
    assert_eq!(held.settled_at, Some(at(600)));
    store.fetch(1, 601).await;
    assert_eq!(store.state(&id("waiting"), "erp").await, DeliveryState::Held, "bytes or not");
    assert!(store.claim("archive", 700).await.is_empty());
    let replayed = store.change(REPLAY, &everything()).await;
    assert_eq!(replayed.tally.left[&Left::OnHold], 2, "only a release takes it back");

    let run = store.change(Verb::Release, &everything()).await;
    assert_eq!((run.tally.done, run.tally.fetching), (2, 0));
    assert_eq!(left(&run.tally), [(Left::NotOnHold, 4)]);
    assert_eq!(store.claim("archive", 700).await.len(), 1);
    assert_eq!(store.state(&id("waiting"), "erp").await, DeliveryState::Due, "it came meanwhile");
}

pub(super) async fn a_release_fetches_what_is_not_here_and_looks_for_what_is_in_doubt(
    store: &Store,
) {
    store.accept(announced("gone")).await.unwrap();
    store.accept(stored("doubt", 2).to(&["archive"])).await.unwrap();
    let end = DeliveryEnd::Unknown { at: at(900), cause: cause(ErrorKind::Timeout) };
    store.send("archive", end, 0).await;
    store.change(hold(), &everything()).await;
    let fetch = store.claim_fetch(0).await;
    let gone = FetchEnd::Held { cause: cause(ErrorKind::Gone) };
    store.settle_fetch(&fetch, gone, at(1)).await.unwrap();
    let kind = |delivery: Delivery| delivery.cause.map(|cause| cause.kind);
    assert_eq!(kind(store.delivery(&id("gone"), "erp").await), Some(ErrorKind::Operator));
    let run = store.change(Verb::Release, &everything()).await;
    assert_eq!((run.tally.done, run.tally.fetching), (2, 1));
    assert_eq!(store.state(&id("gone"), "erp").await, DeliveryState::Waiting);
    assert_eq!(store.story_of(&id("gone")).await.fetch_state, FetchState::Wanted);
    let doubt = store.delivery(&id("doubt"), "archive").await;
    assert_eq!((doubt.unsure, doubt.due_at), (true, at(660)));
}

pub(super) async fn a_drop_gives_up_what_is_not_under_way_or_delivered(store: &Store) {
    one_of_each(store).await;
    let run = store.change(drop_it(), &everything()).await;
    assert_eq!(run.tally.done, 4);
    assert_eq!(left(&run.tally), [(Left::Delivered, 1), (Left::UnderWay, 1)]);
    let expected = ["dropped", "dropped", "sending", "delivered", "dropped", "dropped"];
    assert_eq!(states(store).await, expected);
    let dropped = store.delivery(&id("due"), "archive").await;
    assert_eq!(dropped.cause.map(|cause| cause.what), Some("a test picture".to_owned()));
    assert_eq!(dropped.settled_at, Some(at(600)));
    store.fetch(1, 601).await;
    assert_eq!(store.state(&id("waiting"), "erp").await, DeliveryState::Dropped);
    for verb in [Verb::Replay { force: true }, hold(), Verb::Release, drop_it()] {
        let filter = Filter { destination: Some(name("archive")), ..everything() };
        assert_eq!(store.change(verb, &filter).await.tally.done, 0, "for good");
    }
    assert!(store.claim("archive", 700).await.is_empty());
}

pub(super) async fn what_people_do_is_written_down(store: &Store) {
    store.accept(stored("a", 1).to(&["erp", "archive"])).await.unwrap();
    store.accept(stored("b", 2)).await.unwrap();
    let filter = Filter { destination: Some(name("archive")), ..everything() };
    let held = store.change(hold(), &filter).await;
    let released = store.change(Verb::Release, &everything()).await;
    let actions = store.story_of(&id("a")).await.actions;
    let number = store.delivery(&id("a"), "archive").await.id;
    let told: Vec<_> = actions.iter().map(|a| (a.verb.clone(), a.run, a.delivery, a.at)).collect();
    let expected =
        [(hold(), held.id, number, at(600)), (Verb::Release, released.id, number, at(600))];
    assert_eq!(told, expected);
    assert_eq!(actions[0].by, By::new("a test"));
    assert!(store.story_of(&id("b")).await.actions.is_empty(), "nothing was done with it");

    let runs = store.runs(None, 9).await.unwrap();
    assert_eq!(runs, [released.clone(), held.clone()]);
    assert_eq!(store.runs(None, 1).await.unwrap().len(), 1);
    assert_eq!(store.runs(Some(RunState::Running), 9).await.unwrap(), []);
    assert_eq!(store.run(held.id).await.unwrap(), Some(held.clone()));
    let new = NewRun { verb: hold(), filter: everything(), by: By::new("a test"), matching: 0 };
    let stopped = store.begin_run(new.clone(), at(600)).await.unwrap().id;
    store.set_run(stopped, RunState::Stopped, at(600)).await.unwrap();
    let running = store.begin_run(new, at(600)).await.unwrap();
    let runs_to_go = async |seconds| store.prunable(at(9000), at(seconds)).await.unwrap().runs;
    assert_eq!(runs_to_go(9000).await, 1, "what the others changed is not delivered");
    for _ in 0..3 {
        for claimed in
            store.claim("archive", 700).await.into_iter().chain(store.claim("erp", 1).await)
        {
            store.settle_delivery(&claimed, delivered(), at(700)).await.unwrap();
        }
    }
    assert_eq!((runs_to_go(600).await, runs_to_go(9000).await), (0, 3));
    store.expire_bytes(at(9000), 9).await.unwrap();
    store.forget(at(9000), 9).await.unwrap();
    assert_eq!(store.runs(None, 9).await.unwrap(), [running], "they go with the photos");
}

pub(super) async fn a_run_asks_for_what_was_there_when_it_began(store: &Store) {
    for image in ["a", "b", "c"] {
        store.accept(stored(image, 1)).await.unwrap();
    }
    let new = NewRun { verb: hold(), filter: everything(), by: By::new("ana"), matching: 3 };
    let run = store.begin_run(new, at(5)).await.unwrap();
    assert_eq!((run.state, run.matching, run.started_at), (RunState::Running, 3, at(5)));
    store.accept(stored("late", 2)).await.unwrap();
    let first = store.find_page(&run, 2).await.unwrap();
    let page = |run: &apertur_bridge::model::Run, found: &[apertur_bridge::journal::Found]| Page {
        run: run.id,
        after: run.cursor,
        steps: found.iter().map(|found| (found.delivery, Way::On)).collect(),
        is_last: found.len() < 2,
        now: at(6),
        look_at: at(66),
    };
    let further = store.advance(page(&run, &first)).await.unwrap();
    assert_eq!((further.tally.done, further.cursor), (2, first[1].delivery));
    let again = store.advance(page(&run, &first)).await.unwrap();
    assert_eq!(again, further, "a page is carried out once");

    let stopped = store.set_run(run.id, RunState::Stopped, at(7)).await.unwrap().unwrap();
    assert_eq!((stopped.state, stopped.ended_at), (RunState::Stopped, Some(at(7))));
    let rest = store.find_page(&further, 2).await.unwrap();
    assert_eq!(rest.len(), 1, "not the one that came later");
    let still = store.advance(page(&further, &rest)).await.unwrap();
    assert_eq!(still, stopped, "one that was stopped goes no further");
    let resumed = store.set_run(run.id, RunState::Running, at(8)).await.unwrap().unwrap();
    assert_eq!((resumed.state, resumed.ended_at), (RunState::Running, None));
    let done = store.advance(page(&further, &rest)).await.unwrap();
    assert_eq!((done.state, done.tally.done, done.ended_at), (RunState::Done, 3, Some(at(6))));
    let stays = store.set_run(run.id, RunState::Running, at(9)).await.unwrap();
    assert_eq!(stays, Some(done), "what is done stays done");
    assert_eq!(store.state(&id("late"), "erp").await, DeliveryState::Due);
    let unknown = apertur_bridge::model::RunId(99);
    assert_eq!(store.set_run(unknown, RunState::Stopped, at(9)).await.unwrap(), None);
}

pub(super) async fn what_no_longer_matches_is_left(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    let due = Filter { states: vec![DeliveryState::Due], ..everything() };
    let new = NewRun { verb: hold(), filter: due, by: By::new("ana"), matching: 1 };
    let run = store.begin_run(new, at(0)).await.unwrap();
    let number = store.find_page(&run, 9).await.unwrap()[0].delivery;
    store.send("erp", delivered(), 1).await;
    let steps = vec![(number, Way::On), (DeliveryId(number.0 + 1000), Way::On)];
    let page =
        Page { run: run.id, after: run.cursor, steps, is_last: true, now: at(2), look_at: at(2) };
    let run = store.advance(page).await.unwrap();
    assert_eq!(left(&run.tally), [(Left::Changed, 2)]);
    assert_eq!(store.state(&id("a"), "erp").await, DeliveryState::Delivered);
}

pub(super) async fn what_is_foreseen_comes_true(store: &Store) {
    one_of_each(store).await;
    let verbs = [hold(), REPLAY, Verb::Release, Verb::Replay { force: true }, drop_it()];
    for verb in verbs {
        let known = [name("erp"), name("archive")];
        let foreseen = store.foresee(&verb, &everything(), &known).await.unwrap();
        let sum = |left: Option<Left>| {
            let of = foreseen.iter().filter(|foreseen| foreseen.left == left);
            of.map(|foreseen| foreseen.count).sum::<u64>()
        };
        let run = store.change(verb.clone(), &everything()).await;
        assert_eq!(sum(None), run.tally.done, "{verb:?}: {foreseen:?}");
        for (left, count) in &run.tally.left {
            assert_eq!(sum(Some(*left)), *count, "{verb:?}: {left}");
        }
        assert_eq!(foreseen.iter().map(|foreseen| foreseen.count).sum::<u64>(), 6);
    }
    let gone = store.foresee(&REPLAY, &everything(), &[]).await.unwrap();
    let held = |foreseen: &&Foreseen| foreseen.state == DeliveryState::Held;
    assert!(gone.iter().filter(held).all(|foreseen| foreseen.left == Some(Left::Unrouted)));
}

pub(super) async fn what_is_replayed_with_many_comes_after_the_rest(store: &Store) {
    for (image, bytes) in [("old", 1), ("older", 2), ("named", 3)] {
        store.accept(stored(image, bytes)).await.unwrap();
    }
    for claimed in store.claim("erp", 0).await {
        let end = DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) };
        store.settle_delivery(&claimed, end, at(1)).await.unwrap();
    }
    let named = Filter { photo: Some(id("named")), ..everything() };
    store.replay(&named, false, at(9), at(9)).await.unwrap();
    let held = Filter { states: vec![DeliveryState::Held], ..everything() };
    store.replay(&held, false, at(5), at(5)).await.unwrap();
    store.accept(stored("fresh", 4).at(7)).await.unwrap();
    let mut order = Vec::new();
    for _ in 0..3 {
        assert_eq!(store.next_delivery_at(&name("erp")).await.unwrap(), Some(at(5)));
        let one = apertur_bridge::journal::Claim { limit: 1, ..claim("erp", 10) };
        let claimed = store.claim_as(one).await.remove(0);
        order.push(claimed.delivery.photo.id.to_string());
        store.settle_delivery(&claimed, delivered(), at(10)).await.unwrap();
    }
    order.extend(store.claim("erp", 10).await.iter().map(|c| c.delivery.photo.id.to_string()));
    assert_eq!(order, ["fresh", "named", "old", "older"]);

    store.accept(announced("link1").to(&["archive"])).await.unwrap();
    let archive = Filter { destination: Some(name("archive")), ..everything() };
    store.replay(&archive, false, at(20), at(20)).await.unwrap();
    store.accept(announced("link2").to(&["archive"]).at(30)).await.unwrap();
    assert_eq!(store.next_fetch_at().await.unwrap(), Some(at(20)));
    let fetches = store.claim_all_fetches(40).await;
    let order: Vec<_> = fetches.iter().map(|fetch| fetch.photo.id.as_str()).collect();
    assert_eq!(order, ["link2", "link1"]);
}

pub(super) async fn a_text_is_found_wherever_it_stands(store: &Store) {
    let mut photo = stored("img_Kitchen", 1).on(Some(target(77)));
    photo.photo.filename = Some("Küche_50%.jpg".to_owned());
    photo.photo.tags = vec![Tag::from_text("vip:gold"), Tag::from_text("plain")];
    store.accept(photo).await.unwrap();
    store.accept(stored("other", 2).to(&["archive"])).await.unwrap();
    let failed = cause(ErrorKind::Rejected).with_detail("No such \"ticket\" 4711");
    store.send("archive", DeliveryEnd::Held { cause: failed }, 1).await;
    find_texts(store).await;
    while store.index_texts(1).await.unwrap() > 0 {}
    find_texts(store).await;
}

async fn find_texts(store: &Store) {
    for (text, expected) in [
        ("kitchen", &["img_Kitchen"][..]),
        ("G_K", &["img_Kitchen"]),
        ("50%", &["img_Kitchen"]),
        ("0_j", &[]),
        ("üche", &["img_Kitchen"]),
        ("VIP:gold", &["img_Kitchen"]),
        ("plain", &["img_Kitchen"]),
        ("plain:", &[]),
        ("partner:77", &["img_Kitchen"]),
        ("such \"TICKET\" 47", &["other"]),
        ("went wrong", &["other"]),
        ("look at it", &[]),
        ("wrongNo", &[]),
        ("other", &["other"]),
        ("'", &[]),
    ] {
        let filter = Filter { text: Some(text.to_owned()), ..everything() };
        let found = store.list(&filter, None, 9).await.unwrap();
        let found: Vec<_> = found.iter().map(|delivery| delivery.photo.id.as_str()).collect();
        assert_eq!(found, expected, "{text}");
        let counted = store.count(&filter).await.unwrap().iter().map(|c| c.count).sum::<u64>();
        assert_eq!(counted, expected.len() as u64, "{text}");
        let held = Filter { states: vec![DeliveryState::Held], ..filter };
        let held = store.list(&held, None, 9).await.unwrap();
        assert!(held.iter().all(|delivery| delivery.photo.id == id("other")), "{text}");
    }
}

pub(super) async fn a_text_is_found_after_any_change(store: &Store) {
    store.accept(announced("a").on(None).to(&["erp"])).await.unwrap();
    store.accept(stored("b", 2).unrouted()).await.unwrap();
    while store.index_texts(9).await.unwrap() > 0 {}
    let found = async |text: &str| {
        let filter = Filter { text: Some(text.to_owned()), ..everything() };
        let found = store.list(&filter, None, 9).await.unwrap();
        found.iter().map(|delivery| delivery.photo.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("partner").await, [""; 0]);
    // It is told its record, the other one is planned again, and a third comes.
    store.accept(announced("a").on(Some(target(4711)))).await.unwrap();
    let number = store.story_of(&id("b")).await.deliveries[0].id;
    let plan = vec![super::planned(Some("erp"), Some(target(4712)))];
    assert!(store.plan_again(number, plan, at(1)).await.unwrap());
    store.accept(stored("c", 3).on(Some(target(4713)))).await.unwrap();
    for indexed in [false, true] {
        assert_eq!(found("partner:471").await.len(), 3, "{indexed}");
        assert_eq!(found("partner:4711").await, ["a"]);
        assert_eq!(found("partner:4712").await, ["b"]);
        assert_eq!(found("partner:4713").await, ["c"]);
        while store.index_texts(9).await.unwrap() > 0 {}
    }
    // One that is forgotten leaves its number to another.
    for claimed in store.claim("erp", 9).await {
        store.settle_delivery(&claimed, delivered(), at(9)).await.unwrap();
    }
    store.expire_bytes(at(99), 9).await.unwrap();
    store.forget(at(99), 9).await.unwrap();
    assert_eq!(found("partner:4713").await, [""; 0]);
    store.accept(stored("d", 4).on(Some(target(4714)))).await.unwrap();
    assert_eq!(found("partner:4714").await, ["d"]);
    while store.index_texts(9).await.unwrap() > 0 {}
    assert_eq!(found("partner:4714").await, ["d"]);
}

pub(super) async fn what_happened_is_told_step_by_step(store: &Store) {
    for (image, seconds) in [("a", 0), ("b", 99), ("c", 100), ("d", 250)] {
        store.accept(stored(image, 1).at(seconds)).await.unwrap();
    }
    let mut claimed = store.claim("erp", 199).await.into_iter();
    let held = DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) };
    for (end, seconds) in [(delivered(), 0), (held, 199)] {
        store.settle_delivery(&claimed.next().unwrap(), end, at(seconds)).await.unwrap();
    }
    let step = std::time::Duration::from_secs(100);
    let told = store.timeline(at(0), step, 3).await.unwrap();
    let moment = |seconds, received, delivered, held| Moment {
        at: at(0) + SignedDuration::from_secs(seconds),
        received,
        delivered,
        held,
    };
    assert_eq!(told, [moment(0, 2, 1, 0), moment(100, 1, 0, 1), moment(200, 1, 0, 0)]);
}

pub(super) async fn the_oldest_open_photo_of_each_destination_is_known(store: &Store) {
    assert_eq!(store.oldest_open().await.unwrap(), []);
    one_of_each(store).await;
    store.accept(stored("younger", 9).to(&["archive", "third"]).at(50)).await.unwrap();
    let oldest = |destination, delivery, seconds| Oldest {
        destination: name(destination),
        delivery,
        received_at: at(seconds),
    };
    let expected = [
        oldest("archive", store.delivery(&id("due"), "archive").await.id, 0),
        oldest("erp", store.delivery(&id("waiting"), "erp").await.id, 0),
        oldest("third", store.delivery(&id("younger"), "third").await.id, 50),
    ];
    assert_eq!(store.oldest_open().await.unwrap(), expected);
}

pub(super) async fn the_last_delivery_is_the_one_that_was_settled_last(store: &Store) {
    let last = async |place| store.last_delivered(&name(place)).await.unwrap();
    assert_eq!(last("erp").await, None);
    store.accept(stored("older", 1)).await.unwrap();
    store.accept(stored("younger", 2)).await.unwrap();
    let [older, younger] = &store.claim("erp", 0).await[..] else { panic!("two are due") };
    store.settle_delivery(younger, delivered(), at(10)).await.unwrap();
    store.settle_delivery(older, delivered(), at(20)).await.unwrap();
    store.accept(stored("held", 3)).await.unwrap();
    store.send("erp", DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }, 30).await;
    assert_eq!(last("erp").await, Some(at(20)));
    assert_eq!(last("archive").await, None);
}

pub(super) async fn a_photo_of_a_session_counts_once_however_many_want_it(store: &Store) {
    let session = |id: &str| SessionId::parse(id).unwrap();
    let of = |image, bytes, id| {
        let mut arrival = stored(image, bytes).to(&["erp", "archive"]);
        arrival.photo.session = Some(session(id));
        arrival
    };
    for (image, bytes, id) in [("a", 1, "here"), ("b", 2, "here"), ("c", 3, "there")] {
        store.accept(of(image, bytes, id)).await.unwrap();
    }
    for (id, photos) in [("here", 2), ("there", 1), ("nowhere", 0)] {
        assert_eq!(store.photos_of(&session(id)).await.unwrap(), photos, "{id}");
    }
}

pub(super) async fn filters_may_be_put_together(store: &Store) {
    one_of_each(store).await;
    store.accept(stored("late", 9).at(100)).await.unwrap();
    let (held, due) = (DeliveryState::Held, DeliveryState::Due);
    let of = |filter: &Filter| {
        let filter = filter.clone();
        async move {
            let found = store.list(&filter, None, 9).await.unwrap();
            found.iter().map(|delivery| delivery.photo.id.to_string()).collect::<Vec<_>>()
        }
    };
    let both = Filter { states: vec![held, due], ..everything() };
    assert_eq!(of(&both).await, ["late", "unrouted", "held", "due"]);
    let erp = Filter { destination: Some(name("erp")), ..both.clone() };
    assert_eq!(of(&erp).await, ["late", "held"]);
    let rejected = Filter { error: Some(ErrorKind::Rejected), ..erp.clone() };
    assert_eq!(of(&rejected).await, ["held"]);
    assert_eq!(of(&Filter { since: Some(at(1)), ..both.clone() }).await, ["late"]);
    let first = Filter { until: Some(at(100)), target: Some(target(1)), ..both.clone() };
    assert_eq!(of(&first).await, ["held", "due"]);
    assert_eq!(of(&Filter { until: Some(at(0)), ..both.clone() }).await, [""; 0]);
    assert_eq!(of(&Filter { since: Some(at(999)), ..both.clone() }).await, [""; 0]);
    let page = store.list(&both, None, 2).await.unwrap();
    let next = store.list(&both, Some(page[1].id), 1).await.unwrap();
    assert_eq!(next[0].photo.id, id("held"));
    let last = store.list(&both, Some(next[0].id), 5).await.unwrap();
    assert_eq!(last.iter().map(|d| d.photo.id.as_str()).collect::<Vec<_>>(), ["due"]);
}
