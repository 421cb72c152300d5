//! What may go after a while: bytes first, rows later. What may go is found by a reader, beside
//! the writer; the writer looks again at each, as it may be wanted by then.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Sqlite,
    operator::knows_bytes,
    rows::{self, Result},
};
use crate::{
    journal::{JournalError, Prunable},
    model::{Digest, SessionId},
};

/// A photo of which nothing is left to deliver. Every row in these tables that says that somebody
/// still wants something of the photo has its place here.
const DONE: &str = "NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.photo = p.seq
    AND d.state IN ('waiting', 'due', 'sending', 'held'))";

/// One whose session may still be asked about.
const UNFOLLOWED: &str = "NOT EXISTS (SELECT 1 FROM sessions s WHERE s.session = p.session
    AND s.expires_at >= ?1)";

pub(super) fn finished_sql() -> String {
    format!(
        "SELECT p.seq AS seq FROM photos p
         WHERE p.fetch_state IN ('stored', 'held') AND p.received_at < ?1 AND {DONE}
         ORDER BY p.received_at, p.seq LIMIT ?2"
    )
}

pub(super) fn forgettable_sql() -> String {
    format!(
        "SELECT p.seq AS seq FROM photos p
         WHERE p.fetch_state = 'expired' AND p.received_at < ?1 AND {DONE} AND {UNFOLLOWED}
         ORDER BY p.received_at, p.seq LIMIT ?2"
    )
}

impl Sqlite {
    /// See [`crate::journal::Journal::expire_bytes`].
    pub(super) async fn expire(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> std::result::Result<Vec<Digest>, JournalError> {
        let mut unneeded = Vec::new();
        while unneeded.len() < limit {
            let room = limit - unneeded.len();
            let finished = self.read(move |db| numbers(db, &finished_sql(), before, room)).await?;
            if finished.is_empty() {
                break;
            }
            unneeded.extend(self.write(move |db| expire(db, &finished)).await?);
        }
        Ok(unneeded)
    }
}

fn numbers(db: &Connection, sql: &str, before: Timestamp, limit: usize) -> Result<Vec<i64>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows::all(db, sql, &[&before.as_millisecond(), &limit], |row| Ok(row.get("seq")?))
}

/// Marks those expired that are done still; gives the digests that no other photo needs.
fn expire(db: &Connection, finished: &[i64]) -> Result<Vec<Digest>> {
    let mut unneeded = Vec::new();
    let sql = format!(
        "SELECT coalesce(p.sha256, p.envelope) AS sha256 FROM photos p
         WHERE p.seq = ?1 AND p.fetch_state IN ('stored', 'held') AND {DONE}"
    );
    for seq in finished {
        let found =
            rows::first(db, &sql, &[seq], |row| Ok(row.get::<_, Option<[u8; 32]>>("sha256")?))?;
        let Some(sha256) = found else { continue };
        db.prepare_cached(
            "UPDATE photos SET fetch_state = 'expired', url = NULL, envelope = NULL
             WHERE seq = ?1",
        )?
        .execute([seq])?;
        if let Some(digest) = sha256.map(Digest)
            && !knows_bytes(db, &digest)?
        {
            unneeded.push(digest);
        }
    }
    Ok(unneeded)
}

/// The numbers of photos that may go with their history, oldest first.
pub(super) fn forgettable(db: &Connection, before: Timestamp, limit: usize) -> Result<Vec<i64>> {
    numbers(db, &forgettable_sql(), before, limit)
}

/// See [`crate::journal::Journal::forget`]; gives the sessions that are gone, too.
pub(super) fn forget(
    db: &Connection,
    before: Timestamp,
    old: &[i64],
) -> Result<(u64, Vec<SessionId>)> {
    let sql = format!(
        "SELECT 1 FROM photos p
         WHERE p.seq = ?2 AND p.fetch_state = 'expired' AND {DONE} AND {UNFOLLOWED}"
    );
    let mut forgotten = 0;
    for seq in old {
        if rows::first(db, &sql, &[&before.as_millisecond(), seq], |_| Ok(()))?.is_none() {
            continue;
        }
        for sql in [
            "DELETE FROM actions WHERE photo = ?1",
            "DELETE FROM attempts WHERE photo = ?1",
            "DELETE FROM deliveries WHERE photo = ?1",
            "DELETE FROM photos WHERE seq = ?1",
        ] {
            db.prepare_cached(sql)?.execute(params![seq])?;
        }
        forgotten += 1;
    }
    super::runs::forget(db, before)?;
    Ok((forgotten, super::sessions::forget(db, before)?))
}

/// See [`crate::journal::Upkeep::prunable`].
pub(super) fn prunable(
    db: &Connection,
    bytes_before: Timestamp,
    rows_before: Timestamp,
) -> Result<Prunable> {
    // Of photos with the same bytes one that stays keeps the file.
    let bytes = format!(
        "WITH going AS MATERIALIZED (
             SELECT p.seq AS seq, coalesce(p.sha256, p.envelope) AS bytes, p.size AS size
             FROM photos p
             WHERE p.fetch_state IN ('stored', 'held') AND p.received_at < ?1 AND {DONE}
         ), freed AS (
             SELECT bytes, max(size) AS size FROM going
             WHERE bytes IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM photos o
                 WHERE (o.sha256 = going.bytes OR o.envelope = going.bytes)
                   AND o.fetch_state <> 'expired'
                   AND o.seq NOT IN (SELECT seq FROM going))
             GROUP BY bytes
         )
         SELECT (SELECT count(*) FROM going) AS photos, (SELECT count(*) FROM freed) AS files,
             (SELECT coalesce(sum(size), 0) FROM freed) AS bytes"
    );
    let count = |row: &rusqlite::Row<'_>, column: &str| -> Result<u64> {
        Ok(row.get::<_, i64>(column)?.unsigned_abs())
    };
    let found = rows::first(db, &bytes, &[&bytes_before.as_millisecond()], |row| {
        let (photos, files) = (count(row, "photos")?, count(row, "files")?);
        Ok(Prunable { photos, files, bytes: count(row, "bytes")?, ..Prunable::default() })
    })?;
    let history = format!(
        "WITH going AS MATERIALIZED (
             SELECT p.seq AS seq FROM photos p
             WHERE p.received_at < ?1 AND {DONE} AND {UNFOLLOWED}
               AND (p.fetch_state = 'expired'
                 OR (p.fetch_state IN ('stored', 'held') AND p.received_at < ?2))
         )
         SELECT (SELECT count(*) FROM going) AS photos,
             (SELECT count(*) FROM runs r
              WHERE r.state IN ('done', 'stopped') AND r.ended_at < ?1
                AND NOT EXISTS (SELECT 1 FROM actions a WHERE a.run = r.id
                    AND a.photo NOT IN (SELECT seq FROM going))) AS runs"
    );
    let times: [&dyn rusqlite::ToSql; 2] =
        [&rows_before.as_millisecond(), &bytes_before.as_millisecond()];
    let history = rows::first(db, &history, &times, |row| {
        Ok(Prunable {
            rows: count(row, "photos")?,
            runs: count(row, "runs")?,
            ..found.unwrap_or_default()
        })
    })?;
    Ok(history.unwrap_or_default())
}
