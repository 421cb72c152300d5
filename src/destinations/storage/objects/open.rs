//! An upload that was begun: its parts are sent, and where it ends half way, the other side is
//! told, also where whoever sent it is gone. What stays open there is invisible and costs money.

use std::time::Duration;

use bytes::BytesMut;
use opendal::{Buffer, Writer};
use tokio::{fs::File, io::AsyncReadExt as _, runtime::Handle, time::timeout};

use super::wire::Seen;

/// Bytes of a part, which is the most of a photo that is in memory at once, twice: one part is
/// under way while the next one is read. A photo of one part is sent in one request.
pub(super) const PART: usize = 8 * 1024 * 1024;
/// Bytes read at once.
const BLOCK: usize = 64 * 1024;
/// Longest try to end an upload; after that the other side does so by its own rules.
const ABORT: Duration = Duration::from_secs(10);

/// An upload that is open at the other side. Dropped, it is ended there.
pub(super) struct Open {
    writer: Option<Writer>,
    seen: Seen,
}

/// Why an upload stopped.
pub(super) enum Stopped {
    /// The photo cannot be read.
    Here(std::io::Error),
    /// The other side, or the way to it.
    There(opendal::Error),
}

impl Open {
    /// What the writer does is seen there.
    pub(super) fn new(writer: Writer, seen: Seen) -> Self {
        Self { writer: Some(writer), seen }
    }

    /// Sends `size` bytes of a file in parts.
    pub(super) async fn send(&mut self, file: &mut File, size: u64) -> Result<(), Stopped> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut left = size;
        while left > 0 {
            let part = part(file, left).await.map_err(Stopped::Here)?;
            left -= part.len() as u64;
            writer.write(part).await.map_err(Stopped::There)?;
        }
        writer.close().await.map(drop).map_err(Stopped::There)
    }

    /// Leaves it to the other side.
    pub(super) fn leave(mut self) {
        self.writer = None;
    }

    /// Ends it there.
    pub(super) async fn abort(mut self) {
        if let Some(writer) = self.writer.take() {
            abort(writer).await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take().filter(|_| !self.seen.is_committed()) else { return };
        // Without a runtime the process ends.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(abort(writer)));
        }
    }
}

async fn abort(mut writer: Writer) {
    drop(timeout(ABORT, writer.abort()).await);
}

/// The next part, in blocks: memory that is asked for and given back in whole parts piles up.
async fn part(file: &mut File, left: u64) -> std::io::Result<Buffer> {
    let mut left = usize::try_from(left).unwrap_or(PART).min(PART);
    let mut blocks = Vec::with_capacity(left.div_ceil(BLOCK));
    while left > 0 {
        let mut block = BytesMut::zeroed(left.min(BLOCK));
        file.read_exact(&mut block).await?;
        left -= block.len();
        blocks.push(block.freeze());
    }
    Ok(Buffer::from(blocks))
}
