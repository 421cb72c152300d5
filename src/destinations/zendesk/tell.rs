//! Telling the people of a ticket something, without a photo: one comment.

use super::{
    Zendesk,
    calls::{NewComment, NotAdded},
    deliver::{check_open, number_of, plan},
};
use crate::{
    destinations::{Invitation, Notice},
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
        let comment = added.map_err(why_not)?;
        let receipt = Receipt { url: Some(self.settings().page(number)), ..Receipt::default() };
        Ok(match comment.id {
            Some(id) => receipt.with("comment", id),
            None => receipt,
        })
    }

    /// Adds a private comment to a ticket, unless it is there.
    pub(super) async fn inform(
        &self,
        target: &Target,
        notice: &Notice,
        again: bool,
    ) -> Result<(), Failure> {
        let number = number_of(Some(target))?;
        if again && self.is_said(number, |text| notice.is_in(text)).await? {
            return Ok(());
        }
        let mut permit = self.wire.pace.take(plan(0, number))?;
        let ticket = self.wire.ticket(&mut permit, number).await?;
        check_open(number, &ticket)?;
        let html_body = notice.html(self.settings().message.language());
        let new = NewComment { html_body: &html_body, public: false, author: None, photos: &[] };
        let added = self.wire.comment(&mut permit, number, &new, &[]).await;
        added.map(drop).map_err(why_not)
    }
}

fn why_not(not_added: NotAdded) -> Failure {
    match not_added {
        NotAdded::Uploads(failure) | NotAdded::Author(failure) | NotAdded::Other(failure) => {
            failure
        }
    }
}
