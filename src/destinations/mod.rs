//! The far shore: the trait every destination type implements, and one room per type.
//!
//! A destination knows the model, the outgoing HTTP client and this file. It never sleeps,
//! retries, counts, logs an outcome or sees the journal: the sender does, once for all.
//! Concrete types are named in this file and nowhere else.

pub mod azure_blob;
mod body;
pub mod drive;
pub mod dropbox;
pub mod folder;
pub mod freshworks;
pub mod ftp;
pub mod gcs;
pub mod google_drive;
mod invitation;
pub mod key;
mod message;
mod name;
mod notice;
pub mod oauth;
pub mod odoo;
pub mod onedrive;
mod pace;
mod record;
mod redact;
pub mod s3;
mod sample;
pub mod sftp;
mod storage;
mod template;
mod ticket;
pub mod webdav;
pub mod webhook;
pub mod zendesk;

pub use invitation::Invitation;
pub use message::{Language, Message};
pub use notice::Notice;
pub use odoo::actions::{Actions, Administrator, Change, Entry, Outcome, Plan};
pub use pace::Allowance;
pub use record::{Mark, Record};
pub use template::InvalidTemplate;
pub use webhook::{Hook, HookSettings};

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use url::Url;

use self::pace::Accounts;
use crate::{
    http::Http,
    model::{
        Cause, Delivery, DeliveryId, DestinationName, ErrorKind, Failure, Finding, Kind, Mode,
        Receipt, Step, Target,
    },
    spool::SpooledFile,
    system::Clock,
};

/// A place that takes photos.
#[async_trait]
pub trait Destination: fmt::Debug + Send + Sync {
    /// Its type.
    fn kind(&self) -> Kind;

    /// Where it points, for lists and logs: a URL without credentials, a path.
    fn place(&self) -> String;

    /// What it can take.
    fn limits(&self) -> Limits;

    /// How many parcels may be given now. What is given beyond it comes back as
    /// [`Failure::Later`] of kind `rate_limited`, with nothing sent.
    fn allowance(&self) -> Allowance {
        Allowance::Parcels(usize::MAX)
    }

    /// Can it be reached, does it let us in, may we write? At least one finding; one with
    /// [`crate::model::Severity::Error`] means that deliveries would fail.
    async fn probe(&self) -> Vec<Finding>;

    /// Writes something small, reads it back, compares and removes it, step by step.
    /// `target` names the record where the type needs one.
    async fn test(&self, target: Option<&Target>) -> Vec<Finding>;

    /// What the receipt of a delivery is going to say, as far as that is decided here and without
    /// asking the other side: the record and mode, the ticket, the key of the object.
    ///
    /// # Errors
    /// [`Failure::Refused`] where the delivery would be refused without a call.
    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure>;

    /// Looks for the photos of deliveries whose earlier attempts ended without an answer, all
    /// of them for one target; gives what was found of each, in order. `None` says that the
    /// photo is surely not there in full; [`Destination::deliver`] must still cope with the part
    /// that may be.
    ///
    /// # Errors
    /// When the other side cannot be asked. Nothing was changed there.
    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure>;

    /// Stores the photos of a parcel, all or nothing, and gives one receipt per item in order.
    ///
    /// # Errors
    /// The kind of [`Failure`] decides what happens next; see there.
    async fn deliver(&self, parcel: &Parcel, progress: &Progress) -> Result<Vec<Receipt>, Failure>;

    /// Tells the people of a record where to send photos, once, as visible as the mode says
    /// (`None`: as the destination's photos are): in [`Mode::Contact`] the customer is told as
    /// the system tells customers. The receipt names what was written.
    ///
    /// # Errors
    /// The kind of [`Failure`] says whether it may have been written though.
    async fn tell(
        &self,
        target: &Target,
        _mode: Option<Mode>,
        _invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        let what = format!("{} keeps photos and has nobody to tell about {target}", self.kind());
        let fix = "send the link yourself";
        Err(Failure::Refused { cause: Cause::new(ErrorKind::NotAllowed, what, fix) })
    }

    /// Leaves an internal note on a record: photos could not be attached to it. Where an earlier
    /// try may have left it (`again`), looks for its mark first.
    ///
    /// # Errors
    /// The kind of [`Failure`] says whether it may have been written though; [`Failure::Refused`]
    /// where there is no such record or nobody to tell.
    async fn leave_note(
        &self,
        target: &Target,
        _notice: &Notice,
        _again: bool,
    ) -> Result<(), Failure> {
        let what = format!("{} keeps photos and has no {target} to leave a note on", self.kind());
        let fix = "nothing to do";
        Err(Failure::Refused { cause: Cause::new(ErrorKind::NotAllowed, what, fix) })
    }

    /// The record of a target as the other side knows it.
    ///
    /// # Errors
    /// [`Failure::Refused`] where there is none, where it is not to be seen or where photos of
    /// this destination have no records.
    async fn record(&self, target: &Target) -> Result<Record, Failure> {
        let what = format!("{} has no records, so it has no {target}", self.kind());
        let fix = "name a record of a destination that has records";
        Err(Failure::Refused { cause: Cause::new(ErrorKind::NotAllowed, what, fix) })
    }

    /// Takes a mark off the record that carries it and gives that record: whoever left the mark
    /// may write to it. `None` where there is no such mark any more, where it is too old or where
    /// it was not left for this purpose; nothing was changed then.
    ///
    /// # Errors
    /// When the other side cannot be asked, or does not let the mark be taken off.
    async fn redeem(&self, _mark: &Mark) -> Result<Option<Record>, Failure> {
        Ok(None)
    }

    /// A login by a person with a browser, for `destinations login`.
    ///
    /// # Errors
    /// Why there is nothing to log in to.
    fn login(&self) -> Result<oauth::Login, oauth::NoLogin> {
        Err(oauth::NoLogin::ByType)
    }
}

/// What a destination can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest photo, in bytes. A larger one is never handed over.
    pub max_size: u64,
    /// The key of the configuration that says so, such as `max_attachment`, where there is one.
    pub size_key: Option<&'static str>,
    /// Parcels under way at once.
    pub concurrency: usize,
    /// Whether two parcels for one target may not be under way at once.
    pub one_per_target: bool,
    /// Photos in one parcel, at least 1.
    pub photos_per_parcel: usize,
    /// Bytes in one parcel of several photos.
    pub parcel_size: u64,
    /// How long after a request without an answer a look may still miss what it wrote: the
    /// other side may be at work on it, or its lists may lag behind.
    pub settles_in: Duration,
}

impl Limits {
    /// Why a photo of so many bytes, where their number is known, is not handed over to the
    /// destination of this name.
    #[must_use]
    pub fn refusal(&self, name: &DestinationName, size: Option<u64>) -> Option<Cause> {
        let max_size = self.max_size;
        let size = size.filter(|size| *size > max_size)?;
        let what = format!("the photo has {size} bytes, the destination takes at most {max_size}");
        let fix = "ask for a smaller picture, or route large photos to another destination";
        let fix = match self.size_key {
            Some(key) => {
                format!("raise `destination.{name}.{key}` if the other side takes more, {fix}")
            }
            None => fix.to_owned(),
        };
        Some(Cause::new(ErrorKind::TooLarge, what, fix))
    }
}

/// Photos for one target in one mode.
#[derive(Debug)]
pub struct Parcel {
    /// One or more, never more than [`Limits::photos_per_parcel`]; same target, same mode.
    pub items: Vec<Item>,
}

/// One photo of a parcel with its delivery.
#[derive(Debug)]
pub struct Item {
    /// What is to be done.
    pub delivery: Delivery,
    /// The bytes.
    pub file: SpooledFile,
}

/// Where a destination writes a step down before it goes on.
#[async_trait]
pub trait StepLog: fmt::Debug + Send + Sync {
    /// Writes the step down durably.
    ///
    /// # Errors
    /// The journal's own words when it cannot.
    async fn write(&self, delivery: DeliveryId, step: Step) -> Result<(), String>;
}

/// The handle with which a destination writes its steps down.
#[derive(Debug, Clone)]
pub struct Progress(pub Arc<dyn StepLog>);

impl Progress {
    /// Writes `name = value` down durably, so that the next attempt goes on from there.
    ///
    /// # Errors
    /// [`Failure::Unknown`] when the journal cannot take it: the work at the other side may be
    /// half done, so the next attempt has to look.
    pub async fn note(
        &self,
        delivery: DeliveryId,
        name: &str,
        value: impl ToString + Send,
    ) -> Result<(), Failure> {
        let step = Step { name: name.to_owned(), value: value.to_string() };
        self.0.write(delivery, step).await.map_err(|error| Failure::Unknown {
            cause: Cause::new(
                ErrorKind::Local,
                "the journal could not write a step down",
                "look at the disk of data_dir; the next attempt looks before it sends",
            )
            .with_detail(&error),
        })
    }
}

/// The settings of a destination as run on, one variant per type.
#[derive(Debug, Clone)]
pub enum Settings {
    /// `type = "odoo"`.
    Odoo(odoo::Settings),
    /// `type = "freshdesk"` or `type = "freshservice"`.
    Freshworks(Box<freshworks::Settings>),
    /// `type = "zendesk"`.
    Zendesk(zendesk::Settings),
    /// `type = "webhook"`.
    Webhook(webhook::Settings),
    /// `type = "s3"`.
    S3(s3::Settings),
    /// `type = "gcs"`.
    Gcs(gcs::Settings),
    /// `type = "azure_blob"`.
    AzureBlob(azure_blob::Settings),
    /// `type = "webdav"`.
    Webdav(webdav::Settings),
    /// `type = "ftp"`.
    Ftp(ftp::Settings),
    /// `type = "sftp"`.
    Sftp(sftp::Settings),
    /// `type = "google_drive"`.
    GoogleDrive(Box<google_drive::Settings>),
    /// `type = "dropbox"`.
    Dropbox(Box<dropbox::Settings>),
    /// `type = "onedrive"`.
    Onedrive(Box<onedrive::Settings>),
    /// `type = "folder"`.
    Folder(folder::Settings),
}

impl Settings {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Odoo(_) => Kind::Odoo,
            Self::Freshworks(settings) => settings.product.kind(),
            Self::Zendesk(_) => Kind::Zendesk,
            Self::Webhook(_) => Kind::Webhook,
            Self::S3(_) => Kind::S3,
            Self::Gcs(_) => Kind::Gcs,
            Self::AzureBlob(_) => Kind::AzureBlob,
            Self::Webdav(_) => Kind::Webdav,
            Self::Ftp(_) => Kind::Ftp,
            Self::Sftp(_) => Kind::Sftp,
            Self::GoogleDrive(_) => Kind::GoogleDrive,
            Self::Dropbox(_) => Kind::Dropbox,
            Self::Onedrive(_) => Kind::Onedrive,
            Self::Folder(_) => Kind::Folder,
        }
    }

    /// Where it speaks HTTP, the address that is called, without path and query; `None` for others
    /// and where the type's own library knows.
    #[must_use]
    pub fn origin(&self) -> Option<Url> {
        let url = match self {
            Self::Odoo(settings) => &settings.url,
            Self::Freshworks(settings) => &settings.base_url,
            Self::Zendesk(settings) => &settings.base_url,
            Self::Webhook(settings) => settings.address.reveal(),
            Self::S3(settings) => settings.endpoint.as_ref()?,
            Self::Gcs(settings) => settings.base_url.as_ref()?,
            Self::AzureBlob(settings) => &settings.endpoint,
            Self::Webdav(settings) => settings.folder.url(),
            Self::GoogleDrive(settings) => &settings.base_url,
            Self::Dropbox(settings) => &settings.api_url,
            Self::Onedrive(settings) => &settings.base_url,
            Self::Ftp(_) | Self::Sftp(_) | Self::Folder(_) => return None,
        };
        Url::parse(&url.origin().ascii_serialization()).ok()
    }

    /// The mode of photos that name none, where the type knows modes.
    #[must_use]
    pub fn default_mode(&self) -> Option<Mode> {
        match self {
            Self::Odoo(settings) => Some(settings.default_mode),
            Self::Freshworks(settings) => Some(settings.default_mode),
            Self::Zendesk(settings) => Some(settings.default_mode),
            _ => None,
        }
    }
}

impl Settings {
    /// The actions in the menus of this destination's own pages, for an administrator; `None`
    /// where the type has none.
    #[must_use]
    pub fn actions(
        &self,
        name: &DestinationName,
        administrator: Administrator,
        http: Http,
    ) -> Option<Actions> {
        match self {
            Self::Odoo(odoo) => Some(Actions::new(name.clone(), odoo, administrator, http)),
            _ => None,
        }
    }
}

/// What destinations share. Clones share it too.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The way out.
    pub http: Http,
    /// The time.
    pub clock: Clock,
    /// The tokens of every login.
    pub tokens: oauth::TokenStore,
    /// The pace of every account, whichever destinations use it.
    accounts: Accounts,
    /// The keys of storage that are being written, whichever destinations write them.
    keys: storage::Keys,
}

impl Shared {
    /// Nothing called yet. Tokens are kept in `tokens.json` of this data directory.
    #[must_use]
    pub fn new(http: Http, clock: Clock, data_dir: &Path) -> Self {
        let tokens = oauth::TokenStore::new(data_dir.join("tokens.json"));
        let accounts = Accounts::new(clock.clone());
        Self { http, tokens, accounts, clock, keys: storage::Keys::default() }
    }
}

/// Makes a destination from its settings. Touches neither network nor disk.
#[must_use]
pub fn build(name: &DestinationName, settings: Settings, shared: &Shared) -> Arc<dyn Destination> {
    match settings {
        Settings::Odoo(settings) => {
            Arc::new(odoo::Odoo::new(name.clone(), settings, shared.http.clone()))
        }
        Settings::Freshworks(settings) => {
            Arc::new(freshworks::Freshworks::new(name.clone(), *settings, shared))
        }
        Settings::Zendesk(settings) => {
            Arc::new(zendesk::Zendesk::new(name.clone(), settings, shared))
        }
        Settings::Webhook(settings) => {
            Arc::new(webhook::Webhook::new(name.clone(), settings, shared))
        }
        Settings::S3(settings) => Arc::new(s3::storage(settings, shared)),
        Settings::Gcs(settings) => Arc::new(gcs::storage(settings, shared)),
        Settings::AzureBlob(settings) => Arc::new(azure_blob::storage(settings, shared)),
        Settings::Webdav(settings) => Arc::new(webdav::storage(settings, shared)),
        Settings::Ftp(settings) => Arc::new(ftp::storage(settings, shared)),
        Settings::Sftp(settings) => Arc::new(sftp::storage(settings, shared)),
        Settings::GoogleDrive(settings) => Arc::new(google_drive::storage(name, *settings, shared)),
        Settings::Dropbox(settings) => Arc::new(dropbox::storage(name, *settings, shared)),
        Settings::Onedrive(settings) => Arc::new(onedrive::storage(name, *settings, shared)),
        Settings::Folder(settings) => Arc::new(folder::storage(settings, shared)),
    }
}

/// A folder that a person names for once, with files named by this template.
#[must_use]
pub fn folder_at(
    path: PathBuf,
    key_template: key::KeyTemplate,
    shared: &Shared,
) -> Arc<dyn Destination> {
    Arc::new(folder::storage(folder::Settings { path, key_template }, shared))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::{
        Delivery, DeliveryState, ImageId, Photo, PhotoId, Scheme, SessionId, Shape, Tag,
    };

    /// What a destination is built with; its data directory is nowhere.
    pub(super) fn shared() -> Shared {
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        Shared::new(Http::new().unwrap(), clock, Path::new("/nonexistent"))
    }

    /// A delivery of `img_1` to `odoo:res.partner:42`.
    pub(super) fn delivery() -> Delivery {
        let received_at = "2027-01-15T08:00:00Z".parse().unwrap();
        let target = Some("odoo:res.partner:42".parse().unwrap());
        let photo = Photo {
            id: PhotoId::parse("img_1").unwrap(),
            image_id: Some(ImageId::parse("img_1").unwrap()),
            session: Some(SessionId::parse("s-1").unwrap()),
            index: Some(0),
            filename: Some("photo 1.jpg".to_owned()),
            media_type: Some("image/jpeg".to_owned()),
            size: Some(3),
            sha256: None,
            tags: vec![Tag::from_text("vip:gold")],
            target: target.clone(),
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at,
        };
        Delivery {
            id: DeliveryId(7),
            photo,
            destination: Some(DestinationName::parse("erp").unwrap()),
            target,
            mode: None,
            state: DeliveryState::Sending,
            attempts: 1,
            due_at: received_at,
            since: received_at,
            unsure: false,
            steps: Vec::new(),
            cause: None,
            receipt: None,
            settled_at: None,
        }
    }

    /// A journal that keeps steps in memory.
    #[derive(Debug, Default)]
    pub(super) struct Steps(pub Mutex<Vec<Step>>);

    #[async_trait]
    impl StepLog for Steps {
        async fn write(&self, _delivery: DeliveryId, step: Step) -> Result<(), String> {
            self.0.lock().unwrap().push(step);
            Ok(())
        }
    }
}
