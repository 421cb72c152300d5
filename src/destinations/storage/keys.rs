//! One writer a key: a photo whose key another one is being written under waits for it, through
//! whichever destination that goes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The keys that are being written. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::destinations) struct Keys(Arc<Mutex<HashMap<String, Lock>>>);

impl Keys {
    /// Waits until nobody else has the key at this place; it is free again when the guard is
    /// dropped. Keys that differ in case alone are one: many a server thinks so too.
    pub(super) async fn lock(&self, place: &str, key: &str) -> OwnedMutexGuard<()> {
        let name = format!("{place}\n{}", key.to_lowercase());
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody holds or waits for these.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(name).or_default())
        };
        lock.lock_owned().await
    }
}
