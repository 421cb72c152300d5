//! The tables, as numbered steps that only go forward.

use anyhow::{Context, bail, ensure};
use rusqlite::{Connection, config::DbConfig};

/// Oldest SQLite that keeps every committed row: before 3.51.3 a race between two connections
/// that reset the write-ahead log could lose some (<https://sqlite.org/wal.html#walresetbug>).
pub(super) const OLDEST_SQLITE: i32 = 3_051_003;

/// One step per schema version; `user_version` in the file says how many were taken.
pub(super) const STEPS: &[&str] = &[
    include_str!("0001.sql"),
    include_str!("0002.sql"),
    include_str!("0003.sql"),
    include_str!("0004.sql"),
    include_str!("0005.sql"),
    include_str!("0006.sql"),
    include_str!("0007.sql"),
    include_str!("0008.sql"),
    include_str!("0009.sql"),
];

/// Refuses a SQLite library that may lose rows.
pub(super) fn check_library(version: i32) -> anyhow::Result<()> {
    ensure!(
        version >= OLDEST_SQLITE,
        "this program was built with SQLite {}, which can lose committed rows; \
         build it with the bundled SQLite (3.51.3 or later)",
        rusqlite::version()
    );
    Ok(())
}

/// Sets a connection up for writing: write-ahead log, an fsync at every commit. The log gives back
/// what it holds beyond 16 MiB whenever it begins anew. No statistics are made for the planner
/// (`PRAGMA optimize`): its plans are the tests' affair, and those of a moment with an empty queue
/// would mislead it at the next crowd.
pub(super) fn prepare(db: &Connection) -> anyhow::Result<()> {
    // Only while there is no table yet; a file that was made without it uses its room again, and
    // does not shrink.
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    ensure!(
        mode.eq_ignore_ascii_case("wal"),
        "the file system does not support SQLite's write-ahead log (got mode {mode}); \
         put data_dir on a local disk"
    );
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA busy_timeout = 5000;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 16777216;",
    )?;
    // Otherwise statements whose plan might depend on a value are compiled anew for each value.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Takes the steps that the file lacks, each in a transaction of its own.
pub(super) fn migrate(db: &mut Connection) -> anyhow::Result<()> {
    let found = version(db)?;
    check_known(found)?;
    for (number, step) in (1_i64..).zip(STEPS).skip(usize::try_from(found)?) {
        let tx = db.transaction()?;
        tx.execute_batch(step).with_context(|| format!("schema step {number}"))?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}

/// The schema version of a file.
pub(super) fn version(db: &Connection) -> anyhow::Result<i64> {
    Ok(db.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// The schema version that this program writes.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Refuses a file that cannot be read as it is: of a newer program, or not brought up to date.
pub(super) fn check_current(found: i64) -> anyhow::Result<()> {
    check_known(found)?;
    ensure!(
        found == known(),
        "the journal has schema {found}, this program reads {}: start the daemon of this \
         version, or run `apertur-bridge journal migrate`",
        known()
    );
    Ok(())
}

/// Refuses a file that a newer program wrote.
pub(super) fn check_known(found: i64) -> anyhow::Result<()> {
    let known = known();
    if found > known {
        bail!(
            "the journal has schema {found}, this program knows {known}: it was written by a \
             newer apertur-bridge; install that version again or restore an older backup"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;

    #[test]
    fn an_older_journal_knows_the_record_of_every_target() -> anyhow::Result<()> {
        let mut db = Connection::open_in_memory()?;
        for step in &STEPS[..2] {
            db.execute_batch(step)?;
        }
        db.pragma_update(None, "user_version", 2)?;
        let targets = [
            "freshservice:241",
            "freshservice:2:241",
            "freshservice:999999999999999:7",
            "ticket:17",
            "ticket:12:17",
            "freshdesk:17",
            "zendesk:9",
            "odoo:ticket:4",
        ];
        db.execute_batch(
            "INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
             VALUES (1, 'a', '[]', 'event', 'body', 0, 'stored')",
        )?;
        for target in targets {
            db.execute(
                "INSERT INTO deliveries (photo, destination, target, state, due_at, since)
                 VALUES (1, ?1, ?1, 'due', 0, 0)",
                [target],
            )?;
        }
        migrate(&mut db)?;
        for target in targets {
            let record =
                db.query_row("SELECT record FROM deliveries WHERE target = ?1", [target], |row| {
                    row.get::<_, String>("record")
                })?;
            assert_eq!(record, target.parse::<Target>()?.record().to_string());
        }
        Ok(())
    }
}
