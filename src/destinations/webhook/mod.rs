//! An outgoing webhook: photos passed on exactly as Apertur sends them, so that whoever takes
//! Apertur's webhooks, another bridge for one, takes them from here too.
//!
//! `request` makes and sends one, `answer` says what an answer means. What a receiver has cannot
//! be looked up. A second send is recognised by the receiver: by the image id that the signature
//! covers, and by `Idempotency-Key` and `X-Apertur-Delivery-Id`, which are the same in every try.

mod answer;
mod hook;
mod request;
mod settings;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

pub use self::hook::{Hook, HookSettings};
use self::request::{Payload, Wire};
pub use self::settings::{Address, Header, InvalidHeader, Settings};
use super::{Destination, Item, Limits, Parcel, Progress, Shared, sample};
pub use crate::webhook::{Format, Signer};
use crate::{
    model::{
        Cause, Delivery, DestinationName, ErrorKind, Failure, Finding, ImageId, Kind, Photo,
        Receipt, Severity, Tag, Target,
    },
    webhook::{About, Picture, ping},
};

/// How long a receiver may go on with a request whose connection broke.
const SETTLES_IN: Duration = Duration::from_secs(3);
/// Begins the id, and is a tag, of what `destinations test` sends.
const TEST: &str = "apertur-bridge-test";

/// A receiver of photos as Apertur sends them.
#[derive(Debug)]
pub struct Webhook {
    name: DestinationName,
    wire: Wire,
}

impl Webhook {
    /// A destination that has sent nothing yet.
    #[must_use]
    pub fn new(name: DestinationName, settings: Settings, shared: &Shared) -> Self {
        let wire = Wire { settings, http: shared.http.clone(), clock: shared.clock.clone() };
        Self { name, wire }
    }

    async fn deliver_one(&self, item: &Item) -> Result<Receipt, Failure> {
        let photo = &item.delivery.photo;
        let about = about(&item.delivery);
        let key = key(&self.name, photo.id.as_str());
        let answer = self.wire.post(&key, &Payload::Photo(&about, &item.file)).await?;
        if answer.is_taken() {
            let note = (self.wire.settings.format == Format::Multipart
                && photo.tags.iter().any(|tag| tag.key == "image"))
            .then(|| "a tag named image has no place in a form and was left out".to_owned());
            return Ok(Receipt { note, ..answer.receipt(&key) });
        }
        if answer.may_be_the_address() && self.ping().await.severity == Severity::Error {
            return Err(answer.broken());
        }
        Err(answer.failure())
    }

    /// Asks without a photo: a signed event that is about nothing.
    async fn ping(&self) -> Finding {
        let start = Instant::now();
        let key = format!("ping-{}", Uuid::now_v7().simple());
        match self.wire.post(&key, &Payload::Ping(ping())).await {
            Ok(answer) => answer.of_ping(start.elapsed()),
            Err(failure) => Finding::failed("ping", &failure),
        }
    }

    async fn trial(&self) -> Result<Finding, Failure> {
        let start = Instant::now();
        let (_kept, file) = sample::file().await?;
        let id = format!("{TEST}-{}", Uuid::now_v7().simple());
        let image = ImageId::parse(&id).map_err(|error| unwritable(&error.to_string()))?;
        let about = About {
            filename: Some(format!("{id}.png")),
            tags: vec![Tag::from_text(TEST)],
            picture: Some(Picture { media_type: sample::MEDIA_TYPE.to_owned(), size: file.size }),
            ..About::new(image)
        };
        let answer = self.wire.post(&key(&self.name, &id), &Payload::Photo(&about, &file)).await?;
        if !answer.is_taken() {
            return Err(answer.failure());
        }
        let (format, took) = (self.wire.settings.format.as_str(), start.elapsed().as_millis());
        let what = format!("sent {id} as {format}, answered {answer}, {took} ms");
        Ok(Finding::ok("send", format!("{what}; the receiver has this picture now")))
    }
}

#[async_trait]
impl Destination for Webhook {
    fn kind(&self) -> Kind {
        Kind::Webhook
    }

    fn place(&self) -> String {
        self.wire.settings.address.to_string()
    }

    fn limits(&self) -> Limits {
        let Settings { max_size, concurrency, .. } = self.wire.settings;
        Limits {
            max_size,
            size_key: Some("max_size"),
            concurrency,
            one_per_target: false,
            photos_per_parcel: 1,
            parcel_size: max_size,
            settles_in: SETTLES_IN,
        }
    }

    /// Posts a signed event that carries no photo and is about nothing
    /// (`apertur-bridge.ping`): it shows the way, the address, the secret and the clock.
    async fn probe(&self) -> Vec<Finding> {
        vec![self.ping().await]
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        let ping = self.ping().await;
        if ping.severity == Severity::Error {
            return vec![ping];
        }
        let send = self.trial().await.unwrap_or_else(|failure| Finding::failed("send", &failure));
        vec![ping, send]
    }

    fn preview(&self, delivery: &Delivery) -> Result<Receipt, Failure> {
        let id = delivery.photo.id.as_str();
        let format = self.wire.settings.format.as_str();
        Ok(Receipt::default()
            .with("delivery", key(&self.name, id))
            .with("image_id", id)
            .with("format", format))
    }

    /// Nothing can be looked up at a receiver: the photo is sent again, which is harmless by the
    /// contract of Apertur's webhooks, whose receivers know a photo by its id.
    async fn find(&self, deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        Ok(vec![None; deliveries.len()])
    }

    async fn deliver(&self, parcel: &Parcel, _: &Progress) -> Result<Vec<Receipt>, Failure> {
        let mut receipts = Vec::with_capacity(parcel.items.len());
        for item in &parcel.items {
            receipts.push(self.deliver_one(item).await?);
        }
        Ok(receipts)
    }
}

/// What is told of a photo: what made it one photo here is its id there. An image id that only an
/// unsigned header hinted at is not passed on, since our signature would vouch for it.
fn about(delivery: &Delivery) -> About {
    let photo: &Photo = &delivery.photo;
    let known = photo.media_type.clone();
    About {
        session: photo.session.clone(),
        index: photo.index,
        filename: photo.filename.clone(),
        tags: photo.tags.clone(),
        target: delivery.target.clone(),
        mode: delivery.mode,
        picture: Some(Picture {
            media_type: known.unwrap_or_else(|| "application/octet-stream".to_owned()),
            size: photo.size.unwrap_or_default(),
        }),
        ..About::new(ImageId::of_photo(&photo.id))
    }
}

/// One photo x one destination, the same in every try.
fn key(name: &DestinationName, photo: &str) -> String {
    use sha2::Digest as _;
    let both = sha2::Sha256::new().chain_update(name.as_str()).chain_update("\n");
    let digest = both.chain_update(photo).finalize();
    format!("dlv_{}", hex::encode(&digest[..16]))
}

/// The failure of a request that cannot be written down.
fn unwritable(error: &str) -> Failure {
    let what = "the photo's description cannot be written";
    let cause = Cause::new(ErrorKind::Local, what, "report it, with the photo's details");
    Failure::Refused { cause: cause.with_detail(error) }
}
