//! The connections of a protocol that logs in: so many at once, and kept for the next operation.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Servers end connections that rest for longer; 60 seconds is the shortest wait in use.
const REST: Duration = Duration::from_secs(45);

/// Connections of one destination. Clones share them.
#[derive(Debug)]
pub(in crate::destinations) struct Pool<C> {
    resting: Arc<Mutex<Vec<(Instant, C)>>>,
    room: Arc<Semaphore>,
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(in crate::destinations) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// A connection in use.
#[derive(Debug)]
pub(in crate::destinations) struct Used<C> {
    connection: C,
    place: Place,
}

impl Place {
    /// Uses a connection in this place.
    pub(in crate::destinations) fn with<C>(self, connection: C) -> Used<C> {
        Used { connection, place: self }
    }
}

impl<C> Deref for Used<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Used<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self { resting: Arc::clone(&self.resting), room: Arc::clone(&self.room) }
    }
}

impl<C> Pool<C> {
    /// At most so many connections at once, in use or at rest.
    pub(in crate::destinations) fn new(most: usize) -> Self {
        Self { resting: Arc::default(), room: Arc::new(Semaphore::new(most)) }
    }

    /// Waits for the right to a connection.
    pub(in crate::destinations) async fn place(&self) -> Place {
        // The semaphore is never closed.
        Place { _permit: Arc::clone(&self.room).acquire_owned().await.ok() }
    }

    /// The connection that was used last, which may be broken by now; `None` when a new one
    /// has to be made. Those that rest for too long end here.
    pub(in crate::destinations) fn take(&self) -> Option<C> {
        let mut resting = self.resting();
        resting.retain(|(since, _)| since.elapsed() < REST);
        resting.pop().map(|(_, connection)| connection)
    }

    /// Gives a connection back.
    pub(in crate::destinations) fn put(&self, used: Used<C>) {
        // It rests before its place is free, so that no other is made meanwhile.
        let Used { connection, place } = used;
        self.resting().push((Instant::now(), connection));
        drop(place);
    }

    /// Ends all at rest: where one is broken the others are, too.
    pub(in crate::destinations) fn clear(&self) {
        self.resting().clear();
    }

    fn resting(&self) -> MutexGuard<'_, Vec<(Instant, C)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
