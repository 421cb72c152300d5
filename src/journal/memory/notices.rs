//! Who was told what, see [`Notices`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Memory, Result};
use crate::{
    journal::notices::{Filing, MOST, Notice, Notices, REMEMBERED, Subject, Telling, Untold},
    model::{Delivery, DeliveryId, DeliveryState, Target},
    system::later,
};

/// What is remembered of it.
#[derive(Default)]
pub(super) struct Told {
    /// Since when a delivery was held when it was told.
    held: BTreeMap<(Telling, DeliveryId), Timestamp>,
    notices: Vec<Notice>,
    subjects: BTreeMap<String, Subject>,
}

fn held_at(delivery: &Delivery) -> Timestamp {
    delivery.settled_at.unwrap_or(delivery.since)
}

/// The sort of a delivery.
fn sort(telling: Telling, delivery: &Delivery) -> Untold {
    let record = delivery.target.as_ref().map(Target::record);
    Untold {
        destination: delivery.destination.clone(),
        record: record.filter(|_| telling == Telling::Note),
        error: delivery.cause.as_ref().map(|cause| cause.kind),
        count: 1,
        first_at: held_at(delivery),
    }
}

fn is_same(one: &Untold, other: &Untold) -> bool {
    (&one.destination, &one.record, one.error) == (&other.destination, &other.record, other.error)
}

impl super::State {
    fn untold(&self, telling: Telling) -> impl Iterator<Item = &Delivery> {
        let deliveries = self.deliveries.values().map(|row| &row.delivery);
        deliveries.filter(move |delivery| {
            let told = self.told.held.get(&(telling, delivery.id));
            delivery.state == DeliveryState::Held && told != Some(&held_at(delivery))
        })
    }

    fn file(&mut self, filing: &Filing) -> u64 {
        let telling = filing.telling;
        let is_told =
            |delivery: &&Delivery| filing.told.iter().any(|t| is_same(t, &sort(telling, delivery)));
        let told: Vec<_> = self.untold(telling).filter(is_told).cloned().collect();
        if told.is_empty() && !filing.told.is_empty() {
            return 0;
        }
        let count = told.len() as u64;
        let marks = told.iter().map(|delivery| ((telling, delivery.id), held_at(delivery)));
        self.told.held.extend(marks);
        if let Some((name, is_open)) = filing.subject.clone() {
            let (told_at, made_at, due_at) = (filing.at, filing.at, filing.at);
            for (id, outlet, body) in filing.notices.iter().cloned() {
                let subject = name.clone();
                let is_same = |it: &Notice| it.subject == subject && it.outlet == outlet;
                let waits: u64 =
                    self.told.notices.iter().filter(|it| is_same(it)).map(|it| it.count).sum();
                self.told.notices.retain(|it| !is_same(it));
                let count = count + waits;
                let notice = Notice { id, outlet, subject, body, count, made_at, due_at, tries: 0 };
                self.told.notices.push(notice);
            }
            let begun = self.told.subjects.get(&name).filter(|known| known.is_open && !is_open);
            let told_at = begun.map_or(told_at, |known| known.told_at);
            self.told.subjects.insert(name.clone(), Subject { name, told_at, is_open });
        }
        let is_kept = |it: &Subject| it.is_open || later(it.told_at, REMEMBERED) >= filing.at;
        self.told.subjects.retain(|_, it| is_kept(it));
        count
    }
}

#[async_trait]
impl Notices for Memory {
    async fn untold(&self, telling: Telling) -> Result<Vec<Untold>> {
        let state = self.state();
        let mut sorts: Vec<Untold> = Vec::new();
        for one in state.untold(telling).map(|delivery| sort(telling, delivery)) {
            match sorts.iter_mut().find(|known| is_same(known, &one)) {
                Some(known) => {
                    known.count += 1;
                    known.first_at = known.first_at.min(one.first_at);
                }
                None => sorts.push(one),
            }
        }
        sorts.truncate(MOST);
        Ok(sorts)
    }

    async fn file(&self, filing: Filing) -> Result<u64> {
        Ok(self.state().file(&filing))
    }

    async fn notices(&self) -> Result<Vec<Notice>> {
        Ok(self.state().told.notices.iter().take(MOST).cloned().collect())
    }

    async fn postpone(&self, notice: &str, until: Timestamp) -> Result<()> {
        let mut state = self.state();
        if let Some(known) = state.told.notices.iter_mut().find(|known| known.id == notice) {
            (known.tries, known.due_at) = (known.tries.saturating_add(1), until);
        }
        Ok(())
    }

    async fn settle_notice(&self, notice: &str) -> Result<()> {
        self.state().told.notices.retain(|known| known.id != notice);
        Ok(())
    }

    async fn subjects(&self) -> Result<Vec<Subject>> {
        Ok(self.state().told.subjects.values().cloned().collect())
    }
}
