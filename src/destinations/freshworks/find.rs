//! The look for photos on a ticket: every page of its conversations, the names of files before
//! the texts (`fixtures/contracts/freshdesk.md` sections 5 and 8).

use std::collections::HashSet;

use reqwest::header::LINK;

use super::{Freshworks, answer, answer::Conversation, fault::Fault, settings::Ticket, wire::Call};
use crate::{
    destinations::ticket,
    model::{Cause, Delivery, ErrorKind, Failure, PhotoId, Receipt},
};

/// Conversations asked for at once, the most that is served.
const PER_PAGE: usize = 100;
/// Pages read at most: ten thousand conversations.
const MAX_PAGES: u32 = 100;

/// How sure it is that a conversation carries a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// Its mark is in the text.
    Text,
    /// A file has its name.
    File,
}

impl Freshworks {
    /// Looks for photos of one ticket.
    pub(super) async fn look(
        &self,
        deliveries: &[Delivery],
    ) -> Result<Vec<Option<Receipt>>, Failure> {
        let Some(first) = deliveries.first() else { return Ok(Vec::new()) };
        let ticket = self.ticket(first)?;
        let mut found: Vec<Option<(Sign, Receipt)>> = deliveries.iter().map(|_| None).collect();
        let mut seen = HashSet::new();
        let mut page = 1;
        loop {
            let (conversations, next) = self.page(ticket, page).await?;
            for (delivery, found) in deliveries.iter().zip(&mut found) {
                for there in &conversations {
                    self.heed(delivery, ticket, there, found);
                }
            }
            let all_by_name = found.iter().all(|it| matches!(it, Some((Sign::File, _))));
            // Pages that bring nothing new go round in a circle.
            let brings = conversations.iter().filter(|it| it.id.is_none_or(|id| seen.insert(id)));
            if brings.count() == 0 || all_by_name {
                break;
            }
            match next {
                Some(next) if next > MAX_PAGES => return Err(self.too_long(ticket)),
                Some(next) => page = next,
                None => break,
            }
        }
        Ok(found.into_iter().map(|it| it.map(|(_, receipt)| receipt)).collect())
    }

    /// Remembers a conversation that shows a delivery's photo more surely than what was found.
    fn heed(
        &self,
        delivery: &Delivery,
        ticket: Ticket,
        there: &Conversation,
        found: &mut Option<(Sign, Receipt)>,
    ) {
        let Some(sign) = sign(&delivery.photo.id, there) else { return };
        if found.as_ref().is_none_or(|(before, _)| sign > *before) {
            let receipt = self.receipt(&delivery.photo, ticket, there);
            *found = Some((sign, Receipt { found: true, ..receipt }));
        }
    }

    /// A page of conversations, and the number of the next one if there is one.
    pub(super) async fn page(
        &self,
        ticket: Ticket,
        page: u32,
    ) -> Result<(Vec<Conversation>, Option<u32>), Failure> {
        let mut permit = self.wire.permit(1, 0)?;
        let call = Call::reading(
            format!("tickets/{}/conversations", ticket.number),
            "list the conversations",
        )
        .of(ticket.number)
        .with("page", page)
        .with("per_page", PER_PAGE);
        let listed = match self.wire.call(&mut permit, &call).await {
            Ok(answer) => match answer::conversations(&answer.body) {
                Some(conversations) => Ok((conversations, answer.headers)),
                None => Err(Fault::Unreadable("no list of conversations in it".to_owned())),
            },
            Err(fault) => Err(fault),
        };
        let (conversations, headers) = match listed {
            Ok(listed) => listed,
            Err(fault) => return Err(self.judged(&mut permit, fault, &call).await),
        };
        let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let linked = links.into_iter().find_map(answer::next_page);
        // A proxy may take the link away, and it may lead anywhere: only its number counts.
        let next = match linked {
            Some(number) => Some(number.filter(|n| *n > page).unwrap_or(page + 1)),
            None => (conversations.len() >= PER_PAGE).then_some(page + 1),
        };
        Ok((conversations, next))
    }

    fn too_long(&self, ticket: Ticket) -> Failure {
        let what = format!(
            "ticket {} has more than {} conversations, too many to look for the photo",
            ticket.number,
            MAX_PAGES as usize * PER_PAGE
        );
        let fix = "look on the ticket yourself: drop the delivery if the photo is there";
        Failure::Refused { cause: Cause::new(ErrorKind::NotAllowed, what, fix) }
    }
}

fn sign(photo: &PhotoId, there: &Conversation) -> Option<Sign> {
    let names = there.files().filter_map(|file| file.name.as_deref());
    if names.into_iter().any(|name| ticket::is_file_of(photo, name)) {
        return Some(Sign::File);
    }
    there.texts().any(|text| ticket::is_marked(photo, text)).then_some(Sign::Text)
}
