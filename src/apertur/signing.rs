//! Signing of our own requests to Apertur's API (`fixtures/contracts/apertur.md`, section 3.2).
//! Not to be mistaken for the signatures of webhooks, which use other formulas.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::{Position, Url};

/// Header with the signature, `sha256=<hex>`.
pub(super) const SIGNATURE: &str = "X-Aptr-Signature";
/// Header with the time that was signed, in Unix seconds.
pub(super) const TIMESTAMP: &str = "X-Aptr-Timestamp";

/// The value of [`SIGNATURE`]:
/// `{seconds}.{METHOD}.{path and query as sent}.{hex(sha256(body))}` under the secret's bytes.
pub(super) fn sign(
    secret: &SecretString,
    at: Timestamp,
    method: &str,
    url: &Url,
    body: &[u8],
) -> String {
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let digest = hex::encode(Sha256::digest(body));
    let message = format!("{}.{method}.{path}.{digest}", at.as_second());
    format!("sha256={}", hex::encode(hmac_sha256(secret.expose_secret().as_bytes(), &message)))
}

fn hmac_sha256(key: &[u8], message: &str) -> [u8; 32] {
    // A key of any length is taken: HMAC hashes one longer than its block.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mut mac| {
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        secret: SecretString,
        ts: i64,
        method: String,
        path: String,
        body: String,
        header: String,
    }

    #[test]
    fn every_vector_of_the_contract_holds() {
        #[derive(serde::Deserialize)]
        struct Vectors {
            request_signing: Vec<Vector>,
        }
        let all = include_str!("../../fixtures/contracts/vectors.json");
        let vectors = serde_json::from_str::<Vectors>(all).unwrap().request_signing;
        assert_eq!(vectors.len(), 3);
        for v in vectors {
            let url = Url::parse("https://api.aptr.ca").unwrap().join(&v.path).unwrap();
            let at = Timestamp::from_second(v.ts).unwrap();
            assert_eq!(sign(&v.secret, at, &v.method, &url, v.body.as_bytes()), v.header);
        }
    }
}
