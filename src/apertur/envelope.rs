//! End-to-end encrypted photos: recognising Apertur's envelope by its bytes and opening it with
//! the customer's private key (`fixtures/contracts/apertur.md`, section 5). The texts for
//! everything that can go wrong inside are one and the same, so that nobody learns from them.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read},
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::Deserialize;
use struson::reader::{JsonReader as _, JsonStreamReader, ReaderError, ValueType};

/// The one algorithm: RSA-OAEP with SHA-256 for hash and mask, empty label; AES-256-GCM with a
/// 12-byte IV, the 16-byte tag appended, no associated data.
const ALGORITHM: &str = "RSA-OAEP+AES-256-GCM";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A private RSA key of the customer. Prints nothing of itself.
#[derive(Clone)]
pub struct PrivateKey(Arc<OaepPrivateDecryptingKey>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.0.key_size_bits())
    }
}

/// Why bytes are no private key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not an unencrypted RSA key in PKCS#8 form (PEM or DER, 2048 to 8192 bits); \
     convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY"
)]
pub struct InvalidKey;

impl PrivateKey {
    /// Reads an RSA key in PKCS#8 form, PEM or DER.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(bytes).ok();
        let der = pem.as_ref().map_or(bytes, |key| key.secret_pkcs8_der());
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| InvalidKey)?;
        Ok(Self(Arc::new(OaepPrivateDecryptingKey::new(key).map_err(|_| InvalidKey)?)))
    }

    /// The AES key that was encrypted for this key, if it was.
    fn unwrap(&self, encrypted: &[u8]) -> Option<LessSafeKey> {
        let mut room = vec![0; self.0.min_output_size()];
        let key = self.0.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut room, None).ok()?;
        UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
    }
}

/// Why an envelope stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// No private key is configured.
    #[error("the photo is end-to-end encrypted and no private key is configured")]
    NoKey,
    /// No private key opens it, or it was damaged.
    #[error("the photo is end-to-end encrypted and none of the private keys opens it")]
    NoneFits,
    /// It uses something else than RSA-OAEP with AES-256-GCM.
    #[error("the photo is end-to-end encrypted in a way that this release does not know")]
    Algorithm,
}

/// An envelope as it travels; SDKs write camelCase, some documents show `snake_case`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a> {
    #[serde(borrow, alias = "encrypted_key")]
    encrypted_key: Cow<'a, str>,
    #[serde(borrow)]
    iv: Cow<'a, str>,
    #[serde(borrow, alias = "encrypted_data")]
    encrypted_data: Cow<'a, str>,
    #[serde(borrow)]
    algorithm: Option<Cow<'a, str>>,
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Whether bytes can begin an envelope, by their first one that is no white space; `None`
/// where there is none.
#[must_use]
pub fn may_begin(bytes: &[u8]) -> Option<bool> {
    bytes.iter().find(|b| !b.is_ascii_whitespace()).map(|b| *b == b'{')
}

/// Whether a source gives an envelope and nothing else (`fixtures/contracts/open-questions.md`,
/// C1). Holds none of it in memory and decodes nothing, so the envelope may still stay shut.
/// Blocks.
///
/// # Errors
/// When the source cannot be read.
pub fn is_one(source: impl Read) -> io::Result<bool> {
    match has_its_texts(source) {
        Err(ReaderError::IoError { error, .. }) if error.kind() != io::ErrorKind::InvalidData => {
            Err(error)
        }
        found => Ok(found.unwrap_or(false)),
    }
}

fn has_its_texts(source: impl Read) -> Result<bool, ReaderError> {
    let mut json = JsonStreamReader::new(source);
    let mut found = [false; 3];
    json.begin_object()?;
    while json.has_next()? {
        let part = match json.next_name()? {
            "encryptedKey" | "encrypted_key" => Some(0),
            "iv" => Some(1),
            "encryptedData" | "encrypted_data" => Some(2),
            _ => None,
        };
        if let Some(part) = part {
            found[part] = json.peek()? == ValueType::String;
        }
        json.skip_value()?;
    }
    json.end_object()?;
    json.consume_trailing_whitespace()?;
    Ok(found == [true; 3])
}

impl<'a> Envelope<'a> {
    /// Reads an envelope; `None` when the bytes are none.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Opens the envelope with the first key that fits and gives what was in it.
    ///
    /// # Errors
    /// See [`Shut`].
    pub fn open(&self, keys: &[PrivateKey]) -> Result<Vec<u8>, Shut> {
        if self.algorithm.as_ref().is_some_and(|name| *name != ALGORITHM) {
            return Err(Shut::Algorithm);
        }
        if keys.is_empty() {
            return Err(Shut::NoKey);
        }
        self.decrypt(keys).ok_or(Shut::NoneFits)
    }

    fn decrypt(&self, keys: &[PrivateKey]) -> Option<Vec<u8>> {
        let encrypted_key = BASE64.decode(&*self.encrypted_key).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(&BASE64.decode(&*self.iv).ok()?).ok()?;
        let key = keys.iter().find_map(|key| key.unwrap(&encrypted_key))?;
        let mut data = BASE64.decode(&*self.encrypted_data).ok()?;
        let length = key.open_in_place(nonce, Aad::empty(), &mut data).ok()?.len();
        data.truncate(length);
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{encoding::AsDer as _, rsa::KeySize};
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    fn vector() -> Value {
        let all = include_str!("../../fixtures/contracts/vectors.json");
        serde_json::from_str::<Value>(all).unwrap()["envelope"].take()
    }

    fn der(vector: &Value) -> Vec<u8> {
        STANDARD.decode(vector["rsa_pkcs8_der_b64"].as_str().unwrap()).unwrap()
    }

    fn key() -> PrivateKey {
        PrivateKey::parse(&der(&vector())).unwrap()
    }

    fn other_key() -> PrivateKey {
        let fresh = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        PrivateKey::parse(fresh.as_der().unwrap().as_ref()).unwrap()
    }

    fn opened(json: &Value, keys: &[PrivateKey]) -> Result<Vec<u8>, Shut> {
        Envelope::parse(json.to_string().as_bytes()).unwrap().open(keys)
    }

    #[test]
    fn the_vector_opens_and_its_inner_key_is_the_stated_one() {
        let vector = vector();
        let plain = STANDARD.decode(vector["plaintext_b64"].as_str().unwrap()).unwrap();
        assert_eq!(opened(&vector["json"], &[key()]), Ok(plain.clone()));

        let aes = hex::decode(vector["aes_key_hex"].as_str().unwrap()).unwrap();
        let iv = hex::decode(vector["iv_hex"].as_str().unwrap()).unwrap();
        let mut data = hex::decode(vector["ciphertext_and_tag_hex"].as_str().unwrap()).unwrap();
        let aes = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &aes).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&iv).unwrap();
        assert_eq!(aes.open_in_place(nonce, Aad::empty(), &mut data).unwrap(), plain);
    }

    #[test]
    fn the_fitting_one_of_several_keys_is_found_and_snake_case_is_read() {
        let json = &vector()["json"];
        assert!(opened(json, &[other_key(), key()]).is_ok());
        let snake = json!({
            "encrypted_key": json["encryptedKey"],
            "iv": json["iv"],
            "encrypted_data": json["encryptedData"],
        });
        assert!(opened(&snake, &[key()]).is_ok());
        for one in [json, &snake] {
            assert!(is_one(one.to_string().as_bytes()).unwrap());
            assert!(!is_one(format!("{one}{one}").as_bytes()).unwrap());
            assert!(!is_one(&one.to_string().as_bytes()[..300]).unwrap());
        }
    }

    #[test]
    fn a_source_that_breaks_is_no_answer() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        assert_eq!(is_one(Broken).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn whatever_is_wrong_inside_the_answer_is_the_same() {
        let json = vector()["json"].clone();
        assert_eq!(opened(&json, &[other_key()]), Err(Shut::NoneFits));
        for (field, text) in [
            ("encryptedKey", "AAAA"),
            ("encryptedKey", "no base64!"),
            ("encryptedKey", ""),
            ("iv", "AAAA"),
            ("iv", "AAECAwQFBgcICQoM"),
            ("encryptedData", "AAAA"),
            ("encryptedData", ""),
            ("encryptedData", "uNop+6SVp2n5NOWm05sRCeSzp0KVGCsTSlFCNfxh+0ZRLRIpkD5ywoQ="),
        ] {
            let mut damaged = json.clone();
            damaged[field] = text.into();
            assert_eq!(opened(&damaged, &[key()]), Err(Shut::NoneFits), "{field} {text}");
        }
    }

    #[test]
    fn no_key_and_another_algorithm_are_told_apart() {
        let mut json = vector()["json"].clone();
        assert_eq!(opened(&json, &[]), Err(Shut::NoKey));
        json["algorithm"] = "RSA-OAEP-512+AES-256-GCM".into();
        assert_eq!(opened(&json, &[key()]), Err(Shut::Algorithm));
    }

    #[test]
    fn other_bytes_are_no_envelope() {
        for bytes in [
            &b""[..],
            b"\xff\xd8\xff",
            b"{}",
            b"[]",
            br#"{"encryptedKey":"a","iv":"b"}"#,
            br#"{"encryptedKey":"a","iv":"b","encryptedData":7}"#,
        ] {
            assert!(Envelope::parse(bytes).is_none());
            assert!(!is_one(bytes).unwrap());
        }
        assert_eq!(may_begin(b" \r\n\t{\""), Some(true));
        assert_eq!(may_begin(b"\xff{"), Some(false));
        assert_eq!(may_begin(b"  "), None);
    }

    #[test]
    fn keys_are_read_from_pem_and_der_and_hide_themselves() {
        let text = STANDARD.encode(der(&vector()));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        assert!(opened(&vector()["json"], &[PrivateKey::parse(pem.as_bytes()).unwrap()]).is_ok());
        assert_eq!(format!("{:?}", key()), "PrivateKey(2048 bits)");
        let wrong = pem.replace("PRIVATE", "ENCRYPTED PRIVATE");
        for bytes in [&b""[..], b"hush", wrong.as_bytes(), &[0x30; 40]] {
            assert_eq!(PrivateKey::parse(bytes).unwrap_err(), InvalidKey);
        }
        assert!(!InvalidKey.to_string().contains("hush"));
    }
}
