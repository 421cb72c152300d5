//! The body as it arrives: counted, hashed and kept, small ones in memory, large ones in a
//! file of the spool. Until the signature is checked nobody can look inside.

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use actix_web::web;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::signature::{Check, Refusal};
use crate::{
    model::Scheme,
    spool::{AsyncWriter, Spool, Writer},
};

/// Largest body kept in memory, in bytes.
const SMALL: usize = 64 * 1024;

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// More bytes than `server.max_body`.
    TooLarge,
    /// The sender stopped sending.
    TimedOut,
    /// The wire broke or the framing is wrong.
    Broken,
    /// Too many large bodies are arriving already.
    Busy,
    /// The spool could not take it.
    Disk(io::Error),
}

/// The bytes of a body.
#[derive(Debug)]
pub(super) enum Body {
    /// A small one.
    Memory(Vec<u8>),
    /// A large one, in a file that is removed unless it is kept.
    File(Writer),
}

impl Body {
    /// A body that is here whole, kept as if it had arrived. Blocks.
    ///
    /// # Errors
    /// When the spool cannot take it.
    pub(super) fn whole(bytes: Vec<u8>, spool: &Spool) -> io::Result<Self> {
        if bytes.len() <= SMALL {
            return Ok(Self::Memory(bytes));
        }
        let mut writer = spool.begin()?;
        writer.write_all(&bytes)?;
        Ok(Self::File(writer))
    }
}

/// A whole body whose sender is not known. Its bytes cannot be reached.
#[derive(Debug)]
pub(super) struct Unverified {
    body: Body,
    check: Check,
    room: Option<OwnedSemaphorePermit>,
}

/// A whole body that carries a valid signature. Made by [`Unverified::verify`] alone.
#[derive(Debug)]
pub(super) struct Verified {
    /// The bytes.
    pub(super) body: Body,
    /// How they were signed.
    pub(super) scheme: Scheme,
    /// A large body's place among those on the disk, given back when it is dealt with.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// What bodies may cost.
#[derive(Debug)]
pub(super) struct Limits {
    /// Bytes of one.
    pub(super) size: u64,
    /// Longest silence while it arrives.
    pub(super) silence: Duration,
    /// Places for large ones: whoever knows no secret can fill no more of the disk than these.
    pub(super) large: Arc<Semaphore>,
}

impl Limits {
    /// Large bodies on the disk at once.
    const LARGE: usize = 64;
    /// Silences that the whole body may take together.
    const PATIENCE: u32 = 10;

    pub(super) fn new(size: u64, silence: Duration) -> Self {
        Self { size, silence, large: Arc::new(Semaphore::new(Self::LARGE)) }
    }
}

impl Unverified {
    /// Reads a body to its end.
    pub(super) async fn read(
        payload: &mut web::Payload,
        check: Check,
        spool: &Spool,
        limits: &Limits,
    ) -> Result<Self, Unread> {
        let whole = limits.silence.saturating_mul(Limits::PATIENCE);
        let read = Self::read_on(payload, check, spool, limits);
        tokio::time::timeout(whole, read).await.map_err(|_| Unread::TimedOut)?
    }

    async fn read_on(
        payload: &mut web::Payload,
        mut check: Check,
        spool: &Spool,
        limits: &Limits,
    ) -> Result<Self, Unread> {
        let mut memory = Vec::new();
        let mut file: Option<AsyncWriter> = None;
        let mut room = None;
        let mut size = 0_u64;
        while let Some(chunk) = next(payload, limits.silence).await? {
            size += chunk.len() as u64;
            if size > limits.size {
                return Err(Unread::TooLarge);
            }
            check.update(&chunk);
            file = match file {
                Some(writer) => Some(writer.write(&chunk).await.map_err(Unread::Disk)?),
                None if memory.len() + chunk.len() <= SMALL => {
                    memory.extend_from_slice(&chunk);
                    None
                }
                None => {
                    room = Some(place(limits).await?);
                    let writer = spool.begin_async().await.map_err(Unread::Disk)?;
                    let writer = writer.write(&memory).await.map_err(Unread::Disk)?;
                    memory = Vec::new();
                    Some(writer.write(&chunk).await.map_err(Unread::Disk)?)
                }
            };
        }
        let body = match file {
            Some(writer) => Body::File(writer.finish().await.map_err(Unread::Disk)?),
            None => Body::Memory(memory),
        };
        Ok(Self { body, check, room })
    }

    /// Gives the bytes to those who may see them, if the signature is right. If it is not,
    /// the bytes are gone.
    pub(super) fn verify(self) -> Result<Verified, Refusal> {
        let scheme = self.check.finish()?;
        Ok(Verified { body: self.body, scheme, room: self.room })
    }
}

async fn place(limits: &Limits) -> Result<OwnedSemaphorePermit, Unread> {
    let place = Arc::clone(&limits.large).acquire_owned();
    let place = tokio::time::timeout(limits.silence, place).await;
    place.map_err(|_| Unread::Busy)?.map_err(|_| Unread::Busy)
}

async fn next(payload: &mut web::Payload, silence: Duration) -> Result<Option<Bytes>, Unread> {
    let chunk = tokio::time::timeout(silence, payload.next()).await;
    chunk.map_err(|_| Unread::TimedOut)?.transpose().map_err(|_| Unread::Broken)
}

/// Reads and forgets the rest of a body that was refused early, so that the sender, who reads
/// the answer only after the last byte, sees it. Bounded in bytes and time.
pub(super) async fn discard(payload: &mut web::Payload) {
    const MOST: usize = 256 * 1024 * 1024;
    let all = async {
        let mut seen = 0;
        while let Ok(Some(chunk)) = next(payload, Duration::from_secs(2)).await {
            seen += chunk.len();
            if seen > MOST {
                break;
            }
        }
    };
    // However it ends, the answer goes out now.
    drop(tokio::time::timeout(Duration::from_secs(15), all).await);
}
