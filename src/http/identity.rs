//! A client certificate: who we are to a server that asks for one.

use std::{fmt, sync::Arc};

use rustls::{crypto::aws_lc_rs, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// A certificate with its chain and its private key. Shows none of it.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

/// Why a text is no client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// There is no certificate in it.
    #[error("holds no certificate; put it, its chain and its private key into it, all as PEM")]
    NoCertificate,
    /// There is no private key in it.
    #[error("holds no private key; add it as PEM, without a password")]
    NoKey,
    /// The key is of a kind that is not known, or not the certificate's.
    #[error("holds a private key that is not the certificate's; put the two together that are one")]
    NoPair,
}

impl Identity {
    /// Reads PEM: the certificate first, then its chain, and the private key anywhere (PKCS #8,
    /// PKCS #1 or SEC 1, without a password).
    ///
    /// # Errors
    /// When one of the two is not there, or they do not belong together.
    pub fn parse(pem: &[u8]) -> Result<Self, InvalidIdentity> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(InvalidIdentity::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| InvalidIdentity::NoKey)?;
        let provider = aws_lc_rs::default_provider();
        let pair = CertifiedKey::from_der(chain, key, &provider);
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| InvalidIdentity::NoPair)
    }
}

impl Identity {
    /// The certificate without its chain, DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.0.cert.first().map(AsRef::as_ref)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}
