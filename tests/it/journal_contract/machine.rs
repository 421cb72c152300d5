//! Random stories of arrivals, fetches, sendings, crashes and people, told to a store. After
//! each step nothing is lost, doubled or stuck; in the end everything can be delivered.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use apertur_bridge::{
    journal::{Accepted, Bytes, Claim, Claimed, DeliveryEnd, Fetch, FetchEnd, Planned},
    model::{
        AttemptOutcome, Delivery, DeliveryId, DeliveryState, DestinationName, ErrorKind,
        FetchState, Filter, PhotoId, SessionId,
    },
};
use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Change, Store, announced, at, cause, claim, copy, copy_id, delivered, fetches, id, is_left_to,
    name, planned, sealed::sealed, stored, target,
};

const DESTINATIONS: [&str; 2] = ["erp", "archive"];
const IMAGES: u8 = 3;
/// Copies of this image come in an envelope.
const SEALED: u8 = 2;

/// How an image arrives.
#[derive(Debug, Clone, Copy)]
enum Form {
    Signed,
    Announced,
    Sealed,
    Copy,
    CopyOfOtherBytes,
}

#[derive(Debug, Clone)]
enum Step {
    Arrive {
        image: u8,
        form: Form,
        plan: usize,
    },
    ClaimFetches {
        limit: usize,
    },
    EndFetch {
        which: usize,
        end: usize,
    },
    Claim {
        destination: usize,
        limit: usize,
        photos_per_parcel: usize,
        one_per_target: bool,
    },
    /// A sender goes on, maybe long after its lease; `reached` says whether the other side
    /// stored the photo, whatever the sender then says.
    Send {
        which: usize,
        reached: bool,
        end: usize,
    },
    Crash,
    Replay {
        destination: Option<usize>,
        force: bool,
    },
    PlanAgain {
        which: usize,
        plan: usize,
    },
    /// Only one of the destinations is configured, or none.
    Strays {
        configured: Option<usize>,
    },
    Retain,
    Wait {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let form = prop_oneof![
        3 => Just(Form::Signed),
        3 => Just(Form::Announced),
        2 => Just(Form::Sealed),
        3 => Just(Form::Copy),
        1 => Just(Form::CopyOfOtherBytes),
    ];
    let place = 0..DESTINATIONS.len();
    prop_oneof![
        5 => (0..IMAGES, form, 0..4_usize)
            .prop_map(|(image, form, plan)| Step::Arrive { image, form, plan }),
        3 => (1..3_usize).prop_map(|limit| Step::ClaimFetches { limit }),
        4 => (any::<usize>(), 0..4_usize).prop_map(|(which, end)| Step::EndFetch { which, end }),
        4 => (place.clone(), 1..4_usize, 1..4_usize, any::<bool>()).prop_map(
            |(destination, limit, photos_per_parcel, one_per_target)| Step::Claim {
                destination,
                limit,
                photos_per_parcel,
                one_per_target,
            }
        ),
        6 => (any::<usize>(), any::<bool>(), 0..8_usize)
            .prop_map(|(which, reached, end)| Step::Send { which, reached, end }),
        1 => Just(Step::Crash),
        2 => (prop::option::of(place), prop::bool::weighted(0.3))
            .prop_map(|(destination, force)| Step::Replay { destination, force }),
        2 => (any::<usize>(), 0..4_usize)
            .prop_map(|(which, plan)| Step::PlanAgain { which, plan }),
        1 => prop::option::of(0..DESTINATIONS.len())
            .prop_map(|configured| Step::Strays { configured }),
        1 => Just(Step::Retain),
        3 => (1..100_i64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What an onlooker knows who sees everything, also the other side.
struct Onlooker<'a> {
    store: &'a Store,
    seconds: i64,
    /// Where each photo has to go.
    planned: BTreeMap<PhotoId, BTreeSet<Option<DestinationName>>>,
    fetches: Vec<Fetch>,
    claimed: Vec<Claimed>,
    /// What the other side has.
    there: HashSet<DeliveryId>,
    before: Vec<Delivery>,
}

/// Tells that many random stories of up to 40 steps, each to a fresh store.
pub(super) fn tell(stories: u32, open: impl AsyncFn() -> (tempfile::TempDir, Store)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: stories, failure_persistence: None, ..Default::default() };
    let steps = prop::collection::vec(step(), 1..=40);
    proptest::test_runner::TestRunner::new(config)
        .run(&steps, |steps| {
            runtime.block_on(async {
                let (_dir, store) = open().await;
                let told = Onlooker::new(&store).watch(&steps).await;
                store.close().await;
                told
            })
        })
        .unwrap();
}

fn plan(which: usize) -> Vec<Planned> {
    let to: &[Option<&str>] = match which {
        0 => &[Some("erp")],
        1 => &[Some("archive")],
        2 => &[Some("erp"), Some("archive")],
        _ => &[None],
    };
    to.iter().map(|to| planned(*to, Some(target(1)))).collect()
}

fn destinations(plan: &[Planned]) -> impl Iterator<Item = Option<DestinationName>> {
    plan.iter().map(|planned| planned.destination.clone())
}

impl<'a> Onlooker<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            seconds: 0,
            planned: BTreeMap::new(),
            fetches: Vec::new(),
            claimed: Vec::new(),
            there: HashSet::new(),
            before: Vec::new(),
        }
    }

    async fn watch(mut self, steps: &[Step]) -> TestCaseResult {
        for step in steps {
            self.take(step).await?;
            self.look(matches!(step, Step::Replay { force: true, .. })).await?;
        }
        self.deliver_everything().await?;
        self.store
            .replay(&Filter::default(), false, at(self.seconds), at(self.seconds))
            .await
            .unwrap();
        self.deliver_everything().await?;
        for delivery in self.store.all().await {
            let unrouted = delivery.destination.is_none();
            prop_assert!(unrouted || delivery.state == DeliveryState::Delivered, "{delivery:?}");
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> TestCaseResult {
        let now = at(self.seconds);
        match *step {
            Step::Arrive { image, form, plan: which } => {
                self.arrive(image, form, plan(which)).await
            }
            Step::ClaimFetches { limit } => {
                let until = at(self.seconds + 60);
                let fetches = self.store.claim_fetches(now, until, limit).await.unwrap();
                for envelope in fetches.iter().filter_map(|fetch| fetch.envelope) {
                    prop_assert!(self.store.knows_bytes(&envelope).await.unwrap());
                }
                self.fetches.extend(fetches);
            }
            Step::EndFetch { which, end } => self.end_fetch(which, end).await,
            Step::Claim { destination, limit, photos_per_parcel, one_per_target } => {
                let ask = claim(DESTINATIONS[destination], self.seconds);
                // Two photos of three bytes fit.
                let ask = Claim { photos_per_parcel, parcel_size: 8, ..ask };
                self.claim(Claim { limit, one_per_target, ..ask }).await?;
            }
            Step::Send { which, reached, end } => self.send(which, reached, end).await,
            Step::Crash => {
                self.store.recover(now, now).await.unwrap();
            }
            Step::Replay { destination, force } => {
                let destination = destination.map(|n| name(DESTINATIONS[n]));
                let filter = Filter { destination, ..Filter::default() };
                self.store.replay(&filter, force, now, now).await.unwrap();
            }
            Step::PlanAgain { which, plan: plans } => self.plan_again(which, plan(plans)).await?,
            Step::Strays { configured } => {
                let configured: Vec<_> =
                    configured.map(|n| name(DESTINATIONS[n])).into_iter().collect();
                self.store.hold_strays(&configured, now).await.unwrap();
            }
            Step::Retain => self.retain().await?,
            Step::Wait { seconds } => self.seconds += seconds,
        }
        Ok(())
    }

    async fn arrive(&mut self, image: u8, form: Form, plan: Vec<Planned>) {
        let named = format!("image{image}");
        let mut arrival = match form {
            Form::Signed => stored(&named, image),
            Form::Announced => announced(&named),
            Form::Sealed => sealed(stored(&named, image), 50 + u8::from(self.seconds > 50)),
            Form::Copy if image == SEALED => sealed(copy(&named, image), 60),
            Form::Copy => copy(&named, image),
            Form::CopyOfOtherBytes => copy(&named, image + 100),
        }
        .at(self.seconds);
        if let Bytes::Announced { url } = &mut arrival.bytes {
            // Links die, and another one comes with the next event.
            *url = Some(format!("https://photos.example.com/{named}/{}", self.seconds / 50));
        }
        arrival.plan = plan;
        arrival.photo.session = SessionId::parse("s-1").ok().filter(|_| image > 0);
        let (id, to) = (arrival.photo.id.clone(), destinations(&arrival.plan).collect());
        if self.store.accept(arrival).await.unwrap() == Accepted::New {
            self.planned.insert(id, to);
        }
    }

    async fn end_fetch(&mut self, which: usize, end: usize) {
        let Some(at_most) = self.fetches.len().checked_sub(1) else { return };
        let fetch = self.fetches[which % (at_most + 1)].clone();
        let end = match end {
            0 | 1 => fetches::got(bytes_of(&fetch.photo.id)),
            2 => FetchEnd::Later { at: at(self.seconds + 10), cause: cause(ErrorKind::Timeout) },
            _ => FetchEnd::Held { cause: cause(ErrorKind::Gone) },
        };
        self.store.settle_fetch(&fetch, end, at(self.seconds)).await.unwrap();
    }

    async fn claim(&mut self, ask: Claim) -> TestCaseResult {
        let (limit, to) = (ask.limit, ask.destination.clone());
        let photos = ask.photos_per_parcel;
        let parcels = self.store.claim_deliveries(ask).await.unwrap();
        prop_assert!(parcels.len() <= limit);
        for parcel in &parcels {
            prop_assert!((1..=photos.min(2)).contains(&parcel.len()), "{:?}", parcel);
            let common = |c: &Claimed| {
                let Delivery { photo, target, mode, .. } = &c.delivery;
                (photo.session.clone(), target.clone(), *mode)
            };
            prop_assert!(parcel.iter().all(|c| common(c) == common(&parcel[0])), "{:?}", parcel);
        }
        let claimed: Vec<_> = parcels.into_iter().flatten().collect();
        for Claimed { delivery, .. } in &claimed {
            prop_assert_eq!(delivery.state, DeliveryState::Sending);
            prop_assert_eq!(delivery.destination.as_ref(), Some(&to));
            let looks = delivery.unsure || !self.there.contains(&delivery.id);
            prop_assert!(looks, "would be attached twice: {:?}", delivery);
        }
        self.claimed.extend(claimed);
        Ok(())
    }

    /// Senders are honest: they say `Delivered` only if the photo is there, and `Later`,
    /// `Broken`, `Cancelled` or `Rejected` only if it is not. They give up without an answer only
    /// if the journal knows of the doubt. Having spoken they are done.
    async fn send(&mut self, which: usize, reached: bool, end: usize) {
        let Some(at_most) = self.claimed.len().checked_sub(1) else { return };
        let which = which % (at_most + 1);
        let claimed = self.claimed[which].clone();
        if reached {
            self.there.insert(claimed.delivery.id);
        }
        if end == 0 {
            return;
        }
        self.claimed.swap_remove(which);
        let later = at(self.seconds + 10);
        let timeout = cause(ErrorKind::Timeout);
        let end = match end {
            1 => DeliveryEnd::Unknown { at: later, cause: timeout },
            2 if claimed.delivery.unsure => DeliveryEnd::Held { cause: cause(ErrorKind::GaveUp) },
            _ if self.there.contains(&claimed.delivery.id) => delivered(),
            2 | 3 => DeliveryEnd::Later { at: later, cause: timeout, counts: true },
            4 => DeliveryEnd::Later { at: later, cause: timeout, counts: false },
            5 => DeliveryEnd::Broken { cause: cause(ErrorKind::Unauthorized) },
            6 => DeliveryEnd::Cancelled,
            _ => DeliveryEnd::Held { cause: cause(ErrorKind::Rejected) },
        };
        self.store.settle_delivery(&claimed, end, at(self.seconds)).await.unwrap();
    }

    async fn plan_again(&mut self, which: usize, plan: Vec<Planned>) -> TestCaseResult {
        let Some(at_most) = self.before.len().checked_sub(1) else { return Ok(()) };
        let delivery = &self.before[which % (at_most + 1)];
        let routed = plan.iter().any(|planned| planned.destination.is_some());
        let unrouted =
            delivery.cause.as_ref().is_some_and(|cause| cause.kind == ErrorKind::Unrouted);
        if unrouted
            && routed
            && let Some(to) = self.planned.get_mut(&delivery.photo.id)
        {
            to.remove(&delivery.destination);
            to.extend(destinations(&plan));
        }
        let planned = self.store.plan_again(delivery.id, plan, at(self.seconds)).await.unwrap();
        prop_assert_eq!(planned, unrouted && routed);
        Ok(())
    }

    async fn retain(&mut self) -> TestCaseResult {
        let before = at(self.seconds - 50);
        self.store.expire_bytes(before, 2).await.unwrap();
        self.store.forget(before, 1).await.unwrap();
        for photo in self.planned.keys().cloned().collect::<Vec<_>>() {
            if self.store.story(&photo).await.unwrap().is_none() {
                let mut forgotten = self.before.iter().filter(|d| d.photo.id == photo);
                prop_assert!(forgotten.all(|d| d.state == DeliveryState::Delivered));
                self.before.retain(|d| d.photo.id != photo);
                self.planned.remove(&photo);
            }
        }
        Ok(())
    }

    async fn look(&mut self, forced_now: bool) -> TestCaseResult {
        let all = self.store.all().await;
        let asked = self.planned.iter().flat_map(|(id, to)| to.iter().map(move |to| (id, to)));
        let mut found = all.iter().map(|d| (&d.photo.id, &d.destination)).collect::<Vec<_>>();
        found.sort();
        prop_assert_eq!(found, asked.collect::<Vec<_>>(), "one delivery for each planned one");
        for old in &self.before {
            let now = all.iter().find(|d| d.id == old.id);
            let stays = now.is_some_and(|d| d.state == DeliveryState::Delivered);
            let was = old.state == DeliveryState::Delivered;
            prop_assert!(stays || !was || forced_now, "undone: {:?} to {:?}", old, now);
        }
        for photo in self.planned.keys() {
            self.look_at(photo).await?;
        }
        for image in 0..IMAGES {
            self.look_at_twins(image, &all)?;
        }
        self.look_at_times(&all).await?;
        self.before = all;
        Ok(())
    }

    async fn look_at(&self, photo: &PhotoId) -> TestCaseResult {
        let story = self.store.story_of(photo).await;
        let wanted = story.fetch_state == FetchState::Wanted;
        let open = |of: Option<DeliveryId>| {
            let all = story.attempts.iter().filter(|attempt| attempt.delivery == of);
            all.filter(|attempt| attempt.outcome == AttemptOutcome::Open).count()
        };
        prop_assert!(open(None) <= usize::from(wanted), "{:?}", story);
        for delivery in &story.deliveries {
            let sending = delivery.state == DeliveryState::Sending;
            prop_assert_eq!(open(Some(delivery.id)), usize::from(sending), "{:?}", story);
            let ended = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Held);
            prop_assert_eq!(delivery.settled_at.is_some(), ended, "{:?}", delivery);
            let stored = story.fetch_state == FetchState::Stored;
            let sound = match delivery.state {
                DeliveryState::Waiting => wanted || self.is_waiting_copy(delivery).await,
                DeliveryState::Due | DeliveryState::Sending => stored,
                DeliveryState::Delivered => {
                    delivery.receipt.is_some() && delivery.cause.is_none() && !delivery.unsure
                }
                DeliveryState::Held => {
                    delivery.cause.is_some() && story.fetch_state != FetchState::Expired
                }
                DeliveryState::Dropped => false,
            };
            prop_assert!(sound, "stuck or unsound: {:?}", story);
        }
        Ok(())
    }

    async fn is_waiting_copy(&self, delivery: &Delivery) -> bool {
        let Some(image) = &delivery.photo.image_id else { return false };
        let original = self.store.story(&PhotoId::of_image(image)).await.unwrap();
        original.is_some_and(|story| story.fetch_state == FetchState::Wanted)
    }

    fn look_at_twins(&self, image: u8, all: &[Delivery]) -> TestCaseResult {
        let (photo, copy) = (id(&format!("image{image}")), copy_id(image));
        for destination in DESTINATIONS.map(|to| Some(name(to))) {
            let of = |id: &PhotoId| {
                all.iter().find(|d| d.photo.id == *id && d.destination == destination)
            };
            let (Some(one), Some(other)) = (of(&photo), of(&copy)) else { continue };
            let left = (is_left_to(one, &copy), is_left_to(other, &photo));
            prop_assert!(left != (true, true), "nobody sends image {}", image);
            let done = |d: &Delivery| d.state == DeliveryState::Delivered;
            let twice = done(one) && done(other) && left == (false, false);
            prop_assert!(!twice, "sent twice: {:?} and {:?}", one, other);
        }
        Ok(())
    }

    async fn look_at_times(&self, all: &[Delivery]) -> TestCaseResult {
        for destination in DESTINATIONS.map(name) {
            let open = all.iter().any(|d| {
                d.destination.as_ref() == Some(&destination)
                    && matches!(d.state, DeliveryState::Due | DeliveryState::Sending)
            });
            let next = self.store.next_delivery_at(&destination).await.unwrap();
            prop_assert_eq!(next.is_some(), open);
        }
        let mut wanted = false;
        for photo in self.planned.keys() {
            wanted |= self.store.story_of(photo).await.fetch_state == FetchState::Wanted;
        }
        prop_assert_eq!(self.store.next_fetch_at().await.unwrap().is_some(), wanted);
        Ok(())
    }

    /// After enough time and with everybody willing, nothing but `delivered` and `held` is left.
    async fn deliver_everything(&mut self) -> TestCaseResult {
        for _ in 0..4 {
            self.seconds += 1000;
            for fetch in self.store.claim_all_fetches(self.seconds).await {
                let end = fetches::got(bytes_of(&fetch.photo.id));
                self.store.settle_fetch(&fetch, end, at(self.seconds)).await.unwrap();
            }
            for destination in DESTINATIONS {
                self.claimed.clear();
                self.claim(claim(destination, self.seconds)).await?;
                for claimed in &self.claimed {
                    self.there.insert(claimed.delivery.id);
                    let now = at(self.seconds);
                    self.store.settle_delivery(claimed, delivered(), now).await.unwrap();
                }
            }
            self.look(false).await?;
        }
        for delivery in &self.before {
            let ended = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Held);
            prop_assert!(ended, "stuck: {:?}", delivery);
        }
        Ok(())
    }
}

/// The bytes behind a signed image id, and behind the one copy that has to be opened.
fn bytes_of(photo: &PhotoId) -> u8 {
    if *photo == copy_id(SEALED) {
        return SEALED;
    }
    photo.as_str().trim_start_matches("image").parse().unwrap()
}
