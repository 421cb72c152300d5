//! What comes from Zendesk instead of a success, and the one place that decides what it means
//! (`fixtures/contracts/zendesk.md` section 5).
//!
//! Statuses decide; the words of an answer only where one status has several meanings.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value as Json;

use super::{settings::Settings, wire::Answer};
use crate::model::{Cause, ErrorKind, Failure};

/// What a call does at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Changes nothing: a lost answer is no loss.
    Reading,
    /// Makes a file that nobody sees until a comment names it; a lost answer is no loss.
    Uploading,
    /// Adds a comment: a lost answer may hide one.
    Commenting,
}

/// Longest text of the other side's that is taken for words, in characters.
const MAX_WORDS: usize = 300;

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    after: Option<Duration>,
    /// Its name, such as `RecordNotFound`; empty where there is none.
    name: String,
    /// Everything it says, for people.
    words: String,
    /// The fields it complains about.
    fields: Vec<String>,
    /// Whether it is one of Zendesk's own and no page of something before it.
    is_json: bool,
    request: Option<String>,
}

/// A lost answer, as a failure of what was to be done.
pub(super) fn lost(failure: Failure, doing: Doing) -> Failure {
    match (doing, failure) {
        (Doing::Reading | Doing::Uploading, Failure::Unknown { cause }) => {
            Failure::Later { after: None, cause }
        }
        (_, failure) => failure,
    }
}

/// An answer that says success and cannot be understood.
pub(super) fn unreadable(doing: Doing, about: &str) -> Failure {
    let cause = Cause::new(
        ErrorKind::Protocol,
        format!("Zendesk did not {about}: the answer makes no sense"),
        "check that `domain` or `base_url` leads to Zendesk itself, not to a log-in page",
    );
    lost(Failure::Unknown { cause }, doing)
}

impl Fault {
    /// Reads one of the four forms of errors, or a text; a page of HTML says nothing.
    pub(super) fn of(answer: &Answer) -> Self {
        let json = serde_json::from_slice::<Json>(&answer.body).ok().filter(Json::is_object);
        let mut fault = Self {
            status: answer.status,
            after: answer.after,
            name: String::new(),
            words: String::new(),
            fields: Vec::new(),
            is_json: json.is_some(),
            request: answer.request.clone(),
        };
        match json {
            Some(json) => fault.read(&json),
            None => fault.words = plain(&answer.body),
        }
        fault.words = fault.words.chars().take(MAX_WORDS).collect();
        fault
    }

    fn read(&mut self, json: &Json) {
        let mut words: Vec<&str> = Vec::new();
        match json.get("error") {
            Some(Json::String(name)) => {
                // One word is a name, more are a message.
                if !name.contains(char::is_whitespace) {
                    self.name.clone_from(name);
                }
                words.push(name);
            }
            Some(error) => words.extend(texts(error, &["title", "message"])),
            None => {}
        }
        words.extend(texts(json, &["description", "message"]));
        for error in json.get("errors").and_then(Json::as_array).into_iter().flatten() {
            if let (true, Some(code)) = (self.name.is_empty(), error["code"].as_str()) {
                code.clone_into(&mut self.name);
            }
            words.extend(error.as_str());
            words.extend(texts(error, &["code", "title", "detail"]));
        }
        match json.get("details") {
            Some(Json::Object(details)) => {
                for (field, complaints) in details {
                    self.fields.push(field.to_ascii_lowercase());
                    for complaint in complaints.as_array().into_iter().flatten() {
                        words.extend(complaint.as_str());
                        words.extend(texts(complaint, &["description"]));
                    }
                }
            }
            Some(Json::String(details)) => words.push(details),
            _ => {}
        }
        self.words = words.join(": ");
    }

    fn says(&self, parts: &[&str]) -> bool {
        let words = self.words.to_ascii_lowercase();
        parts.iter().any(|part| words.contains(part) || self.fields.iter().any(|f| f == part))
    }

    /// Whether it says this word, as one of its own ("authorized" names no author), or complains
    /// about this field.
    fn names(&self, word: &str) -> bool {
        let is_apart = |c: char| !c.is_alphanumeric() && c != '_';
        self.words.to_lowercase().split(is_apart).any(|said| said == word)
            || self.fields.iter().any(|field| field == word)
    }

    fn is(&self, status: u16, name: &str) -> bool {
        self.status.as_u16() == status && self.name == name
    }

    /// Whether a comment was refused because of the files it names: the ticket was there a
    /// moment ago, so what is missing is an upload.
    pub(super) fn is_about_uploads(&self) -> bool {
        let named = ["upload", "uploads", "attachment", "attachments", "token"];
        self.is(404, "RecordNotFound") || (self.status.as_u16() == 422 && self.says(&named))
    }

    /// Whether a comment was refused because of the one who was to be its author.
    pub(super) fn is_about_author(&self) -> bool {
        let names = ["author", "author_id", "requester", "suspended"];
        self.status.as_u16() == 422 && names.iter().any(|name| self.names(name))
    }

    fn is_about_closing(&self) -> bool {
        self.status.as_u16() == 422 && self.says(&["closed"])
    }

    fn is_about_count(&self) -> bool {
        self.status.as_u16() == 422 && self.says(&["5,000", "5000", "too many comments"])
    }

    fn is_about_scopes(&self) -> bool {
        self.says(&["scope", "scopes"])
    }

    /// Whether it allows something to nobody, or not to us.
    pub(super) fn is_forbidden(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
    }

    /// Whether it is no answer of a Zendesk's interface.
    fn is_from_elsewhere(&self) -> bool {
        !self.is_json || self.name == "InvalidEndpoint"
    }

    /// Whether it does not say if it is about the whole account or about one ticket or picture.
    pub(super) fn is_doubtful(&self, doing: Doing) -> bool {
        match self.status.as_u16() {
            300..=399 | 402 | 423 => true,
            403 => !self.is_about_scopes(),
            404 | 405 | 410 => doing == Doing::Uploading || self.is_from_elsewhere(),
            _ => false,
        }
    }

    /// The failure that it is where the account lets the bridge in all the same.
    pub(super) fn failure_of_photo(
        self,
        doing: Doing,
        about: &str,
        settings: &Settings,
    ) -> Failure {
        let fix = if doing == Doing::Uploading { FIX_PICTURE } else { FIX_REJECTED };
        match self.failure(doing, about, settings) {
            Failure::Broken { cause } => {
                Failure::Refused { cause: Cause { fix: fix.to_owned(), ..cause } }
            }
            failure => failure,
        }
    }

    /// The fault as a failure of what was to be done, `about` in words ("add the comment").
    pub(super) fn failure(self, doing: Doing, about: &str, settings: &Settings) -> Failure {
        let (verdict, kind, fix) = self.judge(doing, settings);
        let number = self.status.as_u16();
        let says = match self.name.as_str() {
            "" => format!("HTTP {number}"),
            name => format!("HTTP {number} {name}"),
        };
        let request = self.request.iter().map(|id| format!("request {id}"));
        let words = (!self.words.is_empty()).then(|| self.words.clone());
        let detail: Vec<_> = words.into_iter().chain(request).collect();
        let cause = Cause::new(kind, format!("Zendesk did not {about}: {says}"), fix)
            .with_detail(&detail.join(", "));
        match verdict {
            Verdict::Unknown if doing == Doing::Commenting => Failure::Unknown { cause },
            Verdict::Later | Verdict::Unknown => Failure::Later { after: self.after, cause },
            Verdict::Refused => Failure::Refused { cause },
            Verdict::Broken => Failure::Broken { cause },
        }
    }

    fn judge(&self, doing: Doing, settings: &Settings) -> (Verdict, ErrorKind, String) {
        let fixed = |verdict, kind, fix: &str| (verdict, kind, fix.to_owned());
        let passing = if doing == Doing::Commenting { FIX_LOOK } else { FIX_PASSING };
        match self.status.as_u16() {
            300..=399 => {
                let fix = "write the address that it leads to as `domain` or `base_url`";
                fixed(Verdict::Broken, ErrorKind::Protocol, fix)
            }
            401 => fixed(Verdict::Broken, ErrorKind::Unauthorized, FIX_LOGIN),
            402 | 423 => fixed(Verdict::Broken, ErrorKind::Forbidden, FIX_ACCOUNT),
            403 if doing == Doing::Uploading || self.is_about_scopes() => {
                fixed(Verdict::Broken, ErrorKind::Forbidden, FIX_SCOPES)
            }
            403 => fixed(Verdict::Refused, ErrorKind::Forbidden, FIX_RIGHTS),
            404 | 405 | 410 => self.missing(doing, settings),
            408 if doing != Doing::Commenting => {
                fixed(Verdict::Later, ErrorKind::Timeout, FIX_BUSY)
            }
            409 => fixed(Verdict::Later, ErrorKind::Unavailable, FIX_BUSY),
            413 => (Verdict::Refused, ErrorKind::TooLarge, too_large(settings)),
            422 => self.invalid(doing, settings),
            429 => fixed(Verdict::Later, ErrorKind::RateLimited, FIX_BUSY),
            408 | 504 => fixed(Verdict::Unknown, ErrorKind::Timeout, passing),
            400..=499 => fixed(Verdict::Refused, ErrorKind::Rejected, FIX_REJECTED),
            500..=599 => fixed(Verdict::Unknown, ErrorKind::Unavailable, passing),
            _ => fixed(Verdict::Unknown, ErrorKind::Protocol, passing),
        }
    }

    fn missing(&self, doing: Doing, settings: &Settings) -> (Verdict, ErrorKind, String) {
        if self.is_from_elsewhere() || doing == Doing::Uploading {
            let fix = format!(
                "check `domain` and `base_url`: {} does not serve the API of a Zendesk account",
                settings.place()
            );
            return (Verdict::Broken, ErrorKind::NotFound, fix);
        }
        let fix = format!(
            "check that {} has this ticket, not deleted, and that the bridge's user may see it; \
             then replay the delivery",
            settings.place()
        );
        (Verdict::Refused, ErrorKind::NotFound, fix)
    }

    fn invalid(&self, doing: Doing, settings: &Settings) -> (Verdict, ErrorKind, String) {
        let refused = |fix: &str| (Verdict::Refused, ErrorKind::Rejected, fix.to_owned());
        if doing == Doing::Uploading {
            return if self.says(&["too large", "too big", "size", "exceed"]) {
                (Verdict::Refused, ErrorKind::TooLarge, too_large(settings))
            } else {
                refused(
                    "allow the picture's type in Zendesk (Admin Center > Objects and rules > \
                     Tickets > Settings > Attachments), then replay the delivery",
                )
            };
        }
        if self.is_about_closing() {
            return refused(FIX_CLOSED);
        }
        if self.is_about_count() {
            return refused("a ticket takes 5,000 comments; name another ticket for the session");
        }
        refused(FIX_REJECTED)
    }
}

/// What an answer means, before it is known what the call did.
enum Verdict {
    /// Not done; may work later.
    Later,
    /// Perhaps done.
    Unknown,
    /// Not done, and never will be for this photo.
    Refused,
    /// Not done, and never will be for any photo.
    Broken,
}

/// What to do about a closed ticket, which nobody can open again.
pub(super) const FIX_CLOSED: &str =
    "a closed ticket takes nothing any more; have the photos sent to its follow-up ticket";
const FIX_LOGIN: &str = "check client_id and client_secret (or email and api_token) and that the \
                         user they belong to is still an agent";
const FIX_ACCOUNT: &str = "look at the account's subscription in Zendesk";
/// What lets the bridge upload (`fixtures/contracts/open-questions.md`, F2).
pub(super) const FIX_SCOPES: &str = "give the OAuth client the scopes tickets:read and \
                                     tickets:write; where that is not enough, set \
                                     scopes = [\"read\", \"write\"]";
const FIX_RIGHTS: &str = "give the bridge's user access to this ticket's group and brand in \
                          Zendesk, then replay the delivery";
const FIX_BUSY: &str = "nothing; it is tried again";
const FIX_PASSING: &str = "nothing if it passes; else look at Zendesk's status page";
const FIX_LOOK: &str = "nothing; the next attempt looks before it sends";
const FIX_PICTURE: &str = "look at what the answer says of the picture, then replay the delivery";
const FIX_REJECTED: &str = "look at the ticket in Zendesk, then replay the delivery";

fn too_large(settings: &Settings) -> String {
    format!(
        "the account takes less than max_attachment = {} bytes; lower it, ask for smaller \
         pictures, or route large photos to a storage destination",
        settings.max_attachment
    )
}

/// The texts under these keys.
fn texts<'a>(json: &'a Json, keys: &'a [&str]) -> impl Iterator<Item = &'a str> {
    keys.iter().filter_map(|key| json.get(*key)?.as_str()).filter(|text| !text.is_empty())
}

/// A body that is no JSON as one line; nothing of a page.
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with(['<', '{', '[']) {
        return String::new();
    }
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
