//! Deciding what is to be told: held deliveries by their sorts, and problems that begin and end.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Alert, Alerts,
    send::{self, NoteOn},
};
use crate::{
    journal::{
        JournalError,
        notices::{Filing, Outlet, Subject, Telling, Untold},
    },
    model::{Delivery, DeliveryState, DestinationName, ErrorKind, Filter, Target},
    system::{free_space as free, later},
};

/// How long a problem must be gone before that is told: pauses end with the daemon and begin
/// anew.
const OVER_AFTER: Duration = Duration::from_mins(1);
/// Most deliveries that are looked at for the names of their files.
const NAMED: usize = 5;

/// What was told about what, and what is about to be.
struct Known {
    subjects: BTreeMap<String, Subject>,
    pending: Vec<String>,
    now: Timestamp,
    /// How long is waited for more, and how long between two.
    gather: Duration,
    every: Duration,
}

impl Known {
    /// Whether it may be told: what began at that time gathered for long enough, and nobody was
    /// told of the subject lately.
    fn is_ripe(&self, subject: &str, first_at: Timestamp) -> bool {
        let last = self.subjects.get(subject);
        later(first_at, self.gather) <= self.now
            && last.is_none_or(|last| later(last.told_at, self.every) <= self.now)
    }

    /// Whether the beginning of what goes on may be told: it was not, and what swings is not told
    /// at every turn. Counted from the beginning that was told last, so that nobody who heard of
    /// an end believes it for longer than that.
    fn may_begin(&self, subject: &str) -> bool {
        let last = self.subjects.get(subject);
        last.is_none_or(|last| !last.is_open && later(last.told_at, self.every) <= self.now)
    }
}

impl Alerts {
    /// Files what is to be told now.
    pub(super) async fn plan(&mut self) -> Result<(), JournalError> {
        let journal = &self.around.journal;
        let subjects = journal.subjects().await?;
        let known = Known {
            subjects: subjects.into_iter().map(|it| (it.name.clone(), it)).collect(),
            pending: journal.notices().await?.into_iter().map(|it| it.subject).collect(),
            now: self.around.clock.now(),
            gather: self.settings.gather,
            every: self.settings.every,
        };
        self.plan_alerts(&known).await?;
        self.plan_notes(&known).await?;
        self.plan_problems(&known).await
    }

    /// Alerts of held deliveries, by destination and kind of error.
    async fn plan_alerts(&self, known: &Known) -> Result<(), JournalError> {
        for sort in self.around.journal.untold(Telling::Alert).await? {
            let outlets = self.outlets.all();
            if outlets.is_empty() || sort.error == Some(ErrorKind::Operator) {
                self.tell_nobody(Telling::Alert, vec![sort], known.now).await?;
                continue;
            }
            let (to, error) = (sort.destination.clone(), sort.error);
            let name = to.as_ref().map_or("-", DestinationName::as_str);
            let kind = error.map_or("-", ErrorKind::as_str);
            let subject = format!("held for {name}: {kind}");
            if !known.is_ripe(&subject, sort.first_at) {
                continue;
            }
            let filter = Filter { destination: to.clone(), error, ..held() };
            let some = self.around.journal.list(&filter, None, NAMED).await?;
            let one = some.iter().find(|delivery| delivery.destination == to);
            let cause = one.and_then(|delivery| delivery.cause.as_ref());
            let alert = Alert::of_held(to, error, sort.first_at, cause);
            self.file_alert((subject, false), &alert, vec![sort], known.now).await?;
        }
        Ok(())
    }

    /// Notes on records: one for all photos that could not be attached to it.
    async fn plan_notes(&self, known: &Known) -> Result<(), JournalError> {
        let mut records: BTreeMap<(DestinationName, String), (Target, Vec<Untold>)> =
            BTreeMap::new();
        for sort in self.around.journal.untold(Telling::Note).await? {
            let is_for_people = self.settings.note_on_target
                && !matches!(sort.error, Some(ErrorKind::Operator | ErrorKind::Unrouted));
            match (sort.destination.clone(), sort.record.clone()) {
                (Some(to), Some(record)) if is_for_people && self.is_configured(&to) => {
                    let place = records.entry((to, record.to_string()));
                    place.or_insert_with(|| (record, Vec::new())).1.push(sort);
                }
                _ => self.tell_nobody(Telling::Note, vec![sort], known.now).await?,
            }
        }
        for ((to, _), (record, sorts)) in records {
            let subject = format!("note on {record} of {to}");
            let first_at = sorts.iter().map(|sort| sort.first_at).min().unwrap_or(known.now);
            // A note that may be there already is looked for by its own mark first.
            let is_pending = known.pending.contains(&subject);
            if !is_pending && known.is_ripe(&subject, first_at) {
                self.file_note(subject, (to, record), sorts, known.now).await?;
            }
        }
        Ok(())
    }

    fn is_configured(&self, name: &DestinationName) -> bool {
        self.around.destinations.load().iter().any(|(known, _)| known == name)
    }

    async fn file_note(
        &self,
        subject: String,
        (destination, record): (DestinationName, Target),
        sorts: Vec<Untold>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let (to, target) = (Some(destination.clone()), Some(record.clone()));
        let filter = Filter { destination: to, target, ..held() };
        let some = self.around.journal.list(&filter, None, NAMED).await?;
        // The newest are those that nobody was told of, but for what a person holds.
        let count: u64 = sorts.iter().map(|sort| sort.count).sum();
        let names = some
            .iter()
            .filter(|delivery| sorts.iter().any(|sort| is_of(delivery, sort)))
            .filter_map(|delivery| delivery.photo.filename.clone())
            .take(usize::try_from(count).unwrap_or(NAMED));
        let most = sorts.iter().max_by_key(|sort| sort.count);
        let note = NoteOn {
            destination,
            record,
            error: most.and_then(|sort| sort.error),
            names: names.collect(),
        };
        let notices = vec![(send::id(), Outlet::Note, written(&note)?)];
        let (telling, subject) = (Telling::Note, Some((subject, false)));
        let filing = Filing { telling, told: sorts, subject, notices, at: now };
        self.around.journal.file(filing).await.map(drop)
    }

    /// Marks deliveries as told of which nobody is to hear.
    async fn tell_nobody(
        &self,
        telling: Telling,
        told: Vec<Untold>,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let filing = Filing { telling, told, subject: None, notices: Vec::new(), at };
        self.around.journal.file(filing).await.map(drop)
    }

    async fn file_alert(
        &self,
        subject: (String, bool),
        alert: &Alert,
        told: Vec<Untold>,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let body = written(alert)?;
        let notice = |outlet| (send::id(), outlet, body.clone());
        let notices = self.outlets.all().into_iter().map(notice).collect();
        let (telling, subject) = (Telling::Alert, Some(subject));
        self.around.journal.file(Filing { telling, told, subject, notices, at }).await.map(drop)
    }

    /// Alerts of what goes on, once at its beginning and, where that was told, once at its end.
    async fn plan_problems(&mut self, known: &Known) -> Result<(), JournalError> {
        if self.outlets.all().is_empty() {
            return Ok(());
        }
        let current = self.problems(known.now).await?;
        for (subject, alert) in &current {
            self.gone.remove(subject);
            if known.may_begin(subject) {
                let subject = (subject.clone(), true);
                self.file_alert(subject, alert, Vec::new(), known.now).await?;
            }
        }
        for told in known.subjects.values().filter(|told| told.is_open) {
            if current.contains_key(&told.name) {
                continue;
            }
            let since = *self.gone.entry(told.name.clone()).or_insert(known.now);
            if later(since, OVER_AFTER) <= known.now {
                let alert = ended(&told.name, told.told_at).over(since);
                self.file_alert((told.name.clone(), false), &alert, Vec::new(), known.now).await?;
                self.gone.remove(&told.name);
            }
        }
        Ok(())
    }

    /// What goes on now, by its subject.
    async fn problems(&self, now: Timestamp) -> Result<BTreeMap<String, Alert>, JournalError> {
        let (mut all, settings) = (BTreeMap::new(), &self.settings);
        for pause in self.around.journal.pauses().await? {
            if later(pause.since, settings.paused_after) <= now {
                let subject = format!("{PAUSED}{}", pause.destination);
                all.insert(subject, Alert::of_pause(&pause));
            }
        }
        if let Some(due) = self.around.journal.oldest_due().await?
            && later(due, settings.due_after) <= now
        {
            all.insert(OVERDUE.to_owned(), Alert::of_overdue(due));
        }
        if let Some(free) = free_space(&self.around.data_dir).await
            && free < settings.free_space
        {
            all.insert(SPACE.to_owned(), Alert::of_space(now, free));
        }
        Ok(all)
    }
}

const PAUSED: &str = "paused: ";
const OVERDUE: &str = "overdue";
const SPACE: &str = "free space";

/// What was told at that time, as far as its end needs it.
fn ended(subject: &str, told_at: Timestamp) -> Alert {
    match subject.strip_prefix(PAUSED) {
        Some(name) => Alert {
            problem: super::Problem::Paused,
            destination: DestinationName::parse(name).ok(),
            ..Alert::of_overdue(told_at)
        },
        None if subject == SPACE => Alert::of_space(told_at, 0),
        None => Alert::of_overdue(told_at),
    }
}

fn is_of(delivery: &Delivery, sort: &Untold) -> bool {
    delivery.cause.as_ref().map(|cause| cause.kind) == sort.error
}

/// Deliveries that are held.
pub(super) fn held() -> Filter {
    Filter { states: vec![DeliveryState::Held], ..Filter::default() }
}

fn written(body: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(body).map_err(|error| JournalError::Unavailable(error.to_string()))
}

/// Free bytes for us on the disk of a folder; `None` where it cannot be told.
async fn free_space(folder: &Path) -> Option<u64> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || free(&folder)).await.ok()?.ok()
}
