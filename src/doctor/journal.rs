//! The journal: can it be opened, and is it whole?

use std::{sync::Arc, time::Duration};

use super::of_error;
use crate::{
    journal::{Health, Integrity, Journal},
    model::Finding,
};

/// Longest look for damage. A journal of a million deliveries takes some seconds.
const PATIENCE: Duration = Duration::from_secs(15);
const RESTORE: &str = "stop the daemon, put journal.db and journal.db-wal aside, restore the \
                       latest backup, and keep what was put aside: most of it can be read";

/// Looks at it.
pub(super) async fn look(journal: &Result<Option<Arc<dyn Journal>>, Finding>) -> Vec<Finding> {
    let journal = match journal {
        Ok(Some(journal)) => journal,
        Ok(None) => {
            return vec![Finding::ok("journal", "there is none yet; the first start makes it")];
        }
        Err(finding) => return vec![finding.clone()],
    };
    match journal.health(PATIENCE).await {
        Ok(health) => findings(health),
        Err(error) => vec![Finding::error("journal", error.to_string(), RESTORE)],
    }
}

fn findings(Health { store, schema, integrity }: Health) -> Vec<Finding> {
    let store = Finding::ok("store", format!("{store}, schema {schema}"));
    let rows = match integrity {
        Integrity::Whole => Finding::ok("integrity", "no fault was found"),
        Integrity::Unfinished => {
            let seconds = PATIENCE.as_secs();
            Finding::ok("integrity", format!("no fault was found in {seconds} s, then time was up"))
        }
        Integrity::Damaged(faults) => {
            // A fault of SQLite's may have several lines.
            let faults = faults.join("; ").replace('\n', "; ");
            Finding::error("integrity", format!("it is damaged: {faults}"), RESTORE)
        }
    };
    vec![store, rows]
}

/// What an error of [`journal::open_if_there`](crate::journal::open_if_there) says, with the most
/// particular remedy that is in it.
#[must_use]
pub fn unopened(error: &anyhow::Error) -> Finding {
    let finding = of_error("journal", error, RESTORE);
    let is_damaged =
        ["not a database", "malformed"].iter().any(|words| finding.what.contains(words));
    if is_damaged { Finding { fix: RESTORE.to_owned(), ..finding } } else { finding }
}
