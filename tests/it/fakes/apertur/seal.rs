//! True end-to-end encryption, as a guest's device does it for a customer's key (section 5).

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Photo;

/// A customer with a pair of keys: the one of the vectors, which exists only for tests.
pub(crate) struct Customer {
    key: OaepPublicEncryptingKey,
    private: String,
}

impl Customer {
    pub(crate) fn new() -> Customer {
        let all = include_str!("../../../../fixtures/contracts/vectors.json");
        let all: Value = serde_json::from_str(all).unwrap();
        let private = all["envelope"]["rsa_pkcs8_der_b64"].as_str().unwrap();
        let key = PrivateDecryptingKey::from_pkcs8(&STANDARD.decode(private).unwrap()).unwrap();
        let key = OaepPublicEncryptingKey::new(key.public_key()).unwrap();
        let private =
            format!("-----BEGIN PRIVATE KEY-----\n{private}\n-----END PRIVATE KEY-----\n");
        Customer { key, private }
    }

    /// The private key, as PEM.
    pub(crate) fn private_key(&self) -> &str {
        &self.private
    }

    /// The same photo with an envelope in place of its bytes.
    pub(crate) fn seal(&self, photo: &Photo) -> Photo {
        // Another key for every photo; nonces then need not differ.
        let key = Sha256::digest(&photo.image_id);
        let nonce = [7; 12];
        let mut encrypted = vec![0; self.key.ciphertext_size()];
        self.key.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut encrypted, None).unwrap();
        let aes = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let mut data = photo.bytes.clone();
        let nonce_of_it = Nonce::assume_unique_for_key(nonce);
        aes.seal_in_place_append_tag(nonce_of_it, Aad::empty(), &mut data).unwrap();
        let envelope = json!({
            "encryptedKey": STANDARD.encode(encrypted),
            "iv": STANDARD.encode(nonce),
            "encryptedData": STANDARD.encode(data),
            "algorithm": "RSA-OAEP+AES-256-GCM",
        });
        Photo { bytes: envelope.to_string().into_bytes(), ..photo.clone() }
    }
}
