//! The certificate of the public listener, which a reload renews under way.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::{
    crypto::aws_lc_rs::default_provider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{
    config::{ServerSettings, Tls},
    system::Live,
};

/// What is shown to whoever connects from now on.
#[derive(Debug)]
pub(super) struct Certificate(Live<CertifiedKey>);

impl Certificate {
    /// The certificate that the settings name, if they name one. Blocks.
    pub(super) fn load(settings: &ServerSettings) -> anyhow::Result<Option<Arc<Self>>> {
        let read = settings.tls.as_ref().map(read).transpose()?;
        Ok(read.map(|key| Arc::new(Self(Live::new(key)))))
    }

    /// Replaces it; gives whether it is another one.
    pub(super) fn renew(&self, key: CertifiedKey) -> bool {
        let is_new = self.0.load().cert != key.cert;
        self.0.store(key);
        is_new
    }

    /// How connections are made with it.
    pub(super) fn server_config(self: Arc<Self>) -> rustls::ServerConfig {
        rustls::ServerConfig::builder().with_no_client_auth().with_cert_resolver(self)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load())
    }
}

/// Reads certificate and key, to find out before anything is started.
///
/// # Errors
/// When they cannot be read or do not belong together, with the key of the configuration.
pub fn check_tls(settings: &ServerSettings) -> anyhow::Result<()> {
    settings.tls.as_ref().map_or(Ok(()), |files| read(files).map(drop))
}

/// Reads certificate and key. Blocks.
pub(super) fn read(tls: &Tls) -> anyhow::Result<CertifiedKey> {
    let certificates = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("server.tls.cert: cannot read {}", tls.cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("server.tls.key: cannot read {}", tls.key.display()))?;
    CertifiedKey::from_der(certificates, key, &default_provider())
        .context("server.tls: certificate and key do not belong together")
}
