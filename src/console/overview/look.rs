//! What the overview shows, gathered from the journal.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    console::{
        Console,
        standing::{Standing, standings},
    },
    journal::{Count, JournalError},
    model::{Delivery, DeliveryState, Filter},
};

/// Most deliveries that are looked at for the charts.
const MOST: usize = 10_000;

/// How far back the charts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Week,
    Month,
}

impl Span {
    pub(super) const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in an address; anything else is a day.
    pub(super) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|span| span.as_str() == word).unwrap_or(Self::Day)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// How long a step is, and how many there are.
    fn steps(self) -> (SignedDuration, usize) {
        match self {
            Self::Day => (SignedDuration::from_hours(1), 24),
            Self::Week => (SignedDuration::from_hours(6), 28),
            Self::Month => (SignedDuration::from_hours(24), 30),
        }
    }
}

/// What the overview shows.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) span: Span,
    counts: Vec<Count>,
    pub(super) oldest: Option<Delivery>,
    pub(super) standings: Vec<Standing>,
    /// Oldest first.
    pub(super) steps: Vec<Step>,
}

/// What happened in a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// When it begins.
    pub(super) at: Timestamp,
    pub(super) received: u64,
    pub(super) delivered: u64,
    pub(super) held: u64,
}

impl Look {
    /// How many deliveries are in a state.
    pub(super) fn count(&self, state: DeliveryState) -> u64 {
        let these = self.counts.iter().filter(|count| count.state == state);
        these.map(|count| count.count).sum()
    }
}

/// Looks.
pub(super) async fn look(console: &Console, span: Span) -> Result<Look, JournalError> {
    let ops = console.ops();
    let counts = ops.count(&Filter::default()).await?;
    let steps = steps(console, span).await?;
    let standings = standings(console, &counts).await?;
    Ok(Look { span, oldest: oldest(console).await?, counts, standings, steps })
}

/// The photo that waits longest for something that is not a person.
async fn oldest(console: &Console) -> Result<Option<Delivery>, JournalError> {
    use DeliveryState::{Due, Sending, Waiting};
    let open = Filter { states: vec![Waiting, Due, Sending], ..Filter::default() };
    let all = console.ops().list(&open, None, MOST).await?;
    Ok(all.into_iter().min_by_key(|delivery| delivery.photo.received_at))
}

async fn steps(console: &Console, span: Span) -> Result<Vec<Step>, JournalError> {
    let (length, count) = span.steps();
    let seconds = length.as_secs();
    let now = console.ops().clock.now().as_second();
    let ends = now - now.rem_euclid(seconds) + seconds;
    let begins = ends - seconds * i64::try_from(count).unwrap_or(i64::MAX);
    let mut steps: Vec<Step> = (0..count)
        .filter_map(|at| Timestamp::from_second(begins + seconds * i64::try_from(at).ok()?).ok())
        .map(|at| Step { at, received: 0, delivered: 0, held: 0 })
        .collect();
    let since = Timestamp::from_second(begins).ok();
    let filter = Filter { since, ..Filter::default() };
    let mut seen = HashSet::new();
    for delivery in console.ops().list(&filter, None, MOST).await? {
        let step = |at: Timestamp| usize::try_from((at.as_second() - begins) / seconds).ok();
        let received = step(delivery.photo.received_at).and_then(|at| steps.get_mut(at));
        if let Some(step) = received
            && seen.insert(delivery.photo.id.clone())
        {
            step.received += 1;
        }
        let settled = delivery.settled_at.and_then(step).and_then(|at| steps.get_mut(at));
        match (settled, delivery.state) {
            (Some(step), DeliveryState::Delivered) => step.delivered += 1,
            (Some(step), DeliveryState::Held) => step.held += 1,
            _ => {}
        }
    }
    Ok(steps)
}
