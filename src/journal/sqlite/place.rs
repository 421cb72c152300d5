//! The state that a delivery gets from its photo's bytes and from other photos with the same.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::{self, Result};
use crate::{
    journal::{are_apart, cause::bytes_gone, same_photo},
    model::{Cause, DeliveryState, FetchState, PhotoId, Target},
};

/// The delivery of a photo with the same bytes that covers the delivery `d` of the photo `p`,
/// as [`crate::journal::Journal::accept`] says; `NULL` where there is none. The join is a cross
/// one, so that it begins with the few photos that have the same bytes, and not with all
/// deliveries to the destination.
pub(super) const COVERING: &str = "(SELECT o.id FROM photos t
    CROSS JOIN deliveries o ON o.photo = t.seq
    WHERE t.sha256 = p.sha256
      AND ((p.image_id <> p.id AND t.id = p.image_id)
        OR (t.image_id <> t.id AND t.image_id = p.id)
        OR (p.image_id = t.image_id AND p.image_id <> p.id AND t.image_id <> t.id
          AND p.id <> t.id)
        OR (p.session = t.session AND ((p.image_id IS NULL AND t.image_id = t.id)
          OR (t.image_id IS NULL AND (p.image_id = p.id
            OR (p.image_id IS NULL AND p.id <> t.id))))))
      AND o.destination = d.destination AND coalesce(o.record = d.record, 1)
      AND (o.state IN ('due', 'sending') OR (o.state = 'delivered'
        AND NOT coalesce(o.receipt ->> '$.note' LIKE 'same photo as %', 0)))
    ORDER BY o.id LIMIT 1)";

/// As [`COVERING`], for a delivery `d` that may be delivered already: one that really was finds
/// itself, and only one that was left to another photo would be there twice.
pub(super) fn covering_again() -> String {
    format!(
        "(CASE WHEN d.state <> 'delivered' OR d.receipt ->> '$.note' LIKE 'same photo as %'
            THEN {COVERING} END)"
    )
}

/// Deliveries `d` that would be sent if their photo had its bytes.
pub(super) const OPEN: &str = "d.destination IS NOT NULL AND (d.state = 'waiting'
    OR (d.state = 'held' AND coalesce(d.error, '') NOT IN ('operator', 'unrouted')))";

/// Whether a photo has such deliveries.
pub(super) const LACKING: &str = "SELECT 1 FROM deliveries WHERE photo = ?1
    AND destination IS NOT NULL AND (state = 'waiting'
      OR (state = 'held' AND coalesce(error, '') NOT IN ('operator', 'unrouted'))) LIMIT 1";

pub(super) const COPIES: &str = "SELECT c.seq AS seq FROM photos p JOIN photos c
    ON c.image_id = p.id WHERE p.seq = ?1 AND c.image_id <> c.id";

/// What follows when a fetch ended, became needless or begins anew: the photo's own deliveries
/// first, then those of copies that waited for it, so that at least one of each pair goes on.
pub(super) fn fetch_changed(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    place(db, seq, OPEN, now)?;
    let copies = rows::all(db, COPIES, &[&seq], |row| Ok(row.get::<_, i64>("seq")?))?;
    copies.into_iter().try_for_each(|copy| place(db, copy, "d.state = 'waiting'", now))?;
    end_doubts(db, seq, now)
}

/// The delivery that is held for a doubt about a photo, with the photo with the same bytes whose
/// image id the doubtful one hints at.
pub(super) const DOUBT: &str = "SELECT d.id AS id, t.id AS certain, t.target AS target,
        c.target AS doubtful, coalesce(t.session = c.session, 0) AS of_session
    FROM photos c JOIN photos t ON t.id = c.image_id JOIN deliveries d ON d.photo = c.seq
    WHERE c.seq = ?1 AND c.doubtful AND c.image_id <> c.id AND NOT t.doubtful
      AND t.sha256 = c.sha256 AND t.target IS NOT NULL
      AND d.destination IS NULL AND d.state = 'held' AND d.error = 'unrouted'";

/// A photo has its bytes or its record now: what is in doubt is left to the photo that it is for
/// certain, which goes where it belongs.
pub(super) fn end_doubts(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    end_doubt(db, seq, now)?;
    let copies = rows::all(db, COPIES, &[&seq], |row| Ok(row.get::<_, i64>("seq")?))?;
    copies.into_iter().try_for_each(|copy| end_doubt(db, copy, now))
}

fn end_doubt(db: &Connection, seq: i64, now: Timestamp) -> Result<()> {
    let target =
        |row: &Row<'_>, column| rows::parsed(row, column, |text| text.parse::<Target>().ok());
    let doubt = rows::first(db, DOUBT, &[&seq], |row| {
        let is_apart =
            are_apart(target(row, "target")?.as_ref(), target(row, "doubtful")?.as_ref());
        let photo = rows::required(row, "certain", |text| PhotoId::parse(text).ok())?;
        Ok((row.get::<_, i64>("id")?, photo, !is_apart || row.get("of_session")?))
    })?;
    match doubt {
        Some((id, photo, true)) => left(db, id, &photo, now),
        _ => Ok(()),
    }
}

pub(super) fn place_sql(which: &str) -> String {
    format!(
        "SELECT d.id AS id, p.fetch_state AS fetch_state, p.fetch_cause AS cause,
             EXISTS (SELECT 1 FROM photos o WHERE p.image_id <> p.id AND o.id = p.image_id
                 AND o.fetch_state = 'wanted') AS waits,
             {COVERING} AS covering
         FROM deliveries d JOIN photos p ON p.seq = d.photo
         WHERE d.photo = ?1 AND d.destination IS NOT NULL AND {which}"
    )
}

/// Gives deliveries of a photo the state they would have if the photo arrived now.
pub(super) fn place(db: &Connection, seq: i64, which: &str, now: Timestamp) -> Result<()> {
    let placed = rows::all(db, &place_sql(which), &[&seq], |row| {
        let state = match rows::fetch_state(row)? {
            FetchState::Wanted => DeliveryState::Waiting,
            FetchState::Held | FetchState::Expired => DeliveryState::Held,
            FetchState::Stored if row.get("waits")? => DeliveryState::Waiting,
            FetchState::Stored => DeliveryState::Due,
        };
        let cause = match rows::fetch_state(row)? {
            FetchState::Held => rows::optional_json::<Cause>(row, "cause")?,
            FetchState::Expired => Some(bytes_gone()),
            FetchState::Wanted | FetchState::Stored => None,
        };
        let covering = row.get::<_, Option<i64>>("covering")?;
        let covering = covering.filter(|_| state == DeliveryState::Due);
        Ok((row.get::<_, i64>("id")?, state, cause, covering))
    })?;
    for (id, state, cause, covering) in placed {
        if let Some(other) = covering {
            leave_to(db, id, other, now)?;
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

/// Leaves a delivery to one of another photo with the same bytes, which takes its record over
/// where it has none and is not settled yet.
pub(super) fn leave_to(db: &Connection, id: i64, other: i64, now: Timestamp) -> Result<()> {
    let found = rows::first(
        db,
        "SELECT t.seq AS seq, t.id AS photo, d.target AS target, d.mode AS mode,
             (d.target IS NOT NULL AND o.target IS NULL AND o.state IN ('due', 'sending')) AS heir
         FROM deliveries d, deliveries o JOIN photos t ON t.seq = o.photo
         WHERE d.id = ?1 AND o.id = ?2",
        &[&id, &other],
        |row| {
            let photo = PhotoId::parse(&row.get::<_, String>("photo")?);
            let record = (row.get::<_, Option<String>>("target")?, row.get("mode")?);
            let photo = photo.map_err(|_| rows::damaged("id"))?;
            Ok((row.get("seq")?, photo, record, row.get::<_, bool>("heir")?))
        },
    )?;
    let Some((seq, photo, (target, mode), heir)) = found else { return Ok(()) };
    left(db, id, &photo, now)?;
    if heir {
        let mode: Option<String> = mode;
        name(db, seq, target.as_deref(), mode.as_deref())?;
    }
    Ok(())
}

/// Ends a delivery that is another photo's.
fn left(db: &Connection, id: i64, photo: &PhotoId, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE deliveries SET state = 'delivered', settled_at = ?2, receipt = ?3, cause = NULL,
             error = NULL, unsure = 0
         WHERE id = ?1",
    )?
    .execute(params![id, now.as_millisecond(), rows::json(&same_photo(photo))?])?;
    Ok(())
}

/// Tells a photo and its deliveries the record, where they name none and are not settled.
pub(super) fn name(
    db: &Connection,
    seq: i64,
    target: Option<&str>,
    mode: Option<&str>,
) -> Result<()> {
    for sql in [
        "UPDATE photos SET target = ?2, mode = coalesce(?3, mode)
         WHERE seq = ?1 AND target IS NULL",
        "UPDATE deliveries SET target = ?2, mode = coalesce(?3, mode)
         WHERE photo = ?1 AND target IS NULL AND state IN ('waiting', 'due', 'sending', 'held')",
    ] {
        db.prepare_cached(sql)?.execute(params![seq, target, mode])?;
    }
    Ok(())
}
