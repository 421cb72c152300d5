//! How each destination stands: whether it gets photos, and how many wait for it.

use jiff::Timestamp;

use super::Place;
use crate::{
    journal::{Count, JournalError, Pause},
    model::{DeliveryState, DestinationName, Kind},
    ops::Ops,
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
    pub(super) delivered: u64,
    pub(super) underway: u64,
    pub(super) held: u64,
    /// When a photo was delivered last.
    pub(super) last: Option<Timestamp>,
}

/// How these destinations stand, in their order, by these counts of all deliveries.
pub(super) async fn standings(
    ops: &Ops,
    places: &[Place],
    counts: &[Count],
) -> Result<Vec<Standing>, JournalError> {
    use DeliveryState::{Delivered, Due, Held, Sending, Waiting};
    let pauses = ops.journal.pauses().await?;
    let mut standings = Vec::new();
    for Place { name, destination, .. } in places {
        let sum = |states: &[DeliveryState]| {
            let ours = counts.iter().filter(|count| count.destination.as_ref() == Some(name));
            ours.filter(|count| states.contains(&count.state)).map(|count| count.count).sum()
        };
        let login_needed = match destination.login() {
            Ok(login) => login.is_needed().await.unwrap_or(false),
            Err(_) => false,
        };
        standings.push(Standing {
            name: name.clone(),
            kind: destination.kind(),
            place: destination.place(),
            pause: pauses.iter().find(|pause| pause.destination == *name).cloned(),
            login_needed,
            delivered: sum(&[Delivered]),
            underway: sum(&[Waiting, Due, Sending]),
            held: sum(&[Held]),
            last: ops.journal.last_delivered(name).await?,
        });
    }
    Ok(standings)
}
