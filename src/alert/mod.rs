//! Telling people: when a photo is finally held, a note on its record; and alerts by webhook and
//! command of everything that needs a person.
//!
//! What is to be told is filed in the journal together with the mark that it is ([`Notices`]),
//! so that a crash in between neither loses nor repeats it, and sent from there with retries. It
//! runs beside all else: nothing waits for it, and it changes no delivery.
//!
//! [`Notices`]: crate::journal::notices::Notices

mod command;
mod message;
mod plan;
mod send;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use self::{
    command::Command,
    message::{Alert, Problem},
    send::Outlets,
};
use crate::{
    destinations::{Destination, HookSettings},
    journal::Journal,
    model::DestinationName,
    system::{Clock, Live},
    telemetry::{Fact, Telemetry},
};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// The journal is told to fail by an alert of its own once it did so for this long.
const JOURNAL_FAILS: Duration = Duration::from_mins(1);

/// Who is told what, and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether the people of a record hear, by an internal note on it, that a photo could not be
    /// attached.
    pub note_on_target: bool,
    /// Where alerts are posted.
    pub webhook: Option<HookSettings>,
    /// What is run for an alert.
    pub command: Option<Command>,
    /// How long is waited for more of the same, so that the photos of one burst are told together.
    pub gather: Duration,
    /// One alert of a kind and one note on a record at most in this time.
    pub every: Duration,
    /// A destination that is paused for longer is worth an alert.
    pub paused_after: Duration,
    /// A delivery that is due for longer is worth an alert.
    pub due_after: Duration,
    /// Free bytes on the disk of the data directory below which there is an alert.
    pub free_space: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            note_on_target: false,
            webhook: None,
            command: None,
            gather: Duration::from_secs(30),
            every: Duration::from_hours(1),
            paused_after: Duration::from_mins(15),
            due_after: Duration::from_hours(1),
            free_space: 1 << 30,
        }
    }
}

/// What telling needs.
#[derive(Debug, Clone)]
pub struct Around {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// The destinations by name as they are by now, for notes on their records.
    pub destinations: Live<Vec<(DestinationName, Arc<dyn Destination>)>>,
    /// Whose disk may become full.
    pub data_dir: PathBuf,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
    /// Nothing is told after this is cancelled.
    pub stop: CancellationToken,
}

/// Looks for what is to be told and tells it.
#[derive(Debug)]
pub struct Alerts {
    settings: Settings,
    outlets: Outlets,
    around: Around,
    /// Since when problems that were told are gone.
    gone: HashMap<String, Timestamp>,
    /// Since when the journal fails, and when that was told.
    failing: Option<(Timestamp, Option<Timestamp>)>,
}

impl Alerts {
    /// Nobody was told anything yet.
    #[must_use]
    pub fn new(settings: Settings, outlets: Outlets, around: Around) -> Self {
        Self { settings, outlets, around, gone: HashMap::new(), failing: None }
    }

    /// Tells until it is to stop; what is cut off then is told after the next start.
    pub async fn run(mut self) {
        let stop = self.around.stop.clone();
        let every = EVERY.min(self.settings.gather);
        loop {
            let clock = self.around.clock.clone();
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep_until(clock.after(every)) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look() => {}
            }
        }
    }

    /// Files what is to be told now and sends what is due.
    pub async fn look(&mut self) {
        match self.plan().await {
            Ok(()) => {
                self.failing = None;
                self.send().await;
            }
            Err(error) => self.without_journal(&error.to_string()).await,
        }
    }

    /// Nothing can be filed, so the one thing that matters is told without.
    async fn without_journal(&mut self, error: &str) {
        let now = self.around.clock.now();
        let (since, told_at) = *self.failing.get_or_insert((now, None));
        let is_long = crate::system::later(since, JOURNAL_FAILS) <= now;
        let is_told = told_at.is_some_and(|at| crate::system::later(at, self.settings.every) > now);
        if !is_long || is_told {
            return;
        }
        self.failing = Some((since, Some(now)));
        let told = self.outlets.tell(&Alert::of_journal(since, error), now).await;
        for (outlet, told) in told {
            let (outlet, subject) = (outlet.as_str(), "journal");
            let telemetry = &self.around.telemetry;
            match told {
                Ok(()) => telemetry.emit(&Fact::Told { outlet, subject }),
                Err(failure) => {
                    let (cause, at) = (failure.cause(), None);
                    telemetry.emit(&Fact::NotTold { outlet, subject, cause, at });
                }
            }
        }
    }
}
