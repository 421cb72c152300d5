//! What the overview shows, gathered from the journal.

use crate::{
    console::{
        Console,
        standing::{Standing, standings},
    },
    journal::{JournalError, Moment},
    model::{Delivery, DeliveryState, Filter},
    ops::{Overview, Span},
};

/// The spans that can be chosen, by their words in addresses.
pub(super) const SPANS: [(&str, Span); 3] =
    [("day", Span::Day), ("week", Span::Week), ("month", Span::Month)];

/// What the overview shows.
#[derive(Debug)]
pub(super) struct Look {
    /// The word of the span.
    pub(super) span: &'static str,
    /// The photo that waits longest for something that is no person.
    pub(super) oldest: Option<Delivery>,
    pub(super) standings: Vec<Standing>,
    all: Overview,
}

impl Look {
    /// How many deliveries are in a state.
    pub(super) fn count(&self, state: DeliveryState) -> u64 {
        let these = self.all.counts.iter().filter(|count| count.state == state);
        these.map(|count| count.count).sum()
    }

    /// What happened, step by step, oldest first.
    pub(super) fn steps(&self) -> &[Moment] {
        &self.all.timeline
    }
}

/// Looks, as far back as a word says; any other word is a day.
pub(super) async fn look(console: &Console, word: &str) -> Result<Look, JournalError> {
    let ops = console.ops();
    let [day, ..] = SPANS;
    let (word, span) = SPANS.into_iter().find(|(known, _)| *known == word).unwrap_or(day);
    let all = ops.overview(span).await?;
    let oldest = match all.oldest.iter().min_by_key(|oldest| oldest.received_at) {
        Some(oldest) => {
            let filter = Filter { ids: vec![oldest.delivery], ..Filter::default() };
            ops.list(&filter, None, 1).await?.pop()
        }
        None => None,
    };
    let setup = console.behind.setup.load();
    let standings = standings(ops, &setup.destinations, &all.counts).await?;
    Ok(Look { span: word, oldest, standings, all })
}
