//! What needs a person: what the bar of every page says.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    journal::{JournalError, Pause},
    model::{DeliveryState, Filter},
    ops::Ops,
    system::Clock,
};

/// How long what was seen is believed.
const BELIEVED: Duration = Duration::from_secs(2);

/// What needs a person.
#[derive(Debug, Clone, Default)]
pub(super) struct Attention {
    /// Deliveries that are held.
    pub(super) held: u64,
    /// Destinations that get nothing.
    pub(super) paused: Vec<Pause>,
    /// Why the journal cannot be used, if it cannot.
    pub(super) journal: Option<String>,
    /// Why no new photo is taken: there is no room for it.
    pub(super) space: Option<String>,
}

/// Looks for it, and not more often than that anybody would see the difference.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    seen: Mutex<Option<(Duration, Attention)>>,
}

impl Watch {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), seen: Mutex::default() }
    }

    pub(super) async fn look(&self, ops: &Ops) -> Attention {
        let now = self.clock.passed();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, seen)) = seen
            && now < at + BELIEVED
        {
            return seen;
        }
        let mut found = look(ops).await.unwrap_or_else(|error| Attention {
            journal: Some(error.to_string()),
            ..Attention::default()
        });
        found.space = ops.floor.low().map(|low| low.to_string());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, found.clone()));
        found
    }

    /// Has the next look be a new one: something was changed.
    pub(super) fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn look(ops: &Ops) -> Result<Attention, JournalError> {
    let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
    let held = ops.count(&held).await?.iter().map(|count| count.count).sum();
    Ok(Attention { held, paused: ops.journal.pauses().await?, ..Attention::default() })
}
