//! Telling the people of a record something, without a photo: one chatter message.

use super::{
    Odoo,
    calls::NewMessage,
    deliver::{addressee, page, unaddressed},
};
use crate::{
    destinations::{Invitation, Notice},
    model::{Failure, Mode, Receipt, Target},
};

impl Odoo {
    /// Posts an invitation to the chatter of a record; in contact mode the customer is notified.
    pub(super) async fn invite(
        &self,
        target: &Target,
        mode: Option<Mode>,
        invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        let record = self.addressed(Some(target))?;
        let mode = mode.unwrap_or(self.settings().default_mode);
        let session = self.session().await?;
        let body = invitation.html();
        let posted = async {
            let partner = addressee(&session, &record, mode).await?;
            let new = NewMessage { body: &body, is_html: true, mode, partner, attachment: None };
            Ok((session.post(&record, &new).await?, partner))
        };
        let (message, partner) = match posted.await {
            Ok(posted) => posted,
            Err(failure) => return Err(self.doubted(failure).await),
        };
        let url = page(&self.settings().place(), &record, session.version.major);
        let note = unaddressed(mode, partner.is_some());
        let receipt = Receipt { url: Some(url), note, ..Receipt::default() };
        Ok(receipt.with("message", message))
    }

    /// Logs a note in the chatter of a record, which mails nobody, unless it is there.
    pub(super) async fn inform(
        &self,
        target: &Target,
        notice: &Notice,
        again: bool,
    ) -> Result<(), Failure> {
        let record = self.addressed(Some(target))?;
        let session = self.session().await?;
        let body = notice.html(self.settings().message.language());
        let posted = async {
            if again && session.says(&record, &notice.mark).await? {
                return Ok(());
            }
            addressee(&session, &record, Mode::Internal).await?;
            let (mode, partner, attachment) = (Mode::Internal, None, None);
            let new = NewMessage { body: &body, is_html: true, mode, partner, attachment };
            session.post(&record, &new).await.map(drop)
        };
        match posted.await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.doubted(failure).await),
        }
    }
}
