//! The sessions that the bridge made itself.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::{self, Result, parsed, required};
use crate::model::{Environment, Mode, OwnSession, SessionId, SessionLink};

/// See [`crate::journal::Journal::keep_session`].
pub(super) fn keep(db: &Connection, kept: &OwnSession) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO sessions (session, target, mode, label, link, environment,
                 created_at, expires_at, closed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
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

/// The map.
pub(super) fn by_id(db: &Connection) -> Result<HashMap<SessionId, OwnSession>> {
    Ok(all(db)?.into_iter().map(|kept| (kept.session.clone(), kept)).collect())
}

/// Removes those that ended before the given time and that no photo is left of.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Result<()> {
    let sql = "DELETE FROM sessions WHERE expires_at < ?1
        AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.session = sessions.session)";
    db.prepare_cached(sql)?.execute([before.as_millisecond()])?;
    Ok(())
}

fn session(row: &Row<'_>) -> Result<OwnSession> {
    Ok(OwnSession {
        session: required(row, "session", |t| SessionId::parse(t).ok())?,
        target: required(row, "target", |t| t.parse().ok())?,
        mode: parsed(row, "mode", Mode::parse)?,
        label: row.get("label")?,
        link: parsed(row, "link", |t| SessionLink::parse(t).ok())?,
        environment: required(row, "environment", Environment::parse)?,
        created_at: rows::time(row.get("created_at")?)?,
        expires_at: rows::time(row.get("expires_at")?)?,
        closed_at: row.get::<_, Option<i64>>("closed_at")?.map(rows::time).transpose()?,
    })
}
