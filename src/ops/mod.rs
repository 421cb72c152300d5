//! The operator's verbs over the journal: list, show, replay, hold, release, drop, prune, keep a
//! session.
//!
//! Command line, control socket and (later) console call these and have none of their own.

pub mod control;
mod find;
pub mod measure;
mod overview;
pub mod photos;
pub mod prune;
pub mod rows;
mod run;
pub mod save;
pub mod space;
pub mod story;
mod texts;
pub mod upkeep;
mod verb;

pub use find::Found;

use std::sync::Arc;

pub use self::{
    overview::{Overview, Span},
    run::carry_on,
    texts::keep_up,
};
pub use crate::model::{
    Action, By, Foreseen, Left, Preview, Reason, Run, RunId, RunState, Tally, Verb,
};
use crate::{
    intake::{Intake, Listed},
    journal::{Accepted, Bytes, Count, Journal, JournalError, Story},
    model::{Delivery, DeliveryId, Filter, OwnSession, PhotoId, SessionId, Shape},
    route::Routes,
    system::{Clock, Floor, Live},
    telemetry::{Fact, Telemetry},
    work::Wake,
};

/// Everything the verbs need.
#[derive(Debug, Clone)]
pub struct Ops {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// Who wants what, for photos that nobody wanted.
    pub routes: Live<Routes>,
    /// Whether there is room for new photos.
    pub floor: Floor,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
    /// Woken when a photo has to be fetched again.
    pub collector: Wake,
    /// Woken when a delivery is due again.
    pub sender: Wake,
    /// Woken when a run is to be carried out.
    pub runner: Wake,
    /// Woken when people asked for deliveries, which may be to a paused destination.
    pub asked: Wake,
}

impl Ops {
    /// For whoever only reads: nothing is planned, told or woken.
    #[must_use]
    pub fn to_read(journal: Arc<dyn Journal>, clock: Clock) -> Self {
        Self {
            journal,
            routes: Live::default(),
            floor: Floor::default(),
            clock,
            telemetry: Telemetry::default(),
            collector: Wake::default(),
            sender: Wake::default(),
            runner: Wake::default(),
            asked: Wake::default(),
        }
    }

    /// Deliveries that match, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn list(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, JournalError> {
        self.journal.list(filter, before, limit).await
    }

    /// Counts of what matches, by destination, state and error.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn count(&self, filter: &Filter) -> Result<Vec<Count>, JournalError> {
        self.journal.count(filter).await
    }

    /// The whole story of a photo, named by the number of one of its deliveries or by its id; a
    /// word that may be both is taken for the number.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn show(&self, id: &str) -> Result<Option<Story>, JournalError> {
        if let Ok(number) = id.parse() {
            let filter = Filter { ids: vec![DeliveryId(number)], ..Filter::default() };
            if let Some(delivery) = self.journal.list(&filter, None, 1).await?.first() {
                return self.journal.story(&delivery.photo.id).await;
            }
        }
        match PhotoId::parse(id) {
            Ok(photo) => self.journal.story(&photo).await,
            Err(_) => Ok(None),
        }
    }

    /// Keeps a session that was made or changed: from now on its photos go where it says.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn keep_session(&self, session: OwnSession) -> Result<(), JournalError> {
        self.journal.keep_session(session).await
    }

    /// Announces photos of a session of ours that never came: the collector fetches them. Gives
    /// how many were not known before.
    ///
    /// # Errors
    /// When the session is none of ours, or the journal cannot be written; what was announced
    /// until then stays.
    pub async fn announce(
        &self,
        session: &SessionId,
        photos: Vec<Listed>,
    ) -> Result<usize, JournalError> {
        let Some(own) = self.journal.session(session).await? else {
            return Err(JournalError::Unavailable(format!("{session} was not made here")));
        };
        let intake = Intake {
            journal: self.journal.as_ref(),
            routes: &self.routes.load(),
            collector: &self.collector,
            sender: &self.sender,
        };
        let mut new = 0;
        for listed in photos {
            let photo = listed.photo(&own, Shape::Reconciled, self.clock.now());
            let bytes = Bytes::Announced { url: None };
            let taken = intake.take(photo.clone(), bytes, None).await?;
            if taken.accepted == Accepted::New {
                let unrouted = taken.remark.as_ref();
                self.telemetry.emit(&Fact::Reconciled { photo: &photo, unrouted });
                new += 1;
            }
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        journal::{Arrival, Claim, DeliveryEnd, LOOK_AFTER, memory::Memory},
        model::{
            Cause, DeliveryState, DestinationName, Digest, Environment, ErrorKind, Kind, Photo,
            Planned, Scheme, Shape,
        },
    };

    fn name(text: &str) -> anyhow::Result<DestinationName> {
        Ok(DestinationName::parse(text)?)
    }

    /// A photo in the spool that was planned for these destinations.
    fn arrival(id: &str, to: &[DestinationName]) -> anyhow::Result<Arrival> {
        let photo = Photo {
            id: PhotoId::parse(id)?,
            image_id: None,
            session: None,
            index: None,
            filename: None,
            media_type: None,
            size: Some(3),
            sha256: Some(Digest([1; 32])),
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: Timestamp::UNIX_EPOCH,
        };
        let planned = |to: &DestinationName| Planned {
            destination: Some(to.clone()),
            target: None,
            mode: None,
        };
        let plan = to.iter().map(planned).collect();
        Ok(Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false })
    }

    fn ops(configured: &[DestinationName]) -> Ops {
        let destinations = configured.iter().map(|name| (name.clone(), Kind::Folder)).collect();
        Ops {
            journal: Arc::new(Memory::new()),
            routes: Live::new(Routes { rules: Vec::new(), destinations }),
            floor: Floor::default(),
            clock: Clock::stepped(Timestamp::UNIX_EPOCH),
            telemetry: Telemetry::default(),
            collector: Wake::default(),
            sender: Wake::default(),
            runner: Wake::default(),
            asked: Wake::default(),
        }
    }

    const REPLAY: Verb = Verb::Replay { force: false };

    fn now(ops: &Ops) -> Timestamp {
        ops.clock.now()
    }

    async fn replay_all(ops: &Ops) -> Result<Tally, JournalError> {
        replay(ops, Filter::default()).await
    }

    async fn replay(ops: &Ops, filter: Filter) -> Result<Tally, JournalError> {
        let mut run = ops.begin(REPLAY, filter, By::new("a test")).await?;
        while run.state == RunState::Running
            && let Some(further) = ops.advance(run.id).await?
        {
            run = further;
        }
        Ok(run.tally)
    }

    #[tokio::test]
    async fn a_replay_sends_strays_where_the_routes_say_now() -> anyhow::Result<()> {
        let (folder, gone) = (name("folder")?, name("gone")?);
        let ops = ops(std::slice::from_ref(&folder));
        ops.journal.accept(arrival("stray", std::slice::from_ref(&gone))?).await?;
        ops.journal.accept(arrival("both", &[folder.clone(), gone.clone()])?).await?;
        ops.journal.accept(arrival("unrouted", &[])?).await?;
        assert_eq!(ops.journal.hold_strays(&ops.configured(), now(&ops)).await?, 2);

        let filter = Filter { destination: Some(gone), ..Filter::default() };
        let foreseen = ops.preview(&REPLAY, &filter).await?;
        assert_eq!((foreseen.changes, foreseen.left), (2, 0));
        let done = replay(&ops, filter).await?;
        assert_eq!((done.done, done.routed, done.left()), (2, 2, 0));
        let foreseen = ops.preview(&REPLAY, &Filter::default()).await?;
        assert_eq!((foreseen.changes, foreseen.left), (3, 0));
        let done = replay_all(&ops).await?;
        assert_eq!((done.done, done.routed, done.left()), (3, 1, 0));
        let all = ops.list(&Filter::default(), None, 9).await?;
        assert_eq!(all.len(), 3);
        for delivery in all {
            assert_eq!(delivery.state, DeliveryState::Due);
            assert_eq!(delivery.destination.as_ref(), Some(&folder));
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_session_s_photo_is_held_until_the_system_of_its_record_is_there()
    -> anyhow::Result<()> {
        let (erp, erp2) = (name("erp")?, name("erp2")?);
        let with = |ops: &Ops, names: &[&DestinationName]| {
            let destinations = names.iter().map(|name| ((*name).clone(), Kind::Odoo)).collect();
            Ops { routes: Live::new(Routes { rules: Vec::new(), destinations }), ..ops.clone() }
        };
        let ops = with(&ops(&[]), &[&erp]);
        let session = SessionId::parse("s-1")?;
        let own = OwnSession {
            session: session.clone(),
            target: "odoo:res.partner:42".parse()?,
            destination: Some(erp2.clone()),
            mode: None,
            label: None,
            link: None,
            environment: Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            closed_at: None,
        };
        let target = Some(own.target.clone());
        ops.journal.keep_session(own).await?;
        let photo = Photo { session: Some(session), target, ..arrival("img_1", &[])?.photo };
        let intake = Intake {
            journal: ops.journal.as_ref(),
            routes: &ops.routes.load(),
            collector: &ops.collector,
            sender: &ops.sender,
        };
        intake.take(photo, Bytes::Stored, None).await?;
        for _ in 0..2 {
            let [held] = &ops.list(&Filter::default(), None, 9).await?[..] else {
                anyhow::bail!("one delivery")
            };
            assert_eq!((held.state, &held.destination), (DeliveryState::Held, &None));
            let why = held.cause.as_ref().map(|cause| cause.what.clone()).unwrap_or_default();
            assert!(why.contains("odoo:res.partner:42 of `erp2`"), "{why}");
            assert_eq!(replay_all(&ops).await?.routed, 0, "erp has another partner 42");
        }
        let ops = with(&ops, &[&erp, &erp2]);
        assert_eq!(replay_all(&ops).await?.routed, 1);
        let all = ops.list(&Filter::default(), None, 9).await?;
        assert_eq!((all.len(), &all[0].destination), (1, &Some(erp2)));
        Ok(())
    }

    #[tokio::test]
    async fn a_stray_that_nobody_wants_stays_held() -> anyhow::Result<()> {
        let gone = name("gone")?;
        let ops = ops(&[]);
        ops.journal.accept(arrival("stray", std::slice::from_ref(&gone))?).await?;
        ops.journal.hold_strays(&ops.configured(), now(&ops)).await?;
        let done = replay_all(&ops).await?;
        assert_eq!((done.done, done.left.get(&Left::Unrouted)), (0, Some(&1)));
        let all = ops.list(&Filter::default(), None, 9).await?;
        assert_eq!((all[0].state, &all[0].destination), (DeliveryState::Held, &Some(gone)));
        assert_eq!(all[0].cause.as_ref().map(|cause| cause.kind), Some(ErrorKind::Unrouted));
        Ok(())
    }

    #[tokio::test]
    async fn a_replay_looks_a_minute_later_for_what_may_be_there() -> anyhow::Result<()> {
        let to = name("folder")?;
        let ops = ops(std::slice::from_ref(&to));
        ops.journal.accept(arrival("doubtful", std::slice::from_ref(&to))?).await?;
        let now = ops.clock.now();
        let claim = Claim {
            now,
            lease_until: now,
            lease_more: Duration::ZERO,
            destination: to,
            limit: 1,
            photos_per_parcel: 1,
            parcel_size: 1,
            one_per_target: false,
            except: Vec::new(),
        };
        let claimed = ops.journal.claim_deliveries(claim).await?.remove(0).remove(0);
        let cause = Cause::new(ErrorKind::Timeout, "no answer", "");
        let soon = ops.clock.after(LOOK_AFTER);
        let end = DeliveryEnd::Unknown { at: soon, cause };
        ops.journal.settle_delivery(&claimed, end, now).await?;
        ops.clock.step(LOOK_AFTER / 3);
        assert_eq!(replay_all(&ops).await?.done, 1);
        assert_eq!(ops.list(&Filter::default(), None, 1).await?[0].due_at, soon);
        Ok(())
    }
}
