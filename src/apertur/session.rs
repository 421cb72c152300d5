//! Upload sessions (`fixtures/contracts/apertur.md`, section 4.1).

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::{
    Apertur,
    call::{Call, Repeat},
    fault::ApiError,
    reading::{self, Fields},
};
use crate::model::{Environment, SessionId, SessionLink};

/// A session to be made.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// Apertur's ids of the destinations that get its photos; none leaves it to the API key.
    pub destinations: Vec<String>,
    /// Whether photos are to be polled for; `None` as [`super::Settings::poll`] says.
    pub long_polling: Option<bool>,
    /// Tags such as `odoo:res.partner:42`.
    pub tags: Vec<String>,
    /// When it ends; `None` leaves it to Apertur.
    pub end: Option<End>,
    /// Most photos.
    pub max_images: Option<u32>,
    /// Media types that are taken, `image/jpeg`; none leaves it to Apertur.
    pub media_types: Vec<String>,
    /// Longest side of a photo in pixels; Apertur shrinks larger ones.
    pub max_dimension: Option<u32>,
    /// What guests have to type, 4 to 128 characters.
    pub password: Option<SecretString>,
    /// What destinations are told along with each photo.
    pub metadata: Option<Value>,
}

/// When a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// So many hours from now, 1 to 168.
    Hours(u8),
    /// At this time.
    At(Timestamp),
}

/// A session as Apertur made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Where guests upload.
    pub link: SessionLink,
    /// The same in short, where Apertur gives one.
    pub short_link: Option<SessionLink>,
    /// Which destinations get its photos.
    pub destinations: Vec<Place>,
    /// Whether photos are polled for.
    pub long_polling: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether guests need a password.
    pub has_password: bool,
    /// Which Apertur it lives in, where the answer says so.
    pub environment: Option<Environment>,
    /// Apertur refused metadata, so the session was made without
    /// (`fixtures/contracts/open-questions.md`, B4).
    pub without_metadata: bool,
}

/// A destination at Apertur.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// Apertur's id of it.
    pub id: String,
    /// Its type: `webhook`, `odoo`, `s3` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called there.
    pub name: String,
}

impl Place {
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |keys: &[&str]| fields.text(keys).unwrap_or_default();
        Self {
            id: text(&["id", "destination_id", "uuid"]),
            kind: text(&["type"]),
            name: text(&["name"]),
        }
    }
}

/// What a session is like now, as its guests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// `pending`, `active`, `completed`, `expired`, or a word to come.
    pub status: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Most photos.
    pub max_images: Option<u64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether guests need a password.
    pub has_password: bool,
    /// Whether photos are end-to-end encrypted.
    pub is_encrypted: bool,
    /// Whether some device did not encrypt although the session does.
    pub is_downgraded: bool,
}

/// What is to be changed; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SessionChange {
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Most photos.
    pub max_images: Option<u32>,
    /// Media types that are taken.
    pub media_types: Option<Vec<String>>,
    /// Longest side of a photo in pixels.
    pub max_dimension: Option<u32>,
    /// Another password, or with `Some(None)` none.
    pub password: Option<Option<SecretString>>,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// As in [`SessionState`].
    pub status: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Photos uploaded.
    pub images: u64,
    /// Photos that reached all their destinations.
    pub delivered: u64,
    /// Photos that did not.
    pub failed: u64,
    /// Which Apertur it lives in, where the row says so.
    pub environment: Option<Environment>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The sessions.
    pub rows: Vec<SessionRow>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many pages there are.
    pub pages: u64,
}

/// A form of a QR code that Apertur draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrFormat {
    /// A picture.
    Png,
    /// A drawing.
    Svg,
}

impl Apertur {
    /// Makes a session. Where Apertur refuses metadata, without: tags and our own map say where
    /// its photos belong, too. A lost answer is not followed by a second try: a plan counts
    /// sessions.
    ///
    /// # Errors
    /// When Apertur does not make it; a plan's spent quota is of kind `not_allowed`.
    pub async fn create_session(&self, new: &NewSession) -> Result<Session, ApiError> {
        match self.post_session(new).await {
            Err(error) if refuses_metadata(&error) && new.metadata.is_some() => {
                let plain = NewSession { metadata: None, ..new.clone() };
                let made = self.post_session(&plain).await?;
                Ok(Session { without_metadata: true, ..made })
            }
            made => made,
        }
    }

    async fn post_session(&self, new: &NewSession) -> Result<Session, ApiError> {
        let is_polled = new.long_polling.unwrap_or(self.settings.poll);
        let body = Some(new.body(is_polled));
        let call = Call::new(Method::POST, &["upload-sessions"]);
        let done = self.call(Call { body, repeat: Repeat::IfNotDone, ..call }).await?;
        let session = Fields::of_body(&done.body).as_ref().and_then(made);
        // An answer that does not tell is one that did as was asked.
        let session =
            session.map(|made| Session { long_polling: made.long_polling || is_polled, ..made });
        let unreadable = "Apertur made a session and does not say its id and link";
        session.ok_or_else(|| ApiError::unreadable(unreadable))
    }

    /// What a session is like now.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn session(&self, id: &SessionId) -> Result<SessionState, ApiError> {
        let done = self.call(Call::get(&["upload", id.reveal(), "session"])).await?;
        let fields = Fields::of_body(&done.body).ok_or_else(unreadable)?;
        Ok(SessionState {
            status: fields.text(&["status"]).unwrap_or_default(),
            expires_at: fields.time("expires_at"),
            max_images: fields
                .number("effective_max_images")
                .or_else(|| fields.number("images_per_session")),
            tags: fields.texts("tags"),
            has_password: fields.flag("password_protected"),
            is_encrypted: fields.flag("e2e_enabled"),
            is_downgraded: fields.flag("e2e_downgraded"),
        })
    }

    /// Changes a session.
    ///
    /// # Errors
    /// When Apertur does not change it: 409 where it is completed, 410 where it is over.
    pub async fn update_session(
        &self,
        id: &SessionId,
        change: &SessionChange,
    ) -> Result<(), ApiError> {
        let path = ["upload-sessions", id.reveal()];
        let call = Call::new(Method::PATCH, &path);
        self.call(Call { body: Some(change.body()), ..call }).await.map(drop)
    }

    /// One page of the sessions of the key's project, of `page` from 1 and at most `size` rows.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn sessions(&self, page: u32, size: u32) -> Result<Page, ApiError> {
        let query = vec![("page", page.to_string()), ("pageSize", size.to_string())];
        let done = self.call(Call { query, ..Call::get(&["sessions"]) }).await?;
        let rows = session_rows(&done.body)?;
        let whole: Option<Value> = serde_json::from_slice(&done.body).ok();
        let whole = whole.and_then(Fields::of).unwrap_or_default();
        let total = whole.number("total").unwrap_or(rows.len() as u64);
        Ok(Page { rows, total, pages: whole.number("total_pages").unwrap_or(1) })
    }

    /// The latest sessions of the key's project, at most `limit`.
    ///
    /// # Errors
    /// When Apertur does not say.
    pub async fn recent_sessions(&self, limit: u32) -> Result<Vec<SessionRow>, ApiError> {
        let query = vec![("limit", limit.to_string())];
        let done = self.call(Call { query, ..Call::get(&["sessions", "recent"]) }).await?;
        session_rows(&done.body)
    }

    /// The QR code that Apertur draws for a session, `size` pixels wide, as the bytes of a file.
    ///
    /// # Errors
    /// When Apertur does not draw it.
    pub async fn session_qr(
        &self,
        id: &SessionId,
        format: QrFormat,
        size: u32,
    ) -> Result<Bytes, ApiError> {
        let word = match format {
            QrFormat::Png => "png",
            QrFormat::Svg => "svg",
        };
        let query = vec![("format", word.to_owned()), ("size", size.to_string())];
        let path = ["upload-sessions", id.reveal(), "qr"];
        Ok(self.call(Call { query, ..Call::get(&path) }).await?.body)
    }
}

impl NewSession {
    fn body(&self, is_polled: bool) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            body.extend(value.map(|value| (key.to_owned(), value)));
        };
        let some = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts));
        put("destination_ids", some(&self.destinations));
        put("long_polling", is_polled.then_some(json!(true)));
        put("tags", some(&self.tags));
        match self.end {
            Some(End::Hours(hours)) => put("expires_in_hours", Some(json!(hours))),
            Some(End::At(at)) => put("expires_at", Some(json!(at))),
            None => {}
        }
        put("max_images", self.max_images.map(Value::from));
        put("allowed_mime_types", some(&self.media_types));
        put("max_image_dimension", self.max_dimension.map(Value::from));
        put("password", self.password.as_ref().map(|text| json!(text.expose_secret())));
        put("metadata", self.metadata.clone());
        Value::Object(body)
    }
}

impl SessionChange {
    fn body(&self) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            body.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("expires_at", self.expires_at.map(|at| json!(at)));
        put("max_images", self.max_images.map(Value::from));
        put("allowed_mime_types", self.media_types.as_ref().map(|types| json!(types)));
        put("max_image_dimension", self.max_dimension.map(Value::from));
        let password = self.password.as_ref();
        put("password", password.map(|new| json!(new.as_ref().map(|text| text.expose_secret()))));
        Value::Object(body)
    }
}

fn refuses_metadata(error: &ApiError) -> bool {
    let names_it = error.cause.detail.to_lowercase().contains("metadata");
    matches!(error.status, Some(400 | 422)) && names_it
}

fn made(fields: &Fields) -> Option<Session> {
    let link = |key: &str| SessionLink::parse(&fields.text(&[key])?).ok();
    let short_link = link("short_url");
    Some(Session {
        id: SessionId::parse(&fields.id()?).ok()?,
        link: link("upload_url").or_else(|| short_link.clone())?,
        short_link,
        destinations: fields.list("destinations").iter().map(Place::read).collect(),
        long_polling: fields.flag("long_polling"),
        expires_at: fields.time("expires_at"),
        has_password: fields.flag("password_protected"),
        environment: environment(fields),
        without_metadata: false,
    })
}

fn environment(fields: &Fields) -> Option<Environment> {
    match fields.text(&["env", "environment"])?.to_ascii_lowercase().as_str() {
        "live" | "production" => Some(Environment::Live),
        "test" | "sandbox" => Some(Environment::Sandbox),
        _ => None,
    }
}

fn session_rows(body: &[u8]) -> Result<Vec<SessionRow>, ApiError> {
    let rows = reading::rows(body, &["data", "sessions"]).ok_or_else(unreadable)?;
    Ok(rows.iter().filter_map(row).collect())
}

fn row(fields: &Fields) -> Option<SessionRow> {
    let number = |key| fields.number(key).unwrap_or_default();
    Some(SessionRow {
        id: SessionId::parse(&fields.id()?).ok()?,
        status: fields.text(&["status"]).unwrap_or_default(),
        created_at: fields.time("created_at"),
        expires_at: fields.time("expires_at"),
        images: number("images_count"),
        delivered: number("images_delivered"),
        failed: number("images_failed"),
        environment: environment(fields),
    })
}

fn unreadable() -> ApiError {
    ApiError::unreadable("Apertur's answer about the session cannot be read")
}
