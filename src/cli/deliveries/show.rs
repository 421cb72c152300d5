//! `deliveries show`: the whole story of a photo.

use std::sync::Arc;

use crate::{
    cli::{
        output::{Failure, json, painted},
        story::{Reader, screen},
    },
    destinations::Language,
    journal::Journal,
    model::Photo,
    ops::{Found, Ops},
    system::Clock,
};

/// Options of `deliveries show` and of `photos show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apertur-bridge deliveries show img_4711
  apertur-bridge deliveries show 17 --json
  apertur-bridge deliveries show IMG_0001.jpg")]
pub(in crate::cli) struct Args {
    /// A photo's id, the number of a delivery, Apertur's image id or the name of the file; the
    /// beginning is enough where one photo alone has it
    id: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Shows a photo.
pub(in crate::cli) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    let ops = Ops::to_read(journal, Clock::system());
    let story = match ops.find(&args.id).await? {
        Found::Photo(story) => story,
        Found::Several(photos) => {
            return Err(Failure::Failed(anyhow::anyhow!(several(&args.id, &photos))));
        }
        Found::Nothing => return Err(Failure::Failed(anyhow::anyhow!(nothing(&args.id)))),
    };
    let account = ops.account(&story, Language::En).await?;
    if args.json {
        return json(&account);
    }
    for line in screen(&account, &Reader::here(ops.clock.now())) {
        painted(&line)?;
    }
    Ok(())
}

fn several(word: &str, photos: &[Photo]) -> String {
    let row = |photo: &Photo| {
        let name = photo.filename.as_deref().unwrap_or("without a name");
        format!("\n  {}  {name}, received {:.0}", photo.id, photo.received_at)
    };
    let rows: String = photos.iter().map(row).collect();
    format!("`{word}` is not the name of one photo alone; these have it, say which:{rows}")
}

fn nothing(word: &str) -> String {
    format!(
        "there is no photo and no delivery `{word}`; give a photo's id, the number of a delivery, \
         an image id or the name of a file. `apertur-bridge photos list --since 2h` shows what \
         came; what never came is not in the journal: `apertur-bridge sessions reconcile \
         --dry-run` asks Apertur"
    )
}
