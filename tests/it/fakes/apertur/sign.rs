//! The three ways of signing a delivery (section 1.5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Request;

/// The secret of most tests: hex, so that it is a key of every scheme.
pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A way of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Body,
    Timestamped,
    Svix,
}

impl Scheme {
    pub(crate) const ALL: [Scheme; 3] = [Scheme::Body, Scheme::Timestamped, Scheme::Svix];
}

/// Who signs, and how the signature is written.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub secret: String,
    pub scheme: Scheme,
    /// `Aptr` or `Apertur`.
    pub spelling: &'static str,
    /// Unix seconds.
    pub at: i64,
    /// Of svix; the same over retries.
    pub id: String,
    /// The signature begins with `sha256=`.
    pub prefix: bool,
    pub upper_case: bool,
}

impl Default for Signer {
    fn default() -> Signer {
        Signer {
            secret: SECRET.to_owned(),
            scheme: Scheme::Body,
            spelling: "Apertur",
            at: jiff::Timestamp::now().as_second(),
            id: "msg_1".to_owned(),
            prefix: true,
            upper_case: false,
        }
    }
}

impl Signer {
    pub(crate) fn scheme(scheme: Scheme) -> Signer {
        Signer { scheme, ..Signer::default() }
    }

    pub(crate) fn secret(secret: &str) -> Signer {
        Signer { secret: secret.to_owned(), ..Signer::default() }
    }

    /// Adds the signature headers.
    pub(crate) fn sign(&self, request: Request) -> Request {
        let (name, at) = (format!("X-{}-Signature", self.spelling), self.at.to_string());
        match self.scheme {
            Scheme::Body => {
                let signature = self.hex("", &request.body);
                request.header(&name, &signature)
            }
            Scheme::Timestamped => {
                let signature = self.hex(&format!("{at}."), &request.body);
                let request = request.header(&format!("X-{}-Timestamp", self.spelling), &at);
                request.header(&name, &signature)
            }
            Scheme::Svix => {
                let id = &self.id;
                let digest = mac(&svix_key(&self.secret), &format!("{id}.{at}."), &request.body);
                request
                    .header("svix-id", id)
                    .header("svix-timestamp", &at)
                    .header("svix-signature", &format!("v1,{}", STANDARD.encode(digest)))
            }
        }
    }

    fn hex(&self, before: &str, body: &[u8]) -> String {
        let digest = hex::encode(mac(self.secret.as_bytes(), before, body));
        let digest = if self.upper_case { digest.to_uppercase() } else { digest };
        if self.prefix { format!("sha256={digest}") } else { digest }
    }
}

/// Hex, or `whsec_` and base64 (`open-questions.md`, A5).
fn svix_key(secret: &str) -> Vec<u8> {
    match secret.strip_prefix("whsec_") {
        Some(base64) => STANDARD.decode(base64).unwrap(),
        None => hex::decode(secret).unwrap(),
    }
}

fn mac(key: &[u8], before: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(before.as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}
