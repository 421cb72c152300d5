//! A request body that carries a photo, as it is or as base64, without ever holding it whole.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::{fs::File, io::AsyncReadExt};
use uuid::Uuid;

use crate::spool::SpooledFile;

/// Bytes of the photo read at once; a multiple of 3, so that blocks join without padding.
const BLOCK: usize = 48 * 1024;

/// Stands for the photo while a request is written, and cannot be guessed by whoever chooses
/// a file name.
#[derive(Debug, Clone)]
pub(super) struct Marker(String);

impl Marker {
    pub(super) fn new() -> Self {
        Self(format!("photo-{}", Uuid::now_v7().simple()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a photo stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    Plain,
    /// As base64, padded.
    Base64,
}

/// What stands before and after the photo in a request.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    before: Bytes,
    after: Bytes,
    encoding: Encoding,
}

impl Envelope {
    /// An envelope of these parts.
    pub(super) fn new(before: Vec<u8>, after: Vec<u8>, encoding: Encoding) -> Self {
        Self { before: before.into(), after: after.into(), encoding }
    }

    /// Opens a written request at the marker, where the photo is to stand as base64.
    ///
    /// # Errors
    /// When the marker does not stand in it exactly once.
    pub(super) fn open(request: &str, marker: &Marker) -> io::Result<Self> {
        match request.split_once(&marker.0) {
            Some((before, after)) if !after.contains(&marker.0) => Ok(Self {
                before: Bytes::copy_from_slice(before.as_bytes()),
                after: Bytes::copy_from_slice(after.as_bytes()),
                encoding: Encoding::Base64,
            }),
            _ => Err(io::Error::other("the request does not hold its photo exactly once")),
        }
    }

    /// Length of the whole body in bytes around a photo of `size` bytes.
    pub(super) fn length(&self, size: u64) -> u64 {
        let around = (self.before.len() + self.after.len()) as u64;
        around
            + match self.encoding {
                Encoding::Plain => size,
                Encoding::Base64 => size.div_ceil(3) * 4,
            }
    }

    /// The body as a stream of exactly [`Envelope::length`] bytes; it ends in an error when the
    /// file ends early.
    ///
    /// # Errors
    /// When the photo cannot be opened.
    pub(super) async fn around(
        self,
        photo: &SpooledFile,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        let state = (photo.open().await?, photo.size);
        let encoding = self.encoding;
        let blocks = stream::try_unfold(state, move |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let raw = block(&mut file, left).await?;
            let left = left - raw.len() as u64;
            let block = match encoding {
                Encoding::Plain => Bytes::from(raw),
                Encoding::Base64 => Bytes::from(STANDARD.encode(&raw)),
            };
            Ok(Some((block, (file, left))))
        });
        let before = stream::iter([Ok(self.before)]);
        Ok(before.chain(blocks).chain(stream::iter([Ok(self.after)])))
    }
}

async fn block(file: &mut File, left: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
    let mut raw = vec![0; size];
    file.read_exact(&mut raw).await?;
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::model::Digest;

    async fn body(photo: &[u8], claimed: u64) -> io::Result<(u64, Vec<u8>)> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), photo)?;
        let spooled = SpooledFile::at(file.path().to_owned(), claimed, Digest([0; 32]));
        let marker = Marker::new();
        let envelope = Envelope::open(&format!("<a>{}</a>", marker.as_str()), &marker)?;
        let length = envelope.length(claimed);
        let chunks: Vec<Bytes> = envelope.around(&spooled).await?.try_collect().await?;
        assert!(chunks.iter().all(|chunk| chunk.len() <= BLOCK / 3 * 4));
        Ok((length, chunks.concat()))
    }

    #[tokio::test]
    async fn a_streamed_body_is_the_naive_one_and_as_long_as_announced() -> io::Result<()> {
        for size in [0, 1, 2, 3, 4, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 2] {
            let photo: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
            let (length, streamed) = body(&photo, size as u64).await?;
            let naive = format!("<a>{}</a>", STANDARD.encode(&photo));
            assert!(streamed == naive.as_bytes(), "{size}");
            assert_eq!(length, naive.len() as u64);
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_photo_as_it_is_stands_between_its_parts() -> io::Result<()> {
        let photo: Vec<u8> = (0..2 * BLOCK + 1).map(|i| (i * 7 % 251) as u8).collect();
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), &photo)?;
        let spooled = SpooledFile::at(file.path().to_owned(), photo.len() as u64, Digest([0; 32]));
        let envelope = Envelope::new(b"<".to_vec(), b">".to_vec(), Encoding::Plain);
        assert_eq!(envelope.length(spooled.size), photo.len() as u64 + 2);
        let chunks: Vec<Bytes> = envelope.around(&spooled).await?.try_collect().await?;
        assert!(chunks.concat() == [b"<", photo.as_slice(), b">"].concat());
        Ok(())
    }

    #[tokio::test]
    async fn a_file_of_another_length_is_not_sent() {
        assert!(body(b"abc", 4).await.is_err());
    }

    #[test]
    fn a_request_that_holds_the_marker_twice_or_never_is_refused() {
        let marker = Marker::new();
        assert!(Envelope::open("<a></a>", &marker).is_err());
        assert!(Envelope::open(&format!("{0}{0}", marker.as_str()), &marker).is_err());
    }
}
