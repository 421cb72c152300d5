//! A webhook request in either spelling of its headers, and what came back.
//! Holds the photo in memory: it is for one's own tests, not for the daemon.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::{
    http::{self, Http},
    model::{ImageId, Scheme, Shape},
    webhook::{About, Format, Signer},
};

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

    /// The request of a shape, around the photo where the shape carries it; what the shape has
    /// no place for is left out.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(in crate::cli) fn compose(
        shape: Shape,
        spelling: Spelling,
        (about, photo): (&About, &[u8]),
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let format = match shape {
            Shape::Event => return Ok(Self::raw("application/json", about.event()?)),
            Shape::ProjectEvent => {
                return Ok(Self::raw("application/json", about.project_event(now)?));
            }
            Shape::JsonBase64 => Format::JsonBase64,
            Shape::Multipart => Format::Multipart,
            Shape::Binary => Format::Binary,
            Shape::Polled | Shape::Reconciled => {
                anyhow::bail!("nobody posts a photo in the shape {shape}")
            }
        };
        let wrapping = about.wrapping(format)?;
        let mut message = Self::raw(&wrapping.content_type, wrapping.around(photo));
        let headers = about.headers().into_iter();
        message.headers.extend(headers.map(|(name, value)| (spelling.header(name), value)));
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
        for (name, value) in Signer::new(scheme, secret)?.sign(&id, now, &self.body) {
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
    pub(in crate::cli) async fn post(&self, http: &Http, url: &str) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let mut request = http.client().post(url).timeout(PATIENCE).body(self.body.clone());
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

/// A fresh image id.
///
/// # Errors
/// Never in practice.
pub(in crate::cli) fn fresh_image() -> anyhow::Result<ImageId> {
    Ok(ImageId::parse(&format!("img_{}", uuid::Uuid::now_v7().simple()))?)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;
    use crate::{
        model::{Mode, SessionId, Tag},
        webhook::Picture,
    };

    const PHOTO: &[u8] = &[0xff, 0xd8, 0xff];

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// A photo as in the vectors of the contract.
    fn about(image: &str) -> About {
        About {
            filename: Some("a.jpg".to_owned()),
            picture: Some(Picture::of(PHOTO)),
            ..About::new(ImageId::parse(image).unwrap())
        }
    }

    fn inline() -> About {
        About {
            session: Some(SessionId::parse("sess_demo").unwrap()),
            index: Some(0),
            tags: vec![Tag::from_text("user_id:u1")],
            ..about("img_demo_2")
        }
    }

    fn body(shape: Shape, about: &About) -> String {
        let message = Message::compose(shape, Spelling::Apertur, (about, PHOTO), now()).unwrap();
        String::from_utf8_lossy(&message.body).into_owned()
    }

    fn vector(text: &serde_json::Value) -> String {
        String::from_utf8(STANDARD.decode(text["body_b64"].as_str().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn bodies_are_those_of_the_contract() {
        let vectors = include_str!("../../../fixtures/contracts/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        assert_eq!(body(Shape::JsonBase64, &inline()), vector(&vectors["body_hmac"][1]));
        let event = About {
            session: Some(SessionId::parse("11111111-2222-4333-8444-555555555555").unwrap()),
            filename: Some("pé.jpg".to_owned()),
            target: Some("odoo:res.partner:42".parse().unwrap()),
            mode: Some(Mode::Contact),
            download_url: Some("https://api.aptr.ca/d/abc".to_owned()),
            ..about("img_demo_1")
        };
        assert_eq!(body(Shape::Event, &event), vector(&vectors["body_hmac"][0]));
        let event = About {
            topic: Some("project.upload.completed".to_owned()),
            ..About::new(ImageId::parse("img_demo_3").unwrap())
        };
        assert_eq!(body(Shape::ProjectEvent, &event), vector(&vectors["timestamped"]));
    }

    #[test]
    fn a_ticket_is_named_with_its_mode_as_the_help_desks_call_it() {
        for (target, metadata) in [
            ("freshdesk:17", r#"{"freshdesk":{"ticket_id":17,"mode":"client"}}"#),
            (
                "freshservice:2:241",
                r#"{"freshservice":{"ticket_id":241,"workspace_id":2,"mode":"client"}}"#,
            ),
            ("zendesk:9", r#"{"zendesk":{"ticket_id":9,"mode":"client"}}"#),
            ("ticket:9", r#"{"ticket_id":9,"mode":"client"}"#),
        ] {
            let target = Some(target.parse().unwrap());
            let about = About { target, mode: Some(Mode::Contact), ..inline() };
            for shape in [Shape::JsonBase64, Shape::Event] {
                let body = body(shape, &about);
                assert!(body.contains(&format!(r#""metadata":{metadata}"#)), "{body}");
            }
        }
    }

    #[test]
    fn a_form_carries_the_picture_its_name_and_the_tags() {
        let mut about = inline();
        about.filename = Some("a \"b\"\r\n.jpg".to_owned());
        let told = (&about, PHOTO);
        let message = Message::compose(Shape::Multipart, Spelling::Aptr, told, now()).unwrap();
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
        let mut about = inline();
        about.tags.push(Tag::from_text("user_id:u2"));
        assert!(
            body(Shape::JsonBase64, &about).ends_with(r#""tags":["user_id:u1","user_id:u2"]}"#)
        );
    }
}
