//! Taking events in, and knowing one photo as one photo.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{self, Result};
use crate::{
    journal::{Accepted, Arrival, Bytes, Planned, is_hint},
    model::{Cause, DeliveryState, ErrorKind, FetchState, Photo, PhotoId, Receipt},
};

/// See [`crate::journal::Journal::accept`].
pub(super) fn accept(db: &Connection, arrival: &Arrival) -> Result<Accepted> {
    let photo = &arrival.photo;
    if let Some(known) = known(db, &photo.id)? {
        let bytes_taken = arrival.bytes == Bytes::Stored
            && matches!(known.fetch_state, FetchState::Wanted | FetchState::Held);
        if bytes_taken {
            take_bytes(db, known.seq, photo, photo.received_at)?;
        }
        return Ok(Accepted::Duplicate { bytes_taken });
    }
    let original = match is_hint(photo) {
        Some(image) => known_image(db, image.as_str())?,
        None => None,
    };
    if let Some(original) = &original
        && original.sha256 == photo.sha256.map(|d| d.0)
        && photo.sha256.is_some()
    {
        return Ok(Accepted::Duplicate { bytes_taken: false });
    }
    let waits_for =
        original.filter(|known| known.fetch_state == FetchState::Wanted).map(|known| known.seq);
    let seq = insert_photo(db, arrival, waits_for)?;
    let ready = arrival.bytes == Bytes::Stored && waits_for.is_none();
    insert_plan(db, seq, &arrival.plan, ready, photo.received_at)?;
    if ready {
        settle_copies(db, seq, photo.received_at)?;
    }
    Ok(Accepted::New)
}

struct Known {
    seq: i64,
    sha256: Option<[u8; 32]>,
    fetch_state: FetchState,
}

fn known(db: &Connection, id: &PhotoId) -> Result<Option<Known>> {
    known_image(db, id.as_str())
}

fn known_image(db: &Connection, id: &str) -> Result<Option<Known>> {
    rows::first(db, "SELECT seq, sha256, fetch_state FROM photos WHERE id = ?", &[&id], |row| {
        Ok(Known {
            seq: row.get("seq")?,
            sha256: row.get("sha256")?,
            fetch_state: rows::fetch_state(row)?,
        })
    })
}

fn insert_photo(db: &Connection, arrival: &Arrival, twin: Option<i64>) -> Result<i64> {
    let photo = &arrival.photo;
    let at = photo.received_at.as_millisecond();
    let (state, url, due) = match &arrival.bytes {
        Bytes::Stored => (FetchState::Stored, None, None),
        Bytes::Announced { url } => (FetchState::Wanted, url.as_deref(), Some(at)),
    };
    db.prepare_cached(
        "INSERT INTO photos (id, image_id, session, idx, filename, media_type, size, sha256, tags,
             target, mode, topic, shape, scheme, received_at, fetch_state, url, fetch_due,
             fetch_since, twin)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?15, ?19)",
    )?
    .execute(params![
        photo.id.as_str(),
        photo.image_id.as_ref().map(crate::model::ImageId::as_str),
        photo.session.as_ref().map(crate::model::SessionId::reveal),
        photo.index,
        photo.filename,
        photo.media_type,
        photo.size.map(u64::cast_signed),
        photo.sha256.map(|digest| digest.0),
        rows::json(&photo.tags)?,
        photo.target.as_ref().map(ToString::to_string),
        photo.mode.map(crate::model::Mode::as_str),
        photo.topic,
        photo.shape.as_str(),
        photo.scheme.as_str(),
        at,
        state.as_str(),
        url,
        due,
        twin,
    ])?;
    Ok(db.last_insert_rowid())
}

/// Writes the deliveries of a plan; `ready` says that the bytes are here.
pub(super) fn insert_plan(
    db: &Connection,
    seq: i64,
    plan: &[Planned],
    ready: bool,
    now: Timestamp,
) -> Result<()> {
    let at = now.as_millisecond();
    for planned in plan {
        let unrouted = planned.destination.is_none().then(unrouted);
        let state = match (&unrouted, ready) {
            (Some(_), _) => DeliveryState::Held,
            (None, true) => DeliveryState::Due,
            (None, false) => DeliveryState::Waiting,
        };
        let (cause, error) = unrouted.as_ref().map(rows::cause).transpose()?.unzip();
        db.prepare_cached(
            "INSERT INTO deliveries (photo, destination, target, mode, state, due_at, since,
                 cause, error, settled_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, iif(?7 IS NULL, NULL, ?6))",
        )?
        .execute(params![
            seq,
            planned.destination.as_ref().map(crate::model::DestinationName::as_str),
            planned.target.as_ref().map(ToString::to_string),
            planned.mode.map(crate::model::Mode::as_str),
            state.as_str(),
            at,
            cause,
            error,
        ])?;
    }
    Ok(())
}

fn unrouted() -> Cause {
    Cause::new(
        ErrorKind::Unrouted,
        "no destination wants this photo",
        "add a destination or a [[route]] that matches it, then `apertur-bridge deliveries replay`",
    )
}

/// Gives a known photo the bytes that an inline copy brought.
fn take_bytes(db: &Connection, seq: i64, photo: &Photo, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE photos SET sha256 = ?2, size = ?3, media_type = ?4, fetch_state = 'stored',
             url = NULL, fetch_due = NULL, fetch_attempt = NULL, fetch_cause = NULL
         WHERE seq = ?1",
    )?
    .execute(params![
        seq,
        photo.sha256.map(|d| d.0),
        photo.size.map(u64::cast_signed),
        photo.media_type
    ])?;
    bytes_arrived(db, seq, now)
}

/// What follows when a photo's bytes have arrived: its deliveries become due, and copies of it
/// are settled.
pub(super) fn bytes_arrived(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE deliveries SET state = 'due', due_at = ?2, since = ?2, cause = NULL, error = NULL,
             settled_at = NULL
         WHERE photo = ?1 AND destination IS NOT NULL
           AND (state = 'waiting' OR (state = 'held' AND error IS NOT 'operator'))",
    )?
    .execute(params![seq, now.as_millisecond()])?;
    settle_copies(db, seq, now)?;
    settle_twins(db, seq, now)
}

/// The fetch of a photo ended for now without bytes: copies that waited for it go their own way.
pub(super) fn bytes_not_coming(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    settle_twins(db, seq, now)
}

/// Photos known only by their bytes that waited for this one.
fn settle_twins(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    let twins = rows::all(
        db,
        "SELECT t.seq AS seq, t.sha256 IS p.sha256 AS same, p.id AS id
         FROM photos t JOIN photos p ON p.seq = t.twin WHERE t.twin = ?1",
        &[&seq],
        |row| {
            Ok((
                row.get::<_, i64>("seq")?,
                row.get::<_, bool>("same")?,
                row.get::<_, String>("id")?,
            ))
        },
    )?;
    for (twin, same, id) in twins {
        db.prepare_cached("UPDATE photos SET twin = NULL WHERE seq = ?1")?.execute([twin])?;
        if same {
            let open = "state IN ('waiting', 'held')";
            db.prepare_cached(&mark_same(open))?.execute(params![
                twin,
                now.as_millisecond(),
                same_photo(&id)?
            ])?;
        } else {
            db.prepare_cached(
                "UPDATE deliveries SET state = 'due', due_at = ?2, since = ?2
                 WHERE photo = ?1 AND state = 'waiting'",
            )?
            .execute(params![twin, now.as_millisecond()])?;
        }
    }
    Ok(())
}

/// A photo with a signed id got the bytes of one that was known only by them and hints at this
/// id: where that one is on its way already, this one needs no second way.
fn settle_copies(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    let first = rows::first(
        db,
        "SELECT c.seq AS seq, c.id AS id FROM photos p
         JOIN photos c ON c.image_id = p.id AND c.image_id <> c.id AND c.sha256 = p.sha256
         WHERE p.seq = ?1 AND c.twin IS NULL",
        &[&seq],
        |row| Ok((row.get::<_, i64>("seq")?, row.get::<_, String>("id")?)),
    )?;
    let Some((copy, id)) = first else { return Ok(()) };
    let on_its_way = "state = 'due' AND EXISTS (
        SELECT 1 FROM deliveries o WHERE o.photo = ?4 AND o.destination = deliveries.destination
          AND o.state IN ('due', 'sending', 'delivered'))";
    db.prepare_cached(&mark_same(on_its_way))?.execute(params![
        seq,
        now.as_millisecond(),
        same_photo(&id)?,
        copy
    ])?;
    Ok(())
}

fn mark_same(which: &str) -> String {
    format!(
        "UPDATE deliveries SET state = 'delivered', settled_at = ?2, receipt = ?3, cause = NULL,
             error = NULL
         WHERE photo = ?1 AND destination IS NOT NULL AND {which}"
    )
}

fn same_photo(id: &str) -> Result<String> {
    let note = Some(format!("same photo as {id}"));
    rows::json(&Receipt { note, found: true, ..Receipt::default() })
}
