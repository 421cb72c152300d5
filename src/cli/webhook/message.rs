//! A webhook request as Apertur makes it (`fixtures/contracts/apertur.md`, sections 1.1 to 1.5).
//! Holds the photo in memory: it is for one's own tests, not for the daemon.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::Client;
use secrecy::SecretString;
use serde::{Serialize, Serializer};

use crate::{
    http,
    model::{ImageId, Mode, Scheme, SessionId, Shape, Tag, Target},
    receive::signature,
};

/// Topic of an event unless another is asked for.
const EVENT: &str = "image.delivered";
/// Topic of a project event unless another is asked for.
const PROJECT_EVENT: &str = "project.upload.image.uploaded";
/// Longest answer read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest time until the answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two spellings of Apertur's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Spelling {
    /// X-Apertur-Signature
    Apertur,
    /// X-Aptr-Signature
    Aptr,
}

impl Spelling {
    fn header(self, name: &str) -> String {
        match self {
            Self::Apertur => format!("X-Apertur-{name}"),
            Self::Aptr => format!("X-Aptr-{name}"),
        }
    }
}

/// What is told about a photo.
#[derive(Debug, Clone)]
pub(in crate::cli) struct About {
    pub(in crate::cli) image: ImageId,
    pub(in crate::cli) session: Option<SessionId>,
    pub(in crate::cli) index: Option<u32>,
    pub(in crate::cli) filename: Option<String>,
    pub(in crate::cli) tags: Vec<Tag>,
    pub(in crate::cli) target: Option<Target>,
    pub(in crate::cli) mode: Option<Mode>,
    pub(in crate::cli) topic: Option<String>,
    pub(in crate::cli) download_url: Option<String>,
    /// The photo itself; an event only tells its size and type.
    pub(in crate::cli) picture: Option<Vec<u8>>,
}

impl About {
    /// A photo with an id and nothing else.
    pub(in crate::cli) fn new(image: ImageId) -> Self {
        Self {
            image,
            session: None,
            index: None,
            filename: None,
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            download_url: None,
            picture: None,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.picture.as_deref().unwrap_or_default()
    }

    /// By the first bytes; `None` without a picture.
    fn media_type(&self) -> Option<&'static str> {
        let bytes = self.picture.as_ref()?;
        Some(infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type()))
    }

    /// The tags, the one of the target among them.
    fn all_tags(&self) -> Vec<Tag> {
        let target = self.target.as_ref().map(|target| Tag::from_text(&target.to_string()));
        self.tags.iter().cloned().chain(target).collect()
    }

    fn metadata(&self) -> Option<Metadata<'_>> {
        let (model, res_id) = match &self.target {
            Some(Target::Odoo { model, id }) => (Some(model.as_str()), Some(*id)),
            _ => (None, None),
        };
        let mode = self.mode.map(Mode::as_str);
        (model.is_some() || mode.is_some())
            .then_some(Metadata { odoo: OdooMetadata { model, res_id, mode } })
    }

    fn event(&self) -> Data<'_> {
        Data {
            id: self.image.as_str(),
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_index: self.index,
            filename: self.filename.as_deref(),
            size_bytes: self.picture.as_ref().map(Vec::len),
            mime_type: self.media_type(),
            download_url: self.download_url.as_deref(),
            tags: self.all_tags().iter().map(Tag::to_text).collect(),
            metadata: self.metadata(),
        }
    }

    fn inline(&self) -> Inline<'_> {
        Inline {
            session_id: self.session.as_ref().map(SessionId::reveal),
            image_id: self.image.as_str(),
            image_index: self.index,
            mime_type: self.media_type(),
            filename: self.filename.as_deref(),
            size_bytes: self.bytes().len(),
            data: STANDARD.encode(self.bytes()),
            tags: Tags(self.all_tags()),
            metadata: self.metadata(),
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    topic: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct ProjectEvent<'a> {
    event: &'a str,
    project_id: &'static str,
    data: Data<'a>,
    timestamp: String,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<&'a str>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Inline<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    image_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_index: Option<u32>,
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    size_bytes: usize,
    data: String,
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    odoo: OdooMetadata<'a>,
}

#[derive(Serialize)]
struct OdooMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    res_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

/// An object, as documented; a list where an object would lose a tag.
struct Tags(Vec<Tag>);

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_twice = |tag: &Tag| self.0.iter().filter(|other| other.key == tag.key).count() > 1;
        if self.0.iter().any(is_twice) {
            return serializer.collect_seq(self.0.iter().map(Tag::to_text));
        }
        serializer.collect_map(self.0.iter().map(|tag| (&tag.key, &tag.value)))
    }
}

/// A request, signed or not yet.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Message {
    pub(in crate::cli) headers: Vec<(String, String)>,
    pub(in crate::cli) body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) code: u16,
    pub(in crate::cli) text: String,
    pub(in crate::cli) took: Duration,
}

impl Answer {
    /// The word of the answer, `accepted`; its text where it has none.
    pub(in crate::cli) fn word(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_str(&self.text).ok();
        let word = json.as_ref().and_then(|json| json.get("status")?.as_str());
        word.map_or_else(|| self.text.chars().take(200).collect(), ToOwned::to_owned)
    }
}

impl Message {
    /// A body that is posted as it is.
    pub(in crate::cli) fn raw(content_type: &str, body: Vec<u8>) -> Self {
        Self { headers: vec![("Content-Type".to_owned(), content_type.to_owned())], body }
    }

    /// The request of a shape; what the shape has no place for is left out.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(in crate::cli) fn compose(
        shape: Shape,
        spelling: Spelling,
        about: &About,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let json = |body: Vec<u8>| Self::raw("application/json", body);
        let data = || about.event();
        let topic = |default: &'static str| about.topic.as_deref().unwrap_or(default).to_owned();
        let mut message = match shape {
            Shape::Event => {
                json(serde_json::to_vec(&Event { topic: &topic(EVENT), data: data() })?)
            }
            Shape::ProjectEvent => json(serde_json::to_vec(&ProjectEvent {
                event: &topic(PROJECT_EVENT),
                project_id: "proj_test",
                data: data(),
                timestamp: format!("{now:.0}"),
            })?),
            Shape::JsonBase64 => json(serde_json::to_vec(&about.inline())?),
            Shape::Multipart => multipart(about),
            Shape::Binary => Self::raw("application/octet-stream", about.bytes().to_vec()),
        };
        if !matches!(shape, Shape::Event | Shape::ProjectEvent) {
            let session = about.session.as_ref().map(|session| session.reveal().to_owned());
            for (name, value) in [
                ("Session-Id", session),
                ("Image-Index", about.index.map(|index| index.to_string())),
                ("Image-Id", Some(about.image.to_string())),
            ] {
                message.headers.extend(value.map(|value| (spelling.header(name), value)));
            }
        }
        Ok(message)
    }

    /// Adds the headers of a signature made now.
    ///
    /// # Errors
    /// When the secret cannot be a key of the scheme.
    pub(in crate::cli) fn sign(
        mut self,
        scheme: Scheme,
        spelling: Spelling,
        secret: &SecretString,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let id = format!("msg_{}", uuid::Uuid::now_v7().simple());
        let headers = signature::sign(scheme, secret, &id, now, &self.body);
        for (name, value) in headers.map_err(anyhow::Error::msg)? {
            let name = match name.strip_prefix("X-Apertur-") {
                Some(name) => spelling.header(name),
                None => name.to_owned(),
            };
            self.headers.push((name, value));
        }
        Ok(self)
    }

    /// Posts it and reads the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub(in crate::cli) async fn post(&self, client: &Client, url: &str) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let mut request = client.post(url).timeout(PATIENCE).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request
            .send()
            .await
            .map_err(|error| anyhow::anyhow!("{}", http::failure("the webhook", &error).cause()))?;
        let code = response.status().as_u16();
        let text = http::read(response, MAX_ANSWER).await.context("the answer broke off")?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        Ok(Answer { code, text, took: started.elapsed() })
    }
}

fn multipart(about: &About) -> Message {
    let boundary = format!("apertur-{}", uuid::Uuid::now_v7().simple());
    let mut body = Vec::with_capacity(about.bytes().len() + 1024);
    let name = quoted(about.filename.as_deref().unwrap_or("image"));
    let kind = about.media_type().unwrap_or("application/octet-stream");
    body.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\
             \r\nContent-Type: {kind}\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(about.bytes());
    for tag in about.all_tags() {
        let name = quoted(&tag.key);
        body.extend_from_slice(
            format!(
                "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}",
                tag.value
            )
            .as_bytes(),
        );
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Message::raw(&format!("multipart/form-data; boundary={boundary}"), body)
}

/// A name in quotes, as browsers write it (WHATWG HTML, multipart form data).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A fresh image id.
///
/// # Errors
/// Never in practice.
pub(in crate::cli) fn fresh_image() -> anyhow::Result<ImageId> {
    Ok(ImageId::parse(&format!("img_{}", uuid::Uuid::now_v7().simple()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn about() -> About {
        About {
            session: Some(SessionId::parse("sess_demo").unwrap()),
            index: Some(0),
            filename: Some("a.jpg".to_owned()),
            tags: vec![Tag::from_text("user_id:u1")],
            picture: Some(vec![0xff, 0xd8, 0xff]),
            ..About::new(ImageId::parse("img_demo_2").unwrap())
        }
    }

    fn body(shape: Shape, about: &About) -> String {
        let message = Message::compose(shape, Spelling::Apertur, about, NOW).unwrap();
        String::from_utf8_lossy(&message.body).into_owned()
    }

    #[test]
    fn bodies_are_those_of_the_contract() {
        let expected = r#"{"session_id":"sess_demo","image_id":"img_demo_2","image_index":0,"mime_type":"image/jpeg","filename":"a.jpg","size_bytes":3,"data":"/9j/","tags":{"user_id":"u1"}}"#;
        assert_eq!(body(Shape::JsonBase64, &about()), expected);
        let mut event = about();
        event.index = None;
        event.tags.clear();
        event.target = Some("odoo:res.partner:42".parse().unwrap());
        event.mode = Some(Mode::Contact);
        event.download_url = Some("https://api.aptr.ca/d/abc".to_owned());
        let expected = r#"{"topic":"image.delivered","data":{"id":"img_demo_2","session_id":"sess_demo","filename":"a.jpg","size_bytes":3,"mime_type":"image/jpeg","download_url":"https://api.aptr.ca/d/abc","tags":["odoo:res.partner:42"],"metadata":{"odoo":{"model":"res.partner","res_id":42,"mode":"contact"}}}}"#;
        assert_eq!(body(Shape::Event, &event), expected);
        let event = About::new(ImageId::parse("img_demo_3").unwrap());
        let expected = r#"{"event":"project.upload.image.uploaded","project_id":"proj_test","data":{"id":"img_demo_3","tags":[]},"timestamp":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(body(Shape::ProjectEvent, &event), expected);
    }

    #[test]
    fn a_form_carries_the_picture_its_name_and_the_tags() {
        let mut about = about();
        about.filename = Some("a \"b\"\r\n.jpg".to_owned());
        let message = Message::compose(Shape::Multipart, Spelling::Aptr, &about, NOW).unwrap();
        let text = String::from_utf8_lossy(&message.body);
        let boundary = message.headers[0].1.rsplit_once('=').unwrap().1;
        let lines: Vec<_> = text.split("\r\n").map(|l| l.replace(boundary, "XX")).collect();
        assert_eq!(
            lines[1],
            r#"Content-Disposition: form-data; name="image"; filename="a %22b%22%0D%0A.jpg""#
        );
        assert_eq!(lines[2], "Content-Type: image/jpeg");
        assert_eq!(
            &lines[5..],
            ["--XX", r#"Content-Disposition: form-data; name="user_id""#, "", "u1", "--XX--", ""]
        );
        let header =
            |name: &str| message.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(header("X-Aptr-Image-Id"), "img_demo_2");
        assert_eq!(header("X-Aptr-Session-Id"), "sess_demo");
        assert_eq!(header("X-Aptr-Image-Index"), "0");
    }

    #[test]
    fn a_tag_that_is_there_twice_is_not_lost() {
        let mut about = about();
        about.tags.push(Tag::from_text("user_id:u2"));
        assert!(
            body(Shape::JsonBase64, &about).ends_with(r#""tags":["user_id:u1","user_id:u2"]}"#)
        );
    }
}
