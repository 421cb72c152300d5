//! How each destination stands: whether it gets photos, and how many wait for it.

use jiff::Timestamp;

use super::Console;
use crate::{
    journal::{Count, JournalError, Pause},
    model::{DeliveryState, DestinationName, Filter, Kind},
};

/// How a destination stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) name: DestinationName,
    pub(super) kind: Kind,
    /// Where it points.
    pub(super) place: String,
    pub(super) pause: Option<Pause>,
    /// Whether nobody logged in to it yet, where that is needed.
    pub(super) login_needed: bool,
    pub(super) underway: u64,
    pub(super) held: u64,
    /// When a photo was delivered last.
    pub(super) last: Option<Timestamp>,
}

/// How the destinations stand, in the order of the configuration, by these counts of all that
/// there is.
pub(super) async fn standings(
    console: &Console,
    counts: &[Count],
) -> Result<Vec<Standing>, JournalError> {
    use DeliveryState::{Delivered, Due, Held, Sending, Waiting};
    let ops = console.ops();
    let pauses = ops.journal.pauses().await?;
    let mut standings = Vec::new();
    for place in &console.behind.setup.load().destinations {
        let sum = |states: &[DeliveryState]| {
            let is_it = |c: &&Count| {
                c.destination.as_ref() == Some(&place.name) && states.contains(&c.state)
            };
            counts.iter().filter(is_it).map(|count| count.count).sum()
        };
        let delivered = Filter {
            destination: Some(place.name.clone()),
            states: vec![Delivered],
            ..Filter::default()
        };
        let last = ops.list(&delivered, None, 1).await?.pop().and_then(|last| last.settled_at);
        let login_needed = match place.destination.login() {
            Ok(login) => login.is_needed().await.unwrap_or(false),
            Err(_) => false,
        };
        standings.push(Standing {
            login_needed,
            kind: place.destination.kind(),
            place: place.destination.place(),
            pause: pauses.iter().find(|pause| pause.destination == place.name).cloned(),
            underway: sum(&[Waiting, Due, Sending]),
            held: sum(&[Held]),
            last,
            name: place.name.clone(),
        });
    }
    Ok(standings)
}
