//! Keeps photos quick to find by a text, behind their arrival.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Ops;
use crate::telemetry::Fact;

/// Photos that are taken up in one transaction.
const PAGE: usize = 200;
/// Between two pages: whoever has something to write comes in between.
const BREATH: Duration = Duration::from_millis(20);
/// Between two looks for what came.
const LOOK: Duration = Duration::from_secs(10);

/// Takes up what came, until `stop`. For the one process that owns the journal.
pub async fn keep_up(ops: Ops, stop: CancellationToken) {
    loop {
        let rest = match ops.journal.index_texts(PAGE).await {
            Ok(PAGE..) => BREATH,
            Ok(_) => LOOK,
            Err(error) => {
                let error = error.to_string();
                ops.telemetry.emit(&Fact::JournalFailed { room: "texts", error: &error });
                LOOK
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = ops.clock.sleep_until(ops.clock.after(rest)) => {}
        }
    }
}
