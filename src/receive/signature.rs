//! Who sent it: the three signature schemes (`fixtures/contracts/apertur.md`, section 1.5).
//!
//! The scheme is chosen by the headers that are there, and never a weaker one than they ask
//! for. Every secret is tried, whatever the others said, and compared in constant time.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use crate::{
    model::Scheme,
    webhook::{keys, prefix},
};

/// Why a request is not from somebody who knows the secret. For logs and `webhook verify`
/// only: the sender is told nothing but 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature at all.
    #[error("there is no signature header (X-Apertur-Signature, X-Aptr-Signature or svix-*)")]
    Missing,
    /// The same header twice, or in both spellings, with different values.
    #[error("the X-Aptr- and X-Apertur- spellings of a header contradict each other")]
    Contradiction,
    /// Not in the form of its scheme.
    #[error("the signature, or a header that belongs to it, is not in the form of its scheme")]
    Form,
    /// Signed too long ago, or in the future.
    #[error("the timestamp is older or newer than webhook.max_age allows; look at the clocks")]
    Age,
    /// No secret gives this signature.
    #[error("no configured secret gives this signature for these bytes")]
    Mismatch,
}

/// One header in either of Apertur's spellings; `None` when it is in neither.
///
/// # Errors
/// [`Refusal::Contradiction`] when two values differ, [`Refusal::Form`] for a value that is
/// not ASCII text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut found: Option<&str> = None;
    for spelling in ["x-apertur-", "x-aptr-"] {
        found = agree(headers, &format!("{spelling}{name}"), found)?;
    }
    Ok(found)
}

fn agree<'a>(
    headers: &'a HeaderMap,
    name: &str,
    mut found: Option<&'a str>,
) -> Result<Option<&'a str>, Refusal> {
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| Refusal::Form)?.trim();
        if found.is_some_and(|known| known != value) {
            return Err(Refusal::Contradiction);
        }
        found = Some(value);
    }
    Ok(found)
}

/// What the headers claim: a scheme, what stands before the body in the signed message, and
/// the signatures of which one must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The scheme.
    pub scheme: Scheme,
    prefix: String,
    signatures: Vec<[u8; 32]>,
}

impl Claim {
    /// Reads the headers.
    ///
    /// # Errors
    /// Every [`Refusal`] but `Mismatch`.
    pub fn read(headers: &HeaderMap, now: Timestamp, max_age: Duration) -> Result<Self, Refusal> {
        let svix = ["svix-id", "svix-timestamp", "svix-signature"].map(|n| agree(headers, n, None));
        let [id, at, signature] = svix;
        let (id, at, signature) = (id?, at?, signature?);
        if id.is_some() || at.is_some() || signature.is_some() {
            let (Some(id), Some(at), Some(signature)) = (id, at, signature) else {
                return Err(Refusal::Form);
            };
            fresh(at, now, max_age)?;
            let signatures = svix_signatures(signature)?;
            let scheme = Scheme::Svix;
            return Ok(Self { scheme, prefix: prefix(scheme, id, at), signatures });
        }
        let signature = header(headers, "signature")?;
        let at = header(headers, "timestamp")?;
        let signatures = vec![hex_signature(signature.ok_or(Refusal::Missing)?)?];
        let scheme = if at.is_some() { Scheme::Timestamped } else { Scheme::Body };
        if let Some(at) = at {
            fresh(at, now, max_age)?;
        }
        Ok(Self { scheme, prefix: prefix(scheme, "", at.unwrap_or_default()), signatures })
    }

    /// Begins to check a body against the claim, with every secret at once.
    #[must_use]
    pub fn check(self, secrets: &Secrets) -> Check {
        let keys = match self.scheme {
            Scheme::Svix => &secrets.svix,
            Scheme::Body | Scheme::Timestamped => &secrets.plain,
        };
        let mut macs = keys.clone();
        macs.iter_mut().for_each(|mac| mac.update(self.prefix.as_bytes()));
        Check { claim: self, macs }
    }
}

fn fresh(at: &str, now: Timestamp, max_age: Duration) -> Result<(), Refusal> {
    let digits = !at.is_empty() && at.len() <= 12 && at.bytes().all(|b| b.is_ascii_digit());
    let seconds = if digits { at.parse().map_err(|_| Refusal::Form)? } else { -1_i64 };
    let at = Timestamp::from_second(seconds).map_err(|_| Refusal::Form)?;
    if seconds < 0 {
        return Err(Refusal::Form);
    }
    if now.duration_since(at).unsigned_abs() > max_age { Err(Refusal::Age) } else { Ok(()) }
}

fn hex_signature(text: &str) -> Result<[u8; 32], Refusal> {
    let digits = text.strip_prefix("sha256=").unwrap_or(text);
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).map_err(|_| Refusal::Form)?;
    Ok(signature)
}

fn svix_signatures(text: &str) -> Result<Vec<[u8; 32]>, Refusal> {
    let signatures: Vec<_> = text
        .split_ascii_whitespace()
        .filter_map(|one| one.strip_prefix("v1,"))
        .filter_map(|one| STANDARD.decode(one).ok()?.try_into().ok())
        .take(16)
        .collect();
    if signatures.is_empty() { Err(Refusal::Form) } else { Ok(signatures) }
}

/// The configured secrets, ready for use. Never prints them.
#[derive(Clone)]
pub struct Secrets {
    plain: Vec<Hmac<Sha256>>,
    svix: Vec<Hmac<Sha256>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.plain.len())
    }
}

impl Secrets {
    /// Makes the keys of every secret.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        let all = |scheme| secrets.iter().flat_map(move |secret| keys(scheme, secret)).collect();
        Self { plain: all(Scheme::Body), svix: all(Scheme::Svix) }
    }
}

/// A signature being checked while the body arrives.
#[derive(Debug)]
pub struct Check {
    claim: Claim,
    macs: Vec<Hmac<Sha256>>,
}

impl Check {
    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// Says whether the body that went through [`Check::update`] carries the signature.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`].
    pub fn finish(self) -> Result<Scheme, Refusal> {
        let mut matches = Choice::from(0);
        for mac in self.macs {
            let ours = mac.finalize().into_bytes();
            for theirs in &self.claim.signatures {
                matches |= ours.as_slice().ct_eq(theirs);
            }
        }
        if bool::from(matches) { Ok(self.claim.scheme) } else { Err(Refusal::Mismatch) }
    }
}
