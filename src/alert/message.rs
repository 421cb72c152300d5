//! What an alert says: as JSON for programs, as text for people. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    journal::Pause,
    model::{Cause, DestinationName, ErrorKind},
};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Deliveries are held: only a person can help.
    Held,
    /// A destination is paused for long.
    Paused,
    /// A delivery is due for long.
    Overdue,
    /// The disk is nearly full.
    Space,
    /// The journal does not work.
    Journal,
    /// Nothing: somebody tries whether alerts arrive.
    Test,
}

/// Something that needs a person, or does no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What is wrong.
    pub problem: Problem,
    /// Whether it was wrong and is not any more.
    pub is_over: bool,
    /// The destination, where it is about one.
    pub destination: Option<DestinationName>,
    /// The kind of the error, where there is one.
    pub error: Option<ErrorKind>,
    /// Since when.
    pub since: Timestamp,
    /// What happened, in one line.
    pub what: String,
    /// The next step for a person.
    pub fix: String,
}

impl Alert {
    fn new(problem: Problem, since: Timestamp, what: &str, fix: &str) -> Self {
        let (what, fix) = (what.to_owned(), fix.to_owned());
        Self { problem, is_over: false, destination: None, error: None, since, what, fix }
    }

    /// Held deliveries of a destination with the cause of one of them.
    pub(super) fn of_held(
        destination: Option<DestinationName>,
        error: Option<ErrorKind>,
        since: Timestamp,
        cause: Option<&Cause>,
    ) -> Self {
        let (what, fix) = cause.map_or(("", ""), |cause| (&cause.what, &cause.fix));
        Self { destination, error, ..Self::new(Problem::Held, since, what, fix) }
    }

    /// A destination that is paused.
    pub(super) fn of_pause(pause: &Pause) -> Self {
        let Pause { destination, since, cause } = pause;
        let (destination, error) = (Some(destination.clone()), Some(cause.kind));
        Self { destination, error, ..Self::new(Problem::Paused, *since, &cause.what, &cause.fix) }
    }

    /// A delivery that is due since then.
    pub(super) fn of_overdue(since: Timestamp) -> Self {
        let fix = "look at `apertur-bridge deliveries list --state due` and at the log";
        Self::new(Problem::Overdue, since, "a photo is due and was not sent", fix)
    }

    /// A disk with so many bytes left.
    pub(super) fn of_space(now: Timestamp, free: u64) -> Self {
        let what = format!("{} MiB are free on the disk of data_dir", free >> 20);
        let fix = "make room, or shorten `retention.bytes`; photos are refused once it is full";
        Self::new(Problem::Space, now, &what, fix)
    }

    /// A journal that fails since then.
    pub(super) fn of_journal(since: Timestamp, error: &str) -> Self {
        let fix = "look at the disk of data_dir; Apertur sends again what is refused meanwhile";
        Self::new(Problem::Journal, since, error, fix)
    }

    /// A trial.
    #[must_use]
    pub fn test(now: Timestamp) -> Self {
        let fix = "nothing to do: alerts arrive here";
        Self::new(Problem::Test, now, "somebody tries whether alerts arrive", fix)
    }

    /// The same, not wrong any more.
    pub(super) fn over(self, now: Timestamp) -> Self {
        let (what, fix) = (format!("it lasted until {now:.0}"), String::new());
        Self { is_over: true, what, fix, ..self }
    }

    /// In a few words, about so many deliveries.
    #[must_use]
    pub fn headline(&self, count: u64) -> String {
        let photos = if count == 1 { "1 photo".to_owned() } else { format!("{count} photos") };
        let to = self.destination.as_ref().map(DestinationName::as_str);
        match (self.problem, self.is_over) {
            (Problem::Held, _) => match to {
                Some(to) => format!("{photos} held for {to}"),
                None => format!("{photos} held that no destination gets"),
            },
            (Problem::Paused, false) => format!("{} is paused", to.unwrap_or_default()),
            (Problem::Paused, true) => format!("{} goes on", to.unwrap_or_default()),
            (Problem::Overdue, false) => "photos wait for long".to_owned(),
            (Problem::Overdue, true) => "photos wait no more".to_owned(),
            (Problem::Space, false) => "the disk is nearly full".to_owned(),
            (Problem::Space, true) => "the disk has room again".to_owned(),
            (Problem::Journal, _) => "the journal does not work".to_owned(),
            (Problem::Test, _) => "this is a test".to_owned(),
        }
    }

    /// For people, in one line.
    #[must_use]
    pub fn text(&self, count: u64) -> String {
        let error = self.error.map(|error| format!(" ({error})")).unwrap_or_default();
        let parts = [&self.what, &self.fix].into_iter().filter(|part| !part.is_empty());
        let rest = parts.cloned().collect::<Vec<_>>().join("; ");
        format!("apertur-bridge: {}{error}: {rest}", self.headline(count))
    }

    /// As the alert webhook gets it, see the README's "Alerts".
    pub(super) fn json(&self, id: &str, count: u64, at: Timestamp) -> Vec<u8> {
        json!({
            "type": "apertur-bridge.alert",
            "id": id,
            "at": at,
            "problem": self.problem,
            "state": if self.is_over { "over" } else { "open" },
            "destination": self.destination,
            "error": self.error,
            "count": count,
            "since": self.since,
            "what": self.what,
            "fix": self.fix,
            "text": self.text(count),
        })
        .to_string()
        .into_bytes()
    }

    /// As a mail, with a `To` where there is one to name.
    pub(super) fn mail(&self, id: &str, count: u64, at: Timestamp, to: Option<&str>) -> String {
        let to = to.map(|to| format!("To: {to}\n")).unwrap_or_default();
        let error = self.error.map(|error| format!("Error: {error}\n")).unwrap_or_default();
        let fix = match self.fix.as_str() {
            "" => String::new(),
            fix => format!("What to do: {fix}\n"),
        };
        let (headline, since, what) = (self.headline(count), self.since, &self.what);
        let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
        format!(
            "{to}Subject: [apertur-bridge] {}\nDate: {date}\nMessage-ID: <{id}@apertur-bridge>\n\
             Auto-Submitted: auto-generated\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
             {headline}\n\n{error}Since: {since:.0}\nWhat: {what}\n{fix}",
            in_a_header(&headline)
        )
    }
}

/// A text for a header of a mail: one line of printable ASCII.
fn in_a_header(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}
