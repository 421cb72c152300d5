//! Taking events in, and knowing one photo as one photo.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    fetches::end_attempt,
    rows::{self, Result},
};
use crate::{
    journal::{Accepted, Arrival, Bytes, Planned, is_hint, same_photo, unrouted},
    model::{
        AttemptOutcome, Cause, DeliveryState, DestinationName, FetchState, ImageId, Mode, Photo,
        PhotoId, SessionId,
    },
};

/// The id of the photo with the same bytes that covers the delivery `d` of the photo `p`, as
/// [`crate::journal::Journal::accept`] says; `NULL` where there is none.
pub(super) const COVERING: &str = "(SELECT t.id FROM photos t JOIN deliveries o ON o.photo = t.seq
    WHERE t.sha256 = p.sha256
      AND ((p.image_id <> p.id AND t.id = p.image_id)
        OR (t.image_id <> t.id AND t.image_id = p.id))
      AND o.destination = d.destination AND coalesce(o.target = d.target, 1)
      AND (o.state IN ('due', 'sending') OR (o.state = 'delivered'
        AND NOT coalesce(o.receipt ->> '$.note' LIKE 'same photo as %', 0)))
    LIMIT 1)";

/// See [`crate::journal::Journal::accept`].
pub(super) fn accept(db: &Connection, arrival: &Arrival) -> Result<Accepted> {
    let photo = &arrival.photo;
    if let Some(known) = known(db, photo.id.as_str())? {
        let needed = matches!(known.fetch_state, FetchState::Wanted | FetchState::Held);
        let completed = needed && arrival.bytes == Bytes::Stored;
        if completed {
            take_bytes(db, &known, photo)?;
        } else if needed && let Bytes::Announced { url: Some(url) } = &arrival.bytes {
            db.prepare_cached("UPDATE photos SET url = ?2 WHERE seq = ?1")?
                .execute(params![known.seq, url])?;
        }
        let named = known.target.is_none() && photo.target.is_some();
        if named {
            name_record(db, known.seq, arrival)?;
        }
        return Ok(Accepted::Duplicate { completed: completed || named });
    }
    let original = match is_hint(photo) {
        Some(image) => known(db, image.as_str())?,
        None => None,
    };
    if photo.sha256.is_some()
        && original.is_some_and(|original| original.sha256 == photo.sha256.map(|d| d.0))
    {
        return Ok(Accepted::Duplicate { completed: false });
    }
    let seq = insert_photo(db, arrival)?;
    insert_waiting(db, seq, &arrival.plan, photo.received_at)?;
    if arrival.bytes == Bytes::Stored {
        place(db, seq, "d.state = 'waiting'", photo.received_at)?;
    }
    Ok(Accepted::New)
}

struct Known {
    seq: i64,
    target: Option<String>,
    sha256: Option<[u8; 32]>,
    fetch_state: FetchState,
    /// The fetch that is under way.
    attempt: Option<i64>,
}

fn known(db: &Connection, id: &str) -> Result<Option<Known>> {
    let sql = "SELECT seq, target, sha256, fetch_state, fetch_attempt FROM photos WHERE id = ?";
    rows::first(db, sql, &[&id], |row| {
        Ok(Known {
            seq: row.get("seq")?,
            target: row.get("target")?,
            sha256: row.get("sha256")?,
            fetch_state: rows::fetch_state(row)?,
            attempt: row.get("fetch_attempt")?,
        })
    })
}

fn insert_photo(db: &Connection, arrival: &Arrival) -> Result<i64> {
    let photo = &arrival.photo;
    let at = photo.received_at.as_millisecond();
    let (state, url, due) = match &arrival.bytes {
        Bytes::Stored => (FetchState::Stored, None, None),
        Bytes::Announced { url } => (FetchState::Wanted, url.as_deref(), Some(at)),
    };
    db.prepare_cached(
        "INSERT INTO photos (id, image_id, session, idx, filename, media_type, size, sha256, tags,
             target, mode, topic, shape, scheme, received_at, fetch_state, url, fetch_due,
             fetch_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?15)",
    )?
    .execute(params![
        photo.id.as_str(),
        photo.image_id.as_ref().map(ImageId::as_str),
        photo.session.as_ref().map(SessionId::reveal),
        photo.index,
        photo.filename,
        photo.media_type,
        photo.size.map(u64::cast_signed),
        photo.sha256.map(|digest| digest.0),
        rows::json(&photo.tags)?,
        photo.target.as_ref().map(ToString::to_string),
        photo.mode.map(Mode::as_str),
        photo.topic,
        photo.shape.as_str(),
        photo.scheme.as_str(),
        at,
        state.as_str(),
        url,
        due,
    ])?;
    Ok(db.last_insert_rowid())
}

/// Writes the deliveries of a plan, one a destination at most.
pub(super) fn insert_plan(
    db: &Connection,
    seq: i64,
    plan: &[Planned],
    now: Timestamp,
) -> Result<()> {
    insert_waiting(db, seq, plan, now)?;
    place(db, seq, "d.state = 'waiting'", now)
}

/// As [`insert_plan`]; those with a destination are `waiting`, whatever became of the bytes.
fn insert_waiting(db: &Connection, seq: i64, plan: &[Planned], now: Timestamp) -> Result<()> {
    let nowhere = [Planned { destination: None, target: None, mode: None }];
    let at = now.as_millisecond();
    for planned in if plan.is_empty() { &nowhere } else { plan } {
        let unrouted = planned.destination.is_none().then(unrouted);
        let state = if unrouted.is_some() { DeliveryState::Held } else { DeliveryState::Waiting };
        let (cause, error) = unrouted.as_ref().map(rows::cause).transpose()?.unzip();
        db.prepare_cached(
            "INSERT INTO deliveries (photo, destination, target, mode, state, due_at, since,
                 cause, error, settled_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, iif(?7 IS NULL, NULL, ?6))
             ON CONFLICT (photo, destination) DO NOTHING",
        )?
        .execute(params![
            seq,
            planned.destination.as_ref().map(DestinationName::as_str),
            planned.target.as_ref().map(ToString::to_string),
            planned.mode.map(Mode::as_str),
            state.as_str(),
            at,
            cause,
            error,
        ])?;
    }
    Ok(())
}

/// Gives a known photo the bytes that an inline copy brought.
fn take_bytes(db: &Connection, known: &Known, photo: &Photo) -> Result<()> {
    let now = photo.received_at;
    if let Some(running) = known.attempt {
        end_attempt(db, running, AttemptOutcome::Cancelled, None, now.as_millisecond())?;
    }
    db.prepare_cached(
        "UPDATE photos SET sha256 = ?2, size = ?3, media_type = ?4, fetch_state = 'stored',
             url = NULL, fetch_due = NULL, fetch_attempt = NULL, fetch_cause = NULL
         WHERE seq = ?1",
    )?
    .execute(params![
        known.seq,
        photo.sha256.map(|d| d.0),
        photo.size.map(u64::cast_signed),
        photo.media_type
    ])?;
    fetch_ended(db, known.seq, now)
}

/// Tells a known photo its record, and the destinations that want it because of that.
fn name_record(db: &Connection, seq: i64, arrival: &Arrival) -> Result<()> {
    let Arrival { photo, plan, .. } = arrival;
    let target = photo.target.as_ref().map(ToString::to_string);
    let mode = photo.mode.map(Mode::as_str);
    db.prepare_cached("UPDATE photos SET target = ?2, mode = coalesce(?3, mode) WHERE seq = ?1")?
        .execute(params![seq, target, mode])?;
    db.prepare_cached(
        "UPDATE deliveries SET target = ?2, mode = coalesce(?3, mode)
         WHERE photo = ?1 AND target IS NULL AND state IN ('waiting', 'due', 'held')",
    )?
    .execute(params![seq, target, mode])?;
    if plan.iter().all(|planned| planned.destination.is_none()) {
        return Ok(());
    }
    db.prepare_cached(
        "DELETE FROM deliveries WHERE photo = ?1 AND destination IS NULL AND state = 'held'",
    )?
    .execute([seq])?;
    insert_plan(db, seq, plan, photo.received_at)
}

/// What follows when a fetch ended or became needless: the photo's own deliveries first, then
/// those of copies that waited for it, so that at least one of each pair goes on.
pub(super) fn fetch_ended(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    let own = "(d.state = 'waiting' OR (d.state = 'held' AND d.error IS NOT 'operator'))";
    place(db, seq, own, now)?;
    let copies = rows::all(
        db,
        "SELECT c.seq AS seq FROM photos p JOIN photos c ON c.image_id = p.id
         WHERE p.seq = ?1 AND c.image_id <> c.id",
        &[&seq],
        |row| Ok(row.get::<_, i64>("seq")?),
    )?;
    copies.into_iter().try_for_each(|copy| place(db, copy, "d.state = 'waiting'", now))
}

/// Gives deliveries of a photo the state they would have if the photo arrived now.
fn place(db: &Connection, seq: i64, which: &str, now: Timestamp) -> Result<()> {
    let placed = rows::all(
        db,
        &format!(
            "SELECT d.id AS id, p.fetch_state AS fetch_state, p.fetch_cause AS cause,
                 EXISTS (SELECT 1 FROM photos o WHERE p.image_id <> p.id AND o.id = p.image_id
                     AND o.fetch_state = 'wanted') AS waits,
                 {COVERING} AS covering
             FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE d.photo = ?1 AND d.destination IS NOT NULL AND {which}"
        ),
        &[&seq],
        |row| {
            let state = match rows::fetch_state(row)? {
                FetchState::Wanted => DeliveryState::Waiting,
                FetchState::Held => DeliveryState::Held,
                _ if row.get("waits")? => DeliveryState::Waiting,
                _ => DeliveryState::Due,
            };
            let cause = rows::optional_json::<Cause>(row, "cause")?;
            let cause = cause.filter(|_| state == DeliveryState::Held);
            let covering = row.get::<_, Option<String>>("covering")?;
            let covering = covering.filter(|_| state == DeliveryState::Due);
            Ok((row.get::<_, i64>("id")?, state, cause, covering))
        },
    )?;
    for (id, state, cause, covering) in placed {
        if let Some(other) = covering {
            leave_to(db, id, &other, now)?;
            continue;
        }
        let (cause, error) = cause.as_ref().map(rows::cause).transpose()?.unzip();
        db.prepare_cached(
            "UPDATE deliveries SET state = ?2, due_at = ?3, since = ?3, cause = ?4, error = ?5,
                 settled_at = iif(?2 = 'held', ?3, NULL)
             WHERE id = ?1",
        )?
        .execute(params![id, state.as_str(), now.as_millisecond(), cause, error])?;
    }
    Ok(())
}

/// Leaves a delivery to another photo with the same bytes.
pub(super) fn leave_to(db: &Connection, id: i64, other: &str, now: Timestamp) -> Result<()> {
    let other = PhotoId::parse(other).map_err(|_| rows::damaged("id"))?;
    db.prepare_cached(
        "UPDATE deliveries SET state = 'delivered', settled_at = ?2, receipt = ?3, cause = NULL,
             error = NULL, unsure = 0
         WHERE id = ?1",
    )?
    .execute(params![id, now.as_millisecond(), rows::json(&same_photo(&other))?])?;
    Ok(())
}
