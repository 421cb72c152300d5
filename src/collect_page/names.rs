//! What is remembered for a moment, so that a page that is loaded again asks nobody again: the
//! names of records, and which sessions nobody posts to us.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    destinations::Record,
    model::{DestinationName, SessionId, Target},
    system::later,
};

/// How long a record's name is believed.
const BELIEVED: Duration = Duration::from_mins(1);
/// Most that are remembered.
const MOST: usize = 5_000;

#[derive(Debug, Default)]
pub(super) struct Names {
    records: Mutex<HashMap<(DestinationName, Target), (Timestamp, Record)>>,
    /// Sessions whose photos nobody posts to us, by their marks.
    unposted: Mutex<HashSet<String>>,
}

impl Names {
    pub(super) fn record(
        &self,
        destination: &DestinationName,
        target: &Target,
        now: Timestamp,
    ) -> Option<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let known = records.get(&(destination.clone(), target.record()));
        known.filter(|(until, _)| now < *until).map(|(_, record)| record.clone())
    }

    /// The same however long ago it was, for when nobody can be asked.
    pub(super) fn stale_record(
        &self,
        destination: &DestinationName,
        target: &Target,
    ) -> Option<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&(destination.clone(), target.record())).map(|(_, record)| record.clone())
    }

    pub(super) fn keep_record(
        &self,
        destination: &DestinationName,
        record: Record,
        now: Timestamp,
    ) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= MOST {
            records.retain(|_, (until, _)| now < *until);
        }
        if records.len() < MOST {
            let name = (destination.clone(), record.target.record());
            records.insert(name, (later(now, BELIEVED), record));
        }
    }

    pub(super) fn is_unposted(&self, session: &SessionId) -> bool {
        let unposted = self.unposted.lock().unwrap_or_else(PoisonError::into_inner);
        unposted.contains(&session.mark())
    }

    pub(super) fn keep_unposted(&self, session: &SessionId) {
        let mut unposted = self.unposted.lock().unwrap_or_else(PoisonError::into_inner);
        if unposted.len() >= MOST {
            unposted.clear();
        }
        unposted.insert(session.mark());
    }
}
