//! Certificates and when they end: our listener's, the one at the public address, and the one that
//! our API key is bound to.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use x509_cert::{Certificate, der::Decode as _};

use super::Checkup;
use crate::{http::Seen, model::Finding, system::Clock};

/// So long before its end a certificate is told of.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Looks at those that are files of ours.
pub(super) async fn look(checkup: &Checkup) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(path) = checkup.files.certificate.clone() {
        let read = tokio::task::spawn_blocking(move || of_file(&path)).await;
        let fix = "renew it, put the new one where `server.tls` points to and restart the daemon";
        findings.push(match read {
            Ok(Ok(der)) => finding("server.tls.cert", &der, fix, &checkup.clock),
            Ok(Err(what)) => Finding::error("server.tls.cert", what, "let it name a PEM file"),
            Err(error) => Finding::error("server.tls.cert", error.to_string(), ""),
        });
    }
    let identity = checkup.apertur.settings().identity.as_ref();
    if let Some(der) = identity.and_then(crate::http::Identity::certificate) {
        let fix = "renew it, bind the API key to the new one in Apertur's dashboard and restart \
                   the daemon";
        findings.push(finding("apertur.client_certificate", der, fix, &checkup.clock));
    }
    findings
}

/// The certificate that an answer came with.
pub(super) fn of_answer(seen: &Seen, clock: &Clock) -> Option<Finding> {
    let fix = "renew it where TLS ends: in the proxy in front, or in `server.tls`";
    seen.certificate.as_ref().map(|der| finding("certificate", der, fix, clock))
}

fn of_file(path: &Path) -> Result<Vec<u8>, String> {
    let read = CertificateDer::from_pem_file(path);
    read.map(|der| der.to_vec()).map_err(|error| format!("{}: {error}", path.display()))
}

fn finding(subject: &str, der: &[u8], fix: &str, clock: &Clock) -> Finding {
    let Some((from, until)) = life(der) else {
        return Finding::warning(subject, "when it ends cannot be read", fix);
    };
    let now = clock.now();
    let days = until.duration_since(now).as_hours() / 24;
    let day = until.strftime("%Y-%m-%d");
    if now < from {
        let what = format!("it is not valid before {from:.0}");
        let fix = "see that this machine's clock is right: timedatectl";
        return Finding::error(subject, what, fix);
    }
    match until.duration_since(now) {
        left if !left.is_positive() => Finding::error(subject, format!("it ended on {day}"), fix),
        left if left < SOON => {
            Finding::warning(subject, format!("it ends on {day}, in {days} day(s)"), fix)
        }
        _ => Finding::ok(subject, format!("it is good until {day}, {days} days")),
    }
}

/// From when until when a certificate, DER, is valid.
fn life(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let certificate = Certificate::from_der(der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let at = |time: &x509_cert::time::Time| {
        let since_epoch = SignedDuration::try_from(time.to_unix_duration()).ok()?;
        Timestamp::from_duration(since_epoch).ok()
    };
    Some((at(&validity.not_before)?, at(&validity.not_after)?))
}
