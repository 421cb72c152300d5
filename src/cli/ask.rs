//! What changes something: through the running daemon, or alone when there is none.

use std::{sync::Arc, time::Duration};

use super::output::Failure;
use crate::{
    config::Config,
    journal::{self, Journal},
    ops::{
        Ops,
        control::{self, NoAnswer, Reply, Request},
        upkeep::Keeper,
    },
    spool::{Spool, blocking},
    system::{Clock, DataDir, Floor, Live, Taken},
    telemetry::Telemetry,
    work::Wake,
};

/// How long a daemon that starts or stops, or another command, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Has a request carried out.
pub(super) async fn perform(config: &Config, request: Request) -> Result<Reply, Failure> {
    let clock = Clock::system();
    let give_up = clock.after(PATIENCE);
    let reply = loop {
        match once(config, &request).await {
            Err(error) if passes(&error, &request) && clock.now() < give_up => {
                clock.sleep_until(clock.after(PAUSE)).await;
            }
            done => break done?,
        }
    };
    match reply {
        Reply::Failed { error } => Err(Failure::Failed(anyhow::anyhow!(error))),
        done => Ok(done),
    }
}

/// Whether a try may end otherwise in a moment. What may have been done is only done again where
/// twice does what once does.
fn passes(error: &anyhow::Error, request: &Request) -> bool {
    let is_repeatable = !matches!(request, Request::Replay(_));
    error.is::<Taken>() || (is_repeatable && error.is::<NoAnswer>())
}

async fn once(config: &Config, request: &Request) -> anyhow::Result<Reply> {
    match control::ask(&config.data_dir.join("control.sock"), request).await? {
        Some(reply) => Ok(reply),
        None => alone(config, request.clone()).await,
    }
}

async fn alone(config: &Config, request: Request) -> anyhow::Result<Reply> {
    let path = config.data_dir.clone();
    let _lock = tokio::task::spawn_blocking(move || DataDir::take(&path)).await??;
    let journal = journal::open(&config.journal).await?;
    let reply = match request {
        Request::Upkeep(order) => {
            let keeper = keeper(config, Arc::clone(&journal)).await?;
            control::perform(&keeper, order).await
        }
        other => ops(config, Arc::clone(&journal)).perform(other).await,
    };
    journal.close().await;
    Ok(reply)
}

/// Nobody else has the data directory.
async fn keeper(config: &Config, journal: Arc<dyn Journal>) -> anyhow::Result<Keeper> {
    let folder = config.spool_dir();
    let spool = blocking(move || Spool::open(&folder)).await?;
    let around = (Clock::system(), Telemetry::default());
    Ok(Keeper::new((journal, spool), Live::new(config.prune), Floor::default(), around))
}

fn ops(config: &Config, journal: Arc<dyn Journal>) -> Ops {
    Ops {
        journal,
        routes: Live::new(config.routes.clone()),
        floor: Floor::default(),
        clock: Clock::system(),
        telemetry: Telemetry::default(),
        collector: Wake::default(),
        sender: Wake::default(),
    }
}
