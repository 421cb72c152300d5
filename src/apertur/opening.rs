//! From bytes to a picture: one is kept as it is, an envelope is opened first. What is neither,
//! or stays shut, is never kept as a photo.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    sync::PoisonError,
};

use super::{
    Apertur, FetchFailure,
    answer::{Miss, Then},
    envelope::{self, Envelope, Shut},
};
use crate::{
    model::{Cause, Digest, ErrorKind},
    spool::{Spool, Stored, Writer, blocking},
};

/// Bytes that an envelope may have beside its base64.
const ENVELOPE_ROOM: u64 = 16 * 1024;

/// The largest envelope of a picture of at most `max` bytes: base64 is a third larger.
pub(super) fn largest(max: u64) -> u64 {
    (max / 3 + 1).saturating_mul(4).saturating_add(ENVELOPE_ROOM)
}

impl Apertur {
    /// Opens the envelope that is in the spool under this digest and keeps the picture in it, of
    /// at most `max_size` bytes, beside it. The envelope stays where it is.
    ///
    /// # Errors
    /// [`FetchFailure::Held`] where no private key opens it or no picture is in it,
    /// [`FetchFailure::Later`] where the spool cannot be read or written.
    pub async fn open(&self, envelope: Digest, spool: &Spool) -> Result<Stored, FetchFailure> {
        let (apertur, spool) = (self.clone(), spool.clone());
        let kept = blocking(move || {
            let file = File::open(spool.path(&envelope))?;
            if file.metadata()?.len() > largest(apertur.settings.max_size) {
                return Ok(Kept::TooLarge);
            }
            apertur.keep_opened(file, &spool)
        });
        let kept = kept.await.map_err(|error| unreadable(&error))?;
        Ok(kept.or_miss(self.settings.max_size, "an envelope")?.stored)
    }

    /// Keeps what was received if it is a picture, or an envelope that holds one; an envelope
    /// that stays shut only where that is asked for. Blocks.
    pub(super) fn keep_picture(
        &self,
        writer: Writer,
        spool: &Spool,
        shut: IfShut,
    ) -> io::Result<Kept> {
        if writer.media_type().is_some() {
            return writer.keep().map(Kept::Picture);
        }
        if envelope::may_begin(writer.head()) != Some(true) {
            return Ok(Kept::Other);
        }
        match self.keep_opened(writer.reader()?, spool)? {
            Kept::Shut(_) if shut == IfShut::Keep => writer.keep().map(Kept::Envelope),
            kept => Ok(kept),
        }
    }

    fn keep_opened(&self, mut file: File, spool: &Spool) -> io::Result<Kept> {
        let plain = {
            // An envelope is in memory as a whole, so one at a time.
            let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let Some(envelope) = Envelope::parse(&bytes) else { return Ok(Kept::Other) };
            match envelope.open(&self.settings.e2e_private_keys) {
                Ok(plain) => plain,
                Err(shut) => return Ok(Kept::Shut(shut)),
            }
        };
        if plain.len() as u64 > self.settings.max_size {
            return Ok(Kept::TooLarge);
        }
        let mut picture = spool.begin()?;
        picture.write_all(&plain)?;
        if picture.media_type().is_none() {
            return Ok(Kept::Other);
        }
        picture.keep().map(Kept::Picture)
    }
}

/// What becomes of an envelope that no key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfShut {
    /// It is thrown away: who asked may ask again.
    Drop,
    /// It is kept as it is.
    Keep,
}

/// What was fetched and is in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes.
    pub stored: Stored,
    /// Whether they are an envelope that no key opens, instead of a picture.
    pub is_sealed: bool,
}

/// What became of bytes.
pub(super) enum Kept {
    Picture(Stored),
    /// An envelope that stays shut.
    Envelope(Stored),
    Other,
    Shut(Shut),
    TooLarge,
}

impl Kept {
    /// The picture, or the envelope that was to be kept, or why there is neither; `max` bytes are
    /// accepted, and the bytes were said to be of type `claimed`.
    pub(super) fn or_miss(self, max: u64, claimed: &str) -> Result<Fetched, Miss> {
        match self {
            Self::Picture(stored) => Ok(Fetched { stored, is_sealed: false }),
            Self::Envelope(stored) => Ok(Fetched { stored, is_sealed: true }),
            Self::Other => Err(not_an_image(claimed)),
            Self::Shut(shut) => Err(encrypted(shut)),
            Self::TooLarge => Err(too_large(max)),
        }
    }
}

pub(super) fn too_large(max: u64) -> Miss {
    let what = format!("the photo is larger than the {max} bytes that are accepted");
    let fix = "raise apertur.max_download, then replay the photo";
    Miss::new(Then::Hold, Cause::new(ErrorKind::TooLarge, what, fix))
}

fn not_an_image(claimed: &str) -> Miss {
    let what = "what Apertur gave is not a picture";
    let fix = "look at the photo in Apertur's dashboard; ask for it again";
    let cause = Cause::new(ErrorKind::NotAnImage, what, fix);
    Miss::new(Then::OtherWay, cause.with_detail(&format!("content type: {claimed}")))
}

fn encrypted(shut: Shut) -> Miss {
    let fix = match shut {
        Shut::NoKey => "set apertur.e2e_private_keys, then replay the photo",
        Shut::NoneFits => "add the project's private key to apertur.e2e_private_keys, then replay",
        Shut::Algorithm => "update the bridge, then replay the photo",
    };
    Miss::new(Then::Hold, Cause::new(ErrorKind::Encrypted, shut.to_string(), fix))
}

fn unreadable(error: &io::Error) -> Miss {
    let what = "the encrypted photo cannot be read from the spool and opened there";
    let fix = "look at the disk of data_dir: space, permissions, health";
    let cause = Cause::new(ErrorKind::Local, what, fix).with_detail(&error.to_string());
    Miss::new(Then::Wait(None), cause)
}
