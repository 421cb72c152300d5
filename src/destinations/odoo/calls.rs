//! The calls a delivery is made of, as methods of a session: what goes in, what comes out
//! (`fixtures/odoo/README.md`, "Working calls").

use serde_json::{Map, Value as Json, json};

use super::{
    fault::{Doing, Fault},
    session::Session,
    wire::{Api, Call, clean},
};
use crate::{
    destinations::body::Marker,
    model::{Failure, Mode},
    spool::SpooledFile,
};

/// A record that photos can be attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its model's technical name.
    pub(super) model: String,
    /// Its id.
    pub(super) id: u64,
}

/// A photo's attachment, as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attachment {
    /// Its id.
    pub(super) id: u64,
    /// Bytes that Odoo stored, where it tells.
    pub(super) size: Option<u64>,
}

/// An attachment to be made.
#[derive(Debug)]
pub(super) struct NewAttachment<'a> {
    /// The file name people see.
    pub(super) name: &'a str,
    /// The media type, where it is known.
    pub(super) media_type: Option<&'a str>,
    /// The key by which it is found again.
    pub(super) description: &'a str,
    /// Whether Odoo must not shrink the picture.
    pub(super) keep_original: bool,
}

/// A chatter message to be posted.
#[derive(Debug)]
pub(super) struct NewMessage<'a> {
    /// The text, as the server's version wants it.
    pub(super) body: &'a str,
    /// Who gets to see it.
    pub(super) mode: Mode,
    /// The customer who is told, in contact mode.
    pub(super) partner: Option<u64>,
    /// The photo's attachment, where it brings one.
    pub(super) attachment: Option<u64>,
    /// Whether the text is HTML: from Odoo 17 on that has to be said.
    pub(super) is_html: bool,
}

impl Session {
    /// Looks for a record, archived or not, and in `partner_id` for its customer where
    /// `with_partner` asks for one. `None` when it is not there or not to be seen.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn record(
        &self,
        record: &Record,
        with_partner: bool,
    ) -> Result<Option<Option<u64>>, Failure> {
        let call = Call::reading(&record.model, "search", "look for the record")
            .arg("domain", json!([["id", "=", record.id]]))
            .named("limit", 1)
            .context("active_test", false);
        let found = self.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        if list.is_empty() {
            return Ok(None);
        }
        if !with_partner {
            return Ok(Some(None));
        }
        let call = Call::reading(&record.model, "read", "look for the record's customer")
            .on(record.id)
            .arg("fields", json!(["partner_id"]));
        let found = self.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        Ok(list.first().map(|row| row.get("partner_id").and_then(|p| p.get(0)?.as_u64())))
    }

    /// Looks for the attachment with this description on a record; the oldest where there are
    /// several.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn attachment(
        &self,
        record: &Record,
        description: &str,
    ) -> Result<Option<Attachment>, Failure> {
        let domain = json!([
            ["res_model", "=", record.model],
            ["res_id", "=", record.id],
            ["description", "=", description],
        ]);
        let call = Call::reading("ir.attachment", "search", "look for the attachment")
            .arg("domain", domain)
            .named("order", "id")
            .named("limit", 1);
        let found = self.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        let Some(first) = list.first() else { return Ok(None) };
        let found = first.as_u64().ok_or_else(|| strange(&call))?;
        let call = Call::reading("ir.attachment", "read", "look at the attachment")
            .on(found)
            .arg("fields", json!(["file_size"]));
        let size = match self.call(&call).await {
            Ok(read) => match read.as_array().ok_or_else(|| strange(&call))?.first() {
                Some(row) => row.get("file_size").and_then(Json::as_u64).filter(|size| *size > 0),
                // Gone between the two calls: as if it had not been there.
                None => return Ok(None),
            },
            // It is there; its length is a second look only.
            Err(Failure::Refused { .. }) => None,
            Err(failure) => return Err(failure),
        };
        Ok(Some(Attachment { id: found, size }))
    }

    /// Makes a photo's attachment, streamed.
    ///
    /// # Errors
    /// As [`super::wire::Wire::call_with`].
    pub(super) async fn attach(
        &self,
        record: &Record,
        new: &NewAttachment<'_>,
        photo: &SpooledFile,
    ) -> Result<u64, Failure> {
        let marker = Marker::new();
        let call = creation(self.api, record, new, marker.as_str());
        let made = self.wire().call_with(self.api, &call, &marker, photo).await?;
        id(&made).ok_or_else(|| strange(&call))
    }

    /// Removes an attachment.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn remove(&self, attachment: u64) -> Result<(), Failure> {
        let call = Call::writing("ir.attachment", "unlink", "remove an attachment").on(attachment);
        self.call(&call).await.map(drop)
    }

    /// Looks for the chatter message that carries an attachment.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn message(
        &self,
        record: &Record,
        attachment: u64,
    ) -> Result<Option<u64>, Failure> {
        let domain = json!([
            ["model", "=", record.model],
            ["res_id", "=", record.id],
            ["attachment_ids", "in", [attachment]],
        ]);
        let call = Call::reading("mail.message", "search", "look for the message")
            .arg("domain", domain)
            .named("limit", 1);
        let found = self.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        list.first().map(|first| first.as_u64().ok_or_else(|| strange(&call))).transpose()
    }

    /// Whether a message of a record's chatter holds these words, plain ASCII.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn says(&self, record: &Record, words: &str) -> Result<bool, Failure> {
        let domain = json!([
            ["model", "=", record.model],
            ["res_id", "=", record.id],
            ["body", "ilike", words],
        ]);
        let call = Call::reading("mail.message", "search", "look for the message")
            .arg("domain", domain)
            .named("limit", 1);
        let found = self.call(&call).await?;
        Ok(!found.as_array().ok_or_else(|| strange(&call))?.is_empty())
    }

    /// Posts a message, with a photo or without.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn post(&self, record: &Record, new: &NewMessage<'_>) -> Result<u64, Failure> {
        let mut call =
            Call::writing(&record.model, "message_post", "post the message").on(record.id);
        (call.named, call.context) = (message(new), quietly());
        let posted = self.call(&call).await?;
        id(&posted).ok_or_else(|| strange(&call))
    }
}

/// The values of an attachment but for its record.
pub(super) fn attachment(new: &NewAttachment<'_>, datas: &str) -> Map<String, Json> {
    let mut values = Map::new();
    let mut put = |name: &str, value: String| values.insert(name.to_owned(), value.into());
    put("name", clean(new.name));
    put("datas", datas.to_owned());
    put("description", clean(new.description));
    if let Some(media_type) = new.media_type {
        put("mimetype", clean(media_type));
    }
    values
}

/// The arguments of `message_post`.
pub(super) fn message(new: &NewMessage<'_>) -> Map<String, Json> {
    let subtype = match new.mode {
        Mode::Internal => "mail.mt_note",
        Mode::Contact | Mode::Public => "mail.mt_comment",
    };
    let mut named = Map::new();
    let mut put = |name: &str, value: Json| named.insert(name.to_owned(), value);
    put("body", clean(new.body).into());
    put("message_type", "comment".into());
    put("subtype_xmlid", subtype.into());
    if let Some(attachment) = new.attachment {
        put("attachment_ids", json!([attachment]));
    }
    if new.is_html {
        put("body_is_html", true.into());
    }
    if let Some(partner) = new.partner {
        put("partner_ids", json!([partner]));
    }
    named
}

/// The context of `message_post`. Else the bridge's user would follow every record that ever got
/// a photo, and get a mail for each answer; and on 19 the customer of a task would follow it from
/// the first photo in contact mode on, and be mailed the public ones too.
pub(super) fn quietly() -> Map<String, Json> {
    let keys = [
        // Read by 16 to 18.
        ("mail_create_nosubscribe", true),
        // Read by 19.
        ("mail_post_autofollow_author_skip", true),
        ("mail_post_autofollow", false),
    ];
    keys.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The call that makes an attachment whose `datas` is given as base64, or as a marker.
pub(super) fn creation(api: Api, record: &Record, new: &NewAttachment<'_>, datas: &str) -> Call {
    let mut values = attachment(new, datas);
    values.insert("res_model".to_owned(), record.model.as_str().into());
    values.insert("res_id".to_owned(), record.id.into());
    let values = match api {
        Api::Xmlrpc { .. } => values.into(),
        Api::Json2 => json!([values]),
    };
    let call =
        Call::writing("ir.attachment", "create", "create the attachment").arg("vals_list", values);
    if new.keep_original { call.context("image_no_postprocess", true) } else { call }
}

/// The id in `77` or `[77]`: methods give either, by version.
pub(super) fn id(answer: &Json) -> Option<u64> {
    answer.as_u64().or_else(|| answer.get(0)?.as_u64()).filter(|id| *id > 0)
}

/// The failure of a call whose answer is of another form than its method gives.
pub(super) fn strange(call: &Call) -> Failure {
    let doing = if call.doing == Doing::LogIn { Doing::Reading } else { call.doing };
    Fault::Unreadable(format!("{}.{} gave another form", call.model, call.method))
        .failure(doing, call.about)
}
