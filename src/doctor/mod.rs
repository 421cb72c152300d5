//! Everything that may be wrong, looked at in one go: what was found, how bad it is and what to do
//! about it. Command line, console and API show the same [`Report`].
//!
//! It changes nothing, anywhere. What is asked of others is asked once and with a time limit; what
//! a destination needs to be asked is its own affair ([`Destination::probe`]).

mod apertur;
mod certificate;
mod clock;
mod daemon;
mod deliveries;
mod journal;
mod place;
mod public;
mod unit;

pub use self::journal::unopened;

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use crate::{
    apertur::Apertur,
    destinations::Destination,
    http::Http,
    journal::Journal,
    model::{DestinationName, Finding, Severity},
    system::Clock,
};

/// Longest look at one destination.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is looked at. The rooms that join the others make it.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// What was found when the configuration was read.
    pub configuration: Vec<Finding>,
    /// Where the files are.
    pub files: Files,
    /// The journal; `None` before the first start, [`unopened`] where it cannot be opened.
    pub journal: Result<Option<Arc<dyn Journal>>, Finding>,
    /// Where photos go.
    pub destinations: Vec<Far>,
    /// Apertur.
    pub apertur: Apertur,
    /// What Apertur finds.
    pub door: Door,
    /// The time.
    pub clock: Clock,
    /// The way out.
    pub http: Http,
    /// Whether nobody else is asked anything.
    pub offline: bool,
}

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Files {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The journal's file, where it is one.
    pub journal: Option<PathBuf>,
    /// The certificate of the public listener, PEM.
    pub certificate: Option<PathBuf>,
    /// Where a unit for systemd may be installed, in the order in which systemd looks.
    pub units: Vec<PathBuf>,
    /// Fewer free bytes than this are an error.
    pub min_free: u64,
}

impl Files {
    /// Where systemd looks for the unit.
    #[must_use]
    pub fn usual_units() -> Vec<PathBuf> {
        const FOLDERS: [&str; 4] = [
            "/etc/systemd/system",
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
        ];
        FOLDERS.map(|folder| PathBuf::from(folder).join("apertur-bridge.service")).into()
    }
}

/// A destination.
#[derive(Debug, Clone)]
pub struct Far {
    /// Its name.
    pub name: DestinationName,
    /// Itself.
    pub destination: Arc<dyn Destination>,
    /// The address whose clock is looked at, if it has one.
    pub origin: Option<Url>,
}

/// What Apertur finds.
#[derive(Debug, Clone)]
pub struct Door {
    /// The address as Apertur is told, if there is one.
    pub public_url: Option<Url>,
    /// The path that it posts to.
    pub webhook_path: String,
    /// What it signs with; the first of several.
    pub secret: Option<SecretString>,
}

impl Door {
    /// Where Apertur posts to.
    fn webhook(&self) -> Option<Url> {
        let base = self.public_url.as_ref()?.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{}", self.webhook_path)).ok()
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The worst of all findings.
    pub severity: Severity,
    /// When it was looked.
    pub at: Timestamp,
    /// The version of the program that looked.
    pub version: &'static str,
    /// What was found, by what it is about; each with at least one finding.
    pub areas: Vec<Area>,
}

/// What was found about one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Area {
    /// What it is about: `journal`, `destination erp`.
    pub name: String,
    /// At least one.
    pub findings: Vec<Finding>,
}

impl Report {
    /// What this version found at a time.
    #[must_use]
    pub fn new(areas: Vec<Area>, at: Timestamp) -> Self {
        let all = areas.iter().flat_map(|area| &area.findings);
        let severity = all.map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        Self { severity, at, version: env!("CARGO_PKG_VERSION"), areas }
    }

    /// How many findings are as bad as this.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.areas.iter().flat_map(|area| &area.findings);
        all.filter(|finding| finding.severity == severity).count()
    }
}

/// What an error says of something, with the most particular remedy that is in it (after `; `), or
/// with the usual one.
#[must_use]
pub fn of_error(subject: &str, error: &anyhow::Error, usual: &str) -> Finding {
    let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
    let parts = |text: &str| match text.split_once("; ") {
        Some((what, fix)) => (what.to_owned(), Some(fix.to_owned())),
        None => (text.to_owned(), None),
    };
    let (whats, fixes): (Vec<_>, Vec<_>) = texts.iter().map(|text| parts(text)).unzip();
    let fix = fixes.into_iter().flatten().next_back();
    Finding::error(subject, whats.join(": "), fix.unwrap_or_else(|| usual.to_owned()))
}

type Looked<'a> = (String, BoxFuture<'a, Vec<Finding>>);

impl Checkup {
    /// Looks at everything, at the same time where that can be.
    pub async fn examine(&self) -> Report {
        let (daemon, instance) = daemon::look(&self.files).await;
        let here: Vec<Looked<'_>> = vec![
            ("data directory".to_owned(), place::look(&self.files).boxed()),
            ("journal".to_owned(), journal::look(&self.journal).boxed()),
            ("deliveries".to_owned(), deliveries::look(self, instance.is_some()).boxed()),
        ];
        let others = if self.offline { Vec::new() } else { self.others(instance) };
        let looked = here.into_iter().chain(others);
        let looked = looked.map(|(name, look)| async move { Area { name, findings: look.await } });
        let mut areas = vec![
            Area { name: "configuration".to_owned(), findings: self.configuration() },
            Area { name: "daemon".to_owned(), findings: daemon },
        ];
        areas.extend(join_all(looked).await);
        areas.push(Area {
            name: "certificates".to_owned(),
            findings: certificate::look(self).await,
        });
        areas.retain(|area| !area.findings.is_empty());
        Report::new(areas, self.clock.now())
    }

    /// What others are asked for.
    fn others(&self, instance: Option<String>) -> Vec<Looked<'_>> {
        let mut others: Vec<Looked<'_>> = vec![
            ("public address".to_owned(), public::look(self, instance).boxed()),
            ("Apertur".to_owned(), apertur::look(self).boxed()),
            ("clock".to_owned(), clock::look(self).boxed()),
        ];
        let far = self.destinations.iter();
        others.extend(far.map(|far| (format!("destination {}", far.name), far.look().boxed())));
        others
    }

    fn configuration(&self) -> Vec<Finding> {
        let mut findings = self.configuration.clone();
        if findings.is_empty() {
            findings.push(Finding::ok("file", "nothing is wrong with it"));
        }
        findings.extend(unit::look(&self.files.units));
        findings
    }
}

impl Far {
    /// Whether photos could be delivered there now.
    async fn look(&self) -> Vec<Finding> {
        if let Ok(login) = self.destination.login()
            && login.is_needed().await.unwrap_or(false)
        {
            let fix = format!("log in: apertur-bridge destinations login {}", self.name);
            return vec![Finding::error("log in", "nobody logged in yet", fix)];
        }
        match tokio::time::timeout(PATIENCE, self.destination.probe()).await {
            Ok(findings) => findings,
            Err(_) => {
                let what = format!("{} did not answer within a minute", self.destination.place());
                let fix = "see that it runs, and that no firewall drops packets in between";
                vec![Finding::error("reach", what, fix)]
            }
        }
    }
}
