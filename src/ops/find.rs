//! The photo that a person means: by its id, by the number of one of its deliveries, by Apertur's
//! image id, by the name of its file, or by the beginning of one of them.

use super::{Ops, story};
use crate::{
    destinations::Language,
    journal::{JournalError, Story},
    model::{Delivery, Filter, Photo},
};

/// What a word of a person names.
#[derive(Debug, Clone)]
pub enum Found {
    /// One photo.
    Photo(Box<Story>),
    /// Several; the newest first, at most a screen of them.
    Several(Vec<Photo>),
    /// Perhaps more than these: the text is in more than [`Found::MOST`] deliveries.
    TooMany(Vec<Photo>),
    /// None.
    Nothing,
}

impl Found {
    /// Deliveries that are looked through for the photo that a word means, the newest first.
    pub const MOST: usize = 2_000;
}

/// Deliveries that are read at once.
const PAGE: usize = 500;
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
        let (named, is_all) = self.named(&text).await?;
        Ok(match named.as_slice() {
            _ if !is_all => Found::TooMany(named),
            [] => Found::Nothing,
            [photo] => match self.journal.story(&photo.id).await? {
                Some(story) => Found::Photo(Box::new(story)),
                None => Found::Nothing,
            },
            [..] => Found::Several(named),
        })
    }

    /// Photos that are named so, or where there is none whose names begin so, a screen of them at
    /// most; and whether all were looked at that might be.
    async fn named(&self, text: &str) -> Result<(Vec<Photo>, bool), JournalError> {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        let (mut whole, mut begun) = (Vec::<Photo>::new(), Vec::<Photo>::new());
        let (mut seen, mut before) = (0, None);
        let is_all = loop {
            let page = self.journal.list(&filter, before, PAGE).await?;
            let is_last = page.len() < PAGE;
            seen += page.len();
            before = page.last().map(|last| last.id);
            for Delivery { photo, .. } in page {
                let list = match &photo {
                    photo if names(photo, text, |name, text| name == text) => &mut whole,
                    photo if names(photo, text, |name, text| name.starts_with(text)) => &mut begun,
                    _ => continue,
                };
                if list.len() < CHOICE && !list.contains(&photo) {
                    list.push(photo);
                }
            }
            if is_last || whole.len() == CHOICE {
                break true;
            }
            if seen >= Found::MOST {
                break false;
            }
        };
        Ok((if whole.is_empty() { begun } else { whole }, is_all))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        journal::{Arrival, Bytes, memory::Memory},
        model::{PhotoId, Shape},
        system::Clock,
    };

    async fn accept(ops: &Ops, id: &str, filename: &str) -> anyhow::Result<()> {
        let photo = Photo {
            id: PhotoId::parse(id)?,
            image_id: None,
            session: None,
            index: None,
            filename: Some(filename.to_owned()),
            media_type: None,
            size: None,
            sha256: None,
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        let (bytes, plan) = (Bytes::Announced { url: None }, Vec::new());
        let arrival = Arrival { photo, bytes, plan, held: None, is_doubtful: false };
        ops.journal.accept(arrival).await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_photo_is_found_by_its_file_however_many_are_named_alike() -> anyhow::Result<()> {
        let ops = Ops::to_read(Arc::new(Memory::new()), Clock::stepped(Timestamp::UNIX_EPOCH));
        accept(&ops, "oldest", "IMG_1.jpg").await?;
        for number in 0..PAGE {
            accept(&ops, &format!("copy-{number}"), "Copy of IMG_1.jpg").await?;
        }
        let found = ops.find("img_1.jpg").await?;
        let Found::Photo(story) = found else { anyhow::bail!("{found:?}") };
        assert_eq!(story.photo.id, PhotoId::parse("oldest")?);
        let found = ops.find("copy").await?;
        assert!(matches!(&found, Found::Several(photos) if photos.len() == CHOICE), "{found:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_name_that_too_many_have_somewhere_is_said_to_be_one() -> anyhow::Result<()> {
        let ops = Ops::to_read(Arc::new(Memory::new()), Clock::stepped(Timestamp::UNIX_EPOCH));
        accept(&ops, "oldest", "IMG_1.jpg").await?;
        for number in 0..Found::MOST {
            accept(&ops, &format!("{number}"), "Copy of IMG_1.jpg").await?;
        }
        let found = ops.find("img_1.jpg").await?;
        assert!(matches!(&found, Found::TooMany(photos) if photos.is_empty()), "{found:?}");
        // A number is that of a delivery first.
        let first = ops.list(&Filter::default(), None, 9999).await?;
        let first = first.last().map(|first| first.id.to_string()).unwrap_or_default();
        let found = ops.find(&first).await?;
        let Found::Photo(story) = found else { anyhow::bail!("{found:?}") };
        assert_eq!(story.photo.id, PhotoId::parse("oldest")?);
        Ok(())
    }
}
