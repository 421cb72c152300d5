//! What happened, said once: one typed fact is one log line, its metrics and, where traces are
//! asked for, its spans.
//!
//! Nobody else writes log lines about photos or counts anything. Facts carry photo and delivery
//! ids as fields; secrets, session ids and links have no way in.

mod log;
mod metrics;
mod traces;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;

use self::metrics::Metrics;
pub use self::{
    log::{Format, Settings, change_level, init},
    metrics::{Disk, Gauges, Queue, Tally},
    traces::{TraceSettings, Traces},
};
use crate::{
    http::Http,
    model::{
        AttemptId, AttemptOutcome, Cause, Delivery, DestinationName, Photo, PhotoId, Receipt, Run,
        Scheme, SessionId, Target,
    },
};

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// The daemon takes requests.
    Started {
        /// Where, in words.
        listen: &'a str,
        /// Where the console is, if there is one.
        console: Option<&'a str>,
        /// How long the start took.
        took: Duration,
    },
    /// What a crash left behind was taken up.
    Recovered {
        /// Deliveries that were under way.
        deliveries: u64,
    },
    /// Deliveries were held at the start because their destinations are not configured any more.
    Strays {
        /// How many.
        count: u64,
    },
    /// The daemon was told to stop.
    Stopping {
        /// How long it waits for what is under way.
        drain: Duration,
    },
    /// The daemon ends.
    Stopped,
    /// The door answered.
    Request {
        /// The answer's word.
        status: &'static str,
        /// Why it was not accepted.
        reason: Option<&'a str>,
        /// The photo, if it came that far.
        photo: Option<&'a Photo>,
        /// How it was signed.
        scheme: Option<Scheme>,
        /// The topic of an ignored event.
        topic: Option<&'a str>,
        /// From the headers to the answer.
        took: Duration,
        /// The part of it in which the photo was made durable, if it came that far.
        keeping: Option<Duration>,
    },
    /// A photo that waited at Apertur was taken by polling; it is on disk.
    Polled {
        /// The photo.
        photo: &'a Photo,
        /// Whether it was not known before.
        is_new: bool,
        /// Why nobody gets it, if nobody wants it.
        unrouted: Option<&'a Cause>,
        /// How long its download took.
        took: Duration,
    },
    /// A photo that waits at Apertur could not be taken; it is tried again.
    NotPolled {
        /// The photo.
        photo: &'a PhotoId,
        /// Why.
        cause: &'a Cause,
    },
    /// Apertur was told that a polled photo is here.
    Acknowledged {
        /// The photo.
        photo: &'a PhotoId,
    },
    /// Apertur did not hear that a polled photo is here; it is told again.
    NotAcknowledged {
        /// The photo.
        photo: &'a PhotoId,
        /// Why.
        cause: &'a Cause,
    },
    /// A photo that Apertur has never came; it is fetched now.
    Reconciled {
        /// The photo.
        photo: &'a Photo,
        /// Why nobody gets it, if nobody wants it.
        unrouted: Option<&'a Cause>,
    },
    /// Apertur limits our calls; none is made until then.
    Limited {
        /// When calls are made again.
        until: Timestamp,
    },
    /// Apertur does not answer about our sessions; it is asked again.
    AskingFails {
        /// Why.
        cause: &'a Cause,
        /// When.
        at: Timestamp,
    },
    /// Whether Apertur answers about our sessions; not logged.
    Asking {
        /// Since when it does not.
        fails_since: Option<Timestamp>,
    },
    /// Apertur answers about our sessions again.
    AskingWorks {
        /// How long it did not.
        lasted: Duration,
    },
    /// Sessions of ours were made in the other environment than the API key's; they are not asked
    /// about.
    OtherEnvironment {
        /// How many.
        sessions: usize,
    },
    /// Apertur does not know a session of ours that has ended; nothing more is asked about it.
    SessionUnknown {
        /// The session.
        session: &'a SessionId,
    },
    /// Apertur refused for days to speak about a session of ours that ended a week ago; nothing
    /// more is asked about it.
    SessionGivenUp {
        /// The session.
        session: &'a SessionId,
        /// Why.
        cause: &'a Cause,
    },
    /// Apertur names photos of one of our sessions that we cannot read.
    SessionUnread {
        /// The session.
        session: &'a SessionId,
        /// How many.
        photos: usize,
    },
    /// Apertur tells nothing of one of our sessions any more, before we could ask what became of
    /// its last photos.
    SessionGone {
        /// The session.
        session: &'a SessionId,
    },
    /// Apertur does not speak about one of our sessions; it is asked again.
    SessionRefused {
        /// The session.
        session: &'a SessionId,
        /// Why.
        cause: &'a Cause,
    },
    /// A photo's bytes were fetched.
    Fetched {
        /// The photo.
        photo: &'a PhotoId,
        /// Bytes.
        size: u64,
        /// How long it took.
        took: Duration,
    },
    /// A fetch failed and will be tried again.
    FetchLater {
        /// The photo.
        photo: &'a PhotoId,
        /// Why.
        cause: &'a Cause,
        /// When.
        at: Timestamp,
        /// How long the try took.
        took: Duration,
    },
    /// A photo cannot be fetched without a person.
    FetchHeld {
        /// The photo.
        photo: &'a PhotoId,
        /// Why.
        cause: &'a Cause,
        /// How long the try took.
        took: Duration,
    },
    /// A destination answered a call of attempts, or did not; not logged.
    Called {
        /// What was asked: `find`, `deliver`.
        call: &'static str,
        /// The deliveries that it was about, with their attempts.
        attempts: &'a [(&'a Delivery, AttemptId)],
        /// Why it failed, if it did.
        cause: Option<&'a Cause>,
        /// From the first byte to the answer.
        took: Duration,
    },
    /// A photo is at its destination.
    Delivered {
        /// The delivery.
        delivery: &'a Delivery,
        /// The attempt.
        attempt: AttemptId,
        /// What came back.
        receipt: &'a Receipt,
        /// How long the attempt took.
        took: Duration,
        /// When it ended.
        at: Timestamp,
    },
    /// An attempt failed and will be repeated.
    AttemptFailed {
        /// The delivery.
        delivery: &'a Delivery,
        /// The attempt.
        attempt: AttemptId,
        /// How it ended.
        outcome: AttemptOutcome,
        /// Why.
        cause: &'a Cause,
        /// When it is due again.
        at: Timestamp,
        /// How long the attempt took.
        took: Duration,
    },
    /// A delivery needs a person.
    Held {
        /// The delivery.
        delivery: &'a Delivery,
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        cause: &'a Cause,
        /// How long the attempt took.
        took: Duration,
    },
    /// A destination gets nothing until its probe succeeds, and a photo after that.
    Paused {
        /// The destination.
        destination: &'a DestinationName,
        /// Why.
        cause: &'a Cause,
    },
    /// A destination is paused still, by now for another reason.
    StillPaused {
        /// The destination.
        destination: &'a DestinationName,
        /// Why.
        cause: &'a Cause,
    },
    /// A paused destination goes on.
    Resumed {
        /// The destination.
        destination: &'a DestinationName,
        /// How long it was paused.
        paused: Duration,
    },
    /// Somebody was told that something needs a person.
    Told {
        /// By what: `note`, `webhook`, `command`.
        outlet: &'static str,
        /// What it is about.
        subject: &'a str,
    },
    /// Somebody could not be told.
    NotTold {
        /// By what.
        outlet: &'static str,
        /// What it is about.
        subject: &'a str,
        /// Why.
        cause: &'a Cause,
        /// When it is tried again; `None`: never.
        at: Option<Timestamp>,
    },
    /// A person's change of deliveries began, goes on, was stopped or is done.
    Run {
        /// As it stands.
        run: &'a Run,
    },
    /// A person's change was carried out with a page of deliveries; not logged.
    Changed {
        /// The verb's word.
        verb: &'static str,
        /// How many were changed.
        deliveries: u64,
    },
    /// Somebody may open the collect page of a record.
    CollectOpened {
        /// The record.
        target: &'a Target,
        /// By what: `mark`, `password`.
        way: &'static str,
    },
    /// The collect page was not shown, or a form of it not carried out.
    CollectRefused {
        /// A word for why.
        reason: &'static str,
    },
    /// Another system did not do what the collect page asked of it.
    CollectFailed {
        /// The destination; `None` for Apertur.
        destination: Option<&'a DestinationName>,
        /// Why.
        cause: &'a Cause,
    },
    /// The collect page made a session.
    SessionMade {
        /// The session; its fingerprint is shown.
        session: &'a SessionId,
        /// The record.
        target: &'a Target,
        /// Whether none of its destinations at Apertur posts to this bridge.
        posts_nowhere: bool,
    },
    /// Somebody signed in to the console.
    ConsoleSignedIn {
        /// The name of their token; `console` with the password.
        by: &'a str,
    },
    /// The console let somebody not in, or did not do what they asked for.
    ConsoleRefused {
        /// A word for why.
        reason: &'static str,
    },
    /// Retention ran.
    Pruned {
        /// Files that were removed.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Photos that were removed with their history.
        photos: u64,
        /// How long it took.
        took: Duration,
        /// When it was done.
        at: Timestamp,
    },
    /// The configuration was read again.
    Reloaded {
        /// The keys that are in force now, in words.
        applied: &'a str,
        /// The keys that need a restart, in words.
        needs_restart: &'a str,
        /// What should be looked at.
        warnings: &'a [String],
    },
    /// The configuration was read again and cannot be used; nothing was changed.
    NotReloaded {
        /// Everything that is wrong with it, one a line.
        error: &'a str,
    },
    /// There is too little room for new photos; none is taken any more.
    SpaceLow {
        /// Why, with the remedy.
        why: &'a str,
        /// What is free, in bytes.
        free: u64,
        /// What is wanted, in bytes.
        wanted: u64,
    },
    /// There is room for new photos again.
    SpaceBack,
    /// A loop could not use the journal.
    JournalFailed {
        /// Whose loop.
        room: &'static str,
        /// The journal's words.
        error: &'a str,
    },
    /// A job ended in a bug.
    Panicked {
        /// Whose job.
        room: &'static str,
        /// The panic's words.
        message: &'a str,
    },
}

/// A transaction of the journal, done or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Requests that shared it.
    pub requests: usize,
    /// From its begin to its end.
    pub took: Duration,
    /// The part in which the disk made it durable; `None` when it failed.
    pub sync: Option<Duration>,
}

/// The handle facts are given to. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    metrics: Metrics,
    traces: OnceLock<Traces>,
}

impl Telemetry {
    /// Writes the log line, counts, and traces where traces are asked for.
    pub fn emit(&self, fact: &Fact<'_>) {
        log::write(fact);
        self.0.metrics.count(fact);
        if let Some(traces) = self.0.traces.get() {
            traces.trace(fact);
        }
    }

    /// Counts a transaction of the journal. Blocks nobody.
    pub fn committed(&self, commit: Committed) {
        self.0.metrics.commit(commit);
    }

    /// Shows what is configured in the metrics from the start, as 0, so that the first time is
    /// seen as a rise: these destinations, and these words of the door's answers.
    pub fn foresee(&self, destinations: &[DestinationName], statuses: &[&str]) {
        self.0.metrics.foresee(destinations, statuses);
    }

    /// Sends traces from now on. The second call changes nothing.
    ///
    /// # Errors
    /// When the exporter cannot be made.
    pub fn trace(&self, settings: &TraceSettings, http: Http) -> anyhow::Result<()> {
        let exports = self.0.metrics.trace_exports.clone();
        // Set already: whoever comes second is not asked.
        drop(self.0.traces.set(Traces::start(settings, http, exports)?));
        Ok(())
    }

    /// Sends what is left of the traces, for at most five seconds.
    pub async fn flush(&self) {
        let this = self.clone();
        let stopping = tokio::task::spawn_blocking(move || {
            if let Some(traces) = this.0.traces.get() {
                traces.stop();
            }
        });
        // Ends by itself; what it could not send is lost.
        drop(stopping.await);
    }

    /// Every metric in Prometheus' text form, with the gauges as given.
    #[must_use]
    pub fn render(&self, gauges: &Gauges) -> String {
        self.0.metrics.render(gauges)
    }
}
