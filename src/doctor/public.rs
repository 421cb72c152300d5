//! The public address, from outside as far as this machine can: does it lead to this daemon, and
//! does the webhook open to who signs and to nobody else?

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::Checkup;
use crate::{
    http::{Posted, Seen},
    model::{Finding, Scheme},
    webhook::Signer,
};

const WHOM: &str = "the public address";
/// A topic that no photo comes with: the webhook answers `ignored` and keeps nothing.
const BODY: &str = r#"{"topic":"apertur-bridge.doctor","data":{}}"#;
const PROXY: &str = "see that the proxy in front passes this path to `server.listen`, body and \
                     headers unchanged";

/// What answers of ours say.
#[derive(Debug, Deserialize)]
struct Word {
    status: String,
    instance: Option<String>,
}

/// Looks at it; `instance` is that of the daemon here, if one runs.
pub(super) async fn look(checkup: &Checkup, instance: Option<String>) -> Vec<Finding> {
    let (Some(base), Some(webhook)) = (&checkup.door.public_url, checkup.door.webhook()) else {
        return vec![nowhere(checkup)];
    };
    let mut findings: Vec<_> = plain(base).into_iter().collect();
    findings.extend(identity(checkup, base, instance.as_deref()).await);
    match post(checkup, &webhook, None).await {
        Err(finding) => {
            findings.push(finding);
            return findings;
        }
        Ok(seen) => {
            findings.extend(super::certificate::of_answer(&seen, &checkup.clock));
            if let Some(wrong) = closed(&webhook, &seen) {
                findings.push(wrong);
                return findings;
            }
        }
    }
    let Some(secret) = &checkup.door.secret else { return findings };
    findings.push(match post(checkup, &webhook, Some(secret)).await {
        Ok(seen) => opened(&webhook, &seen),
        Err(finding) => finding,
    });
    findings
}

fn nowhere(checkup: &Checkup) -> Finding {
    if checkup.apertur.settings().poll {
        return Finding::ok("address", "none is needed: photos of our own sessions are polled for");
    }
    let fix = "set `server.public_url` to the https address that Apertur posts to, or \
               `apertur.poll` to true where there can be none";
    Finding::warning("address", "`server.public_url` is not set, so it was not looked at", fix)
}

fn plain(base: &Url) -> Option<Finding> {
    let fix = "put a proxy with TLS in front, or set `server.tls`, and let `server.public_url` \
               begin with https";
    let what = "`server.public_url` is plain http; Apertur posts to https addresses only";
    (base.scheme() == "http").then(|| Finding::warning("address", what, fix))
}

/// Whether this very daemon answers there. A proxy may pass on the webhook alone; then nobody says.
async fn identity(checkup: &Checkup, base: &Url, instance: Option<&str>) -> Option<Finding> {
    let health = Url::parse(&format!("{}/healthz", base.as_str().trim_end_matches('/'))).ok()?;
    let seen = checkup.http.look(WHOM, &health, None).await.ok()?;
    let word: Word = serde_json::from_slice(&seen.body).ok()?;
    let (told, own) = (word.instance?, instance?);
    if told == own {
        return Some(Finding::ok("daemon", "the one of this machine answers"));
    }
    let what = format!("another apertur-bridge than this one answers at {base}");
    let fix = "let the name or the proxy lead to this machine, or stop the other one: photos go \
               there now";
    Some(Finding::error("daemon", what, fix))
}

async fn post(
    checkup: &Checkup,
    webhook: &Url,
    secret: Option<&SecretString>,
) -> Result<Seen, Finding> {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if let Some(secret) = secret {
        let signer = Signer::new(Scheme::Timestamped, secret);
        let signer = signer.map_err(|error| Finding::error("webhook", error.to_string(), ""))?;
        let signed = signer.sign("", Timestamp::now(), BODY.as_bytes());
        headers.extend(signed.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    let posted = Posted { headers, body: BODY.as_bytes().to_vec() };
    checkup.http.look(WHOM, webhook, Some(&posted)).await.map_err(|failure| {
        let mut finding = Finding::failed("reach", &failure);
        finding.fix = format!(
            "{}; seen from this machine only: if its network does not lead back to its own public \
             address, try from another one: curl -i -X POST {webhook}",
            finding.fix
        );
        finding
    })
}

/// What is wrong where an unsigned request is not refused as our webhook does.
fn closed(webhook: &Url, seen: &Seen) -> Option<Finding> {
    let word = serde_json::from_slice::<Word>(&seen.body).ok().map(|word| word.status);
    let wrong = |what: &str, fix: &str| {
        let what =
            format!("{webhook} answers an unsigned request with HTTP {}: {what}", seen.status);
        Some(Finding::error("webhook", what, fix))
    };
    match (seen.status, word.as_deref()) {
        (401, Some("unauthorized")) => None,
        (503, Some("unavailable")) => wrong(
            "no webhook secret is configured",
            "set `webhook.secrets`, or point nothing at Apertur here",
        ),
        (300..=399, _) => wrong(
            "it leads elsewhere, and Apertur does not follow",
            "let `server.public_url` name the address that it leads to",
        ),
        (404, _) => wrong("nothing of ours is there", PROXY),
        (502..=504, _) => wrong(
            "the proxy does not reach the daemon",
            "see that the daemon runs, and that the proxy passes on to `server.listen`",
        ),
        _ => wrong("another service than ours answers", PROXY),
    }
}

/// What became of a signed request without a photo.
fn opened(webhook: &Url, seen: &Seen) -> Finding {
    let word = serde_json::from_slice::<Word>(&seen.body).ok().map(|word| word.status);
    if (seen.status, word.as_deref()) == (200, Some("ignored")) {
        let what = format!("{webhook} takes what is signed and refuses what is not");
        return Finding::ok("webhook", what);
    }
    let (what, fix) = match seen.status {
        401 => (
            "refuses what is signed with our first secret",
            "another daemon answers, its clock is wrong, or the proxy changes the body: see its \
             log (apertur-bridge webhook verify says why a signature does not match)",
        ),
        _ => ("does not answer a signed request as our webhook does", PROXY),
    };
    Finding::error("webhook", format!("{webhook} {what} (HTTP {})", seen.status), fix)
}
