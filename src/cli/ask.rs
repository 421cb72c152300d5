//! What changes something: through the running daemon, or alone when there is none.

use std::sync::Arc;

use super::output::Failure;
use crate::{
    config::Config,
    journal,
    ops::{
        Ops,
        control::{self, Reply, Request},
    },
    system::{Clock, DataDir},
    telemetry::Telemetry,
    work::Wake,
};

/// Has a request carried out.
pub(super) async fn perform(config: &Config, request: Request) -> Result<Reply, Failure> {
    let socket = config.data_dir.join("control.sock");
    let reply = match control::ask(&socket, &request).await? {
        Some(reply) => reply,
        None => alone(config, request).await?,
    };
    match reply {
        Reply::Failed { error } => Err(Failure::Failed(anyhow::anyhow!(error))),
        done => Ok(done),
    }
}

async fn alone(config: &Config, request: Request) -> Result<Reply, Failure> {
    let path = config.data_dir.clone();
    let lock = tokio::task::spawn_blocking(move || DataDir::take(&path)).await;
    let _lock = lock.map_err(anyhow::Error::from)??;
    let journal = journal::open(&config.journal).await?;
    let ops = Ops {
        journal: Arc::clone(&journal),
        routes: Arc::new(config.routes.clone()),
        clock: Clock::system(),
        telemetry: Telemetry::default(),
        collector: Wake::default(),
        sender: Wake::default(),
    };
    let reply = ops.perform(request).await;
    journal.close().await;
    Ok(reply)
}
