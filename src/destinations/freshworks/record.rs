//! What people call a ticket.

use super::{Freshworks, fault::fix_gone};
use crate::{
    destinations::{Record, ticket},
    model::{Cause, ErrorKind, Failure, Target},
};

impl Freshworks {
    /// Reads the ticket that a target is (`fixtures/contracts/freshdesk.md` section 2).
    pub(super) async fn named(&self, target: &Target) -> Result<Record, Failure> {
        let ticket = self.ticket_of(Some(target))?;
        let mut permit = self.wire.permit(1, 0)?;
        let seen = self.see(&mut permit, ticket).await?;
        if seen.is_gone() {
            let what = format!("ticket {} is deleted or spam", ticket.number);
            return Err(Failure::Refused {
                cause: Cause::new(ErrorKind::NotFound, what, fix_gone()),
            });
        }
        let name = ticket::title(ticket.number, seen.subject());
        Ok(Record { target: target.clone(), name })
    }
}
