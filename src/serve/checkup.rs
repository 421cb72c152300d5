//! What the doctor looks at, from a configuration.

use std::sync::Arc;

use crate::{
    apertur::Apertur,
    config::{Config, Loaded},
    destinations::Destination,
    doctor::{Checkup, Door, Far, Files},
    http::Http,
    journal::{self, Journal},
    model::{DestinationName, Finding},
    system::Clock,
};

/// Makes a checkup. Touches neither network nor disk. `journal` is as [`Checkup::journal`] has it,
/// `offline` says that nobody else is to be asked.
///
/// # Errors
/// When the system's root certificates cannot be loaded.
pub fn checkup(
    loaded: &Loaded,
    journal: Result<Option<Arc<dyn Journal>>, String>,
    destinations: Vec<(DestinationName, Arc<dyn Destination>)>,
    offline: bool,
) -> anyhow::Result<Checkup> {
    let Loaded { config, warnings, notes, .. } = loaded;
    let (http, clock) = (Http::new()?, Clock::system());
    let journal::Settings::Sqlite { path } = &config.journal;
    let origins = config.destinations.iter().map(|(_, settings)| settings.origin());
    let far = destinations.into_iter().zip(origins);
    Ok(Checkup {
        configuration: warnings.iter().chain(notes).map(Finding::from).collect(),
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

fn door(config: &Config) -> Door {
    Door {
        public_url: config.server.public_url.clone(),
        webhook_path: config.receive.webhook_path.clone(),
        secret: config.receive.secrets.first().cloned(),
    }
}
