//! What a server says first, before anything is said to it: it tells one protocol from another.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

/// The first bytes, which stay to be read; `None` where nothing comes in time, none where the
/// server hangs up.
pub(in crate::destinations) async fn greeting(
    stream: &TcpStream,
    patience: Duration,
) -> Option<Vec<u8>> {
    let mut words = vec![0; 8];
    let came = timeout(patience, stream.peek(&mut words)).await.ok()?.ok()?;
    words.truncate(came);
    Some(words)
}
