//! Watches the free space: below the floor no new photo is taken, while what is here is delivered
//! and retention makes room.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::upkeep::Keeper;
use crate::{
    spool::blocking,
    system::{Clock, Floor, Live, Low, free_space, is_low},
    telemetry::{Fact, Telemetry},
    work::Wake,
};

/// Waits between two looks: as long as a fast disk takes to fill what is left, within these.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
const FASTEST: u64 = 256 * 1024 * 1024;

/// What a watch works with.
#[derive(Debug)]
pub struct Watch {
    /// The folders whose file systems fill up.
    pub places: Vec<PathBuf>,
    /// What has to stay free on each, in bytes; 0 for nothing.
    pub min_free: Live<u64>,
    /// Told how it is.
    pub floor: Floor,
    /// The time.
    pub clock: Clock,
    /// Hears when it begins and when it ends.
    pub telemetry: Telemetry,
    /// Woken when it ends.
    pub collector: Wake,
    /// Hurried when it begins.
    pub keeper: Arc<Keeper>,
}

impl Watch {
    /// Watches until `stop` is cancelled.
    pub async fn watch(self, stop: CancellationToken) {
        let mut changes = self.min_free.changes();
        loop {
            let wait = self.look().await;
            tokio::select! {
                () = stop.cancelled() => return,
                // The sender lives in `self`, so this cannot fail.
                _ = changes.changed() => {}
                () = self.clock.sleep_until(self.clock.after(wait)) => {}
            }
        }
    }

    /// Looks once; gives the wait until the next look.
    pub async fn look(&self) -> Duration {
        let places = self.places.clone();
        let measured = blocking(move || Ok(measure(&places, free_space))).await;
        self.judge(measured.unwrap_or_default())
    }

    fn judge(&self, measured: Vec<(PathBuf, u64)>) -> Duration {
        let (wanted, was_low) = (*self.min_free.load(), self.floor.is_low());
        let tightest = measured.into_iter().min_by_key(|(_, free)| *free);
        let low = tightest.as_ref().filter(|(_, free)| is_low(was_low, *free, wanted));
        let low = low.map(|(place, free)| Low { place: place.clone(), free: *free, wanted });
        if self.floor.set(low.clone()) {
            match &low {
                Some(low) => {
                    let Low { free, wanted, .. } = *low;
                    let why = low.to_string();
                    self.telemetry.emit(&Fact::SpaceLow { why: &why, free, wanted });
                    self.keeper.hurry();
                }
                None => {
                    self.telemetry.emit(&Fact::SpaceBack);
                    self.collector.wake();
                }
            }
        }
        let left = tightest.map_or(u64::MAX, |(_, free)| free.saturating_sub(wanted));
        Duration::from_secs(left / FASTEST).clamp(SHORTEST, LONGEST)
    }
}

/// What is free where. A place that cannot be looked at is left out: who writes there hears why.
fn measure(places: &[PathBuf], free: impl Fn(&Path) -> io::Result<u64>) -> Vec<(PathBuf, u64)> {
    let of = |place: &PathBuf| match free(place) {
        Ok(free) => Some((place.clone(), free)),
        Err(error) => {
            tracing::debug!(place = %place.display(), %error, "free space is not known");
            None
        }
    };
    places.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{journal::memory::Memory, ops::prune, spool::Spool};

    fn watch(min_free: u64) -> anyhow::Result<(tempfile::TempDir, Watch)> {
        let home = tempfile::tempdir()?;
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let (floor, telemetry) = (Floor::default(), Telemetry::default());
        let settings = prune::Settings { bytes: Duration::ZERO, rows: Duration::ZERO };
        let stores = (Arc::new(Memory::new()) as _, Spool::open(home.path())?);
        let around = (clock.clone(), telemetry.clone());
        let keeper = Keeper::new(stores, Live::new(settings), floor.clone(), around);
        let watch = Watch {
            places: vec![home.path().to_owned()],
            min_free: Live::new(min_free),
            floor,
            clock,
            telemetry,
            collector: Wake::default(),
            keeper: Arc::new(keeper),
        };
        Ok((home, watch))
    }

    #[test]
    fn the_tightest_disk_decides_and_room_has_to_be_plenty_again() -> anyhow::Result<()> {
        let (_home, watch) = watch(1000)?;
        let judged = |journal: u64, spool: u64| {
            watch.judge(vec![("/journal".into(), journal), ("/spool".into(), spool)]);
            watch.floor.low().map(|low| (low.place, low.free))
        };
        assert_eq!(judged(9000, 1000), None);
        assert_eq!(judged(9000, 999), Some(("/spool".into(), 999)));
        assert_eq!(judged(1249, 9000), Some(("/journal".into(), 1249)));
        assert_eq!(judged(1250, 9000), None);
        watch.min_free.store(0);
        assert_eq!(judged(0, 0), None);
        Ok(())
    }

    #[test]
    fn the_fuller_the_disk_the_sooner_the_next_look() -> anyhow::Result<()> {
        let (_home, watch) = watch(1000)?;
        let wait = |free| watch.judge(vec![("/".into(), free)]);
        assert_eq!(wait(1 << 40), LONGEST);
        assert_eq!(wait(1000 + 5 * FASTEST), Duration::from_secs(5));
        assert_eq!(wait(1000), SHORTEST);
        assert_eq!(wait(1), SHORTEST);
        assert_eq!(watch.judge(Vec::new()), LONGEST, "nobody knows");
        Ok(())
    }

    #[tokio::test]
    async fn a_look_is_at_the_real_disk() -> anyhow::Result<()> {
        let (_home, watch) = watch(u64::MAX)?;
        watch.look().await;
        assert!(watch.floor.low().is_some_and(|low| low.free > 0 && low.wanted == u64::MAX));
        Ok(())
    }
}
