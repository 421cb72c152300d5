//! Telling the people of a ticket something, without a photo: one reply or note.

use super::{
    Freshworks,
    deliver::posting,
    find::Walk,
    note::{Note, Voice},
};
use crate::{
    destinations::{Invitation, Notice},
    model::{Failure, Mode, Receipt, Target},
};

impl Freshworks {
    /// Posts an invitation to a ticket: as a reply, which is mailed to the requester
    /// (`fixtures/contracts/freshdesk.md` section 3), or as a note.
    pub(super) async fn invite(
        &self,
        target: &Target,
        mode: Option<Mode>,
        invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        let ticket = self.ticket_of(Some(target))?;
        let voice = match mode.unwrap_or(self.settings().default_mode) {
            Mode::Contact => Voice::Reply,
            Mode::Public => Voice::Agent,
            Mode::Internal => Voice::Internal,
        };
        let note = Note { voice, body: invitation.html(), files: Vec::new() };
        // The second call asks the account where a refusal could be its own.
        let mut permit = self.wire.permit(2, 1)?;
        match self.send(&mut permit, ticket, &note).await {
            Ok(made) => {
                let url = Some(self.settings().page(ticket));
                let receipt = Receipt { url, ..Receipt::default() };
                Ok(match made.id {
                    Some(id) => receipt.with("conversation", id),
                    None => receipt,
                })
            }
            Err(fault) => Err(self.judged(&mut permit, fault, &posting(ticket, &note)).await),
        }
    }

    /// Posts a private note to a ticket, unless it is there.
    pub(super) async fn inform(
        &self,
        target: &Target,
        notice: &Notice,
        again: bool,
    ) -> Result<(), Failure> {
        let ticket = self.ticket_of(Some(target))?;
        let mut walk = Walk::through(ticket);
        while again && let Some(conversations) = self.next_page(&mut walk).await? {
            if conversations.iter().any(|there| there.texts().any(|text| notice.is_in(text))) {
                return Ok(());
            }
        }
        let body = notice.html(self.settings().message.language());
        let note = Note { voice: Voice::Internal, body, files: Vec::new() };
        let mut permit = self.wire.permit(2, 1)?;
        match self.send(&mut permit, ticket, &note).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(self.judged(&mut permit, fault, &posting(ticket, &note)).await),
        }
    }
}
