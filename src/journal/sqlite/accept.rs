//! Taking events in, and knowing one photo as one photo.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    fetches::end_attempt,
    place::{LACKING, end_doubts, fetch_changed, name, place},
    rows::{self, Result},
};
use crate::{
    journal::{Accepted, Arrival, Bytes, Planned, are_apart, is_hint, unrouted},
    model::{
        AttemptOutcome, DeliveryState, DestinationName, Digest, FetchState, ImageId, Mode, Photo,
        Scheme, SessionId, Tag, Target,
    },
};

/// See [`crate::journal::Journal::accept`].
pub(super) fn accept(db: &Connection, arrival: &Arrival) -> Result<Accepted> {
    let photo = &arrival.photo;
    if let Some(known) = known(db, photo.id.as_str())? {
        return complete(db, &known, arrival);
    }
    if let Some(image) = is_hint(photo)
        && let Some(original) = known(db, image.as_str())?
        && original.is_same(arrival)
    {
        return complete(db, &original, arrival);
    }
    let seq = insert_photo(db, arrival)?;
    insert_plan(db, seq, &arrival.plan, photo.received_at)?;
    hold_for(db, seq, arrival)?;
    if arrival.bytes == Bytes::Stored {
        place(db, seq, "d.state = 'waiting'", photo.received_at)?;
        end_doubts(db, seq, photo.received_at)?;
    }
    Ok(Accepted::New)
}

/// Writes down why what was planned without destination is held.
fn hold_for(db: &Connection, seq: i64, arrival: &Arrival) -> Result<()> {
    let Some(held) = &arrival.held else { return Ok(()) };
    let (cause, error) = rows::cause(held)?;
    db.prepare_cached(
        "UPDATE deliveries SET cause = ?2, error = ?3
         WHERE photo = ?1 AND destination IS NULL AND state = 'held' AND error = 'unrouted'",
    )?
    .execute(params![seq, cause, error])?;
    Ok(())
}

struct Known {
    seq: i64,
    target: Option<Target>,
    session: Option<SessionId>,
    is_doubtful: bool,
    sha256: Option<[u8; 32]>,
    fetch_state: FetchState,
    url: Option<String>,
    envelope: Option<[u8; 32]>,
    /// The fetch that is under way.
    attempt: Option<i64>,
}

impl Known {
    /// Whether a copy has the same bytes and names no other record. One in doubt names none: it
    /// is told by its session, too.
    fn is_same(&self, arrival: &Arrival) -> bool {
        let copy = &arrival.photo;
        let same_bytes = self.sha256.is_some() && self.sha256 == copy.sha256.map(|d| d.0);
        let is_apart = are_apart(self.target.as_ref(), copy.target.as_ref());
        let is_told = || {
            let same_session = self.session.is_some() && self.session == copy.session;
            self.target.is_some() && (!is_apart || (same_session && !self.is_doubtful))
        };
        same_bytes && if arrival.is_doubtful { is_told() } else { !is_apart }
    }
}

pub(super) const KNOWN: &str =
    "SELECT seq, target, session, doubtful, sha256, fetch_state, url, envelope, fetch_attempt
    FROM photos WHERE id = ?1";

fn known(db: &Connection, id: &str) -> Result<Option<Known>> {
    rows::first(db, KNOWN, &[&id], |row| {
        Ok(Known {
            seq: row.get("seq")?,
            target: rows::parsed(row, "target", |text| text.parse().ok())?,
            session: rows::parsed(row, "session", |text| SessionId::parse(text).ok())?,
            is_doubtful: row.get("doubtful")?,
            sha256: row.get("sha256")?,
            fetch_state: rows::fetch_state(row)?,
            url: row.get("url")?,
            envelope: row.get("envelope")?,
            attempt: row.get("fetch_attempt")?,
        })
    })
}

/// A known photo arrives again, maybe under the id of a copy.
fn complete(db: &Connection, known: &Known, arrival: &Arrival) -> Result<Accepted> {
    let is_certain = !arrival.is_doubtful;
    let is_decided = is_certain && known.is_doubtful && decide(db, known.seq, arrival)?;
    let is_named =
        is_certain && !is_decided && known.target.is_none() && arrival.photo.target.is_some();
    if is_named {
        name_record(db, known.seq, arrival)?;
    }
    if is_decided || is_named {
        end_doubts(db, known.seq, arrival.photo.received_at)?;
    }
    let taken = take(db, known, arrival)?;
    Ok(Accepted::Duplicate { completed: is_decided || is_named || taken })
}

/// Puts a photo in doubt right, as long as no person did: it is what this arrival says. Gives
/// whether it was.
fn decide(db: &Connection, seq: i64, arrival: &Arrival) -> Result<bool> {
    let Arrival { photo, plan, .. } = arrival;
    let undecided = db
        .prepare_cached(
            "DELETE FROM deliveries WHERE photo = ?1 AND destination IS NULL
               AND (state = 'delivered' OR (state = 'held' AND error = 'unrouted'))",
        )?
        .execute([seq])?;
    if undecided == 0 {
        return Ok(false);
    }
    db.prepare_cached(
        "UPDATE photos SET image_id = ?2, session = ?3, idx = ?4, tags = ?5, target = ?6,
             mode = ?7, doubtful = 0
         WHERE seq = ?1",
    )?
    .execute(params![
        seq,
        photo.image_id.as_ref().map(ImageId::as_str),
        photo.session.as_ref().map(SessionId::reveal),
        photo.index,
        rows::json(&photo.tags)?,
        photo.target.as_ref().map(ToString::to_string),
        photo.mode.map(Mode::as_str),
    ])?;
    insert_plan(db, seq, plan, photo.received_at)?;
    hold_for(db, seq, arrival)?;
    place(db, seq, "d.state = 'waiting'", photo.received_at)?;
    Ok(true)
}

fn insert_photo(db: &Connection, arrival: &Arrival) -> Result<i64> {
    let photo = &arrival.photo;
    let at = photo.received_at.as_millisecond();
    let (url, envelope) = match &arrival.bytes {
        Bytes::Stored => (None, None),
        Bytes::Announced { url } => (url.as_deref(), None),
        Bytes::Sealed { envelope } => (None, Some(envelope.0)),
    };
    let (state, due) = match &arrival.bytes {
        Bytes::Stored => (FetchState::Stored, None),
        Bytes::Announced { .. } | Bytes::Sealed { .. } => (FetchState::Wanted, Some(at)),
    };
    db.prepare_cached(
        "INSERT INTO photos (id, image_id, session, idx, filename, media_type, size, sha256, tags,
             target, mode, topic, shape, scheme, received_at, fetch_state, url, fetch_due,
             fetch_since, envelope, doubtful)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?15, ?19, ?20)",
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
        photo.scheme.map_or(rows::UNSIGNED, Scheme::as_str),
        at,
        state.as_str(),
        url,
        due,
        envelope,
        arrival.is_doubtful,
    ])?;
    Ok(db.last_insert_rowid())
}

/// Writes the deliveries of a plan, one a destination at most; [`place`] makes them due.
pub(super) fn insert_plan(
    db: &Connection,
    seq: i64,
    plan: &[Planned],
    now: Timestamp,
) -> Result<()> {
    let nowhere = [Planned { destination: None, target: None, mode: None }];
    let at = now.as_millisecond();
    for planned in if plan.is_empty() { &nowhere } else { plan } {
        let target = planned.target.as_ref();
        let unrouted = match planned.destination {
            Some(_) => None,
            None => Some(unrouted(target, &tags(db, seq)?)),
        };
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
            target.map(ToString::to_string),
            planned.mode.map(Mode::as_str),
            state.as_str(),
            at,
            cause,
            error,
        ])?;
    }
    Ok(())
}

fn tags(db: &Connection, seq: i64) -> Result<Vec<Tag>> {
    let sql = "SELECT tags FROM photos WHERE seq = ?1";
    let tags = rows::first(db, sql, &[&seq], |row| rows::optional_json(row, "tags"))?;
    Ok(tags.flatten().unwrap_or_default())
}

/// Takes bytes or a link that a known photo lacks; gives whether that makes work now.
fn take(db: &Connection, known: &Known, arrival: &Arrival) -> Result<bool> {
    let lacking = match known.fetch_state {
        FetchState::Wanted | FetchState::Held => true,
        FetchState::Expired => rows::first(db, LACKING, &[&known.seq], |_| Ok(()))?.is_some(),
        FetchState::Stored => false,
    };
    match &arrival.bytes {
        Bytes::Stored if lacking => take_bytes(db, known, &arrival.photo).map(|()| true),
        Bytes::Sealed { envelope }
            if lacking
                && (known.fetch_state != FetchState::Wanted
                    || known.envelope != Some(envelope.0)) =>
        {
            take_envelope(db, known, envelope, arrival.photo.received_at)
        }
        Bytes::Announced { url: Some(url) }
            if lacking
                && known.fetch_state != FetchState::Expired
                && known.url.as_ref() != Some(url) =>
        {
            take_link(db, known, url, arrival.photo.received_at)
        }
        _ => Ok(false),
    }
}

fn take_bytes(db: &Connection, known: &Known, photo: &Photo) -> Result<()> {
    let now = photo.received_at;
    if let Some(running) = known.attempt {
        end_attempt(db, running, AttemptOutcome::Cancelled, None, now.as_millisecond())?;
    }
    db.prepare_cached(
        "UPDATE photos SET sha256 = ?2, size = ?3, media_type = ?4, fetch_state = 'stored',
             url = NULL, envelope = NULL, fetch_due = NULL, fetch_attempt = NULL,
             fetch_cause = NULL
         WHERE seq = ?1",
    )?
    .execute(params![
        known.seq,
        photo.sha256.map(|d| d.0),
        photo.size.map(u64::cast_signed),
        photo.media_type
    ])?;
    fetch_changed(db, known.seq, now)
}

fn take_link(db: &Connection, known: &Known, url: &str, now: Timestamp) -> Result<bool> {
    db.prepare_cached("UPDATE photos SET url = ?2 WHERE seq = ?1")?
        .execute(params![known.seq, url])?;
    fetch_anew(db, known, now)
}

fn take_envelope(
    db: &Connection,
    known: &Known,
    envelope: &Digest,
    now: Timestamp,
) -> Result<bool> {
    // What is gone has no digest any more, either.
    db.prepare_cached("UPDATE photos SET envelope = ?2, sha256 = NULL WHERE seq = ?1")?
        .execute(params![known.seq, envelope.0])?;
    fetch_anew(db, known, now)
}

/// There is something new to fetch a photo from; gives whether that makes work now.
fn fetch_anew(db: &Connection, known: &Known, now: Timestamp) -> Result<bool> {
    let rested = known.fetch_state != FetchState::Wanted;
    db.prepare_cached(
        "UPDATE photos SET fetch_state = 'wanted',
             fetch_due = iif(fetch_attempt IS NULL, ?2, fetch_due),
             fetch_since = iif(?3, ?2, fetch_since),
             fetch_attempts = iif(?3, 0, fetch_attempts),
             fetch_cause = iif(?3, NULL, fetch_cause)
         WHERE seq = ?1",
    )?
    .execute(params![known.seq, now.as_millisecond(), rested])?;
    if rested {
        fetch_changed(db, known.seq, now)?;
    }
    Ok(known.attempt.is_none())
}

/// Tells a known photo its record, and the destinations that want it because of that.
fn name_record(db: &Connection, seq: i64, arrival: &Arrival) -> Result<()> {
    let Arrival { photo, plan, .. } = arrival;
    for planned in plan {
        // It was refused without a record.
        db.prepare_cached(
            "UPDATE deliveries SET state = 'waiting'
             WHERE photo = ?1 AND destination = ?2 AND target IS NULL AND state = 'held'
               AND error = 'unrouted'",
        )?
        .execute(params![seq, planned.destination.as_ref().map(DestinationName::as_str)])?;
    }
    let target = photo.target.as_ref().map(ToString::to_string);
    name(db, seq, target.as_deref(), photo.mode.map(Mode::as_str))?;
    if plan.iter().any(|planned| planned.destination.is_some()) {
        db.prepare_cached(
            "DELETE FROM deliveries WHERE photo = ?1 AND destination IS NULL AND state = 'held'",
        )?
        .execute([seq])?;
        insert_plan(db, seq, plan, photo.received_at)?;
    }
    hold_for(db, seq, arrival)?;
    place(db, seq, "d.state = 'waiting'", photo.received_at)
}
