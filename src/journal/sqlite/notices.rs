//! Who was told what, see [`Notices`].

use std::sync::Arc;

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
        let filing = Arc::new(filing);
        let asked = Arc::clone(&filing);
        let untold = self.read(move |db| untold_of(db, &asked)).await?;
        if filing.told.is_empty() {
            self.write(move |db| file(db, &filing, 0)).await?;
            return Ok(0);
        }
        let (mut marked, mut rest) = (0_u64, untold.len());
        for page in untold.chunks(PAGE) {
            rest = rest.saturating_sub(page.len());
            let (page, filing, is_first) = (page.to_vec(), Arc::clone(&filing), marked == 0);
            let work = move |db: &Connection| {
                let marked = mark(db, filing.telling, &page)?;
                if is_first && marked > 0 {
                    file(db, &filing, marked.saturating_add(rest as u64))?;
                }
                Ok(marked)
            };
            marked = marked.saturating_add(self.write(work).await?);
        }
        Ok(marked)
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

/// Deliveries that are marked in one transaction.
const PAGE: usize = 500;

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

/// The deliveries of a sort that are to be told, and since when each is held.
pub(super) fn untold_of_sql(telling: Telling) -> &'static str {
    match telling {
        Telling::Note => {
            "SELECT id, coalesce(settled_at, since) AS held_at
             FROM deliveries INDEXED BY deliveries_unnoted
             WHERE state = 'held' AND coalesce(noted, 0) <> coalesce(settled_at, since)
               AND destination IS ?1 AND error IS ?2 AND record IS ?3"
        }
        Telling::Alert => {
            "SELECT id, coalesce(settled_at, since) AS held_at
             FROM deliveries INDEXED BY deliveries_unalerted
             WHERE state = 'held' AND coalesce(alerted, 0) <> coalesce(settled_at, since)
               AND destination IS ?1 AND error IS ?2 AND ?3 IS NULL"
        }
    }
}

/// A delivery and since when it is held.
type HeldSince = (i64, i64);

fn untold_of(db: &Connection, filing: &Filing) -> Result<Vec<HeldSince>> {
    let mut untold = Vec::new();
    for told in &filing.told {
        let destination = told.destination.as_ref().map(DestinationName::as_str);
        let record = told.record.as_ref().map(Target::to_string);
        let error = told.error.map(ErrorKind::as_str);
        let sql = untold_of_sql(filing.telling);
        untold.extend(rows::all(db, sql, &[&destination, &error, &record], |row| {
            Ok((row.get("id")?, row.get("held_at")?))
        })?);
    }
    Ok(untold)
}

/// Marks those as told that are held and untold still; gives how many.
fn mark(db: &Connection, telling: Telling, untold: &[HeldSince]) -> Result<u64> {
    let sql = match telling {
        Telling::Note => {
            "UPDATE deliveries SET noted = ?2 WHERE id = ?1 AND state = 'held'
               AND coalesce(settled_at, since) = ?2 AND coalesce(noted, 0) <> ?2"
        }
        Telling::Alert => {
            "UPDATE deliveries SET alerted = ?2 WHERE id = ?1 AND state = 'held'
               AND coalesce(settled_at, since) = ?2 AND coalesce(alerted, 0) <> ?2"
        }
    };
    let mut marked = 0_u64;
    for (id, held_at) in untold {
        let changed = db.prepare_cached(sql)?.execute([id, held_at])?;
        marked = marked.saturating_add(changed as u64);
    }
    Ok(marked)
}

/// Files the notices, each about this number of deliveries.
fn file(db: &Connection, filing: &Filing, count: u64) -> Result<()> {
    let at = filing.at.as_millisecond();
    if let Some((name, is_open)) = &filing.subject {
        let sql = "INSERT INTO subjects (name, told_at, open) VALUES (?1, ?2, ?3)
                   ON CONFLICT (name) DO UPDATE SET open = excluded.open, told_at =
                     iif(subjects.open AND NOT excluded.open, told_at, excluded.told_at)";
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
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal as _;

    fn filing(told: Vec<Untold>, id: &str) -> Filing {
        let notices = vec![(id.to_owned(), Outlet::Webhook, "{}".to_owned())];
        let (subject, at) = (Some(("held".to_owned(), false)), Timestamp::UNIX_EPOCH);
        Filing { telling: Telling::Alert, told, subject, notices, at }
    }

    #[tokio::test]
    async fn what_is_cut_short_between_two_pages_is_told_and_the_rest_again() -> anyhow::Result<()>
    {
        let home = tempfile::tempdir()?;
        let journal = Sqlite::open(&home.path().join("journal.db")).await?;
        let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
            INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
                SELECT i, 'img_' || i, '[]', 'event', 'body', 0, 'stored' FROM n;
            INSERT INTO deliveries (photo, destination, state, error, due_at, since, settled_at)
                SELECT seq, 'erp', 'held', 'rejected', 0, 0, 7 FROM photos;
            CREATE TRIGGER broken BEFORE UPDATE OF alerted ON deliveries WHEN new.id = 1100
                BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END;";
        journal.write(move |db| Ok(db.execute_batch(fill)?)).await?;
        let told = journal.untold(Telling::Alert).await?;
        assert!(journal.file(filing(told.clone(), "n1")).await.is_err());
        let filed = journal.notices().await?;
        assert_eq!(filed.iter().map(|it| it.count).collect::<Vec<_>>(), [1201]);
        let rest = journal.untold(Telling::Alert).await?;
        assert_eq!(rest.iter().map(|it| it.count).collect::<Vec<_>>(), [201]);

        journal.settle_notice("n1").await?;
        journal.write(|db| Ok(db.execute_batch("DROP TRIGGER broken")?)).await?;
        assert_eq!(journal.file(filing(told.clone(), "n2")).await?, 201);
        let filed = journal.notices().await?;
        assert_eq!(filed.iter().map(|it| it.count).collect::<Vec<_>>(), [201]);
        assert_eq!(journal.untold(Telling::Alert).await?, []);
        assert_eq!(journal.file(filing(told, "n3")).await?, 0);
        assert_eq!(journal.notices().await?.len(), 1, "nobody is left to be told");
        journal.close().await;
        Ok(())
    }
}
