//! The sessions that the bridge made itself.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, params};

use super::rows::{self, Result, parsed, required};
use crate::model::{
    DestinationName, Environment, Mode, OwnSession, SessionId, SessionLink, Target,
};

/// See [`crate::journal::Journal::keep_session`].
pub(super) fn keep(db: &Connection, kept: &OwnSession) -> Result<()> {
    let sql = "INSERT INTO sessions (session, target, mode, label, link, environment, created_at,
                 expires_at, closed_at, long_polling, tags, destination, mark)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (session) DO UPDATE SET target = ?2, mode = ?3, label = ?4, link = ?5,
                 environment = ?6, created_at = ?7, expires_at = ?8, closed_at = ?9,
                 long_polling = ?10, tags = ?11, destination = ?12, mark = ?13";
    db.prepare_cached(sql)?.execute(params![
        kept.session.reveal(),
        kept.target.to_string(),
        kept.mode.map(Mode::as_str),
        kept.label,
        kept.link.as_ref().map(SessionLink::reveal),
        kept.environment.as_str(),
        kept.created_at.as_millisecond(),
        kept.expires_at.as_millisecond(),
        kept.closed_at.map(Timestamp::as_millisecond),
        kept.long_polling,
        rows::json(&kept.tags)?,
        kept.destination.as_ref().map(DestinationName::as_str),
        kept.session.mark(),
    ])?;
    Ok(())
}

/// See [`crate::journal::Journal::session`].
pub(super) fn one(db: &Connection, id: &SessionId) -> Result<Option<OwnSession>> {
    rows::first(db, "SELECT * FROM sessions WHERE session = ?1", &[&id.reveal()], session)
}

/// See [`crate::journal::Journal::sessions`].
pub(super) fn all(db: &Connection) -> Result<Vec<OwnSession>> {
    rows::all(db, "SELECT * FROM sessions ORDER BY created_at DESC, session", &[], session)
}

pub(super) const OF_RECORD: &str = "SELECT * FROM sessions
    WHERE record = ?1 AND (destination IS NULL OR destination = ?2)
      AND min(expires_at, coalesce(closed_at, expires_at)) > ?3
    ORDER BY created_at DESC, session LIMIT ?4";

/// See [`crate::journal::Journal::sessions_of`].
pub(super) fn of_record(
    db: &Connection,
    (target, destination): (&Target, &DestinationName),
    since: Timestamp,
    limit: usize,
) -> Result<Vec<OwnSession>> {
    let record = target.record().to_string();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [&dyn ToSql; 4] = [&record, &destination.as_str(), &since.as_millisecond(), &limit];
    rows::all(db, OF_RECORD, &values, session)
}

pub(super) const MARKED: &str = "SELECT * FROM sessions
    WHERE record = ?1 AND mark = ?2 AND (destination IS NULL OR destination = ?3) LIMIT 1";

/// See [`crate::journal::Journal::session_of`].
pub(super) fn marked(
    db: &Connection,
    (target, destination): (&Target, &DestinationName),
    mark: &str,
) -> Result<Option<OwnSession>> {
    let record = target.record().to_string();
    rows::first(db, MARKED, &[&record, &mark, &destination.as_str()], session)
}

/// See [`crate::journal::Journal::unsettled_sessions`].
pub(super) fn unsettled(db: &Connection) -> Result<Vec<OwnSession>> {
    let sql = "SELECT * FROM sessions WHERE settled_at IS NULL OR settled_at < expires_at
               ORDER BY created_at DESC, session";
    rows::all(db, sql, &[], session)
}

/// See [`crate::journal::Journal::settle_session`].
pub(super) fn settle(db: &Connection, id: &SessionId, at: Timestamp) -> Result<()> {
    let sql = "UPDATE sessions SET settled_at = ?2 WHERE session = ?1";
    db.prepare_cached(sql)?.execute(params![id.reveal(), at.as_millisecond()])?;
    Ok(())
}

/// The map.
pub(super) fn by_id(db: &Connection) -> Result<HashMap<SessionId, OwnSession>> {
    Ok(all(db)?.into_iter().map(|kept| (kept.session.clone(), kept)).collect())
}

/// Removes those that ended before the given time and that no photo is left of; gives them.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Result<Vec<SessionId>> {
    let sql = "DELETE FROM sessions WHERE expires_at < ?1
        AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.session = sessions.session)
        RETURNING session";
    rows::all(db, sql, &[&before.as_millisecond()], |row| {
        required(row, "session", |t| SessionId::parse(t).ok())
    })
}

fn session(row: &Row<'_>) -> Result<OwnSession> {
    Ok(OwnSession {
        session: required(row, "session", |t| SessionId::parse(t).ok())?,
        target: required(row, "target", |t| t.parse().ok())?,
        destination: parsed(row, "destination", |t| DestinationName::parse(t).ok())?,
        mode: parsed(row, "mode", Mode::parse)?,
        label: row.get("label")?,
        link: parsed(row, "link", |t| SessionLink::parse(t).ok())?,
        environment: required(row, "environment", Environment::parse)?,
        long_polling: row.get("long_polling")?,
        tags: rows::optional_json(row, "tags")?.unwrap_or_default(),
        created_at: rows::time(row.get("created_at")?)?,
        expires_at: rows::time(row.get("expires_at")?)?,
        closed_at: row.get::<_, Option<i64>>("closed_at")?.map(rows::time).transpose()?,
    })
}
