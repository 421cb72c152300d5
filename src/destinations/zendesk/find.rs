//! The look for photos whose comment may have been added: every page of the ticket's comments.

use super::{
    Zendesk,
    calls::Comment,
    deliver::{refused, ticket_of},
};
use crate::{
    destinations::{pace::Plan, ticket},
    model::{Cause, Delivery, ErrorKind, Failure, PhotoId, Receipt},
};

/// Most pages read; a ticket holds 5,000 comments, a page 100.
const MAX_PAGES: usize = 60;
/// One call that reads.
pub(super) const ONE_LOOK: Plan = Plan { calls: 1, writes: 0, ticket: None };

impl Zendesk {
    /// Looks for the photos of deliveries to one ticket.
    pub(super) async fn find_all(
        &self,
        deliveries: &[Delivery],
    ) -> Result<Vec<Option<Receipt>>, Failure> {
        let mut found: Vec<Option<Receipt>> = vec![None; deliveries.len()];
        let Some(first) = deliveries.first() else { return Ok(found) };
        let number = ticket_of(first)?;
        if deliveries.iter().any(|delivery| delivery.target != first.target) {
            let what = "photos of several tickets were looked for at once";
            return Err(refused(ErrorKind::Local, what, "report it as a bug"));
        }
        let mut next = Some(self.wire.first_page(number));
        for _ in 0..MAX_PAGES {
            let Some(url) = next.take() else { return Ok(found) };
            // One permission a page: a long ticket must not take the calls of others.
            let mut permit = self.wire.pace.take(ONE_LOOK)?;
            let page = self.wire.page(&mut permit, url).await?;
            for (delivery, found) in deliveries.iter().zip(&mut found) {
                let photo = &delivery.photo;
                if found.is_none()
                    && let Some(comment) = carrying(&photo.id, &page.comments)
                {
                    let has_file = has_file(&photo.id, comment);
                    let note = (!has_file).then(|| ticket::UNLISTED.to_owned());
                    *found = Some(Receipt { note, ..self.receipt(number, photo, comment) });
                }
            }
            if found.iter().all(Option::is_some) {
                return Ok(found);
            }
            next = page.next;
        }
        if next.is_none() { Ok(found) } else { Err(endless(number)) }
    }

    /// Whether a comment of a ticket has a text like that.
    pub(super) async fn is_said(
        &self,
        number: u64,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<bool, Failure> {
        let mut next = Some(self.wire.first_page(number));
        for _ in 0..MAX_PAGES {
            let Some(url) = next.take() else { return Ok(false) };
            let mut permit = self.wire.pace.take(ONE_LOOK)?;
            let page = self.wire.page(&mut permit, url).await?;
            let texts = page.comments.iter().flat_map(|it| [&it.body, &it.html_body]);
            if texts.flatten().any(|text| is_it(text)) {
                return Ok(true);
            }
            next = page.next;
        }
        if next.is_none() { Ok(false) } else { Err(endless(number)) }
    }
}

/// The comment that carries a photo: its file, or where an agent redacted that, its mark.
fn carrying<'a>(photo: &PhotoId, comments: &'a [Comment]) -> Option<&'a Comment> {
    let is_marked = |comment: &&Comment| {
        let texts = [&comment.body, &comment.html_body];
        texts.into_iter().flatten().any(|text| ticket::is_marked(photo, text))
    };
    let with_file = comments.iter().find(|comment| has_file(photo, comment));
    with_file.or_else(|| comments.iter().find(is_marked))
}

fn has_file(photo: &PhotoId, comment: &Comment) -> bool {
    comment.files().any(|file| ticket::is_file_of(photo, &file.file_name))
}

fn endless(number: u64) -> Failure {
    let cause = Cause::new(
        ErrorKind::Protocol,
        format!("the comments of ticket {number} do not end after {MAX_PAGES} pages"),
        "look for the photo on the ticket: if it is there, drop the delivery",
    );
    Failure::Later { after: None, cause }
}
