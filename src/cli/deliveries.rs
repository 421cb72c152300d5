//! `deliveries`: what became of the photos, and once more for those that failed.

mod change;
mod export;
mod follow;
mod list;
mod runs;
pub(super) mod show;

use std::sync::Arc;

use super::{Context, block_on, filter, output::Failure};
use crate::{
    journal::{self, Journal, Pause},
    model::{Delivery, DeliveryId, DeliveryState, Filter, PhotoId},
};

/// Subcommands of `deliveries`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List deliveries, newest first
    List(list::Args),
    /// Show everything about one photo
    Show(show::Args),
    /// Write deliveries as CSV or JSON lines, for spreadsheets and scripts
    Export(export::Args),
    /// Send again what is held or waiting; what is there already is found and not doubled
    Replay(change::Replay),
    /// Keep from being sent what is waiting or due, until it is released
    Hold(change::Hold),
    /// Let go on what was held with `hold`
    Release(change::Release),
    /// Give up for good what is waiting, due or held
    Drop(change::Drop),
    /// List the changes that were made, and how far those under way are
    Runs(runs::Args),
}

/// Runs one of them.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let journal = context.journal()?;
            block_on(async move { list::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Show(args) => {
            let journal = context.journal()?;
            block_on(async move { show::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Export(args) => {
            let journal = context.journal()?;
            block_on(async move { export::run(open_to_read(&journal).await?, &args).await })
        }
        Command::Replay(args) => {
            let config = context.load()?;
            block_on(async move { change::replay(&config, &args).await })
        }
        Command::Hold(args) => {
            let config = context.load()?;
            block_on(async move { change::hold(&config, &args).await })
        }
        Command::Release(args) => {
            let config = context.load()?;
            block_on(async move { change::release(&config, &args).await })
        }
        Command::Drop(args) => {
            let config = context.load()?;
            block_on(async move { change::drop(&config, &args).await })
        }
        Command::Runs(args) => {
            let journal = context.journal()?;
            block_on(async move { runs::run(open_to_read(&journal).await?, &args).await })
        }
    }
}

/// A photo whose id looks like the number of a delivery.
enum Numbered {
    /// No delivery has this number.
    Photo(PhotoId),
    /// There is a delivery of this number, and the word is taken for that.
    Both {
        /// The photo of this id.
        photo: PhotoId,
        /// The photo that the delivery is of.
        of: PhotoId,
    },
}

impl Numbered {
    /// What is said where a word may be both.
    fn both(photo: &PhotoId) -> String {
        format!(
            "`{photo}` is taken for the number of a delivery; there is a photo of this id, too: \
             `apertur-bridge deliveries list --photo {photo}` shows its deliveries"
        )
    }
}

/// The photo of this id, where the word may be the number of a delivery as well.
async fn numbered(journal: &Arc<dyn Journal>, word: &str) -> Result<Option<Numbered>, Failure> {
    let (Ok(number), Ok(photo)) = (word.parse(), PhotoId::parse(word)) else { return Ok(None) };
    if journal.knows_photo(&photo).await?.is_none() {
        return Ok(None);
    }
    let filter = Filter { ids: vec![DeliveryId(number)], ..Filter::default() };
    Ok(Some(match journal.list(&filter, None, 1).await?.pop() {
        Some(delivery) => Numbered::Both { photo, of: delivery.photo.id },
        None => Numbered::Photo(photo),
    }))
}

pub(super) async fn open_to_read(
    settings: &journal::Settings,
) -> Result<Arc<dyn Journal>, Failure> {
    Ok(journal::open_to_read(settings).await?)
}

/// Why a delivery waits although it is due: its destination is paused.
fn paused(delivery: &Delivery, pauses: &[Pause]) -> Option<String> {
    let name = delivery.destination.as_ref()?;
    let pause = pauses.iter().find(|pause| pause.destination == *name)?;
    (delivery.state == DeliveryState::Due)
        .then(|| format!("{name} is paused since {:.0}: {}", pause.since, pause.cause.what))
}
