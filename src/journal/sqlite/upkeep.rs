//! The measures of the file, and the room that it gives back.

use std::{fs, path::Path};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    Result, Sqlite, retention,
    rows::{self, Error, Result as RowResult},
    schema,
};
use crate::{
    journal::{Last, Prunable, Stats, Upkeep, Upkept},
    model::{DeliveryState, Digest, FetchState},
};

/// Pages given back in one go: milliseconds of the writer's time.
const PAGES: i64 = 256;

#[async_trait]
impl Upkeep for Sqlite {
    async fn stats(&self) -> Result<Stats> {
        let path = self.path.clone();
        self.read(move |db| stats(db, &path)).await
    }

    async fn upkept(&self, at: Timestamp, done: Upkept) -> Result<()> {
        self.write(move |db| {
            let detail = rows::json(&done)?;
            db.prepare_cached("INSERT OR REPLACE INTO upkeep VALUES (?1, ?2, ?3)")?
                .execute(rusqlite::params![done.word(), at.as_millisecond(), detail])?;
            Ok(())
        })
        .await
    }

    async fn prunable(&self, bytes_before: Timestamp, rows_before: Timestamp) -> Result<Prunable> {
        self.read(move |db| retention::prunable(db, bytes_before, rows_before)).await
    }

    async fn undelivered_bytes(&self) -> Result<Vec<Digest>> {
        self.read(|db| {
            let sql = "SELECT DISTINCT coalesce(p.sha256, p.envelope) AS bytes
                FROM deliveries d JOIN photos p ON p.seq = d.photo
                WHERE d.state IN ('waiting', 'due', 'sending', 'held')
                  AND p.fetch_state <> 'expired' AND coalesce(p.sha256, p.envelope) IS NOT NULL
                ORDER BY 1";
            rows::all(db, sql, &[], |row| Ok(Digest(row.get("bytes")?)))
        })
        .await
    }

    async fn shrink(&self) -> Result<bool> {
        // In a group with others it would share their transaction, which is as good.
        self.write(|db| {
            let (pages, unused) = (pragma(db, "page_count")?, pragma(db, "freelist_count")?);
            if pragma(db, "auto_vacuum")? == 0 || unused <= pages / 4 {
                return Ok(false);
            }
            db.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            Ok(pragma(db, "freelist_count")? < unused)
        })
        .await
    }
}

fn pragma(db: &Connection, name: &str) -> RowResult<i64> {
    Ok(db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

fn stats(db: &Connection, path: &Path) -> RowResult<Stats> {
    let count = |table: &str| -> RowResult<u64> {
        let n: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
        Ok(n.unsigned_abs())
    };
    let log = path.as_os_str().to_owned();
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let mut name = log;
    name.push("-wal");
    Ok(Stats {
        schema: schema::version(db).map_err(|error| Error::Damaged(error.to_string()))?,
        photos: words(db, "fetch_state", "photos", FetchState::parse)?,
        deliveries: words(db, "state", "deliveries", DeliveryState::parse)?,
        attempts: count("attempts")?,
        sessions: count("sessions")?,
        oldest: super::earliest(db, "SELECT min(received_at) FROM photos", &[])?,
        file: size(path),
        log: size(Path::new(&name)),
        unused: (pragma(db, "freelist_count")? * pragma(db, "page_size")?).unsigned_abs(),
        last_backup: last(db, "backup")?,
        last_retention: last(db, "retention")?,
    })
}

/// How many rows there are of each word.
fn words<T>(
    db: &Connection,
    column: &str,
    table: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> RowResult<Vec<(T, u64)>> {
    let sql = format!("SELECT {column} AS word, count(*) AS n FROM {table} GROUP BY 1 ORDER BY 1");
    rows::all(db, &sql, &[], |row| {
        let word = rows::required(row, "word", &parse)?;
        Ok((word, row.get::<_, i64>("n")?.unsigned_abs()))
    })
}

fn last(db: &Connection, what: &str) -> RowResult<Option<Last>> {
    let sql = "SELECT at, detail FROM upkeep WHERE what = ?1";
    rows::first(db, sql, &[&what], |row| {
        let done = rows::optional_json(row, "detail")?.ok_or_else(|| rows::damaged("detail"))?;
        Ok(Last { at: rows::time(row.get("at")?)?, done })
    })
}
