//! RSA keys of users. They sign by aws-lc-rs; the `rsa` crate that russh brings
//! (RUSTSEC-2023-0071) reads their files and verifies host keys, and signs nothing.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512},
};
use russh::{
    AgentAuthError, Signer,
    keys::{
        self, Algorithm, HashAlg, PrivateKey, PublicKey,
        agent::AgentIdentity,
        pkcs8,
        ssh_encoding::Encode as _,
        ssh_key::{self, Signature},
    },
};
use secrecy::{ExposeSecret as _, SecretSlice};

/// An RSA key pair.
pub(super) struct Rsa {
    pub(super) public: PublicKey,
    pair: KeyPair,
}

impl fmt::Debug for Rsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rsa").finish_non_exhaustive()
    }
}

impl Rsa {
    /// From a key as read; `None` where it has fewer than 2048 bits or more than 8192, or its
    /// parts do not belong together.
    pub(super) fn new(key: &PrivateKey) -> Option<Self> {
        let der = SecretSlice::from(pkcs8::encode_pkcs8(key).ok()?);
        let pair = KeyPair::from_pkcs8(der.expose_secret()).ok()?;
        Some(Self { public: key.public_key().clone(), pair })
    }

    fn sign(&self, hash: HashAlg, text: &[u8]) -> Result<Signature, ssh_key::Error> {
        let encoding = match hash {
            HashAlg::Sha256 => &RSA_PKCS1_SHA256,
            HashAlg::Sha512 => &RSA_PKCS1_SHA512,
            _ => return Err(ssh_key::Error::AlgorithmUnknown),
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(encoding, &SystemRandom::new(), text, &mut signature);
        signed.map_err(|_| ssh_key::Error::Crypto)?;
        Signature::new(Algorithm::Rsa { hash: Some(hash) }, signature)
    }
}

/// A key pair for one log-in.
pub(super) struct Pen<'a>(pub(super) &'a Rsa);

impl Signer for Pen<'_> {
    type Error = AgentAuthError;

    /// Gives the text with its signature behind it.
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut text: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        // Without a hash it would be SHA-1.
        let hash = hash.ok_or(ssh_key::Error::AlgorithmUnknown).map_err(keys::Error::from)?;
        let signature = self.0.sign(hash, &text).map_err(keys::Error::from)?;
        let written = signature.encode_prefixed(&mut text);
        written.map_err(|error| AgentAuthError::Key(ssh_key::Error::from(error).into()))?;
        Ok(text)
    }
}
