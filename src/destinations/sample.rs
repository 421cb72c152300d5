//! The picture that is sent when a destination is tried out: one grey pixel.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::{
    model::{Cause, Digest, ErrorKind, Failure},
    spool::{SpooledFile, blocking},
};

/// Its bytes.
pub(super) const PICTURE: &[u8] = include_bytes!("pixel.png");
/// Their media type.
pub(super) const MEDIA_TYPE: &str = "image/png";

/// The digest of its bytes.
pub(super) fn digest() -> Digest {
    Digest(Sha256::digest(PICTURE).into())
}

/// The picture as a file, which is there for as long as the first part is kept.
///
/// # Errors
/// [`Failure::Later`] when there is no room for it.
pub(super) async fn file() -> Result<(NamedTempFile, SpooledFile), Failure> {
    let file = blocking(|| {
        let mut file = NamedTempFile::new()?;
        file.write_all(PICTURE)?;
        Ok(file)
    });
    let file = file.await.map_err(|error| {
        let what = "the test picture cannot be written to a temporary file";
        let cause = Cause::new(ErrorKind::Local, what, "look at the disk of TMPDIR");
        Failure::Later { after: None, cause: cause.with_detail(&error.to_string()) }
    })?;
    let spooled = SpooledFile::at(file.path().to_owned(), PICTURE.len() as u64, digest());
    Ok((file, spooled))
}
