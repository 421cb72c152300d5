//! The collect page, where the configuration has one.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    apertur::Apertur,
    collect_page::{Behind, CollectPage, Desk, Key},
    config::Config,
    destinations::Destination,
    model::DestinationName,
    ops::Ops,
};

/// Makes the page; what its forms began ends before the daemon does.
pub(super) async fn open(
    config: &Config,
    ops: &Ops,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
    (apertur, rooms, stop): (Apertur, &mut JoinSet<()>, &CancellationToken),
) -> anyhow::Result<Option<Arc<CollectPage>>> {
    let Some(settings) = config.collect_page.clone() else { return Ok(None) };
    let (configured, data_dir) = (settings.key.clone(), config.data_dir.clone());
    let key = move || Key::load_or_make(configured.as_ref(), &data_dir);
    let key = tokio::task::spawn_blocking(key).await??;
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
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
    };
    let page = Arc::new(CollectPage::new(settings, key, behind));
    rooms.spawn(Arc::clone(&page).drained(stop.clone()));
    Ok(Some(page))
}
