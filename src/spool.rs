//! The bytes, by digest: a file is written under a temporary name, fsynced, renamed to
//! `ab/cdef...` (its SHA-256) and its folder fsynced. Holds no opinion on who needs a file.

use std::{
    fmt, fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use crate::model::Digest;

/// Bytes gathered before an asynchronous writer hands them to the disk.
const BLOCK: usize = 256 * 1024;
/// Bytes kept from the beginning of a file to tell its type.
const HEAD: usize = 4096;
/// Time within which whoever kept a file tells the journal of it, with much to spare.
const FRESH: Duration = Duration::from_hours(1);

/// A folder of files named by their digest. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: PathBuf,
    /// Held while a file gets its name and while one is removed.
    naming: Arc<Mutex<()>>,
}

/// What lies in a spool, finished or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file that is in the spool, fsynced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// Their number.
    pub size: u64,
    /// The media type of the picture the first bytes belong to; `None` when they begin none.
    pub media_type: Option<&'static str>,
}

/// A file of the spool that can be opened as often as needed.
#[derive(Debug, Clone)]
pub struct SpooledFile {
    path: PathBuf,
    /// Number of bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
}

impl SpooledFile {
    /// A file outside the spool, for tests of destinations.
    #[must_use]
    pub fn at(path: PathBuf, size: u64, sha256: Digest) -> Self {
        Self { path, size, sha256 }
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// When it is not there any more or has another length than recorded.
    pub async fn open(&self) -> io::Result<tokio::fs::File> {
        let file = tokio::fs::File::open(&self.path).await?;
        let found = file.metadata().await?.len();
        if found != self.size {
            return Err(io::Error::other(format!(
                "the spool file has {found} bytes instead of {}",
                self.size
            )));
        }
        Ok(file)
    }

    /// Opens the file as a stream of blocks of at most `block` bytes.
    ///
    /// # Errors
    /// As [`SpooledFile::open`].
    pub async fn stream(
        &self,
        block: usize,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
        Ok(ReaderStream::with_capacity(self.open().await?, block))
    }
}

impl Spool {
    /// Opens the spool, making its folders (0700) and removing what writers left behind when
    /// the daemon was killed. Blocks; call it at start.
    ///
    /// # Errors
    /// When the folders cannot be made or read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let spool = Self { dir: dir.to_owned(), naming: Arc::default() };
        make_dir(&spool.temporary())?;
        // A photo is only as durable as the names on the way to it: all of them are made and
        // synced here, so that nobody has to know later whether another has done it.
        for prefix in 0..=u8::MAX {
            make_dir(&dir.join(hex::encode([prefix])))?;
        }
        sync_dir(dir)?;
        dir.parent().map_or(Ok(()), sync_dir)?;
        for left in fs::read_dir(spool.temporary())? {
            fs::remove_file(left?.path())?;
        }
        Ok(spool)
    }

    /// The spool of a daemon that may be running, for whoever only reads. Touches nothing.
    #[must_use]
    pub fn to_read(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), naming: Arc::default() }
    }

    fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Where a file with this digest is or would be.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        Self::path_in(&self.dir, digest)
    }

    /// Where a file with this digest is in a spool, or a copy of one, in that folder.
    #[must_use]
    pub fn path_in(dir: &Path, digest: &Digest) -> PathBuf {
        let hex = digest.to_hex();
        let (folder, name) = hex.split_at(2);
        dir.join(folder).join(name)
    }

    /// Measures the spool in a folder; an empty one where there is none. Blocks.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn measure(dir: &Path) -> io::Result<Held> {
        let mut held = Held::default();
        let folders = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(held),
            folders => folders?,
        };
        for folder in folders {
            for file in fs::read_dir(folder?.path())? {
                // One that is removed meanwhile is not there.
                let Ok(file) = file?.metadata() else { continue };
                held.files += 1;
                held.bytes += file.len();
            }
        }
        Ok(held)
    }

    /// The folder, for measuring free space.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A handle to a file of the spool; whether it is there shows when it is opened.
    #[must_use]
    pub fn file(&self, sha256: Digest, size: u64) -> SpooledFile {
        SpooledFile { path: self.path(&sha256), size, sha256 }
    }

    /// Begins a file. Blocks.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(&self) -> io::Result<Writer> {
        let path = self.temporary().join(uuid::Uuid::now_v7().simple().to_string());
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Writer {
            spool: self.clone(),
            file,
            path,
            hash: Sha256::new(),
            size: 0,
            head: Vec::new(),
            kept: false,
        })
    }

    /// Begins a file from asynchronous code.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub async fn begin_async(&self) -> io::Result<AsyncWriter> {
        let spool = self.clone();
        let writer = blocking(move || spool.begin()).await?;
        Ok(AsyncWriter { writer, gathered: BytesMut::new() })
    }

    /// Removes a file that nobody needs. A file that was kept within the last hour stays:
    /// somebody may be about to tell the journal of it. Gives its size where it was removed.
    /// Blocks.
    ///
    /// # Errors
    /// When it cannot be looked at or removed.
    pub fn remove(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let path = self.path(digest);
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let modified = found.modified()?;
        // A time in the future is fresh, too.
        let fresh = modified.elapsed().is_ok_and(|age| age < FRESH) || modified > SystemTime::now();
        if fresh {
            return Ok(None);
        }
        fs::remove_file(path)?;
        Ok(Some(found.len()))
    }

    /// Every digest in the spool. Blocks.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn digests(&self) -> io::Result<Vec<Digest>> {
        let mut found = Vec::new();
        for folder in fs::read_dir(&self.dir)? {
            let folder = folder?;
            let prefix = folder.file_name().to_string_lossy().into_owned();
            if prefix.len() != 2 {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let rest = file?.file_name().to_string_lossy().into_owned();
                found.extend(Digest::from_hex(&format!("{prefix}{rest}")));
            }
        }
        Ok(found)
    }
}

/// A file being written. Dropped without [`Writer::keep`], it is removed.
pub struct Writer {
    spool: Spool,
    file: fs::File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
    head: Vec<u8>,
    kept: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("size", &self.size).finish()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let bytes = &bytes[..written];
        self.hash.update(bytes);
        self.size += written as u64;
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Bytes written so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first bytes, at most 4,096.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The media type of the picture the first bytes belong to, if they begin one.
    #[must_use]
    pub fn media_type(&self) -> Option<&'static str> {
        picture_type(&self.head)
    }

    /// SHA-256 of the bytes written so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(self.hash.clone().finalize().into())
    }

    /// A second handle to the file, at its beginning, to read what was written. Blocks.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn reader(&self) -> io::Result<fs::File> {
        fs::File::open(&self.path)
    }

    /// Fsyncs the file, gives it its name and fsyncs the folder. Blocks.
    ///
    /// # Errors
    /// When one of the three fails; the file is removed then.
    pub fn keep(mut self) -> io::Result<Stored> {
        let sha256 = self.digest();
        self.file.sync_all()?;
        let place = self.spool.path(&sha256);
        let folder = place.parent().unwrap_or(&self.spool.dir);
        // The modification time is what `remove` goes by, so the name comes after it.
        let naming = self.spool.naming.lock().unwrap_or_else(PoisonError::into_inner);
        fs::rename(&self.path, &place)?;
        drop(naming);
        self.kept = true;
        sync_dir(folder)?;
        Ok(Stored { sha256, size: self.size, media_type: self.media_type() })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done about a failure here: the next start clears the folder.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// A file being written from asynchronous code, in blocks.
#[derive(Debug)]
pub struct AsyncWriter {
    writer: Writer,
    gathered: BytesMut,
}

impl AsyncWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the disk does not take them; the file is gone then.
    pub async fn write(self, bytes: &[u8]) -> io::Result<Self> {
        let mut this = self;
        this.gathered.extend_from_slice(bytes);
        if this.gathered.len() < BLOCK { Ok(this) } else { this.flush().await }
    }

    async fn flush(self) -> io::Result<Self> {
        let Self { mut writer, gathered } = self;
        blocking(move || {
            io::Write::write_all(&mut writer, &gathered)?;
            let mut gathered = gathered;
            gathered.clear();
            Ok(Self { writer, gathered })
        })
        .await
    }

    /// Bytes written so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.writer.size() + self.gathered.len() as u64
    }

    /// Hands the rest to the disk and gives the blocking writer.
    ///
    /// # Errors
    /// As [`AsyncWriter::write`].
    pub async fn finish(self) -> io::Result<Writer> {
        Ok(self.flush().await?.writer)
    }

    /// Hands the rest to the disk and keeps the file, as [`Writer::keep`].
    ///
    /// # Errors
    /// As [`AsyncWriter::write`] and [`Writer::keep`].
    pub async fn keep(self) -> io::Result<Stored> {
        let writer = self.finish().await?;
        blocking(move || writer.keep()).await
    }
}

/// The media type of the picture that these first bytes begin; `None` for anything else.
#[must_use]
pub fn picture_type(head: &[u8]) -> Option<&'static str> {
    if let Some(kind) = heif_type(head) {
        return Some(kind);
    }
    let kind = infer::get(head)?;
    (kind.matcher_type() == infer::MatcherType::Image).then(|| kind.mime_type())
}

/// HEIF by its brands (ISO/IEC 14496-12, section 4.3): the major one, or where that says only
/// HEIF, the first compatible one that says how the picture is coded.
fn heif_type(head: &[u8]) -> Option<&'static str> {
    let (size, rest) = head.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let (major, rest) = rest.strip_prefix(b"ftyp")?.split_first_chunk::<4>()?;
    let is_hevc =
        |brand: &[u8]| matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx");
    if is_hevc(major) {
        return Some("image/heic");
    }
    if !matches!(major, b"mif1" | b"msf1") {
        return None;
    }
    // After the minor version, as far as the box goes.
    let compatible = rest.get(4..rest.len().min(length.saturating_sub(12))).unwrap_or_default();
    let coded = compatible.chunks_exact(4).find_map(|brand| match brand {
        b"avif" | b"avis" => Some("image/avif"),
        brand => is_hevc(brand).then_some("image/heic"),
    });
    Some(coded.unwrap_or("image/heif"))
}

/// Runs blocking work on a thread made for it.
///
/// # Errors
/// The work's own, or that the thread died.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_kept_file_is_found_by_its_digest_and_a_dropped_one_is_gone() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        let spool = Spool::open(home.path())?;
        let mut writer = spool.begin()?;
        writer.write_all(b"\xff\xd8\xff")?;
        let stored = writer.keep()?;
        assert_eq!(stored.media_type, Some("image/jpeg"));
        assert_eq!(fs::read(spool.path(&stored.sha256))?, b"\xff\xd8\xff");
        assert_eq!(spool.digests()?, [stored.sha256]);

        let mut dropped = spool.begin()?;
        dropped.write_all(b"half")?;
        drop(dropped);
        assert_eq!(fs::read_dir(home.path().join("tmp"))?.count(), 0);
        Ok(())
    }

    #[test]
    fn a_fresh_file_is_not_removed_and_an_old_one_is() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        let spool = Spool::open(home.path())?;
        let stored = spool.begin()?.keep()?;
        assert_eq!(spool.remove(&stored.sha256)?, None);
        let file = fs::File::options().write(true).open(spool.path(&stored.sha256))?;
        file.set_modified(SystemTime::now() - Duration::from_hours(2))?;
        assert_eq!(spool.remove(&stored.sha256)?, Some(stored.size));
        assert_eq!(spool.digests()?, []);
        assert_eq!(spool.remove(&stored.sha256)?, None, "one that is not there is removed already");
        Ok(())
    }

    #[test]
    fn heif_is_named_by_how_its_picture_is_coded() {
        let file = |brands: &[&str]| {
            let length = u8::try_from(12 + 4 * brands.len()).unwrap_or_default();
            let box_of = [&[0, 0, 0, length], b"ftyp".as_slice(), brands[0].as_bytes(), &[0; 4]];
            [&box_of.concat(), brands[1..].concat().as_bytes(), b"heic after its end"].concat()
        };
        for major in ["heic", "heix", "heim", "heis", "hevc", "hevx"] {
            assert_eq!(picture_type(&file(&[major, "mif1", "xxxx"])), Some("image/heic"));
        }
        for major in ["mif1", "msf1"] {
            assert_eq!(picture_type(&file(&[major, "mif1", "heix"])), Some("image/heic"));
            assert_eq!(picture_type(&file(&[major, "mif1", "avif"])), Some("image/avif"));
            assert_eq!(picture_type(&file(&[major, "mif1", "jpeg"])), Some("image/heif"));
        }
        assert_eq!(picture_type(&file(&["avif", "mif1", "miaf"])), Some("image/avif"));
        assert_eq!(picture_type(&file(&["isom", "mp41", "mp42"])), None);
        assert_eq!(picture_type(b"\0\0\0\x01ftypmif1"), Some("image/heif"));
        assert_eq!(picture_type(b"\0\0\0\x18ftyp"), None);
    }

    #[tokio::test]
    async fn an_asynchronous_writer_gives_the_same_file() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        let spool = Spool::open(home.path())?;
        let photo = vec![7_u8; 3 * BLOCK + 5];
        let mut writer = spool.begin_async().await?;
        for chunk in photo.chunks(1000) {
            writer = writer.write(chunk).await?;
        }
        let stored = writer.keep().await?;
        assert_eq!(stored.size, photo.len() as u64);
        assert_eq!(stored.sha256, Digest(Sha256::digest(&photo).into()));
        assert_eq!(fs::read(spool.path(&stored.sha256))?, photo);
        Ok(())
    }
}
