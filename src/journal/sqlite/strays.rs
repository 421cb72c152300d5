//! Open deliveries to destinations that are not configured any more.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Sqlite,
    fetches::end_attempt,
    list::destinations,
    rows::{self, Result},
};
use crate::{
    journal::{JournalError, cause::stray},
    model::{AttemptOutcome, DestinationName},
};

/// Strays that are held in one transaction, and by one call.
const PAGE: usize = 500;

impl Sqlite {
    /// See [`crate::journal::Journal::hold_strays`]. They are found beside the writer, which is
    /// held up only for what is really held.
    pub(super) async fn hold_some_strays(
        &self,
        configured: &[DestinationName],
        now: Timestamp,
    ) -> std::result::Result<u64, JournalError> {
        let names = self.read(destinations).await?;
        let is_stray = |name: &String| configured.iter().all(|to| to.as_str() != name);
        for name in names.into_iter().filter(is_stray) {
            let to = name.clone();
            let open = self.read(move |db| open_to(db, &to)).await?;
            if open.is_empty() {
                continue;
            }
            let held = self.write(move |db| hold(db, &name, &open, now)).await?;
            if held > 0 {
                return Ok(held);
            }
        }
        Ok(0)
    }
}

pub(super) const OPEN_TO: &str = "SELECT id FROM deliveries
    WHERE destination = ?1 AND state IN ('waiting', 'due', 'sending') LIMIT ?2";

fn open_to(db: &Connection, destination: &str) -> Result<Vec<i64>> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    rows::all(db, OPEN_TO, &[&destination, &limit], |row| Ok(row.get("id")?))
}

/// Holds those of these strays that are open still; gives how many.
fn hold(db: &Connection, destination: &str, strays: &[i64], now: Timestamp) -> Result<u64> {
    let at = now.as_millisecond();
    let (cause, error) = rows::cause(&stray(destination))?;
    let mut held = 0;
    for id in strays {
        let sql = "SELECT iif(state = 'sending', attempt, NULL) AS running FROM deliveries
             WHERE id = ?1 AND state IN ('waiting', 'due', 'sending')";
        let open = rows::first(db, sql, &[id], |row| Ok(row.get::<_, Option<i64>>("running")?))?;
        let Some(running) = open else { continue };
        if let Some(running) = running {
            end_attempt(db, running, AttemptOutcome::Unknown, None, at)?;
        }
        db.prepare_cached(
            "UPDATE deliveries SET unsure = (unsure OR state = 'sending'), state = 'held',
                 settled_at = ?2, cause = ?3, error = ?4
             WHERE id = ?1",
        )?
        .execute(params![id, at, cause, error])?;
        held += 1;
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::{
        journal::{Journal as _, Observer},
        model::{DeliveryState, Filter},
    };

    #[tokio::test]
    async fn strays_are_held_page_by_page_and_nothing_is_written_where_there_are_none()
    -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let observer = Observer::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let journal = Sqlite::open_observed(&home.path().join("journal.db"), observer).await?;
        let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203)
            INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
                SELECT i, 'img_' || i, '[]', 'event', 'body', 0, 'stored' FROM n;
            INSERT INTO deliveries (photo, destination, state, due_at, since)
                SELECT seq, iif(seq <= 1201, 'gone', 'erp'), 'due', 0, 0 FROM photos;";
        journal.write(move |db| Ok(db.execute_batch(fill)?)).await?;
        let erp = [DestinationName::parse("erp")?];
        for (held, written) in [(500, 1), (500, 1), (201, 1), (0, 0)] {
            let before = commits.load(Ordering::Relaxed);
            assert_eq!(journal.hold_strays(&erp, Timestamp::UNIX_EPOCH).await?, held);
            assert_eq!(commits.load(Ordering::Relaxed) - before, written);
        }
        let counts = journal.count(&Filter::default()).await?;
        let counts: Vec<_> = counts.iter().map(|it| (it.state, it.count)).collect();
        assert_eq!(counts, [(DeliveryState::Due, 2), (DeliveryState::Held, 1201)]);
        journal.close().await;
        Ok(())
    }
}
