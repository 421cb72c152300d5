//! Who was told what, see [`Notices`].

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{
    Result as JournalResult, Sqlite,
    rows::{self, Result, parsed, required},
};
use crate::{
    journal::notices::{
        Filing, MOST, Notice, Notices, Outlet, REMEMBERED, Subject, Telling, Untold,
    },
    model::{DestinationName, ErrorKind, Target},
};

#[async_trait]
impl Notices for Sqlite {
    async fn untold(&self, telling: Telling) -> JournalResult<Vec<Untold>> {
        self.read(move |db| rows::all(db, untold_sql(telling), &[&limit()], untold)).await
    }

    async fn file(&self, filing: Filing) -> JournalResult<u64> {
        self.write(move |db| file(db, &filing)).await
    }

    async fn notices(&self) -> JournalResult<Vec<Notice>> {
        // Of each outlet its own: what cannot be sent by one keeps nothing back of another.
        let sql = "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY outlet ORDER BY seq)
                AS place FROM notices) WHERE place <= ?1 ORDER BY seq";
        self.read(|db| rows::all(db, sql, &[&limit()], notice)).await
    }

    async fn postpone(&self, notice: &str, until: Timestamp) -> JournalResult<()> {
        let id = notice.to_owned();
        self.write(move |db| {
            let sql = "UPDATE notices SET tries = tries + 1, due_at = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![id, until.as_millisecond()])?;
            Ok(())
        })
        .await
    }

    async fn settle_notice(&self, notice: &str) -> JournalResult<()> {
        let id = notice.to_owned();
        self.write(move |db| {
            db.prepare_cached("DELETE FROM notices WHERE id = ?1")?.execute([&id])?;
            Ok(())
        })
        .await
    }

    async fn subjects(&self) -> JournalResult<Vec<Subject>> {
        self.read(|db| rows::all(db, "SELECT * FROM subjects", &[], subject)).await
    }
}

fn limit() -> i64 {
    i64::try_from(MOST).unwrap_or(i64::MAX)
}

/// The sorts that are to be told; each condition as its index has it.
pub(super) fn untold_sql(telling: Telling) -> &'static str {
    match telling {
        Telling::Note => {
            "SELECT destination, record, error, count(*) AS count,
                 min(coalesce(settled_at, since)) AS first_at
             FROM deliveries INDEXED BY deliveries_unnoted
             WHERE state = 'held' AND coalesce(noted, 0) <> coalesce(settled_at, since)
             GROUP BY destination, record, error LIMIT ?1"
        }
        Telling::Alert => {
            "SELECT destination, NULL AS record, error, count(*) AS count,
                 min(coalesce(settled_at, since)) AS first_at
             FROM deliveries INDEXED BY deliveries_unalerted
             WHERE state = 'held' AND coalesce(alerted, 0) <> coalesce(settled_at, since)
             GROUP BY destination, error LIMIT ?1"
        }
    }
}

/// Marks a sort as told.
pub(super) fn tell_sql(telling: Telling) -> &'static str {
    match telling {
        Telling::Note => {
            "UPDATE deliveries INDEXED BY deliveries_unnoted SET noted = coalesce(settled_at, since)
             WHERE state = 'held' AND coalesce(noted, 0) <> coalesce(settled_at, since)
               AND destination IS ?1 AND error IS ?2 AND record IS ?3"
        }
        Telling::Alert => {
            "UPDATE deliveries INDEXED BY deliveries_unalerted
             SET alerted = coalesce(settled_at, since)
             WHERE state = 'held' AND coalesce(alerted, 0) <> coalesce(settled_at, since)
               AND destination IS ?1 AND error IS ?2 AND ?3 IS NULL"
        }
    }
}

fn file(db: &Connection, filing: &Filing) -> Result<u64> {
    let mut count = 0_u64;
    for told in &filing.told {
        let destination = told.destination.as_ref().map(DestinationName::as_str);
        let record = told.record.as_ref().map(Target::to_string);
        let told = db.prepare_cached(tell_sql(filing.telling))?.execute(params![
            destination,
            told.error.map(ErrorKind::as_str),
            record
        ])?;
        count = count.saturating_add(told as u64);
    }
    if count == 0 && !filing.told.is_empty() {
        return Ok(0);
    }
    let at = filing.at.as_millisecond();
    if let Some((name, is_open)) = &filing.subject {
        let sql = "INSERT OR REPLACE INTO subjects (name, told_at, open) VALUES (?1, ?2, ?3)";
        db.prepare_cached(sql)?.execute(params![name, at, is_open])?;
        for (id, outlet, body) in &filing.notices {
            let sql = "INSERT INTO notices (id, outlet, subject, body, count, made_at, due_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
            let replaced = replaced(db, name, *outlet)?;
            let count = i64::try_from(count.saturating_add(replaced)).unwrap_or(i64::MAX);
            db.prepare_cached(sql)?.execute(params![id, outlet.as_str(), name, body, count, at])?;
        }
    }
    let before = at.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    db.prepare_cached("DELETE FROM subjects WHERE open = 0 AND told_at < ?1")?.execute([before])?;
    Ok(count)
}

/// Removes what waits about a subject; gives the number of deliveries it is about.
fn replaced(db: &Connection, subject: &str, outlet: Outlet) -> Result<u64> {
    let sql = "DELETE FROM notices WHERE subject = ?1 AND outlet = ?2 RETURNING count";
    let counts = rows::all(db, sql, &[&subject, &outlet.as_str()], |row| number(row, "count"))?;
    Ok(counts.into_iter().fold(0, u64::saturating_add))
}

fn untold(row: &Row<'_>) -> Result<Untold> {
    Ok(Untold {
        destination: parsed(row, "destination", |t| DestinationName::parse(t).ok())?,
        record: parsed(row, "record", |t| t.parse().ok())?,
        error: parsed(row, "error", ErrorKind::parse)?,
        count: number(row, "count")?,
        first_at: rows::time(row.get("first_at")?)?,
    })
}

fn notice(row: &Row<'_>) -> Result<Notice> {
    Ok(Notice {
        id: row.get("id")?,
        outlet: required(row, "outlet", Outlet::parse)?,
        subject: row.get("subject")?,
        body: row.get("body")?,
        count: number(row, "count")?,
        made_at: rows::time(row.get("made_at")?)?,
        due_at: rows::time(row.get("due_at")?)?,
        tries: row.get("tries")?,
    })
}

fn subject(row: &Row<'_>) -> Result<Subject> {
    Ok(Subject {
        name: row.get("name")?,
        told_at: rows::time(row.get("told_at")?)?,
        is_open: row.get("open")?,
    })
}

fn number(row: &Row<'_>, column: &str) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| rows::damaged(column))
}
