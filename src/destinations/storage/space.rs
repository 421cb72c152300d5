//! The room that is left, as a finding.

use crate::model::Finding;

/// Below so many free bytes the probe warns.
const LITTLE: u64 = 1024 * 1024 * 1024;

/// What so many free bytes mean; `fix` says how to get more.
pub(in crate::destinations) fn space(free: u64, fix: &str) -> Finding {
    let mib = free / (1024 * 1024);
    match free {
        0 => Finding::error("space", "nothing is free", fix),
        _ if free < LITTLE => Finding::warning("space", format!("only {mib} MiB are free"), fix),
        _ => Finding::ok("space", format!("{mib} MiB are free")),
    }
}
