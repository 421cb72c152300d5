//! The three signature schemes (`fixtures/contracts/apertur.md`, section 1.5).

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::model::Scheme;

/// A secret that can be no key of the svix scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a svix secret is hex digits, or whsec_ and base64")]
pub struct NoKey;

/// The keys that a secret can stand for: its text for the first two schemes; for svix its hex
/// bytes, or the base64 after `whsec_` (`fixtures/contracts/open-questions.md`, A5). None when
/// it is neither.
#[must_use]
pub fn keys(scheme: Scheme, secret: &SecretString) -> Vec<Hmac<Sha256>> {
    let text = secret.expose_secret();
    let bytes = match scheme {
        Scheme::Body | Scheme::Timestamped => [Some(text.as_bytes().to_vec()), None],
        Scheme::Svix => [hex::decode(text).ok(), text.strip_prefix("whsec_").and_then(lenient)],
    };
    bytes.into_iter().flatten().filter_map(|key| Hmac::new_from_slice(&key).ok()).collect()
}

/// Base64 as people copy it: either alphabet, with or without padding.
fn lenient(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    ENGINE.decode(text.replace('-', "+").replace('_', "/")).ok()
}

/// What stands before the body in the signed message. `id` and `at` are the headers' texts.
#[must_use]
pub fn prefix(scheme: Scheme, id: &str, at: &str) -> String {
    match scheme {
        Scheme::Body => String::new(),
        Scheme::Timestamped => format!("{at}."),
        Scheme::Svix => format!("{id}.{at}."),
    }
}

/// Somebody who knows a secret and signs by one scheme. Never prints the secret.
#[derive(Clone)]
pub struct Signer {
    scheme: Scheme,
    key: Hmac<Sha256>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.scheme)
    }
}

impl Signer {
    /// Makes the key.
    ///
    /// # Errors
    /// When the secret cannot be a key of the scheme.
    pub fn new(scheme: Scheme, secret: &SecretString) -> Result<Self, NoKey> {
        let key = keys(scheme, secret).into_iter().next().ok_or(NoKey)?;
        Ok(Self { scheme, key })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Begins to sign a message. `id` names it in the svix scheme and must be ASCII.
    #[must_use]
    pub fn begin(&self, id: &str, now: Timestamp) -> Signing {
        let at = now.as_second().to_string();
        let mut mac = self.key.clone();
        mac.update(prefix(self.scheme, id, &at).as_bytes());
        Signing { scheme: self.scheme, id: id.to_owned(), at, mac }
    }

    /// The headers of a signature over a body that is here whole.
    #[must_use]
    pub fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut signing = self.begin(id, now);
        signing.update(body);
        signing.finish()
    }
}

/// A signature being made while the body passes by.
pub struct Signing {
    scheme: Scheme,
    id: String,
    at: String,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({})", self.scheme)
    }
}

impl Signing {
    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }

    /// The headers that Apertur would send with the body.
    #[must_use]
    pub fn finish(self) -> Vec<(&'static str, String)> {
        let digest = self.mac.finalize().into_bytes();
        let hex = format!("sha256={}", hex::encode(digest));
        match self.scheme {
            Scheme::Body => vec![("X-Apertur-Signature", hex)],
            Scheme::Timestamped => {
                vec![("X-Apertur-Timestamp", self.at), ("X-Apertur-Signature", hex)]
            }
            Scheme::Svix => vec![
                ("svix-id", self.id),
                ("svix-timestamp", self.at),
                ("svix-signature", format!("v1,{}", STANDARD.encode(digest))),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_passes_by_in_parts_is_signed_as_in_the_vectors() {
        let vectors = include_str!("../../fixtures/contracts/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let svix = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let plain = "whsec-demo-0123456789";
        for (scheme, secret, vector, header) in [
            (Scheme::Body, plain, &vectors["body_hmac"][0], "X-Apertur-Signature"),
            (Scheme::Timestamped, plain, &vectors["timestamped"], "X-Apertur-Signature"),
            (Scheme::Svix, svix, &vectors["svix"], "svix-signature"),
        ] {
            let body = STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap();
            let signer = Signer::new(scheme, &secret.into()).unwrap();
            let mut signing = signer.begin("msg_demo_1", now);
            body.chunks(7).for_each(|part| signing.update(part));
            let headers = signing.finish();
            assert_eq!(headers, signer.sign("msg_demo_1", now, &body));
            let given = headers.iter().find(|(name, _)| *name == header).unwrap();
            assert!(vector.to_string().contains(&given.1), "{scheme}: {headers:?} {vector}");
            assert!(!format!("{signer:?}").contains(secret));
        }
    }

    #[test]
    fn a_secret_that_is_no_svix_key_is_none() {
        assert_eq!(Signer::new(Scheme::Svix, &"not hex".into()).unwrap_err(), NoKey);
        assert_eq!(keys(Scheme::Svix, &"whsec_AAEC".into()).len(), 1);
    }
}
