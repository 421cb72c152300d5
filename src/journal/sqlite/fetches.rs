//! Photos that were announced and have to be fetched.

use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, params};

use super::{
    LANES,
    place::fetch_changed,
    rows::{self, PHOTO, Result},
};
use crate::{
    journal::{Fetch, FetchEnd},
    model::{AttemptId, AttemptOutcome, Cause, Digest},
};

pub(super) fn claim_sql() -> String {
    format!(
        "SELECT {PHOTO}, p.seq AS seq, p.url AS url, p.envelope AS envelope,
             p.fetch_attempts AS attempts, p.fetch_attempt AS attempt, p.fetch_since AS since
         FROM photos p WHERE p.fetch_state = 'wanted' AND p.lane = ?3 AND p.fetch_due <= ?1
         ORDER BY p.fetch_due, p.seq LIMIT ?2"
    )
}

pub(super) const OURS: &str =
    "SELECT seq, url, envelope FROM photos WHERE id = ?1 AND fetch_attempt = ?2";

/// See [`crate::journal::Journal::claim_fetches`].
pub(super) fn claim(
    db: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: usize,
) -> Result<Vec<Fetch>> {
    let now = now.as_millisecond();
    let mut due = Vec::new();
    for lane in LANES {
        let room = i64::try_from(limit.saturating_sub(due.len())).unwrap_or(i64::MAX);
        due.extend(rows::all(db, &claim_sql(), &[&now, &room, &lane], wanted)?);
    }
    let mut claimed = Vec::with_capacity(due.len());
    for (seq, running, mut fetch) in due {
        if let Some(running) = running {
            // Its lease ran out: whoever had it never came back, and the try counts.
            end_attempt(db, running, AttemptOutcome::Unknown, None, now)?;
            fetch.attempts += 1;
        }
        fetch.attempt = AttemptId(begin_attempt(db, seq, None, now)?);
        db.prepare_cached(
            "UPDATE photos SET fetch_due = ?2, fetch_attempt = ?3, fetch_attempts = ?4
             WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            lease_until.as_millisecond(),
            fetch.attempt.0,
            fetch.attempts
        ])?;
        claimed.push(fetch);
    }
    Ok(claimed)
}

/// A photo to fetch with its number and the attempt whose lease ran out.
fn wanted(row: &Row<'_>) -> Result<(i64, Option<i64>, Fetch)> {
    let fetch = Fetch {
        photo: rows::photo(row)?,
        url: row.get("url")?,
        envelope: envelope(row)?,
        attempts: row.get("attempts")?,
        attempt: AttemptId(0),
        since: rows::time(row.get("since")?)?,
    };
    Ok((row.get("seq")?, row.get("attempt")?, fetch))
}

/// See [`crate::journal::Journal::settle_fetch`].
pub(super) fn settle(db: &Connection, fetch: &Fetch, end: &FetchEnd, now: Timestamp) -> Result<()> {
    let at = now.as_millisecond();
    let ours = [&fetch.photo.id.as_str() as &dyn ToSql, &fetch.attempt.0];
    let current = rows::first(db, OURS, &ours, |row| {
        let from = (row.get::<_, Option<String>>("url")?, envelope(row)?);
        Ok((row.get::<_, i64>("seq")?, from))
    })?;
    let Some((seq, from)) = current else { return Ok(()) };
    let is_stale = from != (fetch.url.clone(), fetch.envelope);
    let (outcome, cause) = match end {
        FetchEnd::Stored { .. } => (AttemptOutcome::Done, None),
        FetchEnd::Later { cause, .. } => (AttemptOutcome::Later, Some(cause)),
        FetchEnd::Held { cause } => (AttemptOutcome::Refused, Some(cause)),
        FetchEnd::Cancelled => (AttemptOutcome::Cancelled, None),
    };
    end_attempt(db, fetch.attempt.0, outcome, cause, at)?;
    match end {
        FetchEnd::Stored { sha256, size, media_type } => {
            db.prepare_cached(
                "UPDATE photos SET fetch_state = 'stored', sha256 = ?2, size = ?3, media_type = ?4,
                     url = NULL, envelope = NULL, fetch_due = NULL, fetch_attempt = NULL,
                     fetch_cause = NULL, fetch_attempts = fetch_attempts + 1
                 WHERE seq = ?1",
            )?
            .execute(params![seq, sha256.0, size.cast_signed(), media_type])?;
            fetch_changed(db, seq, now)
        }
        FetchEnd::Later { at, cause } => wait(db, seq, *at, Some(cause)),
        FetchEnd::Cancelled => wait(db, seq, now, None),
        // It failed with a link or an envelope that is not the latest.
        FetchEnd::Held { cause } if is_stale => wait(db, seq, now, Some(cause)),
        FetchEnd::Held { cause } => hold(db, seq, cause, now),
    }
}

fn envelope(row: &Row<'_>) -> Result<Option<Digest>> {
    Ok(row.get::<_, Option<[u8; 32]>>("envelope")?.map(Digest))
}

fn wait(db: &Connection, seq: i64, at: Timestamp, cause: Option<&Cause>) -> Result<()> {
    let counts = u32::from(cause.is_some());
    let cause = cause.map(rows::json).transpose()?;
    db.prepare_cached(
        "UPDATE photos SET fetch_due = ?2, fetch_attempt = NULL,
             fetch_attempts = fetch_attempts + ?3, fetch_cause = coalesce(?4, fetch_cause)
         WHERE seq = ?1",
    )?
    .execute(params![seq, at.as_millisecond(), counts, cause])?;
    Ok(())
}

fn hold(db: &Connection, seq: i64, cause: &Cause, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE photos SET fetch_state = 'held', fetch_due = NULL, fetch_attempt = NULL,
             fetch_attempts = fetch_attempts + 1, fetch_cause = ?2
         WHERE seq = ?1",
    )?
    .execute(params![seq, rows::json(cause)?])?;
    fetch_changed(db, seq, now)
}

/// Writes an open attempt down.
pub(super) fn begin_attempt(
    db: &Connection,
    photo: i64,
    delivery: Option<i64>,
    at: i64,
) -> Result<i64> {
    db.prepare_cached(
        "INSERT INTO attempts (photo, delivery, started_at, outcome) VALUES (?1, ?2, ?3, 'open')",
    )?
    .execute(params![photo, delivery, at])?;
    Ok(db.last_insert_rowid())
}

/// Settles an attempt.
pub(super) fn end_attempt(
    db: &Connection,
    attempt: i64,
    outcome: AttemptOutcome,
    cause: Option<&Cause>,
    at: i64,
) -> Result<()> {
    db.prepare_cached("UPDATE attempts SET ended_at = ?2, outcome = ?3, cause = ?4 WHERE id = ?1")?
        .execute(params![attempt, at, outcome.as_str(), cause.map(rows::json).transpose()?])?;
    Ok(())
}
