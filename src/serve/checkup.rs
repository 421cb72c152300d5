//! What the doctor looks at, from a configuration.

use std::sync::Arc;

use async_trait::async_trait;

use super::{build, check_tls, reload::Source};
use crate::{
    apertur::Apertur,
    config::{self, Config, Findings, Loaded},
    console,
    destinations::{Destination, Shared},
    doctor::{self, Area, Checkup, Door, Far, Files, Report},
    http::Http,
    journal::{self, Journal},
    model::{DestinationName, Finding},
    ops::Ops,
    system::Clock,
};

/// What was found when a configuration was read, with what is wrong with the certificate that it
/// names. Blocks.
#[must_use]
pub fn found(loaded: &Loaded) -> Vec<Finding> {
    let fix = "let `server.tls` name a certificate and the key that belongs to it, PEM, which the \
               daemon may read; it does not start before";
    let tls = check_tls(&loaded.config.server).err();
    let tls = tls.map(|error| doctor::of_error("server.tls", &error, fix));
    loaded.warnings.iter().chain(&loaded.notes).map(Finding::from).chain(tls).collect()
}

/// Makes a checkup. Touches neither network nor disk. `found` is what [`found`] gives,
/// `journal` as [`Checkup::journal`] has it; `offline` says that nobody else is to be asked.
///
/// # Errors
/// When the system's root certificates cannot be loaded.
pub fn checkup(
    config: &Config,
    found: Vec<Finding>,
    journal: Result<Option<Arc<dyn Journal>>, Finding>,
    destinations: Vec<(DestinationName, Arc<dyn Destination>)>,
    offline: bool,
) -> anyhow::Result<Checkup> {
    let (http, clock) = (Http::new()?, Clock::system());
    let journal::Settings::Sqlite { path } = &config.journal;
    let origins = config.destinations.iter().map(|(_, settings)| settings.origin());
    let far = destinations.into_iter().zip(origins);
    Ok(Checkup {
        configuration: found,
        files: Files {
            data_dir: config.data_dir.clone(),
            journal: Some(path.clone()),
            certificate: config.server.tls.as_ref().map(|tls| tls.cert.clone()),
            units: Files::usual_units(),
            min_free: config.min_free,
        },
        journal,
        destinations: far
            .map(|((name, destination), origin)| Far { name, destination, origin })
            .collect(),
        apertur: Apertur::new(http.clone(), config.apertur.clone(), clock.clone())?,
        door: door(config),
        clock,
        http,
        offline,
    })
}

/// Looks at everything from within the daemon, at the configuration as it is written by now.
#[derive(Debug)]
pub(super) struct Examiner {
    /// Where the configuration is, and how it runs.
    source: Option<Source>,
    config: Config,
    journal: Arc<dyn Journal>,
    shared: Shared,
}

impl Examiner {
    pub(super) fn new(source: Option<Source>, config: &Config, ops: &Ops, shared: &Shared) -> Self {
        let (config, shared) = (config.clone(), shared.clone());
        Self { source, config, journal: Arc::clone(&ops.journal), shared }
    }
}

#[async_trait]
impl console::Examiner for Examiner {
    async fn examine(&self) -> anyhow::Result<Report> {
        let (found, config) = match &self.source {
            Some(Source { file, .. }) => {
                let file = file.clone();
                let load = move || {
                    config::load(file.as_deref()).map(|loaded| (found(&loaded), loaded.config))
                };
                match tokio::task::spawn_blocking(load).await? {
                    Ok(read) => read,
                    Err(findings) => return Ok(unusable(&findings)),
                }
            }
            None => (Vec::new(), self.config.clone()),
        };
        let destinations = build(&config, &self.shared);
        let journal = Ok(Some(Arc::clone(&self.journal)));
        let checkup = checkup(&config, found, journal, destinations, false)?;
        Ok(Box::pin(checkup.examine()).await)
    }
}

/// Nothing else can be looked at where the configuration cannot be used.
fn unusable(findings: &Findings) -> Report {
    let findings = findings.iter().map(Finding::from).collect();
    let areas = vec![Area { name: "configuration".to_owned(), findings }];
    Report::new(areas, Clock::system().now())
}

fn door(config: &Config) -> Door {
    Door {
        public_url: config.server.public_url.clone(),
        webhook_path: config.receive.webhook_path.clone(),
        secret: config.receive.secrets.first().cloned(),
    }
}
