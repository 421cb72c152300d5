//! A value that a reload replaces while others work with it.

use std::{fmt, sync::Arc};

use tokio::sync::watch;

/// A value that can be replaced. Clones are one: who loads it keeps what it was at that moment
/// and finishes its work with it.
pub struct Live<T>(watch::Sender<Arc<T>>);

impl<T> Live<T> {
    /// Begins with this value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(watch::Sender::new(Arc::new(value)))
    }

    /// What it is now. Never waits for longer than a pointer takes to copy.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }

    /// Replaces it.
    pub fn store(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }

    /// Hears of every replacement from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<T>> {
        self.0.subscribe()
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&*self.load()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loaded_it_keeps_what_it_was() {
        let live = Live::new(1);
        let (other, before) = (live.clone(), live.load());
        other.store(2);
        assert_eq!((*before, *live.load()), (1, 2));
    }
}
