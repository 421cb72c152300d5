//! Every vector of the contract.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::super::{
    Customer, Photo, Request, Scheme, Signer,
    api::{Asked, signature},
};

fn vectors() -> Value {
    let all = include_str!("../../../../../fixtures/contracts/vectors.json");
    serde_json::from_str(all).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(text(value)).unwrap()
}

/// A header of a request signed like this.
fn signed(signer: &Signer, body: &Value, name: &str) -> String {
    let request = signer.sign(Request::new("application/json", decoded(body)));
    let found = request.headers.iter().find(|(known, _)| known == name);
    String::from_utf8(found.unwrap().1.clone()).unwrap()
}

#[test]
fn bodies_are_signed_as_the_vectors_say() {
    for vector in vectors()["body_hmac"].as_array().unwrap() {
        let signer = Signer::secret(text(&vector["secret"]));
        let header = signed(&signer, &vector["body_b64"], "X-Apertur-Signature");
        assert_eq!(header, text(&vector["header"]), "{}", vector["what"]);
    }
    let vector = &vectors()["timestamped"];
    let signer = Signer {
        scheme: Scheme::Timestamped,
        at: text(&vector["timestamp"]).parse().unwrap(),
        spelling: "Aptr",
        ..Signer::secret(text(&vector["secret"]))
    };
    let header = signed(&signer, &vector["body_b64"], "X-Aptr-Signature");
    assert_eq!(header, text(&vector["header"]));
    assert_ne!(header, text(&vector["body_only_header_must_differ"]));

    let vector = &vectors()["svix"];
    let signer = Signer {
        scheme: Scheme::Svix,
        at: text(&vector["timestamp"]).parse().unwrap(),
        id: text(&vector["id"]).to_owned(),
        ..Signer::secret(text(&vector["secret_hex"]))
    };
    let header = signed(&signer, &vector["body_b64"], "svix-signature");
    assert_eq!(header, text(&vector["header"]));
}

#[test]
fn requests_of_the_api_are_checked_as_the_vectors_say() {
    let all = vectors();
    let all = all["request_signing"].as_array().unwrap();
    assert_eq!(all.len(), 3);
    for vector in all {
        let asked = Asked {
            method: text(&vector["method"]).to_owned(),
            target: text(&vector["path"]).to_owned(),
            headers: Vec::new(),
            body: text(&vector["body"]).as_bytes().to_vec(),
        };
        let at = vector["ts"].to_string();
        let expected = signature(text(&vector["secret"]), &at, &asked);
        assert_eq!(expected, text(&vector["header"]), "{vector}");
    }
}

#[test]
fn an_envelope_opens_as_the_vector_does() {
    let vector = vectors()["envelope"].clone();
    let key = PrivateDecryptingKey::from_pkcs8(&decoded(&vector["rsa_pkcs8_der_b64"])).unwrap();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    let opened = |envelope: &Value| {
        assert_eq!(envelope["algorithm"], "RSA-OAEP+AES-256-GCM");
        let mut room = vec![0; key.min_output_size()];
        let encrypted = decoded(&envelope["encryptedKey"]);
        let inner = key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted, &mut room, None).unwrap();
        let aes = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, inner).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&decoded(&envelope["iv"])).unwrap();
        let mut data = decoded(&envelope["encryptedData"]);
        aes.open_in_place(nonce, Aad::empty(), &mut data).unwrap().to_vec()
    };
    assert_eq!(opened(&vector["json"]), decoded(&vector["plaintext_b64"]));
    let photo = Photo::new("img_1");
    let sealed = Customer::new().seal(&photo);
    assert_eq!(opened(&serde_json::from_slice(&sealed.bytes).unwrap()), photo.bytes);
}
