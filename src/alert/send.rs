//! Sending what was filed: each outlet, and each destination's notes, in their order, one after
//! the other; all of them beside each other.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Alert, Alerts, Around, Command, Problem, Settings, plan::held};
use crate::{
    destinations::{self, Hook},
    http::Http,
    journal::{
        JournalError,
        notices::{Notice, Outlet},
    },
    model::{Cause, DestinationName, ErrorKind, Failure, Filter, Target},
    system::{Clock, later},
    telemetry::Fact,
};

/// Longest time for one try.
const DEADLINE: Duration = Duration::from_mins(2);
/// The first wait after a failed try; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(20);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// What cannot be told for this long is not tried again.
const GIVE_UP: Duration = Duration::from_hours(24);

/// What a note is about, as it is filed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NoteOn {
    pub(super) destination: DestinationName,
    pub(super) record: Target,
    pub(super) error: Option<ErrorKind>,
    pub(super) names: Vec<String>,
}

/// By what the operator is told.
#[derive(Debug)]
pub struct Outlets {
    hook: Option<Hook>,
    command: Option<Command>,
}

impl Outlets {
    /// Those that the settings name.
    #[must_use]
    pub fn new(settings: &Settings, http: Http, clock: Clock) -> Self {
        let hook = settings.webhook.clone().map(|hook| Hook::new(hook, http, clock));
        Self { hook, command: settings.command.clone() }
    }

    /// Which there are.
    #[must_use]
    pub fn all(&self) -> Vec<Outlet> {
        let hook = self.hook.as_ref().map(|_| Outlet::Webhook);
        let command = self.command.as_ref().map(|_| Outlet::Command);
        hook.into_iter().chain(command).collect()
    }

    /// Tells an alert by each of them now, without the journal and without a second try.
    pub async fn tell(&self, alert: &Alert, now: Timestamp) -> Vec<(Outlet, Result<(), Failure>)> {
        let id = id();
        let mut told = Vec::new();
        for outlet in self.all() {
            told.push((outlet, self.send(outlet, alert, (&id, 0, now)).await));
        }
        told
    }

    async fn send(
        &self,
        outlet: Outlet,
        alert: &Alert,
        (id, count, at): (&str, u64, Timestamp),
    ) -> Result<(), Failure> {
        match (outlet, &self.hook, &self.command) {
            (Outlet::Webhook, Some(hook), _) => hook.post(id, alert.json(id, count, at)).await,
            (Outlet::Command, _, Some(command)) => {
                command.run(&alert.mail(id, count, at, command.mail_to.as_deref())).await
            }
            _ => Err(nowhere("it is not configured any more")),
        }
    }
}

/// An id of its own for every notice, of letters, digits and `-`.
pub(super) fn id() -> String {
    format!("apertur-note-{}", uuid::Uuid::now_v7().simple())
}

/// Nobody is there any more to be told.
fn nowhere(what: &str) -> Failure {
    Failure::Refused { cause: Cause::new(ErrorKind::Unrouted, what, "configure it again") }
}

fn is_nowhere(failure: &Failure) -> bool {
    failure.cause().kind == ErrorKind::Unrouted
}

impl Alerts {
    /// Sends what is due.
    pub(super) async fn send(&self) {
        let notices = match self.around.journal.notices().await {
            Ok(notices) => notices,
            Err(error) => return self.journal_fails(&error),
        };
        let mut lanes: BTreeMap<(Outlet, Option<String>), Vec<Notice>> = BTreeMap::new();
        for notice in notices {
            let destination =
                note_on(&notice).ok().map(|note| note.destination.as_str().to_owned());
            let lane = (notice.outlet, destination.filter(|_| notice.outlet == Outlet::Note));
            lanes.entry(lane).or_default().push(notice);
        }
        join_all(lanes.values().map(|lane| self.send_lane(lane))).await;
    }

    /// In order: what waits for another try keeps back what comes after it.
    async fn send_lane(&self, lane: &[Notice]) {
        for notice in lane {
            if notice.due_at > self.around.clock.now() {
                return;
            }
            match self.try_one(notice).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.journal_fails(&error),
            }
        }
    }

    /// Gives whether the next one of the lane may be tried.
    async fn try_one(&self, notice: &Notice) -> Result<bool, JournalError> {
        let Around { journal, clock, telemetry, .. } = &self.around;
        if !self.is_true_still(notice).await? {
            journal.settle_notice(&notice.id).await?;
            return Ok(true);
        }
        let wait = FIRST_WAIT.saturating_mul(1 << notice.tries.min(10)).min(LONGEST_WAIT);
        let at = clock.after(wait);
        journal.postpone(&notice.id, at).await?;
        let (outlet, subject) = (notice.outlet.as_str(), notice.subject.as_str());
        let told = tokio::time::timeout(DEADLINE, Box::pin(self.tell(notice))).await;
        let failure = match told {
            Ok(Ok(())) => {
                journal.settle_notice(&notice.id).await?;
                telemetry.emit(&Fact::Told { outlet, subject });
                return Ok(true);
            }
            Ok(Err(failure)) => failure,
            Err(_) => {
                let what = format!("it took longer than {} s", DEADLINE.as_secs());
                let cause = Cause::new(ErrorKind::Timeout, what, "");
                Failure::Unknown { cause }
            }
        };
        // A hook may be mended and takes it then; a record that is not there stays so.
        let is_refused =
            notice.outlet == Outlet::Note && matches!(failure, Failure::Refused { .. });
        let is_late = later(notice.made_at, GIVE_UP) <= clock.now();
        let is_lost = is_refused || is_late || is_nowhere(&failure);
        if is_lost {
            journal.settle_notice(&notice.id).await?;
        }
        let (cause, at) = (failure.cause(), (!is_lost).then_some(at));
        telemetry.emit(&Fact::NotTold { outlet, subject, cause, at });
        Ok(is_lost)
    }

    /// Whether anything is held still of what a notice tells. Of what somebody mended meanwhile
    /// nobody needs to hear; everything else is as true as it was.
    async fn is_true_still(&self, notice: &Notice) -> Result<bool, JournalError> {
        let counts = |filter| async move { self.around.journal.count(&filter).await };
        if notice.outlet == Outlet::Note {
            let Ok(NoteOn { destination, record, .. }) = note_on(notice) else { return Ok(true) };
            let (destination, target) = (Some(destination), Some(record));
            let held = counts(Filter { destination, target, ..held() }).await?;
            // What a person holds was told nobody.
            return Ok(held.iter().any(|count| count.error != Some(ErrorKind::Operator)));
        }
        let Ok(Alert { problem: Problem::Held, destination: to, error, .. }) = read(notice) else {
            return Ok(true);
        };
        let held = counts(Filter { destination: to.clone(), error, ..held() }).await?;
        // A filter without a destination or an error asks for all.
        Ok(held.iter().any(|count| count.destination == to && count.error == error))
    }

    async fn tell(&self, notice: &Notice) -> Result<(), Failure> {
        if notice.outlet == Outlet::Note {
            return self.leave_note(notice).await;
        }
        let alert: Alert = read(notice)?;
        let about = (notice.id.as_str(), notice.count, notice.made_at);
        self.outlets.send(notice.outlet, &alert, about).await
    }

    async fn leave_note(&self, filed: &Notice) -> Result<(), Failure> {
        let NoteOn { destination, record, error, names } = note_on(filed)?;
        let destinations = self.around.destinations.load();
        let to = destinations.iter().find(|(name, _)| *name == destination);
        let Some((_, to)) = to else {
            return Err(nowhere("the destination is not configured any more"));
        };
        let (mark, count) = (filed.id.clone(), filed.count);
        let notice = destinations::Notice { mark, count, error, names };
        to.leave_note(&record, &notice, filed.tries > 0).await
    }

    fn journal_fails(&self, error: &JournalError) {
        let error = &*error.to_string();
        self.around.telemetry.emit(&Fact::JournalFailed { room: "alert", error });
    }
}

fn note_on(notice: &Notice) -> Result<NoteOn, Failure> {
    read(notice)
}

fn read<T: serde::de::DeserializeOwned>(notice: &Notice) -> Result<T, Failure> {
    serde_json::from_str(&notice.body).map_err(|_| nowhere("an earlier release filed it otherwise"))
}
