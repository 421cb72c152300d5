//! The operator's verbs over the journal: list, show, replay, prune, keep a session.
//!
//! Command line, control socket and (later) console call these and have none of their own.

pub mod control;
pub mod measure;
pub mod prune;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    intake::{Intake, Listed, session_of},
    journal::{Accepted, Bytes, Count, Journal, JournalError, LOOK_AFTER, Story},
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, OwnSession,
        PhotoId, SessionId, Shape,
    },
    route::Routes,
    system::Clock,
    telemetry::{Fact, Telemetry},
    work::Wake,
};

/// Unrouted photos that are planned again between two looks at the journal.
const PAGE: usize = 500;

/// Everything the verbs need.
#[derive(Debug, Clone)]
pub struct Ops {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// Who wants what, for photos that nobody wanted.
    pub routes: Arc<Routes>,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
    /// Woken when a photo has to be fetched again.
    pub collector: Wake,
    /// Woken when a delivery is due again.
    pub sender: Wake,
}

/// What to replay, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Which deliveries.
    pub filter: Filter,
    /// Also those that are delivered.
    pub force: bool,
    /// Who asks, for the log.
    pub by: String,
}

/// What a replay did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// Deliveries that are due again: now, or within a minute where they are looked for first.
    pub due: u64,
    /// Photos that are fetched again first.
    pub fetching: u64,
    /// Photos that nobody wanted, or a destination that is gone, and somebody wants now.
    pub routed: u64,
    /// Deliveries left alone: delivered (without `force`), under way, dropped, without bytes,
    /// or still wanted by nobody.
    pub left: u64,
}

impl Ops {
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

    /// The whole story of a photo, named by its id or by the number of one of its deliveries.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn show(&self, id: &str) -> Result<Option<Story>, JournalError> {
        if let Ok(photo) = PhotoId::parse(id)
            && let Some(story) = self.journal.story(&photo).await?
        {
            return Ok(Some(story));
        }
        let Ok(number) = id.parse() else { return Ok(None) };
        let filter = Filter { ids: vec![DeliveryId(number)], ..Filter::default() };
        match self.journal.list(&filter, None, 1).await?.first() {
            Some(delivery) => self.journal.story(&delivery.photo.id).await,
            None => Ok(None),
        }
    }

    /// Makes deliveries due again. What may be at the destination already is looked for there,
    /// once the other side is surely done with it, so a replay attaches nothing twice.
    ///
    /// # Errors
    /// When the journal cannot be written; what was replayed until then stays replayed.
    pub async fn replay(&self, replay: &Replay) -> Result<ReplayReport, JournalError> {
        let now = self.clock.now();
        let look_at = self.clock.after(LOOK_AFTER);
        let done = self.journal.replay(&replay.filter, replay.force, now, look_at).await?;
        let (undone, held) = self.hold_strays().await?;
        let routed = self.plan_again(&replay.filter).await?;
        let report = ReplayReport {
            due: done.due.saturating_sub(undone),
            fetching: done.fetching,
            routed,
            left: (done.left + held).saturating_sub(routed),
        };
        self.telemetry.emit(&Fact::Replayed {
            by: &replay.by,
            due: report.due + report.routed,
            fetching: report.fetching,
        });
        self.collector.wake();
        self.sender.wake();
        Ok(report)
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
            routes: &self.routes,
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

    fn is_configured(&self, name: &DestinationName) -> bool {
        self.routes.destinations.iter().any(|(configured, _)| configured == name)
    }

    /// Holds what was made due for destinations that are not configured any more; gives how
    /// many were due and how many are held.
    async fn hold_strays(&self) -> Result<(u64, u64), JournalError> {
        let due = Filter { states: vec![DeliveryState::Due], ..Filter::default() };
        let unknown = |to: &DestinationName| !self.is_configured(to);
        let counts = self.journal.count(&due).await?;
        let astray = counts.iter().filter(|c| c.destination.as_ref().is_some_and(unknown));
        let undone = astray.map(|count| count.count).sum();
        let destinations = &self.routes.destinations;
        let configured: Vec<_> = destinations.iter().map(|(name, _)| name.clone()).collect();
        Ok((undone, self.journal.hold_strays(&configured, self.clock.now()).await?))
    }

    /// Plans photos that nobody wanted, or that went to a destination which is gone, with the
    /// routes of now; gives the number of those that somebody wants.
    async fn plan_again(&self, filter: &Filter) -> Result<u64, JournalError> {
        let unrouted = Some(ErrorKind::Unrouted);
        let ruled_out = (filter.error.is_some() && filter.error != unrouted)
            || !(filter.states.is_empty() || filter.states.contains(&DeliveryState::Held));
        if ruled_out {
            return Ok(0);
        }
        let held = vec![DeliveryState::Held];
        let filter = Filter { error: unrouted, states: held, ..filter.clone() };
        let (mut routed, mut before) = (0, None);
        loop {
            let page = self.journal.list(&filter, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(routed) };
            before = Some(last.id);
            let nowhere = |to: &Option<DestinationName>| {
                !to.as_ref().is_some_and(|name| self.is_configured(name))
            };
            for delivery in page.iter().filter(|delivery| nowhere(&delivery.destination)) {
                let own = session_of(self.journal.as_ref(), &delivery.photo).await?;
                let plan = self.routes.plan(&delivery.photo, own.as_ref());
                let lasts = plan.iter().any(|planned| planned.destination.is_none());
                if lasts {
                    continue;
                }
                let now = self.clock.now();
                routed += u64::from(self.journal.plan_again(delivery.id, plan, now).await?);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        journal::{Arrival, Claim, DeliveryEnd, memory::Memory},
        model::{Cause, Digest, Environment, Kind, Photo, Planned, Scheme, Shape},
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
            routes: Arc::new(Routes { rules: Vec::new(), destinations }),
            clock: Clock::stepped(Timestamp::UNIX_EPOCH),
            telemetry: Telemetry::default(),
            collector: Wake::default(),
            sender: Wake::default(),
        }
    }

    #[tokio::test]
    async fn a_replay_sends_strays_where_the_routes_say_now() -> anyhow::Result<()> {
        let (folder, gone) = (name("folder")?, name("gone")?);
        let ops = ops(std::slice::from_ref(&folder));
        ops.journal.accept(arrival("stray", std::slice::from_ref(&gone))?).await?;
        ops.journal.accept(arrival("both", &[folder.clone(), gone.clone()])?).await?;
        ops.journal.accept(arrival("unrouted", &[])?).await?;
        assert_eq!(ops.hold_strays().await?, (2, 2));

        let filter = Filter { destination: Some(gone), ..Filter::default() };
        let replay = Replay { filter, force: false, by: "a test".to_owned() };
        let expected = ReplayReport { due: 0, fetching: 0, routed: 2, left: 0 };
        assert_eq!(ops.replay(&replay).await?, expected);
        let rest = Replay { filter: Filter::default(), ..replay };
        let expected = ReplayReport { due: 2, fetching: 0, routed: 1, left: 0 };
        assert_eq!(ops.replay(&rest).await?, expected);
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
            Ops { routes: Arc::new(Routes { rules: Vec::new(), destinations }), ..ops.clone() }
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
            routes: &ops.routes,
            collector: &ops.collector,
            sender: &ops.sender,
        };
        intake.take(photo, Bytes::Stored, None).await?;
        let replay = Replay { filter: Filter::default(), force: false, by: "a test".to_owned() };
        for _ in 0..2 {
            let [held] = &ops.list(&Filter::default(), None, 9).await?[..] else {
                anyhow::bail!("one delivery")
            };
            assert_eq!((held.state, &held.destination), (DeliveryState::Held, &None));
            let why = held.cause.as_ref().map(|cause| cause.what.clone()).unwrap_or_default();
            assert!(why.contains("odoo:res.partner:42 of `erp2`"), "{why}");
            assert_eq!(ops.replay(&replay).await?.routed, 0, "erp has another partner 42");
        }
        let ops = with(&ops, &[&erp, &erp2]);
        assert_eq!(ops.replay(&replay).await?.routed, 1);
        let all = ops.list(&Filter::default(), None, 9).await?;
        assert_eq!((all.len(), &all[0].destination), (1, &Some(erp2)));
        Ok(())
    }

    #[tokio::test]
    async fn a_stray_that_nobody_wants_stays_held() -> anyhow::Result<()> {
        let gone = name("gone")?;
        let ops = ops(&[]);
        ops.journal.accept(arrival("stray", std::slice::from_ref(&gone))?).await?;
        ops.hold_strays().await?;
        let replay = Replay { filter: Filter::default(), force: false, by: "a test".to_owned() };
        let left = ReplayReport { left: 1, ..ReplayReport::default() };
        assert_eq!(ops.replay(&replay).await?, left);
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
        let replay = Replay { filter: Filter::default(), force: false, by: "a test".to_owned() };
        let report = ReplayReport { due: 1, ..ReplayReport::default() };
        assert_eq!(ops.replay(&replay).await?, report);
        assert_eq!(ops.list(&Filter::default(), None, 1).await?[0].due_at, soon);
        Ok(())
    }
}
