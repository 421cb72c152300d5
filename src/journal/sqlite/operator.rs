//! What operators ask and change, and what retention removes.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, ToSql, params, types::Value};

use super::{
    accept::insert_plan,
    place::{COVERING, leave_to, place},
    rows::{self, DELIVERY, Error, PHOTO, Result},
};
use crate::{
    journal::{Count, LISTED_AFTER, LOOK_AFTER, Pause, Planned, Replayed, Story},
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Digest, ErrorKind, FetchState,
        Filter, PhotoId,
    },
};

fn refs(values: &[Value]) -> Vec<&dyn ToSql> {
    values.iter().map(|value| value as &dyn ToSql).collect()
}

/// See [`crate::journal::Journal::list`].
pub(super) fn list(
    db: &Connection,
    filter: &Filter,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<Delivery>> {
    let (condition, mut values) = rows::condition(filter);
    values.push(Value::Integer(before.map_or(i64::MAX, |id| id.0)));
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    rows::all(
        db,
        &format!(
            "SELECT {DELIVERY}, {PHOTO} FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE {condition} AND d.id < ? ORDER BY d.id DESC LIMIT ?"
        ),
        &refs(&values),
        rows::delivery,
    )
}

/// See [`crate::journal::Journal::count`].
pub(super) fn count(db: &Connection, filter: &Filter) -> Result<Vec<Count>> {
    let (condition, values) = rows::condition(filter);
    rows::all(
        db,
        &format!(
            "SELECT d.destination AS destination, d.state AS state, d.error AS error,
                 count(*) AS n
             FROM deliveries d JOIN photos p ON p.seq = d.photo WHERE {condition}
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ),
        &refs(&values),
        |row| {
            let damaged = || Error::Damaged("a count's words".to_owned());
            let name = row.get::<_, Option<String>>("destination")?;
            let error = row.get::<_, Option<String>>("error")?;
            Ok(Count {
                destination: name
                    .map(|n| DestinationName::parse(&n).map_err(|_| damaged()))
                    .transpose()?,
                state: DeliveryState::parse(&row.get::<_, String>("state")?).ok_or_else(damaged)?,
                error: error.map(|e| ErrorKind::parse(&e).ok_or_else(damaged)).transpose()?,
                count: row.get::<_, i64>("n")?.unsigned_abs(),
            })
        },
    )
}

/// See [`crate::journal::Journal::story`].
pub(super) fn story(db: &Connection, id: &PhotoId) -> Result<Option<Story>> {
    let photo = rows::first(
        db,
        &format!(
            "SELECT {PHOTO}, seq, fetch_state, fetch_cause, fetch_due FROM photos p WHERE id = ?1"
        ),
        &[&id.as_str()],
        |row| {
            let due = row.get::<_, Option<i64>>("fetch_due")?;
            Ok((
                row.get::<_, i64>("seq")?,
                Story {
                    photo: rows::photo(row)?,
                    fetch_state: rows::fetch_state(row)?,
                    fetch_cause: rows::optional_json(row, "fetch_cause")?,
                    fetch_due_at: due.map(rows::time).transpose()?,
                    deliveries: Vec::new(),
                    attempts: Vec::new(),
                },
            ))
        },
    )?;
    let Some((seq, mut story)) = photo else { return Ok(None) };
    story.deliveries = rows::all(
        db,
        &format!(
            "SELECT {DELIVERY}, {PHOTO} FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE d.photo = ?1 ORDER BY d.id"
        ),
        &[&seq],
        rows::delivery,
    )?;
    story.attempts = rows::all(
        db,
        "SELECT id, delivery, started_at, ended_at, outcome, cause FROM attempts
         WHERE photo = ?1 ORDER BY id",
        &[&seq],
        rows::attempt,
    )?;
    Ok(Some(story))
}

/// See [`crate::journal::Journal::replay`].
pub(super) fn replay(
    db: &Connection,
    filter: &Filter,
    force: bool,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<Replayed> {
    let (condition, values) = rows::condition(filter);
    let ids = rows::all(
        db,
        &format!(
            "SELECT d.id AS id FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE {condition} ORDER BY d.id"
        ),
        &refs(&values),
        |row| Ok(row.get::<_, i64>("id")?),
    )?;
    let mut done = Replayed::default();
    let mut fetching = BTreeSet::new();
    // One by one: of two photos with the same bytes the second is left to the first.
    for id in ids {
        match replayable(db, id, force)? {
            Some(Again { fetch: FetchState::Stored, covering: Some(other), .. }) => {
                leave_to(db, id, other, now)?;
                done.left += 1;
            }
            Some(Again { fetch: FetchState::Stored, .. }) => {
                due_again(db, id, DeliveryState::Due, (now, look_at))?;
                done.due += 1;
            }
            Some(Again { fetch: FetchState::Wanted | FetchState::Held, photo, .. }) => {
                fetch_again(db, photo, now)?;
                due_again(db, id, DeliveryState::Waiting, (now, look_at))?;
                fetching.insert(photo);
            }
            Some(Again { fetch: FetchState::Expired, .. }) | None => done.left += 1,
        }
    }
    done.fetching = fetching.len() as u64;
    Ok(done)
}

/// A delivery that may be replayed.
struct Again {
    photo: i64,
    fetch: FetchState,
    /// The delivery it may be left to.
    covering: Option<i64>,
}

fn replayable(db: &Connection, id: i64, force: bool) -> Result<Option<Again>> {
    rows::first(
        db,
        &format!(
            "SELECT d.photo AS photo, p.fetch_state AS fetch_state,
                 iif(?2, NULL, {COVERING}) AS covering
             FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE d.id = ?1 AND d.destination IS NOT NULL
               AND (d.state IN ('waiting', 'due', 'held') OR (?2 AND d.state = 'delivered'))"
        ),
        &[&id, &force],
        |row| {
            Ok(Again {
                photo: row.get("photo")?,
                fetch: rows::fetch_state(row)?,
                covering: row.get("covering")?,
            })
        },
    )
}

/// One that was delivered becomes unsure: it may well be there.
fn due_again(
    db: &Connection,
    id: i64,
    state: DeliveryState,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<()> {
    db.prepare_cached(
        "UPDATE deliveries SET unsure = (unsure OR state = 'delivered'), state = ?2, attempts = 0,
             since = ?3, cause = NULL, error = NULL, settled_at = NULL,
             due_at = iif(unsure OR state = 'delivered', max(?3, min(?4, coalesce(CASE state
                 WHEN 'due' THEN due_at
                 WHEN 'delivered' THEN settled_at + ?5
                 ELSE settled_at + ?6 END, ?4))), ?3)
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        state.as_str(),
        now.as_millisecond(),
        look_at.as_millisecond(),
        millis(LISTED_AFTER),
        millis(LOOK_AFTER),
    ])?;
    Ok(())
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// A fetch that is under way is left to end by itself.
fn fetch_again(db: &Connection, photo: i64, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE photos SET fetch_state = 'wanted', fetch_attempts = 0, fetch_since = ?2,
             fetch_due = iif(fetch_attempt IS NULL, ?2, fetch_due)
         WHERE seq = ?1",
    )?
    .execute(params![photo, now.as_millisecond()])?;
    Ok(())
}

/// See [`crate::journal::Journal::plan_again`].
pub(super) fn plan_again(
    db: &Connection,
    delivery: DeliveryId,
    plan: &[Planned],
    now: Timestamp,
) -> Result<bool> {
    let unrouted = rows::first(
        db,
        "SELECT photo, destination FROM deliveries
         WHERE id = ?1 AND state = 'held' AND (destination IS NULL OR error = 'unrouted')",
        &[&delivery.0],
        |row| Ok((row.get::<_, i64>("photo")?, row.get::<_, Option<String>>("destination")?)),
    )?;
    let Some((seq, to)) = unrouted else { return Ok(false) };
    let mut planned = plan.iter().filter_map(|planned| planned.destination.as_ref()).peekable();
    if planned.peek().is_none() {
        return Ok(false);
    }
    let stays = planned.any(|planned| Some(planned.as_str()) == to.as_deref());
    let sql = if stays {
        "UPDATE deliveries SET state = 'waiting', attempts = 0 WHERE id = ?1"
    } else {
        "DELETE FROM deliveries WHERE id = ?1"
    };
    db.prepare_cached(sql)?.execute([delivery.0])?;
    insert_plan(db, seq, plan, now)?;
    place(db, seq, "d.state = 'waiting'", now)?;
    Ok(true)
}

pub(super) const KNOWS_BYTES: &str = "SELECT 1 FROM photos
    WHERE (sha256 = ?1 OR envelope = ?1) AND fetch_state <> 'expired' LIMIT 1";

/// See [`crate::journal::Journal::knows_bytes`].
pub(super) fn knows_bytes(db: &Connection, digest: &Digest) -> Result<bool> {
    Ok(rows::first(db, KNOWS_BYTES, &[&digest.0], |_| Ok(()))?.is_some())
}

/// See [`crate::journal::Journal::set_pause`].
pub(super) fn set_pause(
    db: &Connection,
    destination: &DestinationName,
    pause: Option<&Pause>,
) -> Result<()> {
    match pause {
        Some(pause) => db
            .prepare_cached("INSERT OR REPLACE INTO pauses VALUES (?1, ?2, ?3)")?
            .execute(params![
                destination.as_str(),
                pause.since.as_millisecond(),
                rows::json(&pause.cause)?
            ])?,
        None => db
            .prepare_cached("DELETE FROM pauses WHERE destination = ?1")?
            .execute([destination.as_str()])?,
    };
    Ok(())
}

/// See [`crate::journal::Journal::pauses`].
pub(super) fn pauses(db: &Connection) -> Result<Vec<Pause>> {
    let damaged = || Error::Damaged("a pause".to_owned());
    rows::all(db, "SELECT destination, since, cause FROM pauses ORDER BY 1", &[], |row| {
        Ok(Pause {
            destination: DestinationName::parse(&row.get::<_, String>("destination")?)
                .map_err(|_| damaged())?,
            since: rows::time(row.get("since")?)?,
            cause: rows::optional_json(row, "cause")?.ok_or_else(damaged)?,
        })
    })
}
