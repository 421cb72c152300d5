//! What is to be said about a signature. Pure; never gives a whole signature that was computed
//! here, nor a secret.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::super::signed::{Case, Encoding, Found, Signature, expected, read, search};
use crate::{
    model::Scheme,
    receive::signature::{Claim, Refusal, Secrets},
};

/// A request and what it is to be checked with.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) secrets: &'a [SecretString],
    pub(super) max_age: Duration,
    pub(super) now: Timestamp,
}

/// What there is to say.
#[derive(Debug, Default)]
pub(super) struct Explained {
    /// What was looked at, with a label.
    pub(super) facts: Vec<(String, String)>,
    /// Why it does not verify.
    pub(super) why: Vec<String>,
    pub(super) verified: bool,
}

const SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];

/// Judges as the door does and explains.
pub(super) fn explain(request: &Request<'_>) -> Explained {
    let mut said = Explained::default();
    let claim = Claim::read(request.headers, request.now, request.max_age);
    let timeless = Claim::read(request.headers, request.now, Duration::MAX);
    let seen = Seen::read(request.headers);
    said.facts.push(("scheme".to_owned(), seen.scheme_text()));
    said.time(&seen, request, &claim);
    let digest = hex::encode(&Sha256::digest(request.body)[..4]);
    let size = request.body.len();
    said.facts.push(("body".to_owned(), format!("{size} bytes, sha256 {digest}...")));
    match &timeless {
        Err(Refusal::Missing) => said.missing(request.headers),
        Err(Refusal::Contradiction) => said.why.push(seen.contradiction()),
        Err(refusal) => said.form(*refusal, &seen),
        Ok(_) => {}
    }
    let secrets: Vec<_> = request.secrets.iter().map(|secret| secret.expose_secret()).collect();
    let case = seen.case(request.body, &secrets);
    let right = (0..secrets.len()).find(|&at| {
        let ours = Secrets::new(&request.secrets[at..=at]);
        let check = timeless.clone().ok().map(|claim| claim.check(&ours));
        check.is_some_and(|mut check| {
            check.update(request.body);
            check.finish().is_ok()
        })
    });
    said.signatures(&case, right);
    if right.is_none() {
        said.search(&case, &seen);
    }
    said.verified = right.is_some() && claim.is_ok();
    said
}

impl Explained {
    fn time(&mut self, seen: &Seen, request: &Request<'_>, claim: &Result<Claim, Refusal>) {
        let Some(at) = seen.at() else { return };
        let Some(time) = at.parse().ok().and_then(|at| Timestamp::from_second(at).ok()) else {
            let milliseconds = at.len() == 13 && at.bytes().all(|b| b.is_ascii_digit());
            let hint = if milliseconds { "; these are milliseconds" } else { "" };
            self.why.push(format!("the timestamp {at:?} is not in unix seconds{hint}"));
            return;
        };
        let age = request.now.duration_since(time);
        let seconds = Duration::from_secs(age.unsigned_abs().as_secs());
        let span = humantime::format_duration(seconds);
        let side = if age.is_negative() { "after" } else { "before" };
        self.facts.push(("signed".to_owned(), format!("{time}, {span} {side} {:.0}", request.now)));
        if matches!(claim, Err(Refusal::Age)) {
            let most = humantime::format_duration(request.max_age);
            let (what, fix) = if age.is_negative() {
                ("in the future", "set the clocks of both machines")
            } else {
                ("too old", "set the clocks, or find what held it up; --at judges another time")
            };
            self.why.push(format!(
                "the timestamp is {what}: {span} away, webhook.max_age is {most}; {fix}"
            ));
        }
    }

    fn missing(&mut self, headers: &HeaderMap) {
        let near: Vec<_> =
            headers.keys().map(|n| n.as_str()).filter(|n| n.contains("sign")).collect();
        let near = if near.is_empty() {
            String::new()
        } else {
            format!(" (there is {}, which is not Apertur's)", near.join(", "))
        };
        self.why.push(format!(
            "there is no X-Apertur-Signature, X-Aptr-Signature or svix-signature header{near}; \
             set a secret in Apertur, and see that no proxy drops the header"
        ));
    }

    fn form(&mut self, refusal: Refusal, seen: &Seen) {
        let absent: Vec<_> =
            SVIX.iter().zip(&seen.svix).filter(|(_, found)| found.is_empty()).collect();
        if seen.scheme == Scheme::Svix && !absent.is_empty() {
            let names: Vec<_> = absent.iter().map(|(name, _)| **name).collect();
            self.why.push(format!(
                "svix needs svix-id, svix-timestamp and svix-signature; {} is missing",
                names.join(" and ")
            ));
        } else if seen.signatures.is_empty() {
            self.why.push(format!("{refusal}; it is neither hex nor base64"));
        }
        let wanted = seen.encoding();
        for signature in &seen.signatures {
            let header = &signature.header;
            if let Some(name) = other_algorithm(signature.bytes.len()) {
                self.why.push(format!(
                    "{header} has {} bytes, as {name}; HMAC-SHA256 gives 32",
                    signature.bytes.len()
                ));
            } else if signature.encoding != wanted || seen.is_oddly_written() {
                let form = match wanted {
                    Encoding::Hex => "sha256= and 64 hex digits",
                    Encoding::Base64 => "v1, and base64",
                };
                self.why.push(format!("{header} is not written as {form}"));
            }
        }
    }

    fn signatures(&mut self, case: &Case<'_>, right: Option<usize>) {
        for signature in case.signatures {
            let start = start(&signature.bytes);
            self.facts.push(("came".to_owned(), format!("{start} in {}", signature.header)));
        }
        for secret in 0..case.secrets.len() {
            let text = match expected(case, secret) {
                None => {
                    "cannot be a svix key; svix takes hex digits, or whsec_ and base64".to_owned()
                }
                Some(ours) if right == Some(secret) => format!("gives {}, the same", start(&ours)),
                Some(ours) => format!("gives {}", start(&ours)),
            };
            self.facts.push((format!("secret {}", secret + 1), text));
        }
    }

    fn search(&mut self, case: &Case<'_>, seen: &Seen) {
        if case.signatures.is_empty() {
            return;
        }
        match search(case) {
            Some(Found { why, secret, signature }) => {
                if why.is_empty() && seen.is_contradictory() {
                    let header = &case.signatures[signature].header;
                    let number = secret + 1;
                    self.why
                        .push(format!("the one in {header} would be right with secret {number}"));
                }
                self.why.extend(why);
            }
            None => {
                if case.body.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes()) {
                    self.why.push(
                        "the body holds replacement characters: something read bytes as text and \
                         lost some; verify the raw bytes"
                            .to_owned(),
                    );
                }
                self.why.push(
                    "no usual mistake gives this signature: the sender most likely has another \
                     secret, or this is not the body that was sent; compare the secret with the \
                     one in Apertur"
                        .to_owned(),
                );
            }
        }
    }
}

fn other_algorithm(length: usize) -> Option<&'static str> {
    match length {
        20 => Some("HMAC-SHA1 gives"),
        48 => Some("HMAC-SHA384 gives"),
        64 => Some("HMAC-SHA512 gives"),
        _ => None,
    }
}

/// Enough of a signature to compare, too little to use.
fn start(signature: &[u8]) -> String {
    format!("{}...", hex::encode(&signature[..signature.len().min(4)]))
}

/// The headers that matter, as they are.
#[derive(Debug)]
struct Seen {
    scheme: Scheme,
    svix: [Vec<(String, String)>; 3],
    stamps: Vec<(String, String)>,
    texts: Vec<(String, String)>,
    signatures: Vec<Signature>,
}

impl Seen {
    fn read(headers: &HeaderMap) -> Self {
        let all = |name: &str| -> Vec<(String, String)> {
            let values = headers.get_all(name);
            let text = |value: &actix_web::http::header::HeaderValue| {
                (name.to_owned(), String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
            };
            values.map(text).collect()
        };
        let spelled = |name: &str| {
            [format!("x-apertur-{name}"), format!("x-aptr-{name}")].map(|name| all(&name)).concat()
        };
        let svix = SVIX.map(all);
        let (stamps, plain) = (spelled("timestamp"), spelled("signature"));
        let scheme = match (svix.iter().all(Vec::is_empty), stamps.is_empty()) {
            (false, _) => Scheme::Svix,
            (true, false) => Scheme::Timestamped,
            (true, true) => Scheme::Body,
        };
        let texts = if scheme == Scheme::Svix { svix[2].clone() } else { plain };
        let words = texts.iter().flat_map(|(name, text)| {
            let words = text.split_ascii_whitespace();
            words.map(move |word| (name, word))
        });
        let signatures = words.filter_map(|(name, word)| read(name, word)).collect();
        Self { scheme, svix, stamps, texts, signatures }
    }

    fn encoding(&self) -> Encoding {
        match self.scheme {
            Scheme::Svix => Encoding::Base64,
            Scheme::Body | Scheme::Timestamped => Encoding::Hex,
        }
    }

    fn at(&self) -> Option<&str> {
        let stamps = if self.scheme == Scheme::Svix { &self.svix[1] } else { &self.stamps };
        stamps.first().map(|(_, at)| at.as_str())
    }

    fn scheme_text(&self) -> String {
        let why = match self.scheme {
            Scheme::Svix => "there are svix- headers",
            Scheme::Timestamped => "there is a timestamp header",
            Scheme::Body => "there is no timestamp header",
        };
        format!("{}, because {why}", self.scheme)
    }

    /// Right bytes in the right encoding behind a prefix that the door does not know.
    fn is_oddly_written(&self) -> bool {
        let known = |text: &str| match self.scheme {
            Scheme::Svix => text.starts_with("v1,"),
            _ => text.starts_with("sha256=") || text.len() == 64,
        };
        self.texts.iter().any(|(_, text)| !known(text))
    }

    fn groups(&self) -> impl Iterator<Item = &Vec<(String, String)>> {
        self.svix.iter().chain([&self.stamps, &self.texts])
    }

    fn is_contradictory(&self) -> bool {
        self.groups().any(|group| group.iter().any(|(_, value)| *value != group[0].1))
    }

    fn contradiction(&self) -> String {
        let group = self.groups().find(|group| group.iter().any(|(_, v)| *v != group[0].1));
        let mut names: Vec<_> =
            group.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        format!(
            "{} stands there with different values; find out who adds the second one, often a \
             proxy or a custom header in Apertur",
            names.join(" / ")
        )
    }

    fn case<'a>(&'a self, body: &'a [u8], secrets: &'a [&'a str]) -> Case<'a> {
        Case {
            scheme: self.scheme,
            id: self.svix[0].first().map_or("", |(_, id)| id.as_str()),
            at: self.at().unwrap_or_default(),
            signatures: &self.signatures,
            body,
            secrets,
        }
    }
}

#[cfg(test)]
mod tests;
