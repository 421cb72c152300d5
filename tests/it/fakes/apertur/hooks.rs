//! Event webhooks of a project (sections 1.4, 2 and 4.3): family C, switched off after too many
//! failures.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    SECRET, Scheme, Signer,
    outbox::{Outbox, Posting, RETRIES},
    sessions::Refused,
};

/// An event webhook.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub id: String,
    pub url: String,
    /// Topics, also with a `*` at the end.
    pub topics: Vec<String>,
    pub is_svix: bool,
    pub retries: u32,
    pub disable_after: u32,
    pub failures: u32,
    pub disabled_at: Option<Timestamp>,
}

impl Hook {
    /// Makes one as asked by the body of a request.
    pub(crate) fn create(number: usize, asked: &Value) -> Result<Hook, Refused> {
        let wrong = |what: &str| (400, format!("{what} is not valid"));
        let topics = asked["topics"].as_array().ok_or_else(|| wrong("topics"))?;
        let topics = topics.iter().map(|topic| topic.as_str().map(ToOwned::to_owned));
        let count = |key: &str, usual: u32| match &asked[key] {
            Value::Null => Ok(usual),
            value => value.as_u64().and_then(|n| n.try_into().ok()).ok_or_else(|| wrong(key)),
        };
        Ok(Hook {
            id: format!("e0e0e0e0-2222-4333-8444-{number:012}"),
            url: asked["url"].as_str().ok_or_else(|| wrong("url"))?.to_owned(),
            topics: topics.collect::<Option<_>>().ok_or_else(|| wrong("topics"))?,
            is_svix: match asked["signatureMethod"].as_str() {
                None | Some("hmac_sha256") => false,
                Some("svix") => true,
                Some(_) => return Err(wrong("signatureMethod")),
            },
            retries: count("maxRetries", RETRIES)?,
            disable_after: count("disableAfterFailures", 10)?,
            failures: 0,
            disabled_at: None,
        })
    }

    pub(super) fn shown(&self) -> Value {
        json!({"id": self.id, "url": self.url, "topics": self.topics, "secret": SECRET,
            "signatureMethod": if self.is_svix { "svix" } else { "hmac_sha256" },
            "maxRetries": self.retries, "disableAfterFailures": self.disable_after,
            "consecutiveFailures": self.failures, "disabledAt": self.disabled_at,
            "isActive": self.disabled_at.is_none()})
    }

    fn wants(&self, topic: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => topic.starts_with(beginning),
            None => wanted == topic,
        };
        self.disabled_at.is_none() && self.topics.iter().any(fits)
    }

    /// The posting of an event; its request is still to be put in.
    pub(super) fn posting(&self, topic: &str, image: &str, now: Timestamp) -> Option<Posting> {
        let scheme = if self.is_svix { Scheme::Svix } else { Scheme::Timestamped };
        let posting = Posting::new(image, &self.id, &self.url, now);
        let posting = Posting { retries: self.retries, signer: Signer::scheme(scheme), ..posting };
        self.wants(topic).then_some(posting)
    }

    /// One of its postings came to its end.
    pub(super) fn ended(&mut self, posting: &Posting, outbox: &mut Outbox, now: Timestamp) {
        if posting.status == "sent" {
            self.failures = 0;
            return;
        }
        self.failures += 1;
        if self.failures >= self.disable_after {
            self.disabled_at = Some(now);
            let ours = outbox.all.iter_mut().filter(|p| p.to == self.id && p.status != "sent");
            ours.for_each(|posting| posting.status = "failed");
        }
    }
}
