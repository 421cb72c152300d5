//! The steps of a delivery: read the ticket, upload the photos, add one comment with them.

use super::{
    PHOTOS, Zendesk,
    calls::{Comment, NewComment, NotAdded, Ticket, Upload},
    fault::FIX_CLOSED,
    wire::Body,
};
use crate::{
    destinations::{
        Item,
        pace::{Permit, Plan},
        ticket,
    },
    model::{Cause, Delivery, ErrorKind, Failure, Mode, Photo, PhotoId, Receipt, Target},
};

/// The calls that deliver so many photos to a ticket. Uploads do not count as writing: what
/// Zendesk counts apart are updates of tickets.
pub(super) fn plan(photos: usize, ticket: u64) -> Plan {
    Plan { calls: 2 + photos, writes: 1, ticket: Some(ticket) }
}

/// What is to be delivered, checked before anything is sent.
#[derive(Debug)]
struct Order<'a> {
    items: &'a [Item],
    ticket: u64,
    mode: Mode,
}

/// What the comment is to be once the ticket was read; a fallback changes it.
#[derive(Debug)]
struct Manner {
    public: bool,
    author: Option<u64>,
    note: Option<&'static str>,
}

/// What the receipt says where the requester could not be the author.
const NOT_AS_REQUESTER: &str = "Zendesk did not take the requester as author, so the photo is in \
                                an internal comment that only agents see";

impl Manner {
    fn of(mode: Mode, ticket: &Ticket) -> Self {
        match (mode, ticket.requester_id) {
            (Mode::Contact, Some(author)) => {
                Self { public: true, author: Some(author), note: None }
            }
            (Mode::Contact, None) => Self::internal(),
            (Mode::Public, _) => Self { public: true, author: None, note: None },
            (Mode::Internal, _) => Self { public: false, author: None, note: None },
        }
    }

    /// Nothing is published under another name (`fixtures/contracts/open-questions.md`, F8).
    fn internal() -> Self {
        Self { public: false, author: None, note: Some(NOT_AS_REQUESTER) }
    }
}

impl Zendesk {
    /// Delivers the photos of a parcel in one comment.
    pub(super) async fn deliver_all(&self, items: &[Item]) -> Result<Vec<Receipt>, Failure> {
        let order = self.order(items)?;
        let mut permit = self.wire.pace.take(plan(items.len(), order.ticket))?;
        let ticket = self.wire.ticket(&mut permit, order.ticket).await?;
        check_open(order.ticket, &ticket)?;
        let manner = Manner::of(order.mode, &ticket);
        let uploads = self.upload_all(&mut permit, &order).await?;
        self.add(permit, &order, manner, uploads).await
    }

    /// What is known of a delivery before the account is asked.
    pub(super) fn foreseen(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let number = ticket_of(delivery)?;
        let mode = delivery.mode.unwrap_or(self.settings().default_mode);
        Ok(Receipt { url: Some(self.settings().page(number)), ..Receipt::default() }
            .with("ticket", number)
            .with("name", ticket::file_name(&delivery.photo))
            .with("mode", mode.desk_word()))
    }

    fn order<'a>(&self, items: &'a [Item]) -> Result<Order<'a>, Failure> {
        let Some(first) = items.first() else {
            return Err(refused(ErrorKind::Local, "the parcel is empty", "report it as a bug"));
        };
        let ticket = ticket_of(&first.delivery)?;
        if items.len() > PHOTOS {
            return Err(refused(ErrorKind::Local, "the parcel is too full", "report it as a bug"));
        }
        let mode = first.delivery.mode.unwrap_or(self.settings().default_mode);
        Ok(Order { items, ticket, mode })
    }

    /// Uploads every photo; where one fails, those before it are removed again.
    async fn upload_all(
        &self,
        permit: &mut Permit,
        order: &Order<'_>,
    ) -> Result<Vec<Upload>, Failure> {
        let mut uploads = Vec::with_capacity(order.items.len());
        for Item { delivery, file } in order.items {
            let name = ticket::file_name(&delivery.photo);
            let body = Body::File(file, media_type(&delivery.photo));
            match self.wire.upload(permit, &name, body).await {
                Ok(upload) => uploads.push(upload),
                Err(failure) => {
                    self.discard(&failure, &uploads).await;
                    return Err(failure);
                }
            }
        }
        Ok(uploads)
    }

    /// Adds the comment; once with new uploads where the old ones are not good, and once without
    /// its author where that one may not write.
    async fn add(
        &self,
        mut permit: Permit,
        order: &Order<'_>,
        mut manner: Manner,
        mut uploads: Vec<Upload>,
    ) -> Result<Vec<Receipt>, Failure> {
        let deliveries = || order.items.iter().map(|item| &item.delivery);
        let html_body = ticket::body(&self.settings().message, deliveries());
        let photos: Vec<&PhotoId> = deliveries().map(|delivery| &delivery.photo.id).collect();
        let mut again = false;
        loop {
            let (public, author) = (manner.public, manner.author);
            let new = NewComment { html_body: &html_body, public, author, photos: &photos };
            let now = self.wire.now();
            let added = if uploads.iter().all(|upload| upload.lasts(now)) {
                self.wire.comment(&mut permit, order.ticket, &new, &uploads).await
            } else {
                Err(NotAdded::Uploads(too_slow()))
            };
            match added {
                Ok(comment) => {
                    let receipt = |item: &Item| {
                        let photo = &item.delivery.photo;
                        let unlisted = comment.lacks(&photo.id).then_some(ticket::UNLISTED);
                        let notes: Vec<_> = manner.note.into_iter().chain(unlisted).collect();
                        let note = (!notes.is_empty()).then(|| notes.join("; "));
                        Receipt { note, ..self.receipt(order.ticket, photo, &comment) }
                    };
                    return Ok(order.items.iter().map(receipt).collect());
                }
                Err(NotAdded::Uploads(failure)) if !again => {
                    again = true;
                    self.discard(&failure, &uploads).await;
                    permit = self.wire.pace.take(plan(order.items.len(), order.ticket))?;
                    uploads = self.upload_all(&mut permit, order).await?;
                }
                Err(NotAdded::Author(_)) if manner.author.is_some() => {
                    manner = Manner::internal();
                    permit = self.wire.pace.take(plan(0, order.ticket))?;
                }
                Err(
                    NotAdded::Uploads(failure)
                    | NotAdded::Author(failure)
                    | NotAdded::Other(failure),
                ) => {
                    self.discard(&failure, &uploads).await;
                    return Err(failure);
                }
            }
        }
    }

    /// Removes uploads that no comment will name, as far as that works: until they end by
    /// themselves every agent who knows their address could see them.
    pub(super) async fn discard(&self, failure: &Failure, uploads: &[Upload]) {
        let kind = failure.cause().kind;
        let may_be_used = matches!(failure, Failure::Unknown { .. });
        let is_closed = matches!(
            kind,
            ErrorKind::RateLimited | ErrorKind::Unreachable | ErrorKind::Unauthorized
        );
        if uploads.is_empty() || may_be_used || is_closed {
            return;
        }
        let calls = Plan { calls: uploads.len(), ..Plan::default() };
        let Ok(mut permit) = self.wire.pace.take(calls) else { return };
        for upload in uploads {
            self.wire.remove(&mut permit, upload).await;
        }
    }

    /// What a comment says of a photo in it.
    pub(super) fn receipt(&self, number: u64, photo: &Photo, comment: &Comment) -> Receipt {
        let file = comment.files().find(|file| ticket::is_file_of(&photo.id, &file.file_name));
        let mut receipt = Receipt { url: Some(self.settings().page(number)), ..Receipt::default() };
        if let Some(id) = comment.id {
            receipt = receipt.with("comment", id);
        }
        match file.and_then(|file| file.id) {
            Some(id) => receipt.with("attachment", id),
            None => receipt,
        }
    }
}

/// The ticket of a delivery.
pub(super) fn ticket_of(delivery: &Delivery) -> Result<u64, Failure> {
    match &delivery.target {
        Some(Target::Zendesk { ticket }) => Ok(*ticket),
        _ => Err(refused(
            ErrorKind::Unrouted,
            "the photo names no Zendesk ticket",
            "set the target (zendesk:<ticket>) on the session or its tag, or send such photos \
             elsewhere with a route",
        )),
    }
}

/// A closed ticket takes nothing, so nothing is uploaded for it.
pub(super) fn check_open(number: u64, ticket: &Ticket) -> Result<(), Failure> {
    match ticket.status.as_str() {
        "closed" => {
            let what = format!("ticket {number} is closed");
            Err(refused(ErrorKind::Rejected, &what, FIX_CLOSED))
        }
        "deleted" => Err(refused(
            ErrorKind::NotFound,
            &format!("ticket {number} is deleted"),
            "restore it in Zendesk and replay the delivery, or drop the delivery",
        )),
        _ => Ok(()),
    }
}

fn too_slow() -> Failure {
    let cause = Cause::new(
        ErrorKind::Timeout,
        "Zendesk's uploads ended before the comment could name them",
        "look at the line to Zendesk; it is tried again",
    );
    Failure::Later { after: None, cause }
}

fn media_type(photo: &Photo) -> &str {
    photo.media_type.as_deref().unwrap_or("application/octet-stream")
}

pub(super) fn refused(kind: ErrorKind, what: &str, fix: &str) -> Failure {
    Failure::Refused { cause: Cause::new(kind, what, fix) }
}
