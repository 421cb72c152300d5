//! Telling the people of a ticket something, without a photo: one comment.

use super::{
    Zendesk,
    calls::{NewComment, NotAdded},
    deliver::{check_open, number_of, plan},
};
use crate::{
    destinations::Invitation,
    model::{Failure, Mode, Receipt, Target},
};

impl Zendesk {
    /// Adds an invitation to a ticket as a comment by the bridge's user: public in every mode
    /// but the internal one. Whether the requester gets a mail is the affair of the account's
    /// triggers.
    pub(super) async fn invite(
        &self,
        target: &Target,
        mode: Option<Mode>,
        invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        let number = number_of(Some(target))?;
        let mode = mode.unwrap_or(self.settings().default_mode);
        let mut permit = self.wire.pace.take(plan(0, number))?;
        let ticket = self.wire.ticket(&mut permit, number).await?;
        check_open(number, &ticket)?;
        let html_body = invitation.html();
        let public = mode != Mode::Internal;
        let new = NewComment { html_body: &html_body, public, author: None, photos: &[] };
        let added = self.wire.comment(&mut permit, number, &new, &[]).await;
        let comment = added.map_err(|not_added| match not_added {
            NotAdded::Uploads(failure) | NotAdded::Author(failure) | NotAdded::Other(failure) => {
                failure
            }
        })?;
        let receipt = Receipt { url: Some(self.settings().page(number)), ..Receipt::default() };
        Ok(match comment.id {
            Some(id) => receipt.with("comment", id),
            None => receipt,
        })
    }
}
