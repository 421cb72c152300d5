//! What is told of many deliveries at once.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    list::{Words, counted, refs, sorts, words},
    place::COVERING,
    rows::{self, Result},
};
use crate::{
    journal::{
        Moment, Oldest,
        verdict::{Case, left},
    },
    model::{DeliveryId, DeliveryState, DestinationName, Filter, Foreseen, SessionId, Verb},
    system::later,
};

/// See [`crate::journal::Journal::foresee`].
pub(super) fn foresee(
    db: &Connection,
    verb: &Verb,
    filter: &Filter,
    configured: &[DestinationName],
) -> Result<Vec<Foreseen>> {
    let asked = counted(db, filter)?;
    // What another photo covers matters only where a delivery would be sent.
    let covered = match verb {
        Verb::Replay { force: false } | Verb::Release => {
            format!(
                "(p.fetch_state = 'stored' AND d.state IN ('waiting', 'due', 'held')
                AND {COVERING} IS NOT NULL)"
            )
        }
        _ => "0".to_owned(),
    };
    let sql = format!(
        "SELECT d.destination AS destination, d.state AS state, d.error AS error,
             p.fetch_state AS fetch_state, {covered} AS covered, count(*) AS n
         FROM deliveries d JOIN photos p ON p.seq = d.photo WHERE {}
         GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3",
        asked.sql()
    );
    let counted = rows::all(db, &sql, &refs(&asked.values), |row| {
        let Words { destination, state, error } = words(row)?;
        let has_way = destination.as_ref().is_some_and(|to| configured.contains(to));
        let is_covered = row.get::<_, bool>("covered")?;
        let fetch = rows::fetch_state(row)?;
        let case = Case { state, error, fetch, has_way, is_stray: !has_way, is_covered };
        let count = row.get::<_, i64>("n")?.unsigned_abs();
        Ok(Foreseen { destination, state, error, left: left(verb, &case), count })
    })?;
    let mut sums = BTreeMap::<_, Foreseen>::new();
    for foreseen in counted {
        let of = (foreseen.state.as_str(), foreseen.error.map(|kind| kind.as_str()));
        let key = (foreseen.destination.clone(), of, foreseen.left);
        let none = Foreseen { count: 0, ..foreseen.clone() };
        sums.entry(key).or_insert(none).count += foreseen.count;
    }
    Ok(sums.into_values().collect())
}

pub(super) const RECEIVED: &str =
    "SELECT count(*) AS n FROM photos WHERE received_at >= ?1 AND received_at < ?2";
pub(super) const SETTLED: &str = "SELECT count(*) FILTER (WHERE state = 'delivered') AS delivered,
        count(*) FILTER (WHERE state = 'held') AS held
    FROM deliveries WHERE settled_at >= ?1 AND settled_at < ?2";

/// See [`crate::journal::Journal::timeline`].
pub(super) fn timeline(
    db: &Connection,
    since: Timestamp,
    step: Duration,
    steps: usize,
) -> Result<Vec<Moment>> {
    let mut at = since;
    let mut told = Vec::with_capacity(steps);
    for _ in 0..steps {
        let until = later(at, step);
        let span = (at.as_millisecond(), until.as_millisecond());
        let count = |row: &rusqlite::Row<'_>, column| {
            Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)?.unsigned_abs())
        };
        let received = rows::first(db, RECEIVED, &[&span.0, &span.1], |row| Ok(count(row, "n")?))?;
        let settled = rows::first(db, SETTLED, &[&span.0, &span.1], |row| {
            Ok((count(row, "delivered")?, count(row, "held")?))
        })?;
        let (delivered, held) = settled.unwrap_or_default();
        told.push(Moment { at, received: received.unwrap_or_default(), delivered, held });
        at = until;
    }
    Ok(told)
}

pub(super) const FIRST_OF_SORT: &str = "SELECT d.id AS id, p.received_at AS received_at
    FROM deliveries d INDEXED BY deliveries_by_sort CROSS JOIN photos p ON p.seq = d.photo
    WHERE d.destination IS ?1 AND d.state = ?2 AND d.error IS ?3 ORDER BY d.id LIMIT 1";

/// See [`crate::journal::Journal::oldest_open`].
pub(super) fn oldest_open(db: &Connection) -> Result<Vec<Oldest>> {
    let states = vec![DeliveryState::Waiting, DeliveryState::Due, DeliveryState::Sending];
    let mut oldest = BTreeMap::<DestinationName, Oldest>::new();
    for sort in sorts(db, &Filter { states, ..Filter::default() })? {
        let of: [&dyn rusqlite::ToSql; 3] = [&sort.destination, &sort.state.as_str(), &sort.error];
        let first = rows::first(db, FIRST_OF_SORT, &of, |row| {
            Ok((DeliveryId(row.get("id")?), rows::time(row.get("received_at")?)?))
        })?;
        let name = sort.destination.as_deref().and_then(|name| DestinationName::parse(name).ok());
        let (Some(destination), Some((delivery, received_at))) = (name, first) else { continue };
        let found = Oldest { destination: destination.clone(), delivery, received_at };
        let known = oldest.entry(destination).or_insert_with(|| found.clone());
        if found.delivery < known.delivery {
            *known = found;
        }
    }
    Ok(oldest.into_values().collect())
}

pub(super) const LAST_DELIVERED: &str =
    "SELECT settled_at FROM deliveries INDEXED BY deliveries_delivered
    WHERE destination = ?1 AND state = 'delivered' ORDER BY settled_at DESC LIMIT 1";

/// See [`crate::journal::Journal::last_delivered`].
pub(super) fn last_delivered(
    db: &Connection,
    destination: &DestinationName,
) -> Result<Option<Timestamp>> {
    let last = rows::first(db, LAST_DELIVERED, &[&destination.as_str()], |row| {
        row.get::<_, Option<i64>>("settled_at")?.map(rows::time).transpose()
    })?;
    Ok(last.flatten())
}

pub(super) const PHOTOS_OF: &str = "SELECT count(*) AS n FROM photos WHERE session = ?1";

/// See [`crate::journal::Journal::photos_of`].
pub(super) fn photos_of(db: &Connection, session: &SessionId) -> Result<u64> {
    let count = rows::first(db, PHOTOS_OF, &[&session.reveal()], |row| {
        Ok(row.get::<_, i64>("n")?.unsigned_abs())
    })?;
    Ok(count.unwrap_or_default())
}
