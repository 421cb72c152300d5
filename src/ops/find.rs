//! The photo that a person means: by its id, by the number of one of its deliveries, by Apertur's
//! image id, by the name of its file, or by the beginning of one of them.

use super::{Ops, story};
use crate::{
    journal::{JournalError, Story},
    model::Photo,
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

impl Ops {
    /// The photo that a word names: its id, the number of a delivery, else whatever one photo
    /// alone answers to.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn find(&self, word: &str) -> Result<Found, JournalError> {
        Ok(match self.show(word).await? {
            Some(story) => Found::Photo(Box::new(story)),
            None => Found::Nothing,
        })
    }

    /// The story of a photo in words, as it stands now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn account(&self, story: &Story) -> Result<story::Account, JournalError> {
        Ok(story::tell(story, &self.journal.pauses().await?, self.clock.now()))
    }
}
