//! Claiming deliveries, their attempts and their ends.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{
    LANES,
    fetches::{begin_attempt, end_attempt},
    rows::{self, DELIVERY, PHOTO, Result},
};
use crate::{
    journal::{Claim, Claimed, DeliveryEnd, FAR, claim::place},
    model::{AttemptId, AttemptOutcome, Delivery, DeliveryId, DeliveryState, Mode, Step},
    system::later,
};

/// A delivery that is due.
struct Found {
    /// Its photo.
    seq: i64,
    /// The attempt whose lease ran out.
    running: Option<i64>,
    delivery: Delivery,
}

/// See [`crate::journal::Journal::claim_deliveries`].
pub(super) fn claim(db: &Connection, claim: &Claim) -> Result<Vec<Vec<Claimed>>> {
    let begin = |parcel: Vec<Found>| {
        let until = claim.leased_until(parcel.iter().map(|found| &found.delivery));
        parcel.into_iter().map(|found| begin(db, claim.now, until, found)).collect()
    };
    due(db, claim)?.into_iter().map(begin).collect()
}

/// Writes a claim down.
fn begin(db: &Connection, now: Timestamp, until: Timestamp, found: Found) -> Result<Claimed> {
    let now = now.as_millisecond();
    let Found { seq, running, mut delivery } = found;
    if let Some(running) = running {
        // Its lease ran out: whoever had it never came back, so nobody knows how it ended.
        end_attempt(db, running, AttemptOutcome::Unknown, None, now)?;
        delivery.unsure = true;
    }
    delivery.attempts += 1;
    delivery.state = DeliveryState::Sending;
    let attempt = begin_attempt(db, seq, Some(delivery.id.0), now)?;
    db.prepare_cached(
        "UPDATE deliveries SET state = 'sending', due_at = ?2, attempts = ?3, unsure = ?4,
             attempt = ?5
         WHERE id = ?1",
    )?
    .execute(params![
        delivery.id.0,
        until.as_millisecond(),
        delivery.attempts,
        delivery.unsure,
        attempt
    ])?;
    Ok(Claimed { delivery, attempt: AttemptId(attempt) })
}

/// The words of the partial indexes must stand here as they stand there.
pub(super) fn claim_sql() -> String {
    format!(
        "SELECT {DELIVERY}, {PHOTO}, d.photo AS seq, d.record AS record,
             iif(d.state = 'sending', d.attempt, NULL) AS running
         FROM deliveries d JOIN photos p ON p.seq = d.photo
         WHERE d.destination = ?1 AND d.lane = ?5 AND d.state IN ('due', 'sending')
           AND d.due_at <= ?2 AND d.id NOT IN (SELECT value FROM json_each(?4))
           AND NOT (?3 AND d.target IS NOT NULL AND EXISTS (
               SELECT 1 FROM deliveries o WHERE o.destination = ?1 AND o.state = 'sending'
                 AND o.record = d.record
                 AND (o.due_at > ?2 OR o.id IN (SELECT value FROM json_each(?4)))))
         ORDER BY d.due_at, d.id"
    )
}

/// What may travel with a delivery, itself included, in the order of a claim.
pub(super) fn together_sql() -> String {
    format!(
        "SELECT {DELIVERY}, {PHOTO}, d.photo AS seq,
             iif(d.state = 'sending', d.attempt, NULL) AS running
         FROM deliveries d JOIN photos p ON p.seq = d.photo
         WHERE d.destination = ?1 AND d.state IN ('due', 'sending') AND d.due_at <= ?2
           AND d.id NOT IN (SELECT value FROM json_each(?3))
           AND d.record = ?4 AND d.mode IS ?5 AND p.session = ?6
         ORDER BY d.due_at, d.id"
    )
}

fn due(db: &Connection, claim: &Claim) -> Result<Vec<Vec<Found>>> {
    let except = rows::json(&claim.except)?;
    let (mut records, mut taken) = (HashSet::new(), HashSet::new());
    let mut parcels = Vec::new();
    for lane in LANES {
        let mut statement = db.prepare_cached(&claim_sql())?;
        let now = claim.now.as_millisecond();
        let asked = params![claim.destination.as_str(), now, claim.one_per_target, except, lane];
        let mut rows = statement.query(asked)?;
        while parcels.len() < claim.limit {
            let Some(row) = rows.next()? else { break };
            if taken.contains(&DeliveryId(row.get("d_id")?)) {
                continue;
            }
            if claim.one_per_target
                && let Some(record) = row.get::<_, Option<String>>("record")?
                && !records.insert(record)
            {
                continue;
            }
            let parcel = fill(db, claim, found(row)?, (&taken, &except))?;
            taken.extend(parcel.iter().map(|found| found.delivery.id));
            parcels.push(parcel);
        }
    }
    Ok(parcels)
}

/// The parcel of a delivery, in the order it is to be sent in.
fn fill(
    db: &Connection,
    claim: &Claim,
    first: Found,
    (taken, except): (&HashSet<DeliveryId>, &str),
) -> Result<Vec<Found>> {
    let mut parcel = Vec::new();
    if let Some(common) = claim.common(&first.delivery) {
        let mut room = claim.room_beside(&first.delivery);
        let mut statement = db.prepare_cached(&together_sql())?;
        let mut rows = statement.query(params![
            claim.destination.as_str(),
            claim.now.as_millisecond(),
            except,
            common.record.to_string(),
            common.mode.map(Mode::as_str),
            common.session.reveal(),
        ])?;
        while let Some(row) = rows.next()? {
            let next = found(row)?;
            let id = next.delivery.id;
            if id == first.delivery.id || taken.contains(&id) {
                continue;
            }
            if !room.take(&next.delivery) {
                break;
            }
            parcel.push(next);
        }
    }
    parcel.push(first);
    parcel.sort_by_key(|found| place(&found.delivery));
    Ok(parcel)
}

fn found(row: &Row<'_>) -> Result<Found> {
    Ok(Found { seq: row.get("seq")?, running: row.get("running")?, delivery: rows::delivery(row)? })
}

/// See [`crate::journal::Journal::note_step`].
pub(super) fn note_step(db: &Connection, delivery: DeliveryId, step: &Step) -> Result<()> {
    let known =
        rows::first(db, "SELECT steps FROM deliveries WHERE id = ?1", &[&delivery.0], |row| {
            rows::read_json::<Vec<Step>>("steps", &row.get::<_, String>("steps")?)
        })?;
    let Some(mut steps) = known else { return Ok(()) };
    steps.retain(|known| known.name != step.name);
    steps.push(step.clone());
    db.prepare_cached("UPDATE deliveries SET steps = ?2 WHERE id = ?1")?
        .execute(params![delivery.0, rows::json(&steps)?])?;
    Ok(())
}

/// What a settlement changes in a delivery.
struct Change<'a> {
    state: DeliveryState,
    at: Timestamp,
    counts: bool,
    unsure: Option<bool>,
    cause: Option<&'a crate::model::Cause>,
    outcome: AttemptOutcome,
}

pub(super) const OURS: &str = "SELECT target IS NOT NULL AS has_target FROM deliveries
    WHERE id = ?1 AND attempt = ?2 AND state = 'sending'";

/// See [`crate::journal::Journal::settle_delivery`].
pub(super) fn settle(
    db: &Connection,
    claimed: &Claimed,
    end: &DeliveryEnd,
    now: Timestamp,
) -> Result<()> {
    use AttemptOutcome as O;
    use DeliveryState::{Delivered, Due, Held};
    let id = claimed.delivery.id.0;
    let has_target = |row: &Row<'_>| Ok(row.get::<_, bool>("has_target")?);
    let Some(has_target) = rows::first(db, OURS, &[&id, &claimed.attempt.0], has_target)? else {
        return Ok(());
    };
    let change = |state, at, counts, unsure, cause, outcome| Change {
        state,
        at,
        counts,
        unsure,
        cause,
        outcome,
    };
    let change = match end {
        DeliveryEnd::Delivered(_) => change(Delivered, now, true, Some(false), None, O::Done),
        DeliveryEnd::Later { at, cause, counts } => {
            change(Due, *at, *counts, None, Some(cause), O::Later)
        }
        DeliveryEnd::Unknown { at, cause } => {
            change(Due, *at, true, Some(true), Some(cause), O::Unknown)
        }
        DeliveryEnd::Broken { cause } => change(Due, now, false, None, Some(cause), O::Broken),
        // It was refused without its record, which it has by now.
        DeliveryEnd::Held { cause } if has_target && claimed.delivery.target.is_none() => {
            change(Due, now, true, None, Some(cause), O::Refused)
        }
        DeliveryEnd::Held { cause } => change(Held, now, true, None, Some(cause), O::Refused),
        DeliveryEnd::Cancelled => change(Due, now, false, None, None, O::Cancelled),
    };
    end_attempt(db, claimed.attempt.0, change.outcome, change.cause, now.as_millisecond())?;
    let receipt = match end {
        DeliveryEnd::Delivered(receipt) => Some(rows::json(receipt)?),
        _ => None,
    };
    apply(db, id, &change, receipt, now)
}

fn apply(
    db: &Connection,
    id: i64,
    change: &Change<'_>,
    receipt: Option<String>,
    now: Timestamp,
) -> Result<()> {
    let (cause, error) = change.cause.map(rows::cause).transpose()?.unzip();
    let settled = matches!(change.state, DeliveryState::Delivered | DeliveryState::Held)
        .then(|| now.as_millisecond());
    let keep_cause = matches!(change.outcome, AttemptOutcome::Cancelled);
    db.prepare_cached(
        "UPDATE deliveries SET state = ?2, due_at = ?3, attempts = attempts - ?4,
             unsure = coalesce(?5, unsure), receipt = coalesce(?6, receipt), settled_at = ?7,
             cause = iif(?10, cause, ?8), error = iif(?10, error, ?9)
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        change.state.as_str(),
        change.at.as_millisecond(),
        u32::from(!change.counts),
        change.unsure,
        receipt,
        settled,
        cause,
        error,
        keep_cause,
    ])?;
    Ok(())
}

/// See [`crate::journal::Journal::recover`].
pub(super) fn recover(db: &Connection, now: Timestamp, look_at: Timestamp) -> Result<u64> {
    let at = now.as_millisecond();
    db.execute(
        "UPDATE attempts SET outcome = 'unknown', ended_at = ?1 WHERE outcome = 'open'",
        [at],
    )?;
    db.execute(
        "UPDATE photos SET fetch_due = ?1, fetch_attempt = NULL,
             fetch_attempts = fetch_attempts + 1
         WHERE fetch_state = 'wanted' AND fetch_attempt IS NOT NULL",
        [at],
    )?;
    let left = db.execute(
        "UPDATE deliveries SET state = 'due', due_at = ?1, unsure = 1 WHERE state = 'sending'",
        [look_at.as_millisecond()],
    )?;
    let far = later(now, FAR).as_millisecond();
    for sql in [
        "UPDATE photos SET fetch_due = ?1 WHERE fetch_state = 'wanted' AND fetch_due > ?2",
        "UPDATE deliveries SET due_at = ?1 WHERE state = 'due' AND due_at > ?2",
    ] {
        db.execute(sql, [at, far])?;
    }
    Ok(left as u64)
}
