//! A run on its way: through the daemon that carries it out, or by this command's own hand.

use std::{path::PathBuf, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    cli::{
        ask::{self, Alone},
        output::{Failure, remark},
    },
    config::Config,
    model::{By, Filter},
    ops::{
        Run, RunId, RunState, Verb,
        control::{self, Reply, Request},
    },
    system::{Clock, shutdown},
};

/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(200);

/// Who changes something.
pub(super) enum Hand {
    /// The daemon behind this socket.
    Daemon(PathBuf),
    /// This command: there is no daemon.
    Alone(Box<Alone>),
}

impl Hand {
    /// The daemon if one runs, else the data directory.
    pub(super) async fn take(config: &Config) -> Result<Self, Failure> {
        Ok(match ask::owner(config).await? {
            Some(alone) => Self::Alone(Box::new(alone)),
            None => Self::Daemon(config.data_dir.join("control.sock")),
        })
    }

    /// Whether nobody goes on with what this command leaves.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone(_))
    }

    pub(super) async fn begin(&self, change: Verb, filter: Filter, by: By) -> Result<Run, Failure> {
        self.ask(Request::Begin { change, filter, by }, None).await
    }

    pub(super) async fn stop(&self, run: RunId) -> Result<Run, Failure> {
        self.ask(Request::Stop { run }, Some(run)).await
    }

    pub(super) async fn resume(&self, run: RunId) -> Result<Run, Failure> {
        self.ask(Request::Resume { run }, Some(run)).await
    }

    /// How a run stands after a while, or a page later.
    async fn further(&self, run: RunId, clock: &Clock) -> Result<Run, Failure> {
        match self {
            Self::Daemon(_) => {
                clock.sleep_until(clock.after(LOOK)).await;
                self.ask(Request::Run { run }, Some(run)).await
            }
            Self::Alone(alone) => alone.ops.advance(run).await?.ok_or_else(|| unknown(run)),
        }
    }

    async fn ask(&self, request: Request, run: Option<RunId>) -> Result<Run, Failure> {
        let reply = match self {
            Self::Alone(alone) => alone.ops.perform(request).await,
            Self::Daemon(socket) => match control::ask(socket, &request).await? {
                Some(reply) => reply,
                None => return Err(gone(run)),
            },
        };
        match reply {
            Reply::Run { run: Some(run) } => Ok(*run),
            Reply::Failed { error } => Err(Failure::Failed(anyhow::anyhow!(error))),
            _ => Err(run.map_or_else(|| gone(None), unknown)),
        }
    }

    async fn close(self) {
        if let Self::Alone(alone) = self {
            alone.close().await;
        }
    }
}

fn unknown(run: RunId) -> Failure {
    let what = "see `apertur-bridge deliveries runs`";
    Failure::Failed(anyhow::anyhow!("there is no run {run}; {what}"))
}

fn gone(run: Option<RunId>) -> Failure {
    Failure::Failed(match run {
        Some(run) => anyhow::anyhow!(
            "the daemon went away; run {run} goes on where it was when a daemon starts again"
        ),
        None => anyhow::anyhow!("the daemon went away; try again"),
    })
}

/// Follows a run to its end, or stops it where this command is interrupted.
pub(super) async fn to_the_end(hand: Hand, run: Run, is_quiet: bool) -> Result<Run, Failure> {
    let ended = follow(&hand, run, is_quiet).await;
    hand.close().await;
    ended
}

async fn follow(hand: &Hand, mut run: Run, is_quiet: bool) -> Result<Run, Failure> {
    let clock = Clock::system();
    let bar = bar(&run, is_quiet);
    let interrupted = shutdown()?;
    tokio::pin!(interrupted);
    while run.state == RunState::Running {
        bar.set_position(run.tally.seen());
        run = tokio::select! {
            biased;
            () = &mut interrupted => {
                let stopped = hand.stop(run.id).await;
                bar.finish_and_clear();
                return stopped;
            }
            further = hand.further(run.id, &clock) => further?,
        };
    }
    bar.finish_and_clear();
    if run.state == RunState::Stopped {
        remark("somebody else stopped it");
    }
    Ok(run)
}

/// Shown on a terminal only.
fn bar(run: &Run, is_quiet: bool) -> ProgressBar {
    let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(run.matching), target);
    let template = "{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(run.verb.as_str());
    bar
}
