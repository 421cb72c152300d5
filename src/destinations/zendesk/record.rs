//! What people call a ticket.

use super::{
    Zendesk,
    deliver::{check_open, number_of},
    find::ONE_LOOK,
};
use crate::{
    destinations::{Record, ticket},
    model::{Failure, Target},
};

impl Zendesk {
    /// Reads the ticket that a target is (`fixtures/contracts/zendesk.md` section 2). One that is
    /// closed takes nothing any more, so it is no record to choose.
    pub(super) async fn named(&self, target: &Target) -> Result<Record, Failure> {
        let number = number_of(Some(target))?;
        let mut permit = self.wire.pace.take(ONE_LOOK)?;
        let seen = self.wire.ticket(&mut permit, number).await?;
        check_open(number, &seen)?;
        let name = ticket::title(number, seen.subject());
        Ok(Record { target: target.clone(), name })
    }
}
