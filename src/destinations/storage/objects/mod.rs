//! A bucket or container reached through OpenDAL: the store of S3, Google Cloud Storage and
//! Azure Blob. What tells them apart are their builders and the names of their troubles.
//!
//! Every call has a [`Wire`] of its own, which keeps what the other side said for the failure:
//! OpenDAL's own errors hold URLs and headers and are never shown.

mod open;
mod trouble;
mod wire;

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use opendal::{
    Builder, ErrorKind as Kinds, HttpTransporter, OperationContext, Operator,
    options::{ReaderOptions, WriteOptions},
};

pub(in crate::destinations) use self::trouble::Words;
use self::{
    open::{Open, PART, Stopped},
    wire::{Seen, Wire},
};
use super::{Body, Object, Store, StoreLimits, Upload, Written, link, unreadable};
use crate::{
    http::Http,
    model::{Cause, Digest, ErrorKind, Failure, Finding, Kind},
    system::Clock,
};

/// Parts of one object, by the rules of S3 and Google.
const PARTS: u64 = 10_000;
/// The metadata that holds an object's digest, in hexadecimal digits.
const SHA256: &str = "sha256";
/// Is never there: what the answer to it says is about the bucket and the permissions.
const PROBE: &str = "apertur-bridge-probe";

/// What all types that are reached this way have in common.
#[derive(Debug, Clone)]
pub(in crate::destinations) struct Common {
    /// The type.
    pub(in crate::destinations) kind: Kind,
    /// Where it points: a URL without credentials.
    pub(in crate::destinations) place: String,
    /// How it is spoken of.
    pub(in crate::destinations) words: Words,
    /// When the credentials end, where they say so.
    pub(in crate::destinations) expires: Option<Timestamp>,
    /// Longest time of one call.
    pub(in crate::destinations) timeout: Duration,
    /// Writes under way at once.
    pub(in crate::destinations) concurrency: usize,
}

/// A bucket or container.
pub(in crate::destinations) struct Objects {
    common: Common,
    /// What is wrong with the settings, if they cannot be used.
    operator: Result<Operator, String>,
    http: Http,
    clock: Clock,
    /// Whether the other side refused to write only where nothing is, as some that speak S3 do.
    cannot_condition: AtomicBool,
}

impl fmt::Debug for Objects {
    /// Without the operator, which knows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("place", &self.common.place).finish_non_exhaustive()
    }
}

/// One call: the way to the other side, and what was seen on it.
struct Call {
    operator: Operator,
    seen: Seen,
}

impl Objects {
    /// A store that has touched nothing yet.
    pub(in crate::destinations) fn new(
        common: Common,
        service: impl Builder,
        http: Http,
        clock: Clock,
    ) -> Self {
        let operator = Operator::new(service).map_err(|error| error.message().to_owned());
        Self { common, operator, http, clock, cannot_condition: AtomicBool::new(false) }
    }

    fn call(&self) -> Result<Call, Failure> {
        let operator = self.operator.as_ref().map_err(|why| Failure::Broken {
            cause: Cause::new(
                ErrorKind::NotAllowed,
                format!("the settings of {} cannot be used", self.common.words.whom),
                "correct its keys in the configuration",
            )
            .with_detail(why),
        })?;
        let seen = Seen::default();
        let wire = Wire {
            client: self.http.client().clone(),
            timeout: self.common.timeout,
            whom: self.common.words.whom,
            clock: self.clock.clone(),
            seen: seen.clone(),
        };
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(wire));
        Ok(Call { operator: operator.clone().with_context(context), seen })
    }

    fn failure(&self, error: &opendal::Error, seen: &Seen) -> Failure {
        let failure = trouble::failure(&self.common.words, error, seen.take());
        match (failure, self.common.expires) {
            (Failure::Broken { cause }, Some(end))
                if cause.kind == ErrorKind::Unauthorized && end <= self.clock.now() =>
            {
                let whom = self.common.words.whom;
                let day = end.strftime("%Y-%m-%d");
                let what = format!("the SAS token for {whom} expired on {day}");
                Failure::Broken { cause: Cause { what, ..cause } }
            }
            (failure, _) => failure,
        }
    }

    /// Whether something is under a key, by reading its first byte: unlike `stat`, which has no
    /// body, the other side says here what it refuses.
    async fn ask(&self, key: &str) -> Result<bool, Failure> {
        let Call { operator, seen } = self.call()?;
        match operator.read_with(key).range(0..1).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                // An empty object has no first byte.
                Kinds::RangeNotSatisfied => Ok(true),
                // It may be the bucket that is not there; its list says so.
                Kinds::NotFound if seen.is_silent() => self.look().await.map(|()| false),
                Kinds::NotFound if !seen.names_no_bucket() => Ok(false),
                _ => Err(self.failure(&error, &seen)),
            },
        }
    }

    /// Whether there is a bucket to list; one that may not be listed is there.
    async fn look(&self) -> Result<(), Failure> {
        let Call { operator, seen } = self.call()?;
        let listed = match operator.lister_with("").limit(1).await {
            Ok(mut lister) => lister.next().await.transpose().map(drop),
            Err(error) => Err(error),
        };
        match listed {
            Err(error) if error.kind() == Kinds::NotFound => Err(self.failure(&error, &seen)),
            _ => Ok(()),
        }
    }

    async fn put(&self, key: &str, upload: &Upload, only_new: bool) -> Result<Written, Failure> {
        let Call { operator, seen } = self.call()?;
        let sha256 = (SHA256.to_owned(), upload.file.sha256.to_hex());
        let options = WriteOptions {
            content_type: Some(upload.media_type.clone()),
            user_metadata: Some([sha256].into()),
            if_not_exists: only_new,
            chunk: Some(PART),
            ..WriteOptions::default()
        };
        let mut file = upload.file.open().await.map_err(|error| unreadable(&error))?;
        let opened = operator.writer_options(key, options).await;
        let writer = opened.map_err(|error| self.failure(&error, &seen))?;
        let mut open = Open::new(writer, seen.clone());
        let written = match open.send(&mut file, upload.file.size).await {
            Ok(()) => Ok(Written::Done),
            Err(Stopped::There(error)) if error.kind() == Kinds::ConditionNotMatch => {
                Ok(Written::Taken)
            }
            Err(Stopped::There(error)) => Err(self.failure(&error, &seen)),
            Err(Stopped::Here(error)) => Err(unreadable(&error)),
        };
        match &written {
            Ok(Written::Done) => open.leave(),
            // It may become the photo this moment.
            Err(Failure::Unknown { .. }) if seen.is_committed() => open.leave(),
            Ok(Written::Taken) | Err(_) => open.abort().await,
        }
        written
    }
}

#[async_trait]
impl Store for Objects {
    fn kind(&self) -> Kind {
        self.common.kind
    }

    fn place(&self) -> String {
        self.common.place.clone()
    }

    fn limits(&self) -> StoreLimits {
        let concurrency = self.common.concurrency;
        StoreLimits { max_size: PARTS * PART as u64, concurrency }
    }

    async fn probe(&self) -> Vec<Finding> {
        let Words { bucket, .. } = self.common.words;
        let start = Instant::now();
        vec![match self.ask(PROBE).await {
            Ok(_) => {
                let took = start.elapsed().as_millis();
                Finding::ok(bucket, format!("{}, {took} ms", self.place()))
            }
            Err(failure) => Finding::failed(bucket, &failure),
        }]
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        let Call { operator, seen } = self.call()?;
        match operator.stat(key).await {
            Ok(found) => Ok(Some(Object {
                size: found.content_length(),
                sha256: found
                    .user_metadata()
                    .and_then(|all| all.get(SHA256).and_then(Digest::from_hex)),
            })),
            Err(error) if error.kind() == Kinds::NotFound && !seen.names_no_bucket() => Ok(None),
            Err(error) => {
                let failure = self.failure(&error, &seen);
                // The answer to HEAD has no body that would say why.
                if matches!(failure, Failure::Later { .. } | Failure::Unknown { .. }) {
                    return Err(failure);
                }
                Err(self.ask(key).await.err().unwrap_or(failure))
            }
        }
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        if !self.cannot_condition.load(Ordering::Relaxed) {
            let written = self.put(key, upload, true).await;
            if !matches!(&written, Err(failure) if trouble::is_not_implemented(failure)) {
                return written;
            }
            self.cannot_condition.store(true, Ordering::Relaxed);
        }
        self.put(key, upload, false).await
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        let Call { operator, seen } = self.call()?;
        let failed = |error: &opendal::Error| self.failure(error, &seen);
        let reader = operator.reader_options(key, ReaderOptions::default()).await;
        let reader = reader.map_err(|error| failed(&error))?;
        let stream = reader.into_bytes_stream(..).await.map_err(|error| failed(&error))?;
        let words = self.common.words;
        Ok(Box::pin(stream.map(move |block| {
            block.map_err(|_| {
                let error = opendal::Error::new(Kinds::Unexpected, "");
                trouble::failure(&words, &error, seen.take())
            })
        })))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        let Call { operator, seen } = self.call()?;
        operator.delete(key).await.map_err(|error| self.failure(&error, &seen))
    }

    fn url(&self, key: &str) -> Option<String> {
        // Without what a person is told beside it.
        link(self.common.place.split(' ').next()?, key)
    }
}
