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
/// Longest wait for the journal: every page has the bar, and none may hang for it.
const PATIENCE: Duration = Duration::from_secs(3);

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
        let mut found = within(PATIENCE, look(ops)).await;
        found.space = ops.floor.low().map(|low| low.to_string());
        let seen = Some((self.clock.passed(), found.clone()));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        found
    }

    /// Has the next look be a new one: something was changed.
    pub(super) fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What a look finds; a journal that says nothing for that long fails, too.
async fn within(
    patience: Duration,
    look: impl Future<Output = Result<Attention, JournalError>>,
) -> Attention {
    let why = match tokio::time::timeout(patience, look).await {
        Ok(Ok(found)) => return found,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the journal does not answer within {} s", patience.as_secs()),
    };
    Attention { journal: Some(why), ..Attention::default() }
}

async fn look(ops: &Ops) -> Result<Attention, JournalError> {
    let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
    let held = ops.count(&held).await?.iter().map(|count| count.count).sum();
    Ok(Attention { held, paused: ops.journal.pauses().await?, ..Attention::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_journal_that_says_nothing_fails() {
        let silent = within(Duration::from_millis(1), std::future::pending()).await;
        assert!(silent.journal.is_some_and(|why| why.contains("does not answer")));
        let found = Attention { held: 3, ..Attention::default() };
        let seen = within(PATIENCE, std::future::ready(Ok(found))).await;
        assert_eq!((seen.held, seen.journal), (3, None));
    }
}
