//! One parcel, from the look to the last receipt.
//!
//! Each photo is settled as soon as its end is known. A refused parcel is parted, so that only
//! the photo that is refused is held; the first call that ends otherwise than delivered or
//! refused is the last, and what was not sent is given back.

use std::{collections::VecDeque, iter, time::Instant};

use super::{
    Sender,
    verdict::{Verdict, named},
};
use crate::{
    destinations::{Item, Parcel},
    journal::{Claimed, DeliveryEnd, on_the_way},
    model::{Cause, Delivery, ErrorKind, Failure, Receipt},
    spool::SpooledFile,
    telemetry::Fact,
};

/// After so many attempts a photo travels alone every other time: one that brings every parcel
/// down, without being refused, must not keep its neighbours back for ever.
const TOGETHER: u32 = 8;

/// A photo of the parcel that can be sent.
#[derive(Debug)]
struct Piece<'a> {
    claimed: &'a Claimed,
    file: SpooledFile,
}

impl Piece<'_> {
    fn is_unsure(&self) -> bool {
        self.claimed.delivery.unsure
    }
}

fn claimed<'a>(pieces: &[Piece<'a>]) -> Vec<&'a Claimed> {
    pieces.iter().map(|piece| piece.claimed).collect()
}

impl Sender {
    /// Does all that can be done for a parcel now, and settles each of its deliveries.
    pub(super) async fn attempt(&self, parcel: &[Claimed]) {
        let started = Instant::now();
        let pieces = self.fitting(parcel, started).await;
        let pieces = self.look(pieces, started).await;
        let mut calls = calls(pieces).await;
        let mut rest = None;
        while let Some(pieces) = calls.pop_front() {
            if let Some(end) = rest.clone().or_else(|| self.given_back()) {
                self.settle_each(&pieces, &end, started).await;
                continue;
            }
            match self.deliver(&pieces).await {
                Err(Failure::Refused { .. }) if pieces.len() > 1 => {
                    pieces.into_iter().rev().for_each(|one| calls.push_front(vec![one]));
                }
                ended => rest = self.settle_all(claimed(&pieces), ended, started).await,
            }
        }
    }

    /// Settles what came of a call for these deliveries; gives what becomes of those of the
    /// parcel that were not in it, where they are not to be tried any more.
    pub(super) async fn settle_all(
        &self,
        all: Vec<&Claimed>,
        ended: Result<Vec<Receipt>, Failure>,
        started: Instant,
    ) -> Option<DeliveryEnd> {
        let failure = match ended {
            Ok(receipts) => {
                self.slow.over();
                let receipts = receipts.into_iter().chain(iter::repeat_with(Receipt::default));
                for (claimed, receipt) in all.into_iter().zip(receipts) {
                    self.settle(claimed, DeliveryEnd::Delivered(receipt), started).await;
                }
                return None;
            }
            Err(failure) => failure,
        };
        let verdict = self.verdict(&failure);
        for claimed in all {
            let delivery = &claimed.delivery;
            let known = match &failure {
                Failure::Broken { .. } => self.gate.suspect(delivery.id, verdict.now),
                _ => None,
            };
            let end = match known {
                Some(since) => verdict.alone(delivery, failure.cause().clone(), since),
                None => verdict.end(delivery, &failure),
            };
            self.settle(claimed, end, started).await;
        }
        verdict.rest(&failure)
    }

    /// The photos that the destination can take and that are here; holds the others.
    async fn fitting<'a>(&self, parcel: &'a [Claimed], started: Instant) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        for claimed in parcel {
            let fits = match self.given_back() {
                Some(end) => Err(end),
                None => self.file(claimed).map_err(|cause| DeliveryEnd::Held { cause }),
            };
            match fits {
                Ok(file) => pieces.push(Piece { claimed, file }),
                Err(end) => self.settle(claimed, end, started).await,
            }
        }
        pieces
    }

    fn file(&self, claimed: &Claimed) -> Result<SpooledFile, Cause> {
        let photo = &claimed.delivery.photo;
        if let Some(cause) = self.destination.limits().refusal(&self.name, photo.size) {
            return Err(cause);
        }
        match (photo.sha256, photo.size) {
            (Some(sha256), Some(size)) => Ok(self.around.spool.file(sha256, size)),
            _ => Err(Cause::new(
                ErrorKind::Local,
                "the photo's bytes are not here",
                "replay the delivery, so that the photo is fetched again",
            )),
        }
    }

    /// Looks for what may be there already and settles what is; gives the others.
    async fn look<'a>(&self, pieces: Vec<Piece<'a>>, started: Instant) -> Vec<Piece<'a>> {
        let unsure: Vec<_> =
            pieces.iter().filter(|piece| piece.is_unsure()).map(|piece| piece.claimed).collect();
        if unsure.is_empty() {
            return pieces;
        }
        let mut found = match self.find(&unsure).await {
            Ok(found) => found.into_iter(),
            Err(failure) => {
                let rest = self.settle_all(unsure, Err(failure), started).await;
                let sure = pieces.into_iter().filter(|piece| !piece.is_unsure()).collect();
                // That nobody could look says nothing of what was never sent, unless it would
                // only add to the load.
                let Some(end @ DeliveryEnd::Later { .. }) = rest else { return sure };
                self.settle_each(&sure, &end, started).await;
                return Vec::new();
            }
        };
        let mut left = Vec::new();
        for piece in pieces {
            let there = if piece.is_unsure() { found.next().flatten() } else { None };
            match there {
                Some(receipt) => {
                    let end = DeliveryEnd::Delivered(Receipt { found: true, ..receipt });
                    self.settle(piece.claimed, end, started).await;
                }
                None => left.push(piece),
            }
        }
        left
    }

    async fn find(&self, unsure: &[&Claimed]) -> Result<Vec<Option<Receipt>>, Failure> {
        let deliveries: Vec<_> = unsure.iter().map(|claimed| claimed.delivery.clone()).collect();
        let bytes = deliveries.iter().filter_map(|delivery| delivery.photo.size).sum();
        let started = Instant::now();
        let found = self.in_time(bytes, self.destination.find(&deliveries)).await;
        let found = found.map_err(|failure| hidden(failure, &deliveries));
        self.called("find", unsure, &found, started);
        let found = found?;
        if found.len() == deliveries.len() {
            return Ok(found);
        }
        // Nobody may take a missing answer for a photo that is surely not there.
        let (asked, got) = (deliveries.len(), found.len());
        let what = format!("the look for {asked} photos gave {got} answers");
        let cause = Cause::new(ErrorKind::Local, what, "report it: this is a bug of this program");
        Err(Failure::Later { after: None, cause })
    }

    async fn deliver(&self, pieces: &[Piece<'_>]) -> Result<Vec<Receipt>, Failure> {
        let item = |piece: &Piece<'_>| Item {
            delivery: piece.claimed.delivery.clone(),
            file: piece.file.clone(),
        };
        let parcel = Parcel { items: pieces.iter().map(item).collect() };
        let bytes = parcel.items.iter().map(|item| item.file.size).sum();
        let started = Instant::now();
        let sent = self.in_time(bytes, self.destination.deliver(&parcel, &self.progress)).await;
        let of = parcel.items.iter().map(|item| &item.delivery);
        let sent = sent.map_err(|failure| hidden(failure, of));
        self.called("deliver", &claimed(pieces), &sent, started);
        sent
    }

    /// Tells how a call ended.
    fn called<T>(
        &self,
        call: &'static str,
        of: &[&Claimed],
        ended: &Result<T, Failure>,
        started: Instant,
    ) {
        let attempts: Vec<_> = of.iter().map(|one| (&one.delivery, one.attempt)).collect();
        let cause = ended.as_ref().err().map(Failure::cause);
        let took = started.elapsed();
        let fact = Fact::Called { call, attempts: &attempts, cause, took };
        self.around.telemetry.emit(&fact);
    }

    /// A call about so many bytes, under its deadline.
    async fn in_time<T>(
        &self,
        bytes: u64,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let deadline = self.settings.deadline.saturating_add(on_the_way(bytes));
        match tokio::time::timeout(deadline, call).await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::Unknown {
                cause: Cause::new(
                    ErrorKind::Timeout,
                    format!("no answer within {}", humantime::format_duration(deadline)),
                    "look at the load of the other side; the next attempt looks before it sends",
                ),
            }),
        }
    }

    /// What becomes of what is not sent because the daemon stops or the destination is broken.
    fn given_back(&self) -> Option<DeliveryEnd> {
        self.idle().then_some(DeliveryEnd::Cancelled)
    }

    async fn settle_each(&self, pieces: &[Piece<'_>], end: &DeliveryEnd, started: Instant) {
        for piece in pieces {
            self.settle(piece.claimed, end.clone(), started).await;
        }
    }

    /// The rules for a failure, and how the schedule falls for all that it concerns.
    fn verdict(&self, failure: &Failure) -> Verdict<'_> {
        let now = self.around.clock.now();
        // One for all: what failed together is due together, and travels together again.
        let spread = rand::random();
        let unnamed = matches!(failure, Failure::Later { after, cause }
            if cause.kind == ErrorKind::RateLimited && named(*after).is_none());
        let slow_until = if unnamed { self.slow.again(now, &self.settings, spread) } else { now };
        let settles_in = self.destination.limits().settles_in;
        Verdict { settings: &self.settings, now, settles_in, spread, slow_until }
    }
}

/// A failure that names no session of these deliveries.
fn hidden<'a>(failure: Failure, of: impl IntoIterator<Item = &'a Delivery>) -> Failure {
    let sessions = of.into_iter().filter_map(|delivery| delivery.photo.session.as_ref());
    sessions.fold(failure, Failure::without)
}

/// The calls that are to be made: one for all, but for photos that have to travel alone.
async fn calls(pieces: Vec<Piece<'_>>) -> VecDeque<Vec<Piece<'_>>> {
    let (many, mut together) = (pieces.len() > 1, Vec::new());
    let mut calls = VecDeque::new();
    for piece in pieces {
        let attempts = piece.claimed.delivery.attempts;
        let worn = attempts > TOGETHER && attempts.is_multiple_of(2);
        // What was in doubt may have been too much at once for a slow line, and what the
        // destination says of a file that cannot be read is meant for that one.
        if many && (worn || piece.is_unsure() || piece.file.open().await.is_err()) {
            calls.push_back(vec![piece]);
        } else {
            together.push(piece);
        }
    }
    if !together.is_empty() {
        calls.push_front(together);
    }
    calls
}
