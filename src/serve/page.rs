//! The pages: the console, and the collect page where the configuration has one.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    apertur::Apertur,
    collect_page::{Behind, CollectPage, Desk, Key, open_to_others},
    config::{Config, Origin, Place, ShownKey},
    console::{self, Console},
    destinations::Destination,
    model::DestinationName,
    ops::Ops,
};

/// Makes the console, where there is one; what its forms began ends before the daemon does.
pub(super) async fn console(
    config: &Config,
    behind: console::Behind,
    (rooms, stop): (&mut JoinSet<()>, &CancellationToken),
) -> anyhow::Result<Option<Arc<Console>>> {
    if config.server.console_listen.is_none() {
        return Ok(None);
    }
    let settings = config.console.clone();
    // A password is hashed, which takes a while.
    let console = tokio::task::spawn_blocking(move || Console::new(settings, behind)).await??;
    let console = Arc::new(console);
    rooms.spawn(Arc::clone(&console).drained(stop.clone()));
    Ok(Some(console))
}

/// What the console knows of a configuration.
pub(super) fn setup(
    config: &Config,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
) -> console::Setup {
    let places = destinations.iter().zip(&config.destinations);
    let places = places.map(|((name, destination), (_, settings))| console::Place {
        name: name.clone(),
        destination: Arc::clone(destination),
        default_mode: settings.default_mode(),
    });
    console::Setup {
        destinations: places.collect(),
        configuration: config.shown.iter().map(setting).collect(),
    }
}

fn setting(key: &ShownKey) -> console::Setting {
    let path = match key.table.as_str() {
        "" => key.name.clone(),
        table => format!("{table}.{}", key.name),
    };
    let origin = match &key.origin {
        Origin::Default => console::Origin::Default,
        Origin::Variable(name) => console::Origin::Variable(name.clone()),
        Origin::File(Place::File { line, .. }) => console::Origin::File(*line),
        Origin::File(_) => console::Origin::File(None),
    };
    console::Setting { path, value: key.value.clone(), origin }
}

/// Makes the page; what its forms began ends before the daemon does. Without a key there is no
/// page: photos that are posted are worth more than that.
pub(super) async fn open(
    config: &Config,
    ops: &Ops,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
    (apertur, rooms, stop): (Apertur, &mut JoinSet<()>, &CancellationToken),
) -> anyhow::Result<Option<Arc<CollectPage>>> {
    let Some(settings) = config.collect_page.clone() else { return Ok(None) };
    let (configured, data_dir) = (settings.key.clone(), config.data_dir.clone());
    let key = move || {
        let key = Key::load_or_make(configured.as_ref(), &data_dir);
        (key, open_to_others(&data_dir).filter(|_| configured.is_none()))
    };
    let (key, others_read) = tokio::task::spawn_blocking(key).await?;
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "there is no collect page");
            return Ok(None);
        }
    };
    if let Some((path, mode)) = others_read {
        let (path, mode) = (path.display(), format!("{mode:03o}"));
        tracing::warn!(%path, mode, "others can read the key of the collect page; chmod 600 it");
    }
    let desks = destinations.iter().zip(&config.destinations);
    let desks = desks.map(|((name, destination), (_, settings))| Desk {
        name: name.clone(),
        destination: Arc::clone(destination),
        default_mode: settings.default_mode(),
    });
    let behind = Behind {
        journal: Arc::clone(&ops.journal),
        apertur,
        desks: desks.collect(),
        routes: ops.routes.load(),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
    };
    let page = Arc::new(CollectPage::new(settings, key, behind));
    rooms.spawn(Arc::clone(&page).drained(stop.clone()));
    Ok(Some(page))
}
