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
/// Conversations on a page where nobody heeds how many were asked for.
const DEFAULT_PAGE: usize = 30;
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

/// A walk through the conversations of a ticket, page by page.
///
/// The next page is the one that a link names. Without a link, a page of 100 has a next one, and
/// where no page had a link before, one of 30 too: a proxy may take links away, and a server may
/// serve fewer than were asked for, but never fewer than by default
/// (`fixtures/contracts/freshdesk.md` section 5). So most tickets cost one call.
#[derive(Debug)]
pub(super) struct Walk {
    ticket: Ticket,
    /// The page to be read; `None` at the end.
    next: Option<u32>,
    seen: HashSet<u64>,
    has_links: bool,
}

impl Walk {
    pub(super) fn through(ticket: Ticket) -> Self {
        Self { ticket, next: Some(1), seen: HashSet::new(), has_links: false }
    }

    /// Goes past a page of so many conversations that links like this.
    fn past(&mut self, page: u32, conversations: usize, link: Option<Option<u32>>) {
        self.has_links |= link.is_some();
        let whole = if self.has_links { PER_PAGE } else { DEFAULT_PAGE };
        self.next = match link {
            // It may lead anywhere: only its number counts.
            Some(number) => Some(number.filter(|n| *n > page).unwrap_or(page + 1)),
            None => (conversations >= whole).then_some(page + 1),
        };
    }
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
        let mut walk = Walk::through(ticket);
        while let Some(conversations) = self.next_page(&mut walk).await? {
            for (delivery, found) in deliveries.iter().zip(&mut found) {
                for there in &conversations {
                    self.heed(delivery, ticket, there, found);
                }
            }
            if found.iter().all(|it| matches!(it, Some((Sign::File, _)))) {
                break;
            }
        }
        Ok(found.into_iter().map(|it| it.map(|(_, receipt)| receipt)).collect())
    }

    /// The next page of a walk; `None` after the last one.
    ///
    /// # Errors
    /// [`Failure::Later`] when a page brings nothing but what was seen: a page that was not read
    /// may hold the photo. [`Failure::Refused`] when there are too many; else what a refusal
    /// means.
    pub(super) async fn next_page(
        &self,
        walk: &mut Walk,
    ) -> Result<Option<Vec<Conversation>>, Failure> {
        let Some(page) = walk.next else { return Ok(None) };
        if page > MAX_PAGES {
            return Err(self.too_long(walk.ticket));
        }
        let (conversations, link) = self.page(walk.ticket, page).await?;
        let brings = conversations.iter().filter(|it| it.id.is_none_or(|id| walk.seen.insert(id)));
        if brings.count() == 0 && !conversations.is_empty() {
            return Err(self.repeats(walk.ticket, page));
        }
        walk.past(page, conversations.len(), link);
        Ok(Some(conversations))
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
            let note = (sign == Sign::Text).then(|| ticket::UNLISTED.to_owned());
            *found = Some((sign, Receipt { found: true, note, ..receipt }));
        }
    }

    /// A page of conversations, and what its link says of the next one.
    async fn page(
        &self,
        ticket: Ticket,
        page: u32,
    ) -> Result<(Vec<Conversation>, Option<Option<u32>>), Failure> {
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
        let mut links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let link = links.find_map(answer::next_page);
        Ok((conversations, link))
    }

    fn repeats(&self, ticket: Ticket, page: u32) -> Failure {
        let product = self.settings().product.name();
        let what = format!(
            "{product} did not list the conversations: page {page} of ticket {} repeats those \
             before it",
            ticket.number
        );
        let fix = "let no proxy or cache before the help desk keep its answers; if it stays so, \
                   look on the ticket yourself and drop the delivery if the photo is there";
        Failure::Later { after: None, cause: Cause::new(ErrorKind::Protocol, what, fix) }
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
