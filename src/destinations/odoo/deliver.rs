//! The steps of one delivery: look, attach, post. Every step looks before it acts, so the
//! steps can be gone through again from the top after any end.

use crate::{
    destinations::{Item, Progress, message::escaped, name::filename},
    model::{Cause, Delivery, ErrorKind, Failure, Mode, Receipt, Target},
    spool::SpooledFile,
};

use super::{
    Odoo,
    calls::{Attachment, NewAttachment, NewMessage, Record},
    session::Session,
    settings::Settings,
};

/// Largest photo taken, in bytes. Odoo 17 to 19 refuse bodies over 128 MiB, and base64 makes
/// four bytes of three.
pub(super) const MAX_PHOTO: u64 = 95 * 1024 * 1024;

/// What is to be delivered, checked against the settings before anything is sent.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) record: Record,
    pub(super) mode: Mode,
    /// `ir.attachment.description`, by which a second send is recognised.
    pub(super) description: String,
}

impl Odoo {
    /// Delivers one photo, or finds it delivered.
    pub(super) async fn deliver_one(
        &self,
        item: &Item,
        progress: &Progress,
    ) -> Result<Receipt, Failure> {
        let order = self.order(&item.delivery)?;
        let session = self.session().await?;
        let done = self.steps(&session, &order, &item.file, progress).await;
        match done {
            Ok(receipt) => Ok(receipt),
            Err(failure) => Err(self.doubted(failure).await),
        }
    }

    /// Looks for a photo that an earlier attempt may have stored.
    pub(super) async fn find_one(&self, delivery: &Delivery) -> Result<Option<Receipt>, Failure> {
        let order = self.order(delivery)?;
        let session = self.session().await?;
        match self.found(&session, &order).await {
            Ok(found) => Ok(found),
            Err(failure) => Err(self.doubted(failure).await),
        }
    }

    /// What is known of a delivery before Odoo is asked.
    pub(super) fn foreseen(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let Order { record: Record { model, id }, mode, .. } = self.order(delivery)?;
        Ok(Receipt::default()
            .with("record", format!("{model} {id}"))
            .with("name", filename(&delivery.photo))
            .with("mode", mode))
    }

    fn order<'a>(&self, delivery: &'a Delivery) -> Result<Order<'a>, Failure> {
        Ok(Order {
            delivery,
            record: self.addressed(delivery.target.as_ref())?,
            mode: delivery.mode.unwrap_or(self.settings().default_mode),
            description: format!("apertur:{}", delivery.photo.id),
        })
    }

    /// The record of a target, of a model that is allowed.
    pub(super) fn addressed(&self, target: Option<&Target>) -> Result<Record, Failure> {
        let (model, id) = match target {
            Some(Target::Odoo { model, id }) => (model, *id),
            Some(
                Target::Freshdesk { .. }
                | Target::Freshservice { .. }
                | Target::Zendesk { .. }
                | Target::Ticket { .. },
            )
            | None => {
                return Err(refused(
                    ErrorKind::Unrouted,
                    "the photo names no Odoo record",
                    "set the target (odoo:<model>:<id>) on the session or its tag, \
                     or send such photos elsewhere with a route",
                ));
            }
        };
        if !self.settings().models.contains(model) {
            return Err(refused(
                ErrorKind::NotAllowed,
                &format!("photos may not go to {model}"),
                &format!(
                    "if they should, add \"{model}\" to `destination.{}.models`",
                    self.name().as_str()
                ),
            ));
        }
        Ok(Record { model: model.clone(), id })
    }

    async fn steps(
        &self,
        session: &Session,
        order: &Order<'_>,
        file: &SpooledFile,
        progress: &Progress,
    ) -> Result<Receipt, Failure> {
        if let Some(receipt) = self.at_once(session, order, file).await? {
            return Ok(receipt);
        }
        let addressee = addressee(session, &order.record, order.mode).await?;
        let before = session.attachment(&order.record, &order.description).await?;
        let (attachment, message) = match before {
            Some(found) => {
                self.check_whole(found, file.size)?;
                (found.id, session.message(&order.record, found.id).await?)
            }
            None => self.make(session, order, file, progress).await?,
        };
        let found = message.is_some();
        let message = match message {
            Some(message) => message,
            None => self.post(session, order, addressee, attachment).await?,
        };
        let receipt = receipt(self.settings(), session, order, (attachment, message));
        let note = unaddressed(order.mode, addressee.is_some() || found);
        Ok(Receipt { found, note, ..receipt })
    }

    /// Makes the attachment and writes it down. Where an earlier answer was lost, Odoo may
    /// still have been at work when it was looked for; then there are two now, and the first
    /// stays.
    async fn make(
        &self,
        session: &Session,
        order: &Order<'_>,
        file: &SpooledFile,
        progress: &Progress,
    ) -> Result<(u64, Option<u64>), Failure> {
        let made = self.attach(session, order, file).await?;
        let first = if order.delivery.unsure {
            session.attachment(&order.record, &order.description).await?
        } else {
            None
        };
        let first = first.map_or(made, |first| first.id);
        progress.note(order.delivery.id, "attachment", first).await?;
        if first == made {
            return Ok((made, None));
        }
        session.remove(made).await?;
        Ok((first, session.message(&order.record, first).await?))
    }

    async fn attach(
        &self,
        session: &Session,
        order: &Order<'_>,
        file: &SpooledFile,
    ) -> Result<u64, Failure> {
        let new = NewAttachment {
            name: &filename(&order.delivery.photo),
            media_type: order.delivery.photo.media_type.as_deref(),
            description: &order.description,
            keep_original: self.settings().keep_original,
        };
        session.attach(&order.record, &new, file).await
    }

    async fn post(
        &self,
        session: &Session,
        order: &Order<'_>,
        addressee: Option<u64>,
        attachment: u64,
    ) -> Result<u64, Failure> {
        let body = self.body(session, order.delivery);
        let new = NewMessage {
            body: &body,
            is_html: false,
            mode: order.mode,
            partner: addressee,
            attachment: Some(attachment),
        };
        session.post(&order.record, &new).await
    }

    /// The text of a photo's message, as the server wants it.
    pub(super) fn body(&self, session: &Session, delivery: &Delivery) -> String {
        let text = self.settings().message.text(delivery);
        // Odoo 16 takes a text for HTML, from 17 on it escapes it itself
        // (`fixtures/odoo/README.md`, "Findings per version").
        if session.version.major < 17 { escaped(&text) } else { text }
    }

    async fn found(
        &self,
        session: &Session,
        order: &Order<'_>,
    ) -> Result<Option<Receipt>, Failure> {
        let Some(attachment) = session.attachment(&order.record, &order.description).await? else {
            return Ok(None);
        };
        if let Some(size) = order.delivery.photo.size {
            self.check_whole(attachment, size)?;
        }
        let message = session.message(&order.record, attachment.id).await?;
        Ok(message.map(|message| {
            let receipt = receipt(self.settings(), session, order, (attachment.id, message));
            Receipt { found: true, ..receipt }
        }))
    }

    /// A photo that Odoo was told to keep as it is must have its length there.
    fn check_whole(&self, found: Attachment, size: u64) -> Result<(), Failure> {
        let Some(there) = found.size.filter(|there| *there != size) else { return Ok(()) };
        if !self.settings().keep_original {
            return Ok(());
        }
        Err(refused(
            ErrorKind::Rejected,
            &format!(
                "attachment {} carries this photo's key with {there} bytes instead of {size}",
                found.id
            ),
            "look at that attachment in Odoo; delete it there and replay the \
             delivery, or leave both if the picture there is good",
        ))
    }

    /// A failure as it stands once what was learnt about the server is doubted: it is
    /// forgotten, and a photo is only refused by a server that still knows the bridge's user
    /// (a user deleted meanwhile looks like a missing record).
    pub(super) async fn doubted(&self, failure: Failure) -> Failure {
        self.forget().await;
        if !matches!(failure, Failure::Refused { .. }) {
            return failure;
        }
        match self.session().await {
            Ok(_) => failure,
            Err(log_in) => log_in,
        }
    }
}

/// The customer to be told. Also the proof that record and chatter exist: Odoo would attach a
/// photo to a record that does not.
pub(super) async fn addressee(
    session: &Session,
    record: &Record,
    mode: Mode,
) -> Result<Option<u64>, Failure> {
    let Record { model, id } = record;
    let facts = session.model(model).await?;
    if !facts.has_chatter {
        return Err(refused(
            ErrorKind::Rejected,
            &format!("{model} has no chatter in this Odoo"),
            "choose another record for the session, or install the app that adds a chatter",
        ));
    }
    let is_partner = model == "res.partner";
    let asks = mode == Mode::Contact && facts.has_partner && !is_partner;
    let Some(partner) = session.record(record, asks).await? else {
        return Err(refused(
            ErrorKind::NotFound,
            &format!("{model} {id} does not exist, or the bridge's user may not see it"),
            "check the record in Odoo and the user's access rights, then replay the delivery",
        ));
    };
    let partner = if is_partner { Some(*id) } else { partner };
    Ok(partner.filter(|_| mode == Mode::Contact))
}

/// What a receipt says where nobody was told whom the mode says to tell.
pub(super) fn unaddressed(mode: Mode, told: bool) -> Option<String> {
    (mode == Mode::Contact && !told)
        .then(|| "the record names no customer, so only its followers were told".to_owned())
}

pub(super) fn receipt(
    settings: &Settings,
    session: &Session,
    order: &Order<'_>,
    (attachment, message): (u64, u64),
) -> Receipt {
    let url = page(&settings.place(), &order.record, session.version.major);
    Receipt { url: Some(url), ..Receipt::default() }
        .with("attachment", attachment)
        .with("message", message)
}

/// The record's page in Odoo's web client.
pub(super) fn page(place: &str, record: &Record, major: u32) -> String {
    let Record { model, id } = record;
    match major {
        ..18 => format!("{place}/web#id={id}&model={model}&view_type=form"),
        // Models without a dot could be mistaken for the names of actions.
        _ if !model.contains('.') => format!("{place}/odoo/m-{model}/{id}"),
        _ => format!("{place}/odoo/{model}/{id}"),
    }
}

pub(super) fn refused(kind: ErrorKind, what: &str, fix: &str) -> Failure {
    Failure::Refused { cause: Cause::new(kind, what, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_record_follows_the_version() {
        let record = |model: &str| Record { model: model.to_owned(), id: 42 };
        let place = "https://erp.example.com";
        assert_eq!(
            page(place, &record("res.partner"), 17),
            "https://erp.example.com/web#id=42&model=res.partner&view_type=form"
        );
        let new = |model| page(place, &record(model), 18);
        assert_eq!(new("res.partner"), "https://erp.example.com/odoo/res.partner/42");
        assert_eq!(new("fleet"), "https://erp.example.com/odoo/m-fleet/42");
    }
}
