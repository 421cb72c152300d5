//! The photo that a person means: by its id, by the number of one of its deliveries, by Apertur's
//! image id, by the name of its file, or by the beginning of one of them.

use super::{Ops, story};
use crate::{
    destinations::Language,
    journal::{JournalError, Story},
    model::{Filter, Photo},
};

/// What a word of a person names.
#[derive(Debug, Clone)]
pub enum Found {
    /// One photo.
    Photo(Box<Story>),
    /// Several; the newest first, at most a screen of them.
    Several(Vec<Photo>),
    /// None.
    Nothing,
}

/// Deliveries that are looked through for the photo that a word means.
const MOST: usize = 200;
/// Photos that a person is asked to choose from.
const CHOICE: usize = 10;

impl Ops {
    /// The photo that a word names: its id, the number of a delivery, Apertur's image id, the name
    /// of its file; else the one photo alone whose id, image id or file begins like that.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn find(&self, word: &str) -> Result<Found, JournalError> {
        if let Some(story) = self.show(word).await? {
            return Ok(Found::Photo(Box::new(story)));
        }
        let Ok(text) = Filter::parse_text(word) else { return Ok(Found::Nothing) };
        let filter = Filter { text: Some(text.clone()), ..Filter::default() };
        let mut named = Vec::<Photo>::new();
        for delivery in self.journal.list(&filter, None, MOST).await? {
            let photo = delivery.photo;
            let begins = |name: &str, text: &str| name.starts_with(text);
            if names(&photo, &text, begins) && !named.contains(&photo) {
                named.push(photo);
            }
        }
        let is_whole = |photo: &Photo| names(photo, &text, |name, text| name == text);
        if named.iter().any(is_whole) {
            named.retain(is_whole);
        }
        Ok(match named.as_slice() {
            [] => Found::Nothing,
            [photo] => match self.journal.story(&photo.id).await? {
                Some(story) => Found::Photo(Box::new(story)),
                None => Found::Nothing,
            },
            [..] => {
                named.truncate(CHOICE);
                Found::Several(named)
            }
        })
    }

    /// The story of a photo in words of this language, as it stands now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn account(
        &self,
        story: &Story,
        language: Language,
    ) -> Result<story::Account, JournalError> {
        Ok(story::tell(story, &self.journal.pauses().await?, self.clock.now(), language))
    }
}

/// Whether one of the names of a photo is like this, whatever the case of its letters.
fn names(photo: &Photo, text: &str, is_like: impl Fn(&str, &str) -> bool) -> bool {
    let text = text.to_ascii_lowercase();
    let image = photo.image_id.as_ref().map(|image| image.as_str());
    let names = [Some(photo.id.as_str()), image, photo.filename.as_deref()];
    names.into_iter().flatten().any(|name| is_like(&name.to_ascii_lowercase(), &text))
}
