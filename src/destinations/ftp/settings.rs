//! What an FTP destination is told: where, as whom, and how the wire is kept private.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, client::Resumption, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use rustls_platform_verifier::Verifier;
use secrecy::SecretString;

use crate::destinations::key::KeyTemplate;

/// TLS sessions that one connection keeps for its data connections.
const SESSIONS: usize = 32;

/// The settings of one FTP destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address of the server.
    pub host: String,
    /// Its port, usually 21.
    pub port: u16,
    /// Whom to log in as.
    pub username: String,
    /// That user's password.
    pub password: SecretString,
    /// How the wire is kept private.
    pub tls: Tls,
    /// The folder, absolute or below the one the server logs in to. Has to exist.
    pub directory: String,
    /// How files are named inside it.
    pub key_template: KeyTemplate,
    /// Longest time of one call, or of one block of a transfer.
    pub timeout: Duration,
    /// Uploads at once, at least 1.
    pub concurrency: usize,
}

/// How the wire is kept private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// FTPS as RFC 4217 has it: plain until `AUTH TLS`, private from there on, data too.
    Explicit(Authorities),
    /// Not at all.
    None,
}

/// Certificates that are trusted besides those of the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

/// Why a text holds no certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds no certificate; point to a PEM file with -----BEGIN CERTIFICATE-----")]
pub struct NoCertificate;

impl Authorities {
    /// Reads the certificates of a PEM file, at least one.
    ///
    /// # Errors
    /// When there is none or one is no certificate.
    pub fn parse(pem: &[u8]) -> Result<Self, NoCertificate> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match read {
            Ok(some) if !some.is_empty() => Ok(Self(some)),
            _ => Err(NoCertificate),
        }
    }

    /// How to speak TLS, by the system's certificates and these. Blocks.
    pub(super) fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.0.clone(), Arc::clone(&provider))?;
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

/// The same for one connection. Servers want a data connection to go on with the TLS session of
/// its own control connection, so connections must not share their sessions.
pub(super) fn of_one_connection(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(config)
}
