//! What went wrong with a call, as a failure: by status, and by the code in either of the two
//! shapes of an error (`fixtures/contracts/freshdesk.md` section 6, `open-questions.md` E8, E14).

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value as Json;

use super::{
    settings::{Login, Settings},
    wire::{Call, Wire},
};
use crate::model::{Cause, ErrorKind, Failure};

/// Longest code that is taken for one.
const MAX_CODE: usize = 60;

/// What came instead of a good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// No answer, or no way to ask: what the failure says.
    Wire(Failure),
    /// An answer with a good status that makes no sense, and why.
    Unreadable(String),
    /// An answer with a good status and more bytes than are read.
    TooLarge,
    /// The other side's refusal.
    Refused(Box<Refusal>),
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// How long to wait, where it says so.
    pub(super) after: Option<Duration>,
    /// Its number in the other side's log.
    pub(super) request_id: Option<String>,
    /// The host that a redirect leads to.
    pub(super) leads_to: Option<String>,
    pub(super) said: Said,
}

/// The words of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    code: Option<String>,
    message: Option<String>,
    description: Option<String>,
    errors: Vec<FieldError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldError {
    field: Option<String>,
    message: Option<String>,
    code: Option<String>,
}

impl Said {
    /// Reads both shapes, each word that is one; of a page or anything else only that it is one.
    pub(super) fn read(body: &[u8]) -> Self {
        if let Ok(json @ Json::Object(_)) = serde_json::from_slice(body) {
            return Self::of(&json);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let message = match text {
            "" => None,
            page if page.starts_with('<') => Some("an HTML page".to_owned()),
            text => Some(text.to_owned()),
        };
        Self { message, ..Self::default() }
    }

    fn of(json: &Json) -> Self {
        let text = |json: &Json, key: &str| json[key].as_str().map(str::to_owned);
        let error = |json: &Json| FieldError {
            field: text(json, "field"),
            message: text(json, "message").or_else(|| json.as_str().map(str::to_owned)),
            code: text(json, "code"),
        };
        Self {
            code: text(json, "code"),
            message: text(json, "message"),
            description: text(json, "description"),
            errors: json["errors"].as_array().into_iter().flatten().map(error).collect(),
        }
    }

    /// The one code of the whole answer, in letters that can be shown.
    fn code(&self) -> Option<&str> {
        let is_plain = |code: &&str| {
            code.len() <= MAX_CODE && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        self.code.as_deref().filter(is_plain)
    }

    fn is_about(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field.as_deref() == Some(field))
    }

    /// Whether it is about the size of what was attached.
    fn is_about_size(&self) -> bool {
        let texts = self.errors.iter().filter_map(|error| error.message.as_ref());
        texts.chain(&self.message).chain(&self.description).any(|text| {
            let text = text.to_lowercase();
            let large = ["size", "large", "exceed", "limit"].iter().any(|word| text.contains(word));
            large && (text.contains("attachment") || self.is_about("attachments"))
        })
    }

    fn detail(&self) -> String {
        let field = |error: &FieldError| {
            let parts = [&error.field, &error.message, &error.code];
            parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
        };
        let whole = [&self.code, &self.message, &self.description].into_iter().flatten().cloned();
        whole.chain(self.errors.iter().map(field)).collect::<Vec<_>>().join("; ")
    }
}

/// What a refusal means.
enum Verdict {
    Later,
    /// Who wrote does not know; who read tries again.
    Unknown,
    Refused,
    Broken,
}

impl Fault {
    /// Whether it refuses the credentials, as a token's end does.
    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::UNAUTHORIZED)
    }

    /// Whether it refuses the requester as the author of a note, and only that
    /// (`freshdesk.md` section 7).
    pub(super) fn refuses_author(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        let said = &refusal.said;
        refusal.status == StatusCode::BAD_REQUEST
            && (said.is_about("user_id") || said.is_about("incoming"))
    }

    /// Whether it does not say if it is about the whole account or about one ticket: a wrong
    /// sub-domain looks like a missing ticket, a wrong key like one out of the agent's reach
    /// (`freshservice.md` section 1), and a feature or an address may be missing for some
    /// tickets alone.
    pub(super) fn is_doubtful(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        match refusal.status.as_u16() {
            300..=399 => true,
            403 | 404 if !refusal.is_of_account() => true,
            _ => refusal.said.code() == Some(NO_FEATURE),
        }
    }

    /// The failure that it is for a call to a ticket of an account that lets the bridge in.
    pub(super) fn failure_of_ticket(self, wire: &Wire, call: &Call<'_>) -> Failure {
        match self.failure(wire, call) {
            Failure::Broken { cause } => {
                Failure::Refused { cause: Cause { fix: FIX_REJECTED.to_owned(), ..cause } }
            }
            failure => failure,
        }
    }

    /// The failure that it is for a call.
    pub(super) fn failure(self, wire: &Wire, call: &Call<'_>) -> Failure {
        let (product, about) = (wire.settings.product.name(), call.about);
        let no_answer = |cause| match call.writes {
            true => Failure::Unknown { cause },
            false => Failure::Later { after: None, cause },
        };
        match self {
            Self::Wire(Failure::Unknown { cause }) => no_answer(cause),
            Self::Wire(failure) => failure,
            Self::Unreadable(why) => no_answer(
                Cause::new(
                    ErrorKind::Protocol,
                    format!("{product} did not {about}: the answer makes no sense"),
                    "check that `domain` or `base_url` leads to the help desk itself",
                )
                .with_detail(&why),
            ),
            Self::TooLarge => {
                let what = format!("{product} did not {about}: its answer has more than 16 MiB");
                let fix = match call.ticket {
                    Some(_) => FIX_BY_HAND.to_owned(),
                    None => fix_address(&wire.settings),
                };
                no_answer(Cause::new(ErrorKind::Protocol, what, fix))
            }
            Self::Refused(refusal) => refusal.failure(wire, call),
        }
    }
}

/// The code of what an account's plan, or a kind of ticket, does not have.
const NO_FEATURE: &str = "require_feature";
/// Codes that concern the account or the login, whatever was asked for.
const OF_ACCOUNT: [&str; 9] = [
    "invalid_credentials",
    "password_lockout",
    "password_expired",
    "unsupported_authentication_type",
    "access_token_expired",
    "access_token_invalid",
    "account_suspended",
    NO_FEATURE,
    "ssl_required",
];

const FIX_LOOK: &str = "nothing; the next attempt looks before it sends";
const FIX_PASSING: &str = "nothing if it passes; else look at the help desk's status page";
const FIX_BY_HAND: &str = "look on the ticket yourself: drop the delivery if the photo is there, \
                           else replay it";
const FIX_REJECTED: &str = "look at the ticket and at what the answer says, then replay the \
                            delivery";
const FIX_CHAT: &str = "tickets of a web chat or a mobile app take no public notes by their \
                        API: let the session ask for mode \"internal\", then replay the delivery";

impl Refusal {
    fn is_of_account(&self) -> bool {
        self.status.is_client_error()
            && self.said.code().is_some_and(|code| OF_ACCOUNT.contains(&code))
    }

    /// Whether it finds what was posted too large.
    fn is_of_size(&self, call: &Call<'_>) -> bool {
        let is_large = self.status == StatusCode::PAYLOAD_TOO_LARGE || self.said.is_about_size();
        call.writes && is_large
    }

    fn failure(&self, wire: &Wire, call: &Call<'_>) -> Failure {
        let (verdict, kind, fix) = self.judge(wire, call);
        let product = wire.settings.product.name();
        let what = format!("{product} did not {}: {}", call.about, self.says(wire, call));
        let request = self.request_id.iter().map(|id| format!("request {id}"));
        let detail = std::iter::once(self.said.detail()).filter(|text| !text.is_empty());
        let detail = detail.chain(request).collect::<Vec<_>>().join("; ");
        let cause = Cause::new(kind, what, fix).with_detail(&detail);
        match verdict {
            Verdict::Unknown if call.writes => Failure::Unknown { cause },
            Verdict::Later | Verdict::Unknown => Failure::Later { after: self.after, cause },
            Verdict::Refused => Failure::Refused { cause },
            Verdict::Broken => Failure::Broken { cause },
        }
    }

    fn says(&self, wire: &Wire, call: &Call<'_>) -> String {
        let status = self.status.as_u16();
        match (status, self.said.code(), &self.leads_to) {
            (404, ..) => match call.ticket {
                Some(ticket) => format!("there is no ticket {ticket} at {}", wire.host()),
                None => format!("there is no help desk at {}", wire.host()),
            },
            (400 | 413, ..) if self.is_of_size(call) => "the note is too large".to_owned(),
            (429, ..) => "the account's calls are used up".to_owned(),
            (300..=399, _, Some(host)) => format!("HTTP {status}, which leads to {host}"),
            (_, Some(code), _) => format!("HTTP {status}, {code}"),
            _ => format!("HTTP {status}"),
        }
    }

    fn judge(&self, wire: &Wire, call: &Call<'_>) -> (Verdict, ErrorKind, String) {
        use Verdict::{Broken, Later, Refused, Unknown};
        let settings = &wire.settings;
        let rejected = if self.said.is_about("structured_body") { FIX_CHAT } else { FIX_REJECTED };
        let passing = if call.writes { FIX_LOOK } else { FIX_PASSING };
        let (verdict, kind, fix) = match self.status.as_u16() {
            300..=399 => (Broken, ErrorKind::Protocol, fix_address(settings)),
            401 => (Broken, ErrorKind::Unauthorized, fix_login(wire)),
            400..=499 if self.is_of_account() => self.judge_account(wire),
            400 | 413 if self.is_of_size(call) => (Refused, ErrorKind::TooLarge, fix_size(wire)),
            403 => (Refused, ErrorKind::Forbidden, fix_rights(settings, call)),
            404 => (Refused, ErrorKind::NotFound, fix_ticket(settings, call)),
            405 => (Refused, ErrorKind::NotFound, fix_gone()),
            408 | 504 => (Unknown, ErrorKind::Timeout, passing.to_owned()),
            410 => (Refused, ErrorKind::Gone, fix_gone()),
            429 => (Later, ErrorKind::RateLimited, "nothing; it goes on by itself".to_owned()),
            406 | 415 => (Refused, ErrorKind::Rejected, "report this with the answer".to_owned()),
            400..=499 => (Refused, ErrorKind::Rejected, rejected.to_owned()),
            500..=599 => (Unknown, ErrorKind::Unavailable, passing.to_owned()),
            _ => (Unknown, ErrorKind::Protocol, passing.to_owned()),
        };
        (verdict, kind, fix)
    }

    fn judge_account(&self, wire: &Wire) -> (Verdict, ErrorKind, String) {
        let (kind, fix) = match self.said.code() {
            Some("account_suspended") => (
                ErrorKind::Forbidden,
                "the account is suspended: settle that with the vendor".to_owned(),
            ),
            Some(NO_FEATURE) => (
                ErrorKind::Forbidden,
                "the account's plan does not include what the bridge needs: the API with \
                 private and public notes"
                    .to_owned(),
            ),
            Some("ssl_required") => {
                (ErrorKind::Protocol, "let `base_url` begin with https".to_owned())
            }
            _ => (ErrorKind::Unauthorized, fix_login(wire)),
        };
        (Verdict::Broken, kind, fix)
    }
}

fn fix_address(settings: &Settings) -> String {
    let product = settings.product.name();
    format!("set `domain` (or `base_url`) to the address that {product} itself answers at")
}

fn fix_login(wire: &Wire) -> String {
    match wire.settings.login {
        Login::ApiKey(_) => "check `api_key` against the agent's profile, and that the agent is \
                             neither locked out nor deactivated"
            .to_owned(),
        Login::OAuth(_) => {
            format!("log in again: apertur-bridge destinations login {}", wire.name)
        }
    }
}

fn fix_size(wire: &Wire) -> String {
    format!(
        "set `destination.{}.max_attachment` (now {} bytes) to what the account takes; route \
         larger photos to a storage destination",
        wire.name, wire.settings.max_attachment
    )
}

fn fix_rights(settings: &Settings, call: &Call<'_>) -> String {
    if call.ticket.is_none() {
        return "check the credentials: they are wrong, or their agent's role, the account's plan \
                or the OAuth scopes do not allow this"
            .to_owned();
    }
    let agent = match settings.login {
        Login::ApiKey(_) => "the agent whose key it is",
        Login::OAuth(_) => "the agent who logged in, and the OAuth client's scopes,",
    };
    format!("let {agent} see the ticket (role, group, workspace), then replay the delivery")
}

fn fix_ticket(settings: &Settings, call: &Call<'_>) -> String {
    match call.ticket {
        Some(_) => "check the ticket's number and `domain`, then replay the delivery".to_owned(),
        None => fix_address(settings),
    }
}

pub(super) fn fix_gone() -> String {
    "check that the ticket is neither deleted nor spam, then replay the delivery".to_owned()
}

#[cfg(test)]
mod tests;
