//! What changes something: through the running daemon, or alone when there is none.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::output::Failure;
use crate::{
    config::Config,
    journal,
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
    let is_repeatable = !matches!(request, Request::Begin { .. });
    error.is::<Taken>() || (is_repeatable && error.is::<NoAnswer>())
}

async fn once(config: &Config, request: &Request) -> anyhow::Result<Reply> {
    match control::ask(&socket(config), request).await? {
        Some(reply) => Ok(reply),
        // Whoever only looks needs nobody's leave.
        None if matches!(request, Request::Preview { .. }) => {
            let journal = journal::open_to_read(&config.journal).await?;
            let routes = Live::new(config.routes.clone());
            let ops = Ops { routes, ..Ops::to_read(journal, Clock::system()) };
            Ok(ops.perform(request.clone()).await)
        }
        None => {
            let alone = Alone::take(config).await?;
            let reply = alone.perform(config, request.clone()).await;
            alone.close().await;
            reply
        }
    }
}

fn socket(config: &Config) -> PathBuf {
    config.data_dir.join("control.sock")
}

/// The data directory, taken where no daemon has it; `None` where one has.
pub(super) async fn owner(config: &Config) -> Result<Option<Alone>, Failure> {
    let clock = Clock::system();
    let give_up = clock.after(PATIENCE);
    loop {
        if !control::is_deserted(&socket(config)).await {
            return Ok(None);
        }
        match Alone::take(config).await {
            Err(error) if error.is::<Taken>() && clock.now() < give_up => {
                clock.sleep_until(clock.after(PAUSE)).await;
            }
            taken => return Ok(Some(taken?)),
        }
    }
}

/// The verbs of a command that owns the journal while it runs.
pub(super) struct Alone {
    pub(super) ops: Ops,
    _lock: DataDir,
}

impl Alone {
    async fn take(config: &Config) -> anyhow::Result<Self> {
        let path = config.data_dir.clone();
        let lock = tokio::task::spawn_blocking(move || DataDir::take(&path)).await??;
        let ops = Ops {
            journal: journal::open(&config.journal).await?,
            routes: Live::new(config.routes.clone()),
            floor: Floor::default(),
            clock: Clock::system(),
            telemetry: Telemetry::default(),
            collector: Wake::default(),
            sender: Wake::default(),
            runner: Wake::default(),
            asked: Wake::default(),
        };
        Ok(Self { ops, _lock: lock })
    }

    async fn perform(&self, config: &Config, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Upkeep(order) => {
                Ok(control::perform(&self.keeper(config).await?, order).await)
            }
            other => Ok(self.ops.perform(other).await),
        }
    }

    /// Nobody else has the data directory.
    async fn keeper(&self, config: &Config) -> anyhow::Result<Keeper> {
        let folder = config.spool_dir();
        let spool = blocking(move || Spool::open(&folder)).await?;
        let stores = (Arc::clone(&self.ops.journal), spool);
        let around = (self.ops.clock.clone(), self.ops.telemetry.clone());
        Ok(Keeper::new(stores, Live::new(config.prune), Floor::default(), around))
    }

    /// Everything is on disk, and another may take the data directory, when it returns.
    pub(super) async fn close(self) {
        self.ops.journal.close().await;
    }
}
