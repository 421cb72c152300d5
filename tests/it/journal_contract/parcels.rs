//! Claiming deliveries that travel together.

use std::time::Duration;

use apertur_bridge::{
    journal::{Arrival, Claim, DeliveryEnd},
    model::{AttemptOutcome, DeliveryState, ErrorKind, Mode, SessionId},
};

use super::{Change, Store, at, cause, claim, delivered, id, name, stored, target};

/// A photo of a session for record 1, due at these seconds; of three bytes.
fn shot(image: &str, session: &str, seconds: i64) -> Arrival {
    let mut arrival = stored(image, 1).at(seconds);
    arrival.photo.session = Some(SessionId::parse(session).unwrap());
    arrival
}

fn sized(mut arrival: Arrival, bytes: u64) -> Arrival {
    arrival.photo.size = Some(bytes);
    arrival
}

fn parcels(seconds: i64, photos_per_parcel: usize) -> Claim {
    Claim { photos_per_parcel, ..claim("erp", seconds) }
}

impl Store {
    /// The images of what is claimed, a parcel each.
    async fn parcels(&self, ask: Claim) -> Vec<Vec<String>> {
        let claimed = self.claim_deliveries(ask).await.unwrap();
        let image = |claimed: &apertur_bridge::journal::Claimed| {
            assert_eq!(claimed.delivery.state, DeliveryState::Sending);
            claimed.delivery.photo.id.to_string()
        };
        claimed.iter().map(|parcel| parcel.iter().map(image).collect()).collect()
    }

    async fn accept_all(&self, arrivals: impl IntoIterator<Item = Arrival>) {
        for arrival in arrivals {
            self.accept(arrival).await.unwrap();
        }
    }
}

pub(super) async fn photos_of_a_session_are_claimed_together(store: &Store) {
    for n in 0..7 {
        store.accept(shot(&format!("p{n}"), "s", 0)).await.unwrap();
    }
    let two = Claim { limit: 2, ..parcels(0, 3) };
    assert_eq!(store.parcels(two).await, [["p0", "p1", "p2"], ["p3", "p4", "p5"]]);
    assert_eq!(store.parcels(parcels(0, 3)).await, [["p6"]]);
    assert_eq!(store.parcels(parcels(0, 3)).await, Vec::<Vec<String>>::new());
    for n in 0..7 {
        let image = id(&format!("p{n}"));
        assert_eq!(store.outcomes(&image).await, [AttemptOutcome::Open]);
        assert_eq!(store.delivery(&image, "erp").await.attempts, 1);
    }
}

pub(super) async fn a_lease_is_as_long_as_its_parcel(store: &Store) {
    store.accept_all(["a", "b", "c"].map(|image| shot(image, "s", 0))).await;
    store.accept(stored("alone", 2)).await.unwrap();
    let lease_more = Duration::from_secs(30);
    let ask = |seconds| Claim { lease_more, ..parcels(seconds, 3) };
    assert_eq!(store.parcels(ask(0)).await, [vec!["a", "b", "c"], vec!["alone"]]);
    assert_eq!(store.next_delivery_at(&name("erp")).await.unwrap(), Some(at(60)));
    assert_eq!(store.parcels(ask(60)).await, [["alone"]]);
    assert_eq!(store.parcels(ask(119)).await, Vec::<Vec<String>>::new());
    assert_eq!(store.parcels(ask(120)).await, [vec!["a", "b", "c"], vec!["alone"]]);
}

pub(super) async fn a_lease_is_as_long_as_its_bytes_take_on_a_slow_line(store: &Store) {
    let mut arrival = stored("large", 1);
    arrival.photo.size = Some(320 * 1024);
    store.accept(arrival).await.unwrap();
    assert_eq!(store.parcels(parcels(0, 3)).await, [["large"]]);
    // Looked for, sent together and sent alone, at 32 KiB a second.
    assert_eq!(store.parcels(parcels(60 + 29, 3)).await, Vec::<Vec<String>>::new());
    assert_eq!(store.parcels(parcels(60 + 30, 3)).await, [["large"]]);
}

pub(super) async fn only_what_belongs_together_is_claimed_together(store: &Store) {
    let internal = |mut arrival: Arrival| {
        arrival.plan[0].mode = Some(Mode::Internal);
        arrival
    };
    store
        .accept_all([
            shot("a1", "s", 0),
            shot("b1", "other", 0),
            internal(shot("c1", "s", 0)),
            shot("d1", "s", 0).on(Some(target(2))),
            shot("e1", "s", 0).on(None),
            stored("f1", 1),
            shot("elsewhere", "s", 0).to(&["archive"]),
            shot("later", "s", 1),
            stored("f2", 1),
            shot("e2", "s", 0).on(None),
            shot("d2", "s", 0).on(Some(target(2))),
            internal(shot("c2", "s", 0)),
            shot("b2", "other", 0),
            shot("a2", "s", 0),
        ])
        .await;
    let expected: [&[&str]; 8] = [
        &["a1", "a2"],
        &["b1", "b2"],
        &["c1", "c2"],
        &["d1", "d2"],
        &["e1"],
        &["f1"],
        &["f2"],
        &["e2"],
    ];
    assert_eq!(store.parcels(parcels(0, 10)).await, expected);
}

pub(super) async fn a_parcel_holds_so_many_bytes(store: &Store) {
    for (n, bytes) in [40, 60, 1, 101, 1, 99, 2].into_iter().enumerate() {
        store.accept(sized(shot(&format!("p{n}"), "s", 0), bytes)).await.unwrap();
    }
    let ask = Claim { parcel_size: 100, ..parcels(0, 10) };
    let expected: [&[&str]; 5] = [&["p0", "p1"], &["p2"], &["p3"], &["p4", "p5"], &["p6"]];
    assert_eq!(store.parcels(ask).await, expected);
}

pub(super) async fn parcels_come_by_their_first_photo_and_show_theirs_in_order(store: &Store) {
    let nth = |mut arrival: Arrival, index| {
        arrival.photo.index = index;
        arrival
    };
    store
        .accept_all([
            nth(shot("unnumbered", "s", 3), None),
            nth(shot("third", "s", 3), Some(2)),
            nth(shot("second", "s", 2), Some(1)),
            nth(shot("first", "s", 4), Some(0)),
            shot("before", "t", 1),
            shot("after", "u", 3),
        ])
        .await;
    let expected: [&[&str]; 3] =
        [&["before"], &["first", "second", "third", "unnumbered"], &["after"]];
    assert_eq!(store.parcels(parcels(9, 10)).await, expected);
    // What is due first goes first, whatever its index.
    store
        .accept_all([nth(shot("late", "v", 20), Some(0)), nth(shot("early", "v", 10), Some(5))])
        .await;
    assert_eq!(store.parcels(Claim { limit: 1, ..parcels(20, 1) }).await, [["early"]]);
}

pub(super) async fn a_parcel_counts_as_one_for_its_target(store: &Store) {
    for image in ["a1", "a2", "a3"] {
        store.accept(shot(image, "s", 0)).await.unwrap();
    }
    store.accept(shot("b1", "other", 0)).await.unwrap();
    let ask = |seconds| Claim { one_per_target: true, ..parcels(seconds, 2) };
    let first = store.claim_deliveries(ask(0)).await.unwrap().remove(0);
    assert_eq!(first.len(), 2);
    assert!(store.parcels(ask(0)).await.is_empty(), "the record is busy");
    store.settle_delivery(&first[0], delivered(), at(0)).await.unwrap();
    assert!(store.parcels(ask(0)).await.is_empty(), "half of the parcel is under way");
    // A clock that jumped ends no parcel.
    let except = vec![first[1].delivery.id];
    assert!(store.parcels(Claim { except, ..ask(999) }).await.is_empty());
    store.settle_delivery(&first[1], delivered(), at(0)).await.unwrap();
    assert_eq!(store.parcels(ask(0)).await, [["a3"]]);
}

pub(super) async fn what_is_in_flight_joins_no_parcel(store: &Store) {
    for image in ["a", "b", "c"] {
        store.accept(shot(image, "s", 0)).await.unwrap();
    }
    let first = store.claim_deliveries(Claim { limit: 1, ..parcels(0, 1) }).await.unwrap();
    let except = vec![first[0][0].delivery.id];
    let ask = Claim { except, ..parcels(9999, 10) };
    assert_eq!(store.parcels(ask).await, [["b", "c"]]);
}

pub(super) async fn doubtful_and_new_ones_travel_together(store: &Store) {
    store.accept_all([shot("lost", "s", 0), shot("doubtful", "s", 0)]).await;
    let sent = store.claim_deliveries(parcels(0, 10)).await.unwrap().remove(0);
    let end = DeliveryEnd::Unknown { at: at(70), cause: cause(ErrorKind::Timeout) };
    store.settle_delivery(&sent[1], end, at(1)).await.unwrap();
    store.accept_all([shot("new", "s", 50), shot("leased", "s", 51)]).await;
    let leased = Claim { limit: 1, ..parcels(51, 1) };
    assert_eq!(store.parcels(Claim { now: at(50), ..leased.clone() }).await, [["new"]]);
    let new = store.delivery(&id("new"), "erp").await;
    assert_eq!((new.state, new.unsure), (DeliveryState::Sending, false));
    // The lease of the lost one ended at 60, that of the new one at 111.
    let together = store.claim_deliveries(parcels(71, 10)).await.unwrap();
    let seen = |parcel: &[apertur_bridge::journal::Claimed]| {
        let told = |c: &apertur_bridge::journal::Claimed| {
            (c.delivery.photo.id.to_string(), c.delivery.unsure, c.delivery.attempts)
        };
        parcel.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(together.len(), 1);
    let expected = [("lost", true, 2), ("doubtful", true, 2), ("leased", false, 1)];
    assert_eq!(seen(&together[0]), expected.map(|(image, doubt, n)| (image.to_owned(), doubt, n)));
    let outcomes = [AttemptOutcome::Unknown, AttemptOutcome::Open];
    assert_eq!(store.outcomes(&id("lost")).await, outcomes);
}

pub(super) async fn a_ticket_has_one_writer_with_and_without_its_workspace(store: &Store) {
    let [bare, within, other] =
        ["freshservice:241", "freshservice:2:241", "freshservice:2:242"].map(|t| t.parse().ok());
    store
        .accept_all([
            shot("a1", "s", 0).on(bare.clone()),
            shot("a2", "s", 0).on(within.clone()),
            shot("b1", "other", 0).on(within.clone()),
            shot("b2", "other", 0).on(bare),
            shot("c", "s", 0).on(other),
        ])
        .await;
    let ask = |seconds| Claim { one_per_target: true, ..parcels(seconds, 9) };
    let first = store.claim_deliveries(ask(0)).await.unwrap();
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(first[0][1].delivery.target, within, "kept as it came");
    assert!(store.parcels(ask(0)).await.is_empty(), "the ticket is busy");
    for claimed in &first[0] {
        store.settle_delivery(claimed, delivered(), at(0)).await.unwrap();
    }
    assert_eq!(store.parcels(ask(0)).await, [["b1", "b2"]]);
}
