//! The thumbnail of a photo: its picture, small enough for a page, made of the bytes in the spool
//! when somebody looks, and kept in memory while there is room.
//!
//! One is made at a time, whoever asks, and few wait for that. The bytes themselves are never
//! shown in a page, and nothing of a thumbnail is written down.

use std::{
    collections::VecDeque,
    fmt, fs,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{HttpResponse, http::header, web};
use bytes::Bytes;
use maud::{Markup, html};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::scale::scaled;
use crate::{
    console::{Console, access::Scope, trouble::Trouble, visit::Visit},
    journal,
    model::{Digest, FetchState, Photo},
    ops::story::Account,
    pages::encoded,
    spool::SpooledFile,
};

/// Largest file that a thumbnail is made of: a decoder may hold all of it.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Media types that a thumbnail can be made of.
const SHOWN: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];
/// Most that wait for theirs, with the one that is being made.
const QUEUE: usize = 32;
/// Most that are kept, and most bytes of them.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Makes a thumbnail; `None` where there is none of such bytes.
type Make = fn(fs::File) -> Option<Vec<u8>>;

/// Every thumbnail there is now.
pub(in crate::console) struct Thumbnails {
    make: Make,
    /// One is made at a time: each may take much memory.
    turn: Arc<Semaphore>,
    queue: Semaphore,
    kept: Arc<Mutex<Kept>>,
}

impl fmt::Debug for Thumbnails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thumbnails").finish_non_exhaustive()
    }
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self::new(|file| scaled(file).ok())
    }
}

/// Why somebody gets no thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// The bytes are not there any more.
    Bytes,
    /// There is none of such bytes.
    Picture,
    /// Too many wait.
    Busy,
}

/// Those made last, oldest first, and of which bytes there are none.
#[derive(Default)]
struct Kept {
    all: VecDeque<(Digest, Option<Bytes>)>,
    bytes: usize,
}

impl Kept {
    fn find(&self, sha256: Digest) -> Option<Option<Bytes>> {
        self.all.iter().find(|(of, _)| *of == sha256).map(|(_, made)| made.clone())
    }

    fn keep(&mut self, sha256: Digest, made: Option<Bytes>) {
        self.bytes += made.as_ref().map_or(0, Bytes::len);
        self.all.push_back((sha256, made));
        while self.all.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some((_, gone)) = self.all.pop_front() else { return };
            self.bytes -= gone.map_or(0, |gone| gone.len());
        }
    }
}

impl Thumbnails {
    fn new(make: Make) -> Self {
        Self {
            make,
            turn: Arc::new(Semaphore::new(1)),
            queue: Semaphore::new(QUEUE),
            kept: Arc::default(),
        }
    }

    fn known(&self, sha256: Digest) -> Option<Result<Bytes, Missing>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Some(kept.find(sha256)?.ok_or(Missing::Picture))
    }

    /// Whether there may be one of a photo that is here, as far as is known.
    fn may_be(&self, photo: &Photo) -> bool {
        let is_shown = photo.media_type.as_deref().is_some_and(|kind| SHOWN.contains(&kind));
        let fits = photo.size.is_some_and(|size| size <= MOST_BYTES);
        let is_sound = |sha256| self.known(sha256) != Some(Err(Missing::Picture));
        is_shown && fits && photo.sha256.is_some_and(is_sound)
    }

    /// That of a file, made if need be. It is made to its end and kept when whoever asked goes
    /// away.
    async fn of(&self, file: &SpooledFile) -> Result<Bytes, Missing> {
        let sha256 = file.sha256;
        if let Some(known) = self.known(sha256) {
            return known;
        }
        if file.size > MOST_BYTES {
            return Err(Missing::Picture);
        }
        let _place = self.queue.try_acquire().map_err(|_| Missing::Busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| Missing::Busy)?;
        if let Some(known) = self.known(sha256) {
            return known;
        }
        let opened = file.open().await.map_err(|_| Missing::Bytes)?.into_std().await;
        let (make, kept) = (self.make, Arc::clone(&self.kept));
        let keep = move |made: Option<Bytes>| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).keep(sha256, made);
        };
        let keep_none = keep.clone();
        let making = spawn_blocking(move || {
            let made = make(opened).map(Bytes::from);
            keep(made.clone());
            drop(turn);
            made
        });
        let made = making.await.unwrap_or_else(|error| {
            tracing::warn!(%sha256, %error, "a thumbnail could not be made");
            keep_none(None);
            None
        });
        made.ok_or(Missing::Picture)
    }
}

/// `GET /photos/{id}/thumbnail`: a JPEG, or an answer without a body: 404 where the bytes are not
/// here, 415 where there is no thumbnail of them, 503 where too many wait.
pub(in crate::console) async fn show(
    id: web::Path<String>,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let journal::Story { photo, fetch_state, .. } = console.photo(&id).await?;
    let (Some(sha256), Some(size), FetchState::Stored) = (photo.sha256, photo.size, fetch_state)
    else {
        return Ok(HttpResponse::NotFound().finish());
    };
    let made = console.thumbnails.of(&console.behind.spool.file(sha256, size)).await;
    Ok(match made {
        Ok(jpeg) => HttpResponse::Ok().content_type("image/jpeg").body(jpeg),
        Err(Missing::Bytes) => HttpResponse::NotFound().finish(),
        Err(Missing::Picture) => HttpResponse::UnsupportedMediaType().finish(),
        Err(Missing::Busy) => {
            let wait = (header::RETRY_AFTER, "5");
            HttpResponse::ServiceUnavailable().insert_header(wait).finish()
        }
    })
}

/// The picture on the page of a photo, or in words why there is none; nothing for who may not see
/// pictures. The script puts such words in place of a picture that does not come.
pub(super) fn picture(visit: &Visit, account: &Account, thumbnails: &Thumbnails) -> Markup {
    if !visit.may(Scope::Operate) {
        return html! {};
    }
    let (words, photo) = (&visit.words.deliveries, &account.photo);
    let missing = match account.fetch_state {
        FetchState::Wanted => Some(words.not_here),
        FetchState::Held => Some(words.not_had),
        FetchState::Expired => Some(words.removed),
        FetchState::Stored => (!thumbnails.may_be(photo)).then_some(words.no_thumbnail),
    };
    if let Some(missing) = missing {
        return html! { p.picture.hint { (missing) } };
    }
    let place = format!("/photos/{}", encoded(photo.id.as_str()));
    let name = photo.filename.as_deref().unwrap_or(photo.id.as_str());
    html! {
        a href={ (place) "/bytes" } title=(words.download) {
            img.picture src={ (place) "/thumbnail" } alt=(name) width="640" height="480"
                data-else=(words.no_thumbnail);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use futures_util::future::join_all;
    use tempfile::TempDir;

    use super::*;

    fn file(dir: &TempDir, number: u8) -> io::Result<SpooledFile> {
        let path = dir.path().join(number.to_string());
        fs::write(&path, [number])?;
        Ok(SpooledFile::at(path, 1, Digest([number; 32])))
    }

    /// The first half of the bytes are pictures.
    fn made(file: fs::File) -> Option<Vec<u8>> {
        let [byte] = <[u8; 1]>::try_from(io::read_to_string(file).ok()?.as_bytes()).ok()?;
        (byte < 64).then(|| vec![byte; 1000])
    }

    #[tokio::test]
    async fn of_two_hundred_that_ask_at_once_one_is_served_at_a_time_and_few_wait()
    -> anyhow::Result<()> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let thumbnails = Thumbnails::new(|file| {
            MOST.fetch_max(AT_ONCE.fetch_add(1, SeqCst) + 1, SeqCst);
            MADE.fetch_add(1, SeqCst);
            thread::yield_now();
            AT_ONCE.fetch_sub(1, SeqCst);
            made(file)
        });
        let dir = TempDir::new()?;
        let files = (0..40).map(|number| file(&dir, number)).collect::<io::Result<Vec<_>>>()?;
        let asked = (0..200).map(|number| thumbnails.of(&files[number % 40]));
        let answered = join_all(asked).await;
        let busy = answered.iter().filter(|made| **made == Err(Missing::Busy)).count();
        assert_eq!((busy, MADE.load(SeqCst), MOST.load(SeqCst)), (200 - QUEUE, QUEUE, 1));
        for _ in 0..200 {
            assert_eq!(thumbnails.of(&files[7]).await, Ok(Bytes::from(vec![7; 1000])));
        }
        assert_eq!(MADE.load(SeqCst), QUEUE, "those that are there are not made again");
        Ok(())
    }

    #[tokio::test]
    async fn a_file_that_is_no_picture_or_breaks_the_decoder_is_tried_once() -> anyhow::Result<()> {
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        let thumbnails = Thumbnails::new(|file| {
            TRIED.fetch_add(1, SeqCst);
            let bytes = io::read_to_string(file).unwrap_or_default();
            assert_ne!(bytes, "\u{1}", "a decoder breaks");
            None
        });
        let dir = TempDir::new()?;
        for number in [1, 2] {
            let file = file(&dir, number)?;
            for _ in 0..3 {
                assert_eq!(thumbnails.of(&file).await, Err(Missing::Picture));
            }
        }
        assert_eq!(TRIED.load(SeqCst), 2);
        let gone = SpooledFile::at(dir.path().join("gone"), 1, Digest([9; 32]));
        assert_eq!(thumbnails.of(&gone).await, Err(Missing::Bytes));
        let large = SpooledFile::at(dir.path().join("1"), MOST_BYTES + 1, Digest([8; 32]));
        assert_eq!(thumbnails.of(&large).await, Err(Missing::Picture));
        Ok(())
    }

    #[test]
    fn what_is_kept_has_its_bounds_and_the_oldest_goes() {
        let mut kept = Kept::default();
        for number in 0..=64 {
            kept.keep(Digest([number; 32]), (number != 64).then(|| vec![number; 1000].into()));
        }
        assert_eq!((kept.all.len(), kept.bytes), (KEPT, 63_000));
        assert_eq!(kept.find(Digest([0; 32])), None);
        assert_eq!(kept.find(Digest([64; 32])), Some(None));
        for number in 0..9 {
            kept.keep(Digest([100 + number; 32]), Some(vec![0; 1024 * 1024].into()));
        }
        assert!(kept.all.len() == 8 && kept.bytes == KEPT_BYTES, "{}", kept.bytes);
    }
}
