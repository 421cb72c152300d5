//! A delivery in one call: the server action that looks, attaches and posts in one transaction,
//! where an administrator installed it (`actions`).
//!
//! It only ever saves calls. Whatever it refuses goes through the separate steps, whose word
//! counts; where an earlier answer was lost it is not called at all. Attachment and message are
//! committed together, so a look finds nothing until all of it is done: the limits say for how
//! long it is waited for then.

use std::sync::{PoisonError, atomic::Ordering};

use serde_json::{Value as Json, json};

use super::{
    Odoo,
    actions::SHORTCUT,
    calls::{NewAttachment, NewMessage, Record, attachment, id, message, quietly, strange},
    deliver::{Order, receipt, unaddressed},
    session::Session,
    wire::Call,
};
use crate::{
    destinations::{body::Marker, name::filename},
    model::{ErrorKind, Failure, Mode, Receipt},
    spool::SpooledFile,
};

/// What the action did.
struct Done {
    attachment: u64,
    message: u64,
    /// Whether the message named somebody to be told.
    told: bool,
}

impl Odoo {
    /// Delivers a photo in one call; `None` where the separate steps have to: nothing was stored
    /// then.
    ///
    /// # Errors
    /// As the separate steps, but never with a refusal that they might not see.
    pub(super) async fn at_once(
        &self,
        session: &Session,
        order: &Order<'_>,
        file: &SpooledFile,
    ) -> Result<Option<Receipt>, Failure> {
        let model = &order.record.model;
        if order.delivery.unsure || !session.model(model).await?.has_chatter {
            return Ok(None);
        }
        let Some(action) = session.shortcut(model).await? else { return Ok(None) };
        self.goes_at_once.store(true, Ordering::Relaxed);
        let done = match self.run(session, action, order, file).await {
            Ok(Some(done)) => done,
            Ok(None) => return Ok(None),
            Err(Failure::Refused { cause }) if cause.kind != ErrorKind::TooLarge => {
                session.distrust(model);
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let receipt = receipt(self.settings(), session, order, (done.attachment, done.message));
        let note = unaddressed(order.mode, done.told);
        Ok(Some(Receipt { note, ..receipt }))
    }

    /// Calls the action; `None` where it found the photo's attachment.
    async fn run(
        &self,
        session: &Session,
        action: u64,
        order: &Order<'_>,
        file: &SpooledFile,
    ) -> Result<Option<Done>, Failure> {
        let Record { model, id: record } = &order.record;
        let marker = Marker::new();
        let (values, keeps) = (filename(&order.delivery.photo), self.settings().keep_original);
        let values = NewAttachment {
            name: &values,
            media_type: order.delivery.photo.media_type.as_deref(),
            description: &order.description,
            keep_original: keeps,
        };
        let is_contact = order.mode == Mode::Contact;
        let is_partner = model == "res.partner";
        let has_customer = !is_partner && session.model(model).await?.has_partner;
        let body = self.body(session, order.delivery);
        let new = NewMessage {
            body: &body,
            is_html: false,
            mode: order.mode,
            partner: (is_contact && is_partner).then_some(*record),
            attachment: None,
        };
        let photo = json!({
            "attachment": attachment(&values, marker.as_str()),
            "context": if keeps { json!({"image_no_postprocess": true}) } else { json!({}) },
            "message": message(&new),
            "posting": quietly(),
            "customer": if is_contact && has_customer { json!("partner_id") } else { false.into() },
        });
        let call = Call::writing("ir.actions.server", "run", "deliver the photo")
            .on(action)
            .context("active_model", model.as_str())
            .context("active_id", *record)
            .context("active_ids", json!([record]))
            .context("apertur_photo", photo);
        let answer = session.wire().call_with(session.api, &call, &marker, file).await?;
        let infos = answer.get("infos").ok_or_else(|| strange(&call))?;
        let made = infos.get("attachment").and_then(id).ok_or_else(|| strange(&call))?;
        let posted = infos.get("message").ok_or_else(|| strange(&call))?;
        if posted == &json!(false) {
            return Ok(None);
        }
        let message = id(posted).ok_or_else(|| strange(&call))?;
        let told = infos.get("told").and_then(Json::as_bool).unwrap_or_default();
        Ok(Some(Done { attachment: made, message, told }))
    }
}

impl Session {
    /// The action that delivers to a model in one call, if this Odoo has one of our version;
    /// remembered either way.
    ///
    /// # Errors
    /// As [`Session::call`], but where it is refused there is none.
    pub(super) async fn shortcut(&self, model: &str) -> Result<Option<u64>, Failure> {
        let known = self.shortcuts().get(model).copied();
        if let Some(action) = known {
            return Ok(action);
        }
        let bindings = match self.bindings(model).await {
            Ok(bindings) => bindings,
            Err(Failure::Refused { .. }) => Json::Null,
            Err(failure) => return Err(failure),
        };
        let found = shortcut(&bindings);
        self.shortcuts().insert(model.to_owned(), found);
        Ok(found)
    }

    /// What stands in a model's menus.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn bindings(&self, model: &str) -> Result<Json, Failure> {
        let about = "look at the Action menu";
        let call =
            Call::reading("ir.actions.actions", "get_bindings", about).arg("model_name", model);
        self.call(&call).await
    }

    /// Does without that action until the server is met anew.
    fn distrust(&self, model: &str) {
        self.shortcuts().insert(model.to_owned(), None);
    }

    fn shortcuts(&self) -> std::sync::MutexGuard<'_, super::session::Shortcuts> {
        self.shortcuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The delivery in one call among what a model's menus hold.
fn shortcut(bindings: &Json) -> Option<u64> {
    let actions = bindings.get("action").and_then(Json::as_array).into_iter().flatten();
    let is_it =
        |action: &&Json| action.get("binding_view_types").and_then(Json::as_str) == Some(SHORTCUT);
    actions.filter(is_it).find_map(|action| action.get("id").and_then(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::odoo::{fault::Doing, xmlrpc::tests::read};

    #[test]
    fn the_delivery_is_found_among_the_menus_of_real_servers() {
        for version in [16, 18, 19] {
            let mut menus = read(version, "-server-action-bindings").unwrap();
            let entries = menus["action"].as_array().unwrap();
            let names = entries.iter().filter_map(|entry| entry["name"].as_str());
            assert!(names.into_iter().any(|name| name == "Collect Photos"), "{version}");
            assert_eq!(shortcut(&menus), None, "{version}");
            let ours = json!({"id": 77, "name": "x", "binding_view_types": SHORTCUT});
            menus["action"].as_array_mut().unwrap().push(ours);
            assert_eq!(shortcut(&menus), Some(77), "{version}");
        }
        assert_eq!(shortcut(&json!({})), None);
        assert_eq!(shortcut(&Json::Null), None);
    }

    #[test]
    fn an_action_run_by_real_servers_answers_and_refuses_in_this_form() {
        for version in [16, 18, 19] {
            let run = read(version, "-atomic-run").unwrap();
            assert!(run["infos"].get("attachment_id").and_then(id).is_some(), "{version}");
            let refused = |case: &str| {
                let fault = read(version, case).unwrap_err();
                fault.failure(Doing::Writing, "deliver the photo")
            };
            for (case, kind) in [
                ("-atomic-missing-record", ErrorKind::Rejected),
                ("-server-action-run-intern", ErrorKind::Forbidden),
            ] {
                let failure = refused(case);
                assert!(matches!(failure, Failure::Refused { .. }), "{version} {failure:?}");
                assert_eq!(failure.cause().kind, kind, "{version} {case}");
            }
        }
    }
}
