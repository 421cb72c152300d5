//! `deliveries show`: the whole story of a photo.

use std::sync::Arc;

use super::{Numbered, numbered};
use crate::{
    cli::{
        output::{Failure, json, painted, remark},
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
    /// The number of a delivery, a photo's id, Apertur's image id or the name of the file; the
    /// beginning is enough where one photo alone has it
    id: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Shows a photo.
pub(in crate::cli) async fn run(journal: Arc<dyn Journal>, args: &Args) -> Result<(), Failure> {
    if let Some(Numbered::Both { photo, .. }) = numbered(&journal, &args.id).await? {
        remark(&Numbered::both(&photo));
    }
    let ops = Ops::to_read(journal, Clock::system());
    let story = match ops.find(&args.id).await? {
        Found::Photo(story) => story,
        Found::Several(photos) => {
            return Err(Failure::Failed(anyhow::anyhow!(several(&args.id, &photos))));
        }
        Found::TooMany(photos) => {
            return Err(Failure::Failed(anyhow::anyhow!(too_many(&args.id, &photos))));
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
    let rows = rows(photos);
    format!("`{word}` is not the name of one photo alone; these have it, say which:{rows}")
}

fn too_many(word: &str, photos: &[Photo]) -> String {
    let what = format!("more than {} deliveries have `{word}` somewhere", Found::MOST);
    match photos {
        [] => format!(
            "{what}, and no photo of the newest of them has a name that begins so; give more of \
             the name, or look with `apertur-bridge photos list --text {word} --since 7d`"
        ),
        photos => {
            format!("{what}; the newest photos with it are these, say which:{}", rows(photos))
        }
    }
}

fn rows(photos: &[Photo]) -> String {
    let row = |photo: &Photo| {
        let name = photo.filename.as_deref().unwrap_or("without a name");
        format!("\n  {}  {name}, received {:.0}", photo.id, photo.received_at)
    };
    photos.iter().map(row).collect()
}

fn nothing(word: &str) -> String {
    format!(
        "there is no photo and no delivery `{word}`; give a photo's id, the number of a delivery, \
         an image id or the name of a file. `apertur-bridge photos list --since 2h` shows what \
         came; what never came is not in the journal: `apertur-bridge sessions reconcile \
         --dry-run` asks Apertur"
    )
}
