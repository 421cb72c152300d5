//! The senders' loops, one a destination. A reload ends those whose destination was changed or
//! taken out, each once what it has under way is settled, and only then begins another: no
//! photo is with two of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    deliver::{self, Around, Sender},
    destinations::Destination,
    journal::JournalError,
    model::DestinationName,
    ops::Ops,
    spool::Spool,
    telemetry::Fact,
    work::Loop,
};

/// Between two looks for what is left for a destination that was taken out: whoever read the
/// routes before a reload may plan by them still behind it.
const EVERY: Duration = Duration::from_mins(1);

/// What a loop sends to, and how.
pub(super) type Shore = (Arc<dyn Destination>, deliver::Settings);

/// Tells the loops of a reload.
#[derive(Debug, Clone)]
pub(super) struct Senders(mpsc::UnboundedSender<(DestinationName, Option<Shore>)>);

impl Senders {
    /// From now on a destination is this one, or with `None` there is none of this name.
    pub(super) fn change(&self, name: DestinationName, shore: Option<Shore>) {
        // Fails only where the daemon stops, and nobody sends any more.
        drop(self.0.send((name, shore)));
    }
}

/// The room they all are in.
#[derive(Debug)]
pub(super) struct Room {
    ops: Ops,
    spool: Spool,
    stop: CancellationToken,
    orders: mpsc::UnboundedReceiver<(DestinationName, Option<Shore>)>,
    loops: JoinSet<DestinationName>,
    slots: HashMap<DestinationName, Slot>,
    /// When what is left for nobody is looked for next.
    look_at: Timestamp,
    /// What was held since it was told the last time.
    held: u64,
}

#[derive(Debug)]
struct Slot {
    stop: CancellationToken,
    /// What comes once the loop has ended.
    next: Option<Shore>,
}

impl Room {
    /// Nothing runs yet.
    pub(super) fn new(ops: Ops, spool: Spool, stop: CancellationToken) -> (Senders, Self) {
        let (orders, taken) = mpsc::unbounded_channel();
        let (loops, slots) = (JoinSet::new(), HashMap::new());
        let look_at = ops.clock.after(EVERY);
        (Senders(orders), Self { ops, spool, stop, orders: taken, loops, slots, look_at, held: 0 })
    }

    /// Begins a loop.
    pub(super) fn begin(&mut self, name: DestinationName, (destination, settings): Shore) {
        let stop = self.stop.child_token();
        let around = Around {
            journal: Arc::clone(&self.ops.journal),
            spool: self.spool.clone(),
            clock: self.ops.clock.clone(),
            telemetry: self.ops.telemetry.clone(),
            stop: stop.clone(),
            asked: self.ops.asked.clone(),
        };
        let sender = Sender::new(name.clone(), destination, settings, around);
        let looping = Loop {
            clock: self.ops.clock.clone(),
            wake: self.ops.sender.clone(),
            stop: stop.clone(),
            limit: sender.concurrency(),
        };
        self.slots.insert(name.clone(), Slot { stop, next: None });
        self.loops.spawn(async move {
            looping.run(Arc::new(sender)).await;
            name
        });
    }

    /// Runs them until told to stop, and lets what is under way end. Returns sooner where one
    /// ended by itself.
    pub(super) async fn run(mut self) {
        let clock = self.ops.clock.clone();
        while !self.stop.is_cancelled() {
            tokio::select! {
                biased;
                // Who ends now was not taken out: its pause stays known.
                () = self.stop.cancelled() => {}
                Some((name, shore)) = self.orders.recv() => self.change(name, shore),
                Some(ended) = self.loops.join_next() => {
                    let Ok(name) = ended else { return };
                    if !self.ended(name).await {
                        return;
                    }
                }
                () = clock.sleep_until(self.look_at) => self.hold_strays().await,
            }
        }
        self.tell_held();
        while self.loops.join_next().await.is_some() {}
    }

    fn change(&mut self, name: DestinationName, shore: Option<Shore>) {
        match (self.slots.get_mut(&name), shore) {
            (Some(slot), shore) => {
                slot.next = shore;
                slot.stop.cancel();
            }
            (None, Some(shore)) => self.begin(name, shore),
            (None, None) => {}
        }
    }

    /// A loop has ended; gives whether it was told to.
    async fn ended(&mut self, name: DestinationName) -> bool {
        let Some(slot) = self.slots.remove(&name) else { return false };
        if !slot.stop.is_cancelled() {
            return false;
        }
        // Whoever comes says for himself whether the destination works.
        let left = self.ops.journal.set_pause(&name, None).await;
        if let Err(error) = left {
            self.failed(&error);
        }
        match slot.next {
            Some(shore) => self.begin(name, shore),
            None => self.look_at = self.ops.clock.now(),
        }
        true
    }

    /// Nobody sends what is left for a destination that was taken out. Some of it at a time: what
    /// is configured may change meanwhile.
    async fn hold_strays(&mut self) {
        let routes = self.ops.routes.load();
        // What another one that was taken out has under way is left to end.
        let ending = self.slots.keys().cloned();
        let configured = routes.destinations.iter().map(|(name, _)| name.clone());
        let configured: Vec<_> = configured.chain(ending).collect();
        let held = self.ops.journal.hold_strays(&configured, self.ops.clock.now()).await;
        let held = held.unwrap_or_else(|error| {
            self.failed(&error);
            0
        });
        self.held += held;
        let wait = if held > 0 { Duration::ZERO } else { EVERY };
        self.look_at = self.ops.clock.after(wait);
        if held == 0 {
            self.tell_held();
        }
    }

    fn tell_held(&mut self) {
        match std::mem::take(&mut self.held) {
            0 => {}
            count => self.ops.telemetry.emit(&Fact::Strays { count }),
        }
    }

    fn failed(&self, error: &JournalError) {
        let error = error.to_string();
        self.ops.telemetry.emit(&Fact::JournalFailed { room: "reload", error: &error });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{self, Arrival, Bytes, Observer, memory::Memory},
        model::{
            Cause, DeliveryState, Digest, ErrorKind, Filter, Kind, Photo, PhotoId, Planned, Shape,
        },
        route::Routes,
        system::{Clock, Live},
    };

    fn arrival(id: &str, to: &DestinationName) -> anyhow::Result<Arrival> {
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
            scheme: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        let plan = vec![Planned { destination: Some(to.clone()), target: None, mode: None }];
        Ok(Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false })
    }

    #[tokio::test]
    async fn what_was_planned_by_old_routes_is_held_a_minute_later() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let ops = Ops::to_read(Arc::new(Memory::new()), clock.clone());
        let (gone, ending) = (DestinationName::parse("gone")?, DestinationName::parse("ending")?);
        let stop = CancellationToken::new();
        let (_senders, mut room) = Room::new(ops.clone(), Spool::open(home.path())?, stop.clone());
        let slot = Slot { stop: CancellationToken::new(), next: None };
        room.slots.insert(ending.clone(), slot);
        let running = tokio::spawn(room.run());
        tokio::task::yield_now().await;
        ops.journal.accept(arrival("img_1", &gone)?).await?;
        ops.journal.accept(arrival("img_2", &ending)?).await?;

        let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
        for (wait, expected) in [(EVERY / 2, 0), (EVERY / 2, 1), (EVERY, 1)] {
            clock.step(wait);
            for _ in 0..9 {
                tokio::task::yield_now().await;
            }
            let held = ops.journal.list(&held, None, 9).await?;
            assert_eq!(held.len(), expected);
            let is_stray = |cause: &Cause| cause.kind == ErrorKind::Unrouted;
            assert!(held.iter().all(|it| it.destination.as_ref() == Some(&gone)));
            assert!(held.iter().all(|it| it.cause.as_ref().is_some_and(is_stray)));
        }
        stop.cancel();
        running.await?;
        Ok(())
    }

    #[tokio::test]
    async fn what_is_put_back_while_strays_are_held_is_held_no_more() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let routes = Live::new(Routes { rules: Vec::new(), destinations: Vec::new() });
        let (gone, put_back) = (DestinationName::parse("gone")?, routes.clone());
        let observer = Observer::new(move |_| {
            let destinations = vec![(gone.clone(), Kind::Folder)];
            put_back.store(Routes { rules: Vec::new(), destinations });
        });
        let settings = journal::Settings::Sqlite { path: path.clone() };
        let journal = journal::open_observed(&settings, observer).await?;
        let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501)
            INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
                SELECT i, 'img_' || i, '[]', 'event', 'body', 0, 'stored' FROM n;
            INSERT INTO deliveries (photo, destination, state, due_at, since)
                SELECT seq, 'gone', 'due', 0, 0 FROM photos;";
        rusqlite::Connection::open(&path)?.execute_batch(fill)?;
        routes.store(Routes { rules: Vec::new(), destinations: Vec::new() });

        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let ops = Ops { routes, ..Ops::to_read(journal, clock.clone()) };
        let stop = CancellationToken::new();
        let spool = Spool::open(&home.path().join("spool"))?;
        let (_senders, room) = Room::new(ops.clone(), spool, stop.clone());
        let running = tokio::spawn(room.run());
        clock.step(EVERY);
        let held = Filter { states: vec![DeliveryState::Held], ..Filter::default() };
        while ops.journal.list(&held, None, 1).await?.is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        running.await?;
        assert_eq!(ops.journal.list(&held, None, 999).await?.len(), 500);
        ops.journal.close().await;
        Ok(())
    }
}
