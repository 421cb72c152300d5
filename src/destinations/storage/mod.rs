//! Storage: every photo an object (a file) under the key of its template.
//!
//! [`Storage`] is the destination, once for all protocols: it decides keys, recognises what is
//! there, never lets two photos fight for one key, and tries a storage out. A [`Store`] is what
//! differs: how one protocol looks, writes, reads and removes. It decides nothing about keys.

mod greeting;
mod keys;
mod link;
pub(super) mod objects;
mod part;
mod pool;
mod space;
#[cfg(test)]
mod tests;
mod trial;

use std::{fmt, pin::Pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

pub(super) use self::{
    greeting::greeting,
    keys::Keys,
    link::link,
    part::{beside, folders_of, part_of},
    pool::{Pool, Used},
    space::space,
};
use super::{
    Destination, Item, Limits, Parcel, Progress, Shared,
    key::{KeyTemplate, suffixed},
    oauth,
};
use crate::{
    model::{Cause, Delivery, Digest, ErrorKind, Failure, Finding, Kind, Photo, Receipt, Target},
    spool::SpooledFile,
};

/// The bytes of an object, as they arrive.
pub(super) type Body = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;

/// One protocol's way to keep objects. Keys are relative, parted by `/`, safe by
/// [`KeyTemplate`]; a store makes the folders on the way where it has some.
///
/// Every error is a [`Failure`] in the sense of [`Destination::deliver`]: wrong credentials, a
/// missing bucket or folder and a full disk are `Broken` (nothing will work until somebody acts),
/// what a server could not do now is `Later`, a write whose answer was lost is `Unknown`.
#[async_trait]
pub(super) trait Store: fmt::Debug + Send + Sync {
    /// Its type.
    fn kind(&self) -> Kind;

    /// Where it points: a URL without credentials.
    fn place(&self) -> String;

    /// Largest object, in bytes, and writes under way at once.
    fn limits(&self) -> StoreLimits;

    /// As [`Limits::settles_in`].
    fn settles_in(&self) -> Duration {
        SETTLES_IN
    }

    /// Can it be reached, does it let us in, is the bucket or folder there? Writes nothing.
    async fn probe(&self) -> Vec<Finding>;

    /// What is under a key; `None` when nothing is. What is being written is nothing.
    ///
    /// # Errors
    /// When the other side cannot be asked.
    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure>;

    /// Writes an object so that it is seen whole or not at all, with its media type and digest
    /// as metadata where the protocol has such. Must not replace what is under the key where
    /// the protocol can prevent that: gives [`Written::Taken`] then. After an error what is
    /// left (a temporary name, an open upload) must not stand in the way of the next try.
    ///
    /// # Errors
    /// As for the trait.
    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure>;

    /// The bytes under a key.
    ///
    /// # Errors
    /// As for the trait; [`ErrorKind::Forbidden`] where it may be written but not read.
    async fn read(&self, key: &str) -> Result<Body, Failure>;

    /// Removes what is under a key; nothing there is no error.
    ///
    /// # Errors
    /// As for the trait.
    async fn remove(&self, key: &str) -> Result<(), Failure>;

    /// Removes a folder that [`Store::write`] made on the way to a key and that is empty by now
    /// (some protocols remove what is in it too); one that is not there is no error. Nothing where
    /// the protocol has no folders.
    ///
    /// # Errors
    /// As for the trait.
    async fn remove_folder(&self, _folder: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// Where a person can see the object, if there is such a place. Never a signed link.
    fn url(&self, _key: &str) -> Option<String> {
        None
    }

    /// As [`Destination::login`].
    ///
    /// # Errors
    /// As there.
    fn login(&self) -> Result<oauth::Login, oauth::NoLogin> {
        Err(oauth::NoLogin::ByType)
    }
}

/// What a store can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreLimits {
    /// Largest object, in bytes.
    pub(super) max_size: u64,
    /// Writes under way at once.
    pub(super) concurrency: usize,
}

/// An object that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Object {
    /// Its length, in bytes.
    pub(super) size: u64,
    /// Its digest, where the storage tells one.
    pub(super) sha256: Option<Digest>,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// The bytes.
    pub(super) file: SpooledFile,
    /// `image/jpeg`; `application/octet-stream` where nobody knows.
    pub(super) media_type: String,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is there.
    Done,
    /// Something else is under the key and was left alone.
    Taken,
}

/// A destination that keeps objects.
#[derive(Debug)]
pub(super) struct Storage<S> {
    store: S,
    template: KeyTemplate,
    keys: Keys,
}

impl<S: Store> Storage<S> {
    /// A destination that has touched nothing yet.
    pub(super) fn new(store: S, template: KeyTemplate, shared: &Shared) -> Self {
        Self { store, template, keys: shared.keys.clone() }
    }

    async fn deliver_one(&self, item: &Item, progress: &Progress) -> Result<Receipt, Failure> {
        let upload = Upload {
            file: item.file.clone(),
            media_type: item
                .delivery
                .photo
                .media_type
                .clone()
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
        };
        let delivery = &item.delivery;
        let candidates = self.candidates(delivery);
        for candidate in &candidates {
            // Two photos that render to one key come one after the other.
            let _mine = self.keys.lock(&self.store.place(), &candidate.key).await;
            match self.standing(candidate, &delivery.photo).await? {
                Standing::Same => return Ok(self.receipt(candidate, true)),
                Standing::Other => {}
                Standing::Nothing => {
                    if !noted(delivery).any(|key| key == candidate.key) {
                        progress.note(delivery.id, KEY, &candidate.key).await?;
                    }
                    match self.store.write(&candidate.key, &upload).await? {
                        Written::Done => return Ok(self.receipt(candidate, false)),
                        // Somebody else was quicker; it may be this very photo, of another node.
                        Written::Taken => {
                            if self.standing(candidate, &delivery.photo).await? == Standing::Same {
                                return Ok(self.receipt(candidate, true));
                            }
                        }
                    }
                }
            }
        }
        let [_, Candidate { key, .. }] = candidates;
        Err(Failure::Refused {
            cause: Cause::new(
                ErrorKind::Rejected,
                format!("other objects have the name {key} and the one before it"),
                "move them away, or change key_template; then replay the delivery",
            ),
        })
    }

    async fn find_one(&self, delivery: &Delivery) -> Result<Option<Receipt>, Failure> {
        let candidates = self.candidates(delivery);
        // Where an earlier attempt wrote, before the record or the template changed.
        let before = noted(delivery).filter(|key| candidates.iter().all(|it| it.key != *key));
        let before = before.map(|key| Candidate { key: key.to_owned(), is_second: false });
        for candidate in before.collect::<Vec<_>>().into_iter().chain(candidates) {
            if self.standing(&candidate, &delivery.photo).await? == Standing::Same {
                return Ok(Some(self.receipt(&candidate, true)));
            }
        }
        Ok(None)
    }

    /// Where the photo may be: under its key, or its second one where another has that.
    fn candidates(&self, delivery: &Delivery) -> [Candidate; 2] {
        let key = self.template.render(delivery);
        let second = suffixed(&key, &delivery.photo.id);
        [Candidate { key, is_second: false }, Candidate { key: second, is_second: true }]
    }

    /// What stands under a key. Where the storage tells no digest, the object is read back;
    /// where it may not be read, its length decides, if the key is this photo's alone.
    async fn standing(&self, at: &Candidate, photo: &Photo) -> Result<Standing, Failure> {
        let Some(object) = self.store.stat(&at.key).await? else { return Ok(Standing::Nothing) };
        if Some(object.size) != photo.size {
            return Ok(Standing::Other);
        }
        let told = match object.sha256 {
            Some(digest) => Some(digest),
            None => match digest(&self.store, &at.key).await {
                Ok((_, read)) if read != object.size => return Err(cut(&at.key, read)),
                Ok((digest, _)) => Some(digest),
                Err(failure) if failure.cause().kind == ErrorKind::Forbidden => None,
                Err(failure) => return Err(failure),
            },
        };
        let is_its_own = at.is_second || self.template.is_unique();
        let is_same = told.map_or(is_its_own, |digest| Some(digest) == photo.sha256);
        Ok(if is_same { Standing::Same } else { Standing::Other })
    }

    fn receipt(&self, at: &Candidate, found: bool) -> Receipt {
        let note = at.is_second.then(|| {
            "another object had the name of this photo, so its id was added to the name".to_owned()
        });
        let url = self.store.url(&at.key);
        Receipt { url, note, found, ..Receipt::default() }.with("key", &at.key)
    }
}

/// The name of the step that says where a photo is about to be written.
const KEY: &str = "key";

/// The keys under which earlier attempts may have written.
fn noted(delivery: &Delivery) -> impl Iterator<Item = &str> {
    delivery.steps.iter().filter(|step| step.name == KEY).map(|step| step.value.as_str())
}

/// Where a photo may be.
#[derive(Debug)]
struct Candidate {
    key: String,
    /// Whether it holds the photo's id because another object had the key before it.
    is_second: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Nothing,
    Same,
    Other,
}

#[async_trait]
impl<S: Store> Destination for Storage<S> {
    fn kind(&self) -> Kind {
        self.store.kind()
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fn limits(&self) -> Limits {
        let StoreLimits { max_size, concurrency } = self.store.limits();
        Limits {
            max_size,
            size_key: None,
            concurrency,
            one_per_target: false,
            photos_per_parcel: 1,
            parcel_size: max_size,
            settles_in: self.store.settles_in(),
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.store.probe().await
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        trial::run(&self.store, &self.template).await
    }

    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let key = self.template.render(delivery);
        Ok(Receipt { url: self.store.url(&key), ..Receipt::default() }.with("key", key))
    }

    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        let mut found = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            found.push(self.find_one(delivery).await?);
        }
        Ok(found)
    }

    async fn deliver(&self, parcel: &Parcel, progress: &Progress) -> Result<Vec<Receipt>, Failure> {
        let mut receipts = Vec::with_capacity(parcel.items.len());
        for item in &parcel.items {
            receipts.push(self.deliver_one(item, progress).await?);
        }
        Ok(receipts)
    }

    fn login(&self) -> Result<oauth::Login, oauth::NoLogin> {
        self.store.login()
    }
}

/// Digest and length of what is under a key, by reading it.
async fn digest(store: &impl Store, key: &str) -> Result<(Digest, u64), Failure> {
    let mut body = store.read(key).await?;
    let (mut hash, mut read) = (Sha256::new(), 0);
    while let Some(block) = body.next().await {
        let block = block?;
        hash.update(&block);
        read += block.len() as u64;
    }
    Ok((Digest(hash.finalize().into()), read))
}

/// The failure of an object that came back shorter or longer than it is said to be: its bytes
/// say nothing.
fn cut(key: &str, read: u64) -> Failure {
    let what = format!("{key} could not be compared: {read} bytes came, not as many as it has");
    let fix = "look for a proxy that cuts answers; it is tried again";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::Protocol, what, fix) }
}

/// How long a storage may go on with a write whose connection broke.
const SETTLES_IN: Duration = Duration::from_secs(3);

/// The failure of a photo that cannot be read from the spool.
pub(super) fn unreadable(error: &std::io::Error) -> Failure {
    Failure::Later {
        after: None,
        cause: Cause::new(
            ErrorKind::Local,
            "the photo cannot be read from the spool",
            "look at the disk of data_dir; it is tried again",
        )
        .with_detail(&error.to_string()),
    }
}
