//! Connections at rest between two operations, for protocols that log in.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Servers end connections that rest for longer; 60 seconds is the shortest wait in use.
const REST: Duration = Duration::from_secs(45);

/// Connections that nobody uses. Clones share them.
#[derive(Debug)]
pub(in crate::destinations) struct Pool<C> {
    resting: Arc<Mutex<Vec<(Instant, C)>>>,
    most: usize,
}

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self { resting: Arc::clone(&self.resting), most: self.most }
    }
}

impl<C> Pool<C> {
    /// Keeps at most so many connections at rest.
    pub(in crate::destinations) fn new(most: usize) -> Self {
        Self { resting: Arc::default(), most }
    }

    /// The connection that was used last, which may be broken by now; `None` when a new one
    /// has to be made. Those that rest for too long end here.
    pub(in crate::destinations) fn take(&self) -> Option<C> {
        let mut resting = self.resting();
        resting.retain(|(since, _)| since.elapsed() < REST);
        resting.pop().map(|(_, connection)| connection)
    }

    /// Gives a connection back.
    pub(in crate::destinations) fn put(&self, connection: C) {
        let mut resting = self.resting();
        if resting.len() < self.most {
            resting.push((Instant::now(), connection));
        }
    }

    /// Ends all: where one is broken the others are, too.
    pub(in crate::destinations) fn clear(&self) {
        self.resting().clear();
    }

    fn resting(&self) -> MutexGuard<'_, Vec<(Instant, C)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
