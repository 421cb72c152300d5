//! Which deliveries there are: lists, pages of runs, counts. Every way goes by an index that is
//! named here, so that a list of a few is as quick among a million as among a hundred.

use rusqlite::{Connection, ToSql, types::Value};

use super::{
    filter::{Condition, states},
    rows::{self, DELIVERY, Error, PHOTO, Result},
    texts,
};
use crate::{
    journal::{Count, Found},
    model::{Delivery, DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, Run},
};

/// Which numbers are asked for, and how many.
#[derive(Clone, Copy)]
struct Span {
    /// Above this one.
    after: i64,
    /// Up to this one.
    upto: i64,
    limit: i64,
    /// The newest first.
    is_backward: bool,
}

/// Deliveries of a sort: their destination, state and last error.
pub(super) struct Sort {
    pub(super) destination: Option<String>,
    pub(super) state: DeliveryState,
    pub(super) error: Option<String>,
}

/// See [`crate::journal::Journal::list`].
pub(super) fn list(
    db: &Connection,
    filter: &Filter,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<Delivery>> {
    let upto = before.map_or(i64::MAX, |id| id.0.saturating_sub(1));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids = numbers(db, filter, Span { after: 0, upto, limit, is_backward: true })?;
    rows::all(
        db,
        &format!(
            "SELECT {DELIVERY}, {PHOTO} FROM deliveries d CROSS JOIN photos p ON p.seq = d.photo
             WHERE d.id IN (SELECT value FROM json_each(?1)) ORDER BY d.id DESC"
        ),
        &[&rows::json(&ids)?],
        rows::delivery,
    )
}

/// See [`crate::journal::Journal::find_page`].
pub(super) fn find_page(db: &Connection, run: &Run, limit: usize) -> Result<Vec<Found>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let span = Span { after: run.cursor.0, upto: run.upto.0, limit, is_backward: false };
    let ids = numbers(db, &run.filter, span)?;
    rows::all(
        db,
        "SELECT id, destination FROM deliveries
         WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id",
        &[&rows::json(&ids)?],
        |row| {
            let name = row.get::<_, Option<String>>("destination")?;
            let destination = name.and_then(|name| DestinationName::parse(&name).ok());
            Ok(Found { delivery: DeliveryId(row.get("id")?), destination })
        },
    )
}

/// The highest number given so far.
pub(super) fn last(db: &Connection) -> Result<i64> {
    let last = rows::first(db, "SELECT max(id) AS id FROM deliveries", &[], |row| {
        Ok(row.get::<_, Option<i64>>("id")?)
    })?;
    Ok(last.flatten().unwrap_or(0))
}

/// The numbers of what matches, in order.
fn numbers(db: &Connection, filter: &Filter, span: Span) -> Result<Vec<i64>> {
    let Some(span) = within(db, filter, span)? else { return Ok(Vec::new()) };
    if let Some(asked) = narrowed(db, filter)? {
        return select(db, "", asked, span);
    }
    let is_few = filter.is_named() || filter.session.is_some() || filter.target.is_some();
    let has_sort =
        filter.destination.is_some() || !filter.states.is_empty() || filter.error.is_some();
    if is_few || !has_sort {
        return select(db, "", Condition::of(filter), span);
    }
    let mut found = Vec::new();
    for sort in sorts(db, filter)? {
        let mut condition = Condition::beside_sort(filter);
        let optional = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        condition.and("d.destination IS ?", [optional(sort.destination)]);
        condition.and("d.state = ?", [Value::Text(sort.state.to_string())]);
        condition.and("d.error IS ?", [optional(sort.error)]);
        found.extend(select(db, "INDEXED BY deliveries_by_sort", condition, span)?);
    }
    found.sort_unstable_by_key(|id| if span.is_backward { -id } else { *id });
    found.truncate(usize::try_from(span.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// All that a filter asks for, where its text is in few deliveries.
fn narrowed(db: &Connection, filter: &Filter) -> Result<Option<Condition>> {
    let Some(words) = filter.text.as_ref().filter(|_| !filter.is_named()) else {
        return Ok(None);
    };
    let Some(few) = texts::candidates(db, words)? else { return Ok(None) };
    let mut asked = Condition::of(filter);
    asked.one_of(&few)?;
    Ok(Some(asked))
}

/// All that a filter asks for, to be counted.
pub(super) fn counted(db: &Connection, filter: &Filter) -> Result<Condition> {
    Ok(narrowed(db, filter)?.unwrap_or_else(|| Condition::of(filter)))
}

fn select(db: &Connection, index: &str, mut asked: Condition, span: Span) -> Result<Vec<i64>> {
    let span_of = [span.after, span.upto].map(Value::Integer);
    asked.and("d.id > ? AND d.id <= ?", span_of);
    let photos = if asked.needs_photo { "JOIN photos p ON p.seq = d.photo" } else { "" };
    let order = if span.is_backward { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT d.id AS id FROM deliveries d {index} {photos}
         WHERE {} ORDER BY d.id {order} LIMIT ?",
        asked.sql(),
    );
    asked.values.push(Value::Integer(span.limit));
    rows::all(db, &sql, &refs(&asked.values), |row| Ok(row.get("id")?))
}

/// The numbers between which everything lies that was received in a filter's time; `None` where
/// nothing was.
fn within(db: &Connection, filter: &Filter, span: Span) -> Result<Option<Span>> {
    let mut span = span;
    let edge = |sql: &str, time: jiff::Timestamp| {
        rows::first(db, sql, &[&time.as_millisecond()], |row| Ok(row.get::<_, Option<i64>>(0)?))
            .map(Option::flatten)
    };
    if let Some(since) = filter.since {
        let Some(first) = edge(FIRST_SINCE, since)? else { return Ok(None) };
        span.after = span.after.max(first.saturating_sub(1));
    }
    if let Some(until) = filter.until {
        let Some(last) = edge(LAST_UNTIL, until)? else { return Ok(None) };
        span.upto = span.upto.min(last);
    }
    Ok(Some(span))
}

/// A number that everything reaches that was received since a time.
pub(super) const FIRST_SINCE: &str = "SELECT min(first) FROM hours WHERE hour >= ?1 / 3600000";
/// A number that nothing exceeds that was received before a time.
pub(super) const LAST_UNTIL: &str = "SELECT max(last) FROM hours WHERE hour <= ?1 / 3600000";

/// The sorts of deliveries that there are, as far as a filter asks for them.
pub(super) fn sorts(db: &Connection, filter: &Filter) -> Result<Vec<Sort>> {
    let destinations = match &filter.destination {
        Some(name) => vec![Some(name.to_string())],
        None => distinct(db, NEXT_DESTINATION, &[])?,
    };
    let mut sorts = Vec::new();
    for destination in destinations {
        for state in states(filter) {
            let of = [&destination as &dyn ToSql, &state.as_str()];
            let errors = match filter.error {
                Some(error) => vec![Some(error.to_string())],
                None => distinct(db, NEXT_ERROR, &of)?,
            };
            let sort = |error| Sort { destination: destination.clone(), state, error };
            sorts.extend(errors.into_iter().map(sort));
        }
    }
    Ok(sorts)
}

pub(super) const NEXT_DESTINATION: &str =
    "SELECT min(destination) AS word FROM deliveries WHERE destination > ?1";
pub(super) const NEXT_ERROR: &str = "SELECT min(error) AS word FROM deliveries
    INDEXED BY deliveries_by_sort WHERE destination IS ?2 AND state = ?3 AND error > ?1";

/// Every word of a column of an index, one look for each; none of them is empty.
fn distinct(db: &Connection, next: &str, of: &[&dyn ToSql]) -> Result<Vec<Option<String>>> {
    let mut words = vec![None];
    let mut last = String::new();
    loop {
        let params: Vec<&dyn ToSql> =
            std::iter::once(&last as &dyn ToSql).chain(of.iter().copied()).collect();
        let word = rows::first(db, next, &params, |row| Ok(row.get::<_, Option<String>>("word")?))?;
        let Some(word) = word.flatten() else { return Ok(words) };
        last.clone_from(&word);
        words.push(Some(word));
    }
}

/// See [`crate::journal::Journal::count`].
pub(super) fn count(db: &Connection, filter: &Filter) -> Result<Vec<Count>> {
    let asked = counted(db, filter)?;
    let photos = if asked.needs_photo { "JOIN photos p ON p.seq = d.photo" } else { "" };
    let sql = format!(
        "SELECT d.destination AS destination, d.state AS state, d.error AS error, count(*) AS n
         FROM deliveries d {photos} WHERE {} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        asked.sql()
    );
    rows::all(db, &sql, &refs(&asked.values), |row| {
        let Words { destination, state, error } = words(row)?;
        Ok(Count { destination, state, error, count: row.get::<_, i64>("n")?.unsigned_abs() })
    })
}

/// The sort of a counted row.
pub(super) struct Words {
    pub(super) destination: Option<DestinationName>,
    pub(super) state: DeliveryState,
    pub(super) error: Option<ErrorKind>,
}

/// Reads it.
pub(super) fn words(row: &rusqlite::Row<'_>) -> Result<Words> {
    let damaged = || Error::Damaged("a count's words".to_owned());
    let name = row.get::<_, Option<String>>("destination")?;
    let error = row.get::<_, Option<String>>("error")?;
    Ok(Words {
        destination: name.map(|n| DestinationName::parse(&n).map_err(|_| damaged())).transpose()?,
        state: DeliveryState::parse(&row.get::<_, String>("state")?).ok_or_else(damaged)?,
        error: error.map(|e| ErrorKind::parse(&e).ok_or_else(damaged)).transpose()?,
    })
}

/// The values of a condition as parameters.
pub(super) fn refs(values: &[Value]) -> Vec<&dyn ToSql> {
    values.iter().map(|value| value as &dyn ToSql).collect()
}
