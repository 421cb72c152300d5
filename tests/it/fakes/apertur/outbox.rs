//! Deliveries on their way: tried until the other side says 2xx in time, again after failures
//! with growing waits, at most five times (section 2).

use std::{io, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Request, Signer, clock::FakeClock};

/// How often a delivery is tried again, unless a webhook says otherwise.
pub(super) const RETRIES: u32 = 5;
/// The wait before the first retry; each further one is twice as long. The contract gives none.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// One request to one destination or event webhook.
#[derive(Debug, Clone)]
pub(crate) struct Posting {
    pub image: String,
    /// The id of the destination or webhook.
    pub to: String,
    pub url: String,
    pub request: Request,
    pub signer: Signer,
    pub retries: u32,
    pub attempts: u32,
    /// `pending`, `sending`, `sent`, `retrying` or `failed`.
    pub status: &'static str,
    pub last_error: Option<String>,
    pub next_at: Timestamp,
}

impl Posting {
    pub(super) fn new(image: &str, to: &str, url: &str, at: Timestamp) -> Posting {
        Posting {
            image: image.to_owned(),
            to: to.to_owned(),
            url: url.to_owned(),
            request: Request::json(&Value::Null),
            signer: Signer::default(),
            retries: RETRIES,
            attempts: 0,
            status: "pending",
            last_error: None,
            next_at: at,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.status, "pending" | "retrying")
    }
}

/// Everything that is to be posted or was.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub all: Vec<Posting>,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// Answers that get lost from now on: the request came through.
    pub lost_answers: u32,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox { all: Vec::new(), patience: Duration::from_secs(30), lost_answers: 0 }
    }
}

impl Outbox {
    /// Takes the posting that is due first; its number, to settle it by.
    pub(super) fn claim(&mut self, now: Timestamp) -> Option<(usize, Posting)> {
        let open = self.all.iter_mut().enumerate().filter(|(_, p)| p.is_open());
        let (at, posting) =
            open.filter(|(_, p)| p.next_at <= now).min_by_key(|(_, p)| p.next_at)?;
        posting.status = "sending";
        posting.attempts += 1;
        Some((at, posting.clone()))
    }

    /// Writes down how a try ended; gives the posting if that was its end.
    pub(super) fn settle(
        &mut self,
        at: usize,
        answer: &io::Result<Answer>,
        now: Timestamp,
    ) -> Option<Posting> {
        let mut outcome = outcome(answer);
        if outcome.is_ok() && self.lost_answers > 0 {
            self.lost_answers -= 1;
            outcome = Err("no answer within 30 s".to_owned());
        }
        let posting = self.all.get_mut(at)?;
        posting.last_error = outcome.err();
        posting.status = match posting.last_error {
            None => "sent",
            Some(_) if posting.attempts > posting.retries => "failed",
            Some(_) => "retrying",
        };
        let wait = FIRST_WAIT * 2_u32.pow(posting.attempts - 1);
        posting.next_at = now.checked_add(wait).unwrap();
        (!posting.is_open()).then(|| posting.clone())
    }

    /// When something is due.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.all.iter().filter(|p| p.is_open()).map(|p| p.next_at).min()
    }

    /// Begins anew with what failed, as a person does in the dashboard.
    pub(super) fn redeliver(&mut self, image: &str, clock: &FakeClock) {
        for posting in self.all.iter_mut().filter(|p| p.image == image && p.status == "failed") {
            (posting.status, posting.attempts, posting.next_at) = ("pending", 0, clock.now());
        }
    }

    /// What stands for a photo at a destination; `None` where nothing is posted there.
    pub(super) fn status(&self, image: &str, to: &str) -> Option<Value> {
        let ours: Vec<_> = self.all.iter().filter(|p| p.image == image && p.to == to).collect();
        let attempts = ours.iter().map(|p| p.attempts).max()?;
        let any = |status| ours.iter().any(|p| p.status == status);
        let open = ["sending", "retrying", "failed", "pending"].into_iter().find(|s| any(*s));
        let error = ours.iter().find_map(|p| p.last_error.as_ref());
        Some(json!({"status": open.unwrap_or("sent"), "attempts": attempts, "last_error": error}))
    }
}

fn outcome(answer: &io::Result<Answer>) -> Result<(), String> {
    match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("HTTP {}", answer.status)),
        Err(error) => Err(format!("no answer: {}", error.kind())),
    }
}
