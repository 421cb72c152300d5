//! `unit`: the units for systemd, as they are in the repository.

use super::output::{Failure, line};

const SERVICE: &str = include_str!("../../systemd/apertur-bridge.service");
const SOCKET: &str = include_str!("../../systemd/apertur-bridge.socket");

/// Options of `unit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the socket unit, for listen = "systemd"
    #[arg(long)]
    socket: bool,
}

/// Prints a unit.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    line(if args.socket { SOCKET } else { SERVICE }.trim_end())
}
