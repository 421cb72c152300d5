//! Who was told of what is held.

use apertur_bridge::{
    journal::{
        DeliveryEnd,
        notices::{Filing, Outlet, Subject, Telling, Untold},
    },
    model::{ErrorKind, Filter},
};

use super::{Change, Store, at, cause, name, stored, target};

fn refused() -> DeliveryEnd {
    DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) }
}

fn filing(telling: Telling, told: Vec<Untold>, id: &str, seconds: i64) -> Filing {
    let notices = vec![(id.to_owned(), Outlet::Webhook, "{}".to_owned())];
    Filing { telling, told, subject: Some(("held".to_owned(), false)), notices, at: at(seconds) }
}

pub(super) async fn what_is_held_is_told_once_each_time_it_is_held(store: &Store) {
    for (image, bytes) in [("a", 1), ("b", 2)] {
        store.accept(stored(image, bytes)).await.unwrap();
        store.send("erp", refused(), i64::from(bytes)).await;
    }
    store.accept(stored("none", 3).to(&[])).await.unwrap();
    let mut alerts = store.untold(Telling::Alert).await.unwrap();
    alerts.sort_by_key(|sort| sort.destination.is_none());
    let error = Some(ErrorKind::Rejected);
    let erp =
        Untold { destination: Some(name("erp")), record: None, error, count: 2, first_at: at(1) };
    assert_eq!((alerts.len(), &alerts[0]), (2, &erp));
    assert_eq!((alerts[1].error, alerts[1].count), (Some(ErrorKind::Unrouted), 1));
    let notes = store.untold(Telling::Note).await.unwrap();
    let note = Untold { record: Some(target(1)), ..erp.clone() };
    assert!(notes.contains(&note), "{notes:?}");

    let first = filing(Telling::Alert, vec![erp.clone()], "n1", 5);
    assert_eq!(store.file(first).await.unwrap(), 2);
    assert_eq!(store.untold(Telling::Alert).await.unwrap(), alerts[1..]);
    assert!(store.untold(Telling::Note).await.unwrap().contains(&note), "told apart");
    let again = filing(Telling::Alert, vec![erp.clone()], "n2", 6);
    assert_eq!(store.file(again).await.unwrap(), 0);
    let ids: Vec<_> = store.notices().await.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(ids, ["n1"], "nobody is left to be told");

    let only = Filter { photo: Some(super::id("a")), ..Filter::default() };
    store.replay(&only, false, at(100), at(100)).await.unwrap();
    assert_eq!(store.untold(Telling::Alert).await.unwrap(), alerts[1..]);
    store.send("erp", refused(), 101).await;
    let anew = Untold { count: 1, first_at: at(101), ..erp };
    assert!(store.untold(Telling::Alert).await.unwrap().contains(&anew));
}

pub(super) async fn a_notice_waits_until_it_is_settled_and_is_replaced_by_a_newer(store: &Store) {
    store.accept(stored("a", 1)).await.unwrap();
    store.send("erp", refused(), 1).await;
    let told = store.untold(Telling::Alert).await.unwrap();
    store.file(filing(Telling::Alert, told, "n1", 5)).await.unwrap();
    store.postpone("n1", at(60)).await.unwrap();
    let [notice] = &store.notices().await.unwrap()[..] else { panic!("one notice") };
    assert_eq!((notice.tries, notice.due_at, notice.count), (1, at(60), 1));
    assert_eq!((notice.made_at, notice.outlet), (at(5), Outlet::Webhook));

    store.accept(stored("b", 2)).await.unwrap();
    store.send("erp", refused(), 6).await;
    let told = store.untold(Telling::Alert).await.unwrap();
    store.file(filing(Telling::Alert, told, "n2", 7)).await.unwrap();
    let [notice] = &store.notices().await.unwrap()[..] else { panic!("one notice") };
    assert_eq!((notice.id.as_str(), notice.count, notice.tries), ("n2", 2, 0));
    store.settle_notice("n2").await.unwrap();
    store.settle_notice("n2").await.unwrap();
    assert_eq!(store.notices().await.unwrap(), []);

    let day = 24 * 3600;
    let open = || Filing {
        subject: Some(("pause".to_owned(), true)),
        ..filing(Telling::Alert, Vec::new(), "n3", day)
    };
    store.file(open()).await.unwrap();
    let names = |all: Vec<Subject>| all.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(store.subjects().await.unwrap()), ["held", "pause"]);
    let over = || Filing {
        subject: Some(("pause".to_owned(), false)),
        ..filing(Telling::Alert, Vec::new(), "n4", day + 60)
    };
    store.file(over()).await.unwrap();
    let mut known = store.subjects().await.unwrap();
    let ended = Subject { name: "pause".to_owned(), told_at: at(day), is_open: false };
    assert_eq!(known.remove(1), ended, "its beginning stays");
    store.file(over()).await.unwrap();
    assert_eq!(store.subjects().await.unwrap()[1].told_at, at(day + 60));
    store.file(open()).await.unwrap();
    let nothing = Filing {
        subject: None,
        notices: Vec::new(),
        ..filing(Telling::Alert, Vec::new(), "", 4 * day)
    };
    store.file(nothing).await.unwrap();
    let pause = Subject { name: "pause".to_owned(), told_at: at(day), is_open: true };
    assert_eq!(store.subjects().await.unwrap(), [pause]);
}
