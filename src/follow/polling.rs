//! Taking the photos that wait at Apertur: bytes into the spool, one commit, and only then the
//! acknowledgement. What comes again is a duplicate and is acknowledged.
//!
//! An end-to-end encrypted photo that no private key opens is taken as its envelope. Another one
//! that cannot be taken is announced, so that it is visible, and the collector, which
//! holds what needs a person, goes on with it; it is acknowledged when it is here. Until then
//! Apertur keeps it.

use std::time::Duration;

use super::{
    Follower,
    book::{Answer, Said, Tried, Try},
};
use crate::{
    apertur::{ApiError, FetchFailure, Fetched, Polled, PolledImage, Use},
    intake::Listed,
    journal::{Accepted, Bytes, JournalError},
    model::{Cause, ErrorKind, FetchState, OwnSession, PhotoId, Shape},
    system::later,
    telemetry::Fact,
};

/// Tries after which a photo that cannot be had is announced.
const TRIES: u32 = 3;
/// Waits of one photo after a try that failed: 10 s, 20 s, 40 s ... 10 min.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What became of a photo that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// It is here, and was not before.
    New,
    /// It was here already.
    Known,
    /// It is not here, and may be had later.
    Later,
    /// It is not here, and not to be had without a person.
    Held,
    /// Nothing can be taken now, whatever it is.
    Nothing,
}

impl Follower {
    /// Polls a session and takes what waits.
    pub(super) async fn poll(&self, own: &OwnSession, tried: Tried) -> Answer {
        let asked_at = self.clock.now();
        let polled = self.unless_stopped(self.apertur.poll(&own.session)).await;
        let polled = polled.unwrap_or_else(|| Ok(Polled::default()));
        let took = self.clock.now().duration_since(asked_at).unsigned_abs();
        let polled = match polled {
            Ok(polled) => polled,
            Err(error) => return Answer { asked_at, said: Err(error), tried },
        };
        let waits = |image: &&PolledImage| tried.contains_key(&image.id);
        let mut left = Tried::new();
        left.extend(polled.images.iter().filter(waits).map(|i| (i.id.clone(), tried[&i.id])));
        let (mut taken, mut leaves) = (0, polled.unread > 0);
        for image in polled.images {
            match self.take(own, image, &mut left).await {
                Took::New => taken += 1,
                Took::Known | Took::Held => {}
                Took::Later => leaves = true,
                Took::Nothing => {
                    leaves = true;
                    break;
                }
            }
        }
        let Polled { is_over, unread, .. } = polled;
        let said = Said { taken, leaves, is_over, unread, gone_after: None, took };
        Answer { asked_at, said: Ok(said), tried: left }
    }

    async fn take(&self, own: &OwnSession, image: PolledImage, tried: &mut Tried) -> Took {
        let state = match self.state_of(&image).await {
            Ok(state) => state,
            Err(error) => {
                self.journal_failed(&error);
                return Took::Nothing;
            }
        };
        match state {
            Some(FetchState::Stored | FetchState::Expired) => {
                self.confirm(own, &image, tried).await
            }
            Some(FetchState::Held) => Took::Held,
            Some(FetchState::Wanted) | None => {
                let is_early =
                    tried.get(&image.id).is_some_and(|t| t.not_before > self.clock.now());
                if is_early {
                    return Took::Later;
                }
                self.fetch(own, image, tried, state.is_some()).await
            }
        }
    }

    async fn state_of(&self, image: &PolledImage) -> Result<Option<FetchState>, JournalError> {
        let photo = PhotoId::of_image(&image.id);
        match self.journal.knows_photo(&photo).await? {
            None => Ok(None),
            Some(true) => Ok(Some(FetchState::Stored)),
            Some(false) => Ok(self.journal.story(&photo).await?.map(|story| {
                // It waits here, whatever became of the other ways to it; and its envelope may
                // not be here.
                let is_listed = story.fetch_cause.is_some_and(|cause| {
                    matches!(cause.kind, ErrorKind::Gone | ErrorKind::GaveUp | ErrorKind::Encrypted)
                });
                match story.fetch_state {
                    FetchState::Held if is_listed => FetchState::Wanted,
                    state => state,
                }
            })),
        }
    }

    async fn fetch(
        &self,
        own: &OwnSession,
        image: PolledImage,
        tried: &mut Tried,
        is_known: bool,
    ) -> Took {
        if self.floor.is_low() {
            // It stays at Apertur.
            return Took::Nothing;
        }
        let started = self.clock.now();
        let fetched = async {
            self.budget.wait(Use::Photo).await;
            self.apertur.download_polled(&own.session, &image.id, &self.spool).await
        };
        let Some(fetched) = self.unless_stopped(fetched).await else { return Took::Nothing };
        let took = self.clock.now().duration_since(started).unsigned_abs();
        match fetched {
            Ok(fetched) => self.keep(own, &image, (fetched, took), tried).await,
            Err(failure) => self.failed(own, image, failure, (tried, is_known)).await,
        }
    }

    /// Tells the journal what it may not know for certain of a photo whose bytes were here
    /// already: the record that it belongs to. Then acknowledges it.
    async fn confirm(&self, own: &OwnSession, image: &PolledImage, tried: &mut Tried) -> Took {
        let photo = listed(image).photo(own, Shape::Polled, self.clock.now());
        match self.take_in(photo, Bytes::Announced { url: None }).await {
            Ok(_) => self.acknowledge(own, image, tried).await,
            Err(error) => {
                self.journal_failed(&error);
                Took::Nothing
            }
        }
    }

    /// Commits a photo whose bytes are in the spool, then acknowledges it.
    async fn keep(
        &self,
        own: &OwnSession,
        image: &PolledImage,
        (fetched, took): (Fetched, Duration),
        tried: &mut Tried,
    ) -> Took {
        let Fetched { stored, is_sealed } = fetched;
        let mut photo = listed(image).photo(own, Shape::Polled, self.clock.now());
        let bytes = if is_sealed {
            // The collector holds it, and opens it once there is a key.
            Bytes::Sealed { envelope: stored.sha256 }
        } else {
            photo.sha256 = Some(stored.sha256);
            photo.size = Some(stored.size);
            photo.media_type = stored.media_type.map(ToOwned::to_owned);
            Bytes::Stored
        };
        let taken = match self.take_in(photo.clone(), bytes).await {
            Ok(taken) => taken,
            Err(error) => {
                self.put_off(image, tried);
                self.journal_failed(&error);
                return Took::Nothing;
            }
        };
        let is_new = taken.accepted == Accepted::New;
        let unrouted = taken.remark.as_ref();
        self.telemetry.emit(&Fact::Polled { photo: &photo, is_new, unrouted, took });
        match self.acknowledge(own, image, tried).await {
            Took::Nothing => Took::Nothing,
            _ => Took::New,
        }
    }

    /// Says that a photo is here. What is not heard is said again at the next poll.
    async fn acknowledge(&self, own: &OwnSession, image: &PolledImage, tried: &mut Tried) -> Took {
        if self.unless_stopped(self.budget.wait(Use::Photo)).await.is_none() {
            return Took::Nothing;
        }
        let photo = PhotoId::of_image(&image.id);
        match self.apertur.acknowledge(&own.session, &image.id).await {
            // What Apertur does not know any more does not come again, either.
            Ok(()) | Err(ApiError { status: Some(404), .. }) => {
                tried.remove(&image.id);
                self.telemetry.emit(&Fact::Acknowledged { photo: &photo });
                Took::Known
            }
            Err(error) => {
                let is_limit = error.cause.kind == ErrorKind::RateLimited;
                if is_limit {
                    self.limited(error.after);
                    return Took::Nothing;
                }
                if self.put_off(image, tried).failures == 1 {
                    let cause = &error.cause;
                    self.telemetry.emit(&Fact::NotAcknowledged { photo: &photo, cause });
                }
                Took::Later
            }
        }
    }

    async fn failed(
        &self,
        own: &OwnSession,
        image: PolledImage,
        failure: FetchFailure,
        (tried, is_known): (&mut Tried, bool),
    ) -> Took {
        let (cause, is_held) = match failure {
            FetchFailure::Later { after, cause } if cause.kind == ErrorKind::RateLimited => {
                self.limited(after);
                return Took::Nothing;
            }
            FetchFailure::Later { cause, .. } if cause.kind == ErrorKind::Local => {
                self.put_off(&image, tried);
                self.not_polled(&image, &cause);
                return Took::Nothing;
            }
            FetchFailure::Later { cause, .. } => (cause, false),
            FetchFailure::Held { cause } => (cause, true),
        };
        self.not_polled(&image, &cause);
        let failures = self.put_off(&image, tried).failures;
        // What is gone may have been acknowledged by somebody else: it is not listed again then.
        let is_certain = is_held && (cause.kind != ErrorKind::Gone || failures > 1);
        if is_known || !(is_certain || failures >= TRIES) {
            return Took::Later;
        }
        let photo = listed(&image).photo(own, Shape::Polled, self.clock.now());
        match self.take_in(photo, Bytes::Announced { url: None }).await {
            Ok(_) => Took::Later,
            Err(error) => {
                self.journal_failed(&error);
                Took::Nothing
            }
        }
    }

    /// Counts a failure and puts the next try of a photo off.
    fn put_off(&self, image: &PolledImage, tried: &mut Tried) -> Try {
        let now = self.clock.now();
        let this = tried.entry(image.id.clone()).or_insert_with(|| Try::new(now));
        let wait = FIRST_WAIT * 2_u32.pow(this.failures.min(6));
        this.failures = this.failures.saturating_add(1);
        this.not_before = later(now, wait.min(LONGEST_WAIT));
        *this
    }

    fn not_polled(&self, image: &PolledImage, cause: &Cause) {
        let photo = PhotoId::of_image(&image.id);
        self.telemetry.emit(&Fact::NotPolled { photo: &photo, cause });
    }
}

fn listed(image: &PolledImage) -> Listed {
    let PolledImage { id, filename, media_type, size, .. } = image.clone();
    Listed { image: id, filename, media_type, size }
}
