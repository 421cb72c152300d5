//! What the journal tells of its commits, to whoever measures them.

use std::{fmt, sync::Arc, time::Duration};

use super::{Journal, Settings, sqlite::Sqlite};

/// One transaction of requests that were written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Requests in it.
    pub requests: usize,
    /// From its begin to its end, or to its failure.
    pub took: Duration,
    /// The part in which the disk made it durable; `None` when the transaction failed.
    pub sync: Option<Duration>,
}

/// Who hears of commits, on the thread that writes: it must not block. Cheap to clone.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<dyn Fn(Commit) + Send + Sync>>);

impl Observer {
    /// An observer that is called after each transaction.
    #[must_use]
    pub fn new(hear: impl Fn(Commit) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    pub(super) fn tell(&self, commit: Commit) {
        if let Some(hear) = &self.0 {
            hear(commit);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "Observer, of nobody" })
    }
}

/// As [`super::open()`], with somebody who hears of every commit.
///
/// # Errors
/// As [`super::open()`].
pub async fn open_observed(
    settings: &Settings,
    observer: Observer,
) -> anyhow::Result<Arc<dyn Journal>> {
    match settings {
        Settings::Sqlite { path } => Ok(Arc::new(Sqlite::open_observed(path, observer).await?)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn every_commit_is_told_with_its_requests_and_what_the_disk_took() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let told = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&told);
        let hear = move |commit| {
            if let Ok(mut told) = ours.lock() {
                told.push(commit);
            }
        };
        let settings = Settings::Sqlite { path: home.path().join("journal.db") };
        let journal = open_observed(&settings, Observer::new(hear)).await?;
        let pings = (0..50).map(|_| journal.ping());
        for ping in futures_util::future::join_all(pings).await {
            ping?;
        }
        journal.close().await;
        let told = told.lock().map_err(|error| anyhow::anyhow!("{error}"))?.clone();
        assert_eq!(told.iter().map(|commit: &Commit| commit.requests).sum::<usize>(), 50);
        assert!(told.len() < 50, "requests that wait together share a commit: {told:?}");
        for commit in told {
            let sync = commit.sync.ok_or_else(|| anyhow::anyhow!("it failed"))?;
            assert!(sync > Duration::ZERO && sync <= commit.took, "{commit:?}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_commit_that_fails_is_told_as_one() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let hear = move |commit: Commit| assert!(tell.send(commit.sync).is_ok());
        let observer = Observer::new(hear);
        let journal = open_observed(&Settings::Sqlite { path: path.clone() }, observer).await?;
        rusqlite::Connection::open(&path)?.execute_batch("DROP TABLE pings")?;
        assert!(journal.ping().await.is_err());
        assert_eq!(told.recv().await, Some(None));
        Ok(())
    }
}
