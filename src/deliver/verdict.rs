//! What a failure means for the deliveries that it concerns. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::{Settings, backoff::delay};
use crate::{
    journal::{DeliveryEnd, LOOK_AFTER},
    model::{Cause, Delivery, ErrorKind, Failure},
    system::later,
};

/// Less than this is no wait: whoever says so, or names a time that is past, would be asked again
/// and again without any.
const SHORTEST: Duration = Duration::from_secs(1);

/// The wait that was asked for, where it is one.
pub(super) fn named(after: Option<Duration>) -> Option<Duration> {
    after.filter(|after| *after >= SHORTEST)
}

/// All that counts beside the delivery and the failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict<'a> {
    pub(super) settings: &'a Settings,
    /// The time.
    pub(super) now: Timestamp,
    /// How long a look may miss what was written.
    pub(super) settles_in: Duration,
    /// A random number from 0 to 1, see [`delay`].
    pub(super) spread: f64,
    /// When it goes on after a rate limit that named no time.
    pub(super) slow_until: Timestamp,
}

impl Verdict<'_> {
    /// How the attempt of a delivery ends that was in the call.
    pub(super) fn end(&self, delivery: &Delivery, failure: &Failure) -> DeliveryEnd {
        let cause = failure.cause().clone();
        match failure {
            // Nobody is there: what keeps this photo out keeps out all others.
            Failure::Later { .. } if cause.kind == ErrorKind::Unreachable => {
                DeliveryEnd::Broken { cause }
            }
            // Told when to come back: that spends no attempt, and no patience either.
            Failure::Later { after, .. } if cause.kind == ErrorKind::RateLimited => {
                DeliveryEnd::Later { at: self.resumes(*after), cause, counts: false }
            }
            Failure::Later { .. } if self.is_tired(delivery) => {
                DeliveryEnd::Held { cause: self.gave_up(&cause) }
            }
            Failure::Later { after, .. } => {
                // By schedule there is one last try in time; but never before the other side
                // wants it.
                let last = later(delivery.since, self.settings.give_up_after);
                let asked = self.after(after.unwrap_or_default());
                let at = self.next(delivery).min(last).max(asked);
                DeliveryEnd::Later { at, cause, counts: true }
            }
            // Held only once the journal says that it has to be looked for first.
            Failure::Unknown { .. } if self.is_tired(delivery) && delivery.unsure => {
                DeliveryEnd::Held { cause: self.gave_up(&cause) }
            }
            Failure::Unknown { .. } => {
                // The other side may still be at work on what it did not answer in time, and
                // a look before it is done would find nothing.
                let busy = match cause.kind {
                    ErrorKind::Timeout => self.settles_in.max(LOOK_AFTER),
                    _ => self.settles_in,
                };
                DeliveryEnd::Unknown { at: self.next(delivery).max(self.after(busy)), cause }
            }
            Failure::Refused { .. } => DeliveryEnd::Held { cause },
            Failure::Broken { .. } => DeliveryEnd::Broken { cause },
        }
    }

    /// How the attempt of a delivery ends for which the destination is broken while it works for
    /// others, as is known since then: by the schedule, as if it were its own fault.
    pub(super) fn alone(&self, delivery: &Delivery, cause: Cause, since: Timestamp) -> DeliveryEnd {
        let patience = later(since.max(delivery.since), self.settings.give_up_after);
        if self.now >= patience {
            return DeliveryEnd::Held { cause: self.gave_up(&cause) };
        }
        DeliveryEnd::Later { at: self.next(delivery), cause, counts: true }
    }

    /// What becomes of the others of a parcel, which were not sent; `None`: they still may be.
    pub(super) fn rest(&self, failure: &Failure) -> Option<DeliveryEnd> {
        match failure {
            Failure::Refused { .. } => None,
            Failure::Later { after, cause } if cause.kind == ErrorKind::RateLimited => {
                let (at, cause) = (self.resumes(*after), cause.clone());
                Some(DeliveryEnd::Later { at, cause, counts: false })
            }
            // Whatever is wrong may be wrong with the one that failed: they go on without it.
            Failure::Later { .. } | Failure::Unknown { .. } | Failure::Broken { .. } => {
                Some(DeliveryEnd::Cancelled)
            }
        }
    }

    /// When it goes on after a rate limit.
    fn resumes(&self, after: Option<Duration>) -> Timestamp {
        named(after).map_or(self.slow_until, |after| self.after(after))
    }

    fn is_tired(&self, delivery: &Delivery) -> bool {
        self.now >= later(delivery.since, self.settings.give_up_after)
    }

    fn next(&self, delivery: &Delivery) -> Timestamp {
        let Settings { first_delay, max_delay, .. } = *self.settings;
        self.after(delay(first_delay, max_delay, delivery.attempts, self.spread))
    }

    fn after(&self, wait: Duration) -> Timestamp {
        later(self.now, wait)
    }

    fn gave_up(&self, last: &Cause) -> Cause {
        let days = humantime::format_duration(self.settings.give_up_after);
        Cause::new(
            ErrorKind::GaveUp,
            format!("gave up after {days}; the last failure: {}", last.what),
            format!("{}; then replay it", last.fix),
        )
        .with_detail(&last.detail)
    }
}
