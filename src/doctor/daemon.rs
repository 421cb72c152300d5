//! The daemon: does one run, and is it of this version?

use std::time::Duration;

use super::Files;
use crate::{
    model::Finding,
    ops::control::{self, Reply, Request},
};

/// Longest wait for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
const RESTART: &str = "restart it: systemctl restart apertur-bridge";

/// Looks for it; also gives by what it is known, if one runs.
pub(super) async fn look(files: &Files) -> (Vec<Finding>, Option<String>) {
    let socket = files.data_dir.join("control.sock");
    let asked = tokio::time::timeout(PATIENCE, control::ask(&socket, &Request::About)).await;
    let finding = match asked {
        Ok(Ok(Some(Reply::Daemon { version, instance }))) => {
            return (vec![of_version(&version)], Some(instance));
        }
        Ok(Ok(None)) => Finding::error(
            "running",
            "no daemon runs: no photo is taken or delivered",
            "start it: systemctl enable --now apertur-bridge, or apertur-bridge serve; if it ends \
             again, see why: journalctl -u apertur-bridge -n 50",
        ),
        Ok(Ok(Some(_))) => {
            let what = "the daemon that runs is of another version than this program";
            Finding::warning("running", what, RESTART)
        }
        Ok(Err(error)) => {
            let text = format!("{error:#}");
            let fix = "run this as root or as the daemon's user: sudo apertur-bridge doctor";
            Finding::error("running", text, fix)
        }
        Err(_) => {
            let what = "the daemon does not answer at its control socket";
            Finding::error("running", what, RESTART)
        }
    };
    (vec![finding], None)
}

fn of_version(version: &str) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    if version == own {
        return Finding::ok("running", format!("version {version}"));
    }
    let what = format!("the daemon that runs is version {version}, this program is {own}");
    Finding::warning("running", what, RESTART)
}
