//! What operators change: runs, page by page.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, params, types::Value};

use super::{
    accept::insert_plan,
    filter::Condition,
    list::{last, refs},
    place::{covering_again, leave_to, place},
    rows::{self, Error, Result},
};
use crate::{
    journal::{
        LISTED_AFTER, LOOK_AFTER, NewRun, Page, Planned, Way,
        verdict::{Case, by_person, heeds_copies, left},
    },
    model::{
        Action, By, DeliveryId, DeliveryState, ErrorKind, FetchState, Left, Reason, Run, RunId,
        RunState, Tally, Verb,
    },
};

const RUN: &str = "id, verb, filter, who, started_at, ended_at, state, cursor, upto, matching,
    tally FROM runs";

/// See [`crate::journal::Journal::begin_run`].
pub(super) fn begin(db: &Connection, new: &NewRun, now: Timestamp) -> Result<Run> {
    let tally = Tally::default();
    let upto = last(db)?;
    db.prepare_cached(
        "INSERT INTO runs (verb, filter, who, started_at, state, cursor, upto, matching, tally)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)",
    )?
    .execute(params![
        rows::json(&new.verb)?,
        rows::json(&new.filter)?,
        new.by.as_str(),
        now.as_millisecond(),
        RunState::Running.as_str(),
        upto,
        new.matching.cast_signed(),
        rows::json(&tally)?,
    ])?;
    Ok(Run {
        id: RunId(db.last_insert_rowid()),
        verb: new.verb.clone(),
        filter: new.filter.clone(),
        by: new.by.clone(),
        started_at: now,
        ended_at: None,
        state: RunState::Running,
        cursor: DeliveryId(0),
        upto: DeliveryId(upto),
        matching: new.matching,
        tally,
    })
}

/// See [`crate::journal::Journal::run`].
pub(super) fn run(db: &Connection, id: RunId) -> Result<Option<Run>> {
    rows::first(db, &format!("SELECT {RUN} WHERE id = ?1"), &[&id.0], read)
}

/// See [`crate::journal::Journal::runs`].
pub(super) fn runs(db: &Connection, state: Option<RunState>, limit: usize) -> Result<Vec<Run>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match state {
        None => readable(db, &format!("SELECT {RUN} ORDER BY id DESC LIMIT ?1"), &[&limit]),
        Some(state) => {
            let sql = format!("SELECT {RUN} WHERE state = ?1 ORDER BY id DESC LIMIT ?2");
            readable(db, &sql, &[&state.as_str(), &limit])
        }
    }
}

/// One that cannot be read does not keep the others back.
fn readable(db: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<Run>> {
    let runs = rows::all(db, sql, params, |row| match read(row) {
        Err(Error::Damaged(error)) => {
            let run = row.get::<_, i64>("id")?;
            tracing::error!(run, error, "a run cannot be read and is left out");
            Ok(None)
        }
        run => run.map(Some),
    })?;
    Ok(runs.into_iter().flatten().collect())
}

/// See [`crate::journal::Journal::set_run`].
pub(super) fn set(
    db: &Connection,
    id: RunId,
    state: RunState,
    now: Timestamp,
) -> Result<Option<Run>> {
    let ended = (state != RunState::Running).then(|| now.as_millisecond());
    db.prepare_cached(
        "UPDATE runs SET state = ?2, ended_at = ?3 WHERE id = ?1 AND state <> 'done'",
    )?
    .execute(params![id.0, state.as_str(), ended])?;
    run(db, id)
}

fn read(row: &Row<'_>) -> Result<Run> {
    let json = |column| row.get::<_, String>(column);
    Ok(Run {
        id: RunId(row.get("id")?),
        verb: rows::read_json("verb", &json("verb")?)?,
        filter: rows::read_json("filter", &json("filter")?)?,
        by: By::new(&json("who")?),
        started_at: rows::time(row.get("started_at")?)?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(rows::time).transpose()?,
        state: rows::required(row, "state", RunState::parse)?,
        cursor: DeliveryId(row.get("cursor")?),
        upto: DeliveryId(row.get("upto")?),
        matching: row.get::<_, i64>("matching")?.unsigned_abs(),
        tally: rows::read_json("tally", &json("tally")?)?,
    })
}

/// What people did with the deliveries of a photo, oldest first.
pub(super) fn actions(db: &Connection, photo: i64) -> Result<Vec<Action>> {
    rows::all(
        db,
        "SELECT a.at AS at, a.delivery AS delivery, a.run AS run, r.who AS who, r.verb AS verb
         FROM actions a JOIN runs r ON r.id = a.run WHERE a.photo = ?1
         ORDER BY a.at, a.run, a.delivery",
        &[&photo],
        |row| {
            Ok(Action {
                at: rows::time(row.get("at")?)?,
                by: By::new(&row.get::<_, String>("who")?),
                verb: rows::read_json("verb", &row.get::<_, String>("verb")?)?,
                run: RunId(row.get("run")?),
                delivery: DeliveryId(row.get("delivery")?),
            })
        },
    )
}

/// Removes runs that were done or stopped before a time and of whose actions none is kept.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM runs WHERE state IN ('done', 'stopped') AND ended_at < ?1
           AND NOT EXISTS (SELECT 1 FROM actions a WHERE a.run = runs.id)",
    )?
    .execute([before.as_millisecond()])?;
    Ok(())
}

/// See [`crate::journal::Journal::advance`].
pub(super) fn advance(db: &Connection, page: &Page) -> Result<Run> {
    let Some(mut run) = run(db, page.run)? else {
        return Err(Error::Damaged(format!("run {} is gone", page.run)));
    };
    if run.state != RunState::Running || run.cursor != page.after {
        return Ok(run);
    }
    for (id, way) in &page.steps {
        run.cursor = *id;
        db.prepare_cached("SAVEPOINT step")?.execute([])?;
        match step(db, &run, *id, way, (page.now, page.look_at)) {
            Ok(Ok(done)) => {
                run.tally.done += 1;
                run.tally.fetching += u64::from(done.is_fetched);
                run.tally.routed += u64::from(done.is_routed);
            }
            Ok(Err(left)) => *run.tally.left.entry(left).or_default() += 1,
            // One that cannot be read does not keep the others back.
            Err(Error::Damaged(_)) => {
                db.prepare_cached("ROLLBACK TO step")?.execute([])?;
                run.tally.failed += 1;
            }
            Err(error) => return Err(error),
        }
        db.prepare_cached("RELEASE step")?.execute([])?;
    }
    if page.is_last {
        (run.state, run.ended_at) = (RunState::Done, Some(page.now));
    }
    db.prepare_cached(
        "UPDATE runs SET cursor = ?2, tally = ?3, state = ?4, ended_at = ?5 WHERE id = ?1",
    )?
    .execute(params![
        run.id.0,
        run.cursor.0,
        rows::json(&run.tally)?,
        run.state.as_str(),
        run.ended_at.map(Timestamp::as_millisecond),
    ])?;
    Ok(run)
}

/// How a delivery was changed.
#[derive(Default)]
struct Fate {
    /// Its photo is fetched again first.
    is_fetched: bool,
    /// It goes where the routes say now.
    is_routed: bool,
}

/// A delivery that a run comes to.
struct Asked {
    photo: i64,
    destination: Option<String>,
    covering: Option<i64>,
    case: Case,
}

/// Does what a run asks for with one delivery.
fn step(
    db: &Connection,
    run: &Run,
    id: DeliveryId,
    way: &Way,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<std::result::Result<Fate, Left>> {
    let Some(found) = find(db, run, id, way)? else { return Ok(Err(Left::Changed)) };
    let lane = i64::from(run.is_many());
    let is_fetched = found.case.fetch != FetchState::Stored;
    let done = match (left(&run.verb, &found.case), &run.verb, way) {
        (Some(Left::SamePhoto), ..) if found.case.state != DeliveryState::Delivered => {
            if let Some(other) = found.covering {
                leave_to(db, id.0, other, now)?;
            }
            Err(Left::SamePhoto)
        }
        (Some(left), ..) => return Ok(Err(left)),
        (None, verb @ (Verb::Hold { reason } | Verb::Drop { reason }), _) => {
            end(db, id, verb, reason, now)?;
            Ok(Fate::default())
        }
        (None, _, Way::Again(plan)) => {
            plan_again(db, id, (&found, plan), lane, (now, look_at))?;
            Ok(Fate { is_fetched, is_routed: true })
        }
        (None, ..) => {
            let state = if is_fetched { DeliveryState::Waiting } else { DeliveryState::Due };
            if is_fetched {
                fetch_again(db, found.photo, lane, now)?;
            }
            due_again(db, id, (state, lane), (now, look_at))?;
            Ok(Fate { is_fetched, is_routed: false })
        }
    };
    db.prepare_cached("INSERT INTO actions (photo, run, delivery, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![found.photo, run.id.0, id.0, now.as_millisecond()])?;
    Ok(done)
}

/// What a run asks for of one of its deliveries.
fn asked(run: &Run, id: DeliveryId) -> Condition {
    let mut asked = Condition::beside_numbers(&run.filter);
    asked.and("d.id = ?", [Value::Integer(id.0)]);
    asked
}

/// The delivery, as long as it is what the run asks for.
fn find(db: &Connection, run: &Run, id: DeliveryId, way: &Way) -> Result<Option<Asked>> {
    let numbers = &run.filter.ids;
    if !numbers.is_empty() && !numbers.contains(&id) {
        return Ok(None);
    }
    let asked = asked(run, id);
    // What another photo covers matters only where the delivery would be sent.
    let covering = match heeds_copies(&run.verb, &run.filter) {
        true => covering_again(),
        false => "NULL".to_owned(),
    };
    let sql = format!(
        "SELECT d.photo AS photo, d.destination AS destination, d.state AS state,
             d.error AS error, p.fetch_state AS fetch_state, {covering} AS covering
         FROM deliveries d JOIN photos p ON p.seq = d.photo WHERE {}",
        asked.sql()
    );
    rows::first(db, &sql, &refs(&asked.values), |row| {
        let destination = row.get::<_, Option<String>>("destination")?;
        let covering = row.get::<_, Option<i64>>("covering")?;
        let state = rows::required(row, "state", DeliveryState::parse)?;
        let case = Case {
            state,
            error: rows::parsed(row, "error", ErrorKind::parse)?,
            fetch: rows::fetch_state(row)?,
            has_way: match way {
                Way::On => destination.is_some(),
                Way::Again(_) => state == DeliveryState::Held,
                Way::Nowhere => false,
            },
            is_stray: *way != Way::On || destination.is_none(),
            is_covered: covering.is_some(),
        };
        Ok(Asked { photo: row.get("photo")?, destination, covering, case })
    })
}

fn end(
    db: &Connection,
    id: DeliveryId,
    verb: &Verb,
    reason: &Reason,
    now: Timestamp,
) -> Result<()> {
    let is_held = matches!(verb, Verb::Hold { .. });
    let state = if is_held { DeliveryState::Held } else { DeliveryState::Dropped };
    let (cause, error) = rows::cause(&by_person(verb, reason))?;
    db.prepare_cached(
        "UPDATE deliveries SET state = ?2, settled_at = ?3, cause = ?4, error = ?5 WHERE id = ?1",
    )?
    .execute(params![id.0, state.as_str(), now.as_millisecond(), cause, error])?;
    Ok(())
}

/// One that was delivered becomes unsure: it may well be there.
fn due_again(
    db: &Connection,
    id: DeliveryId,
    (state, lane): (DeliveryState, i64),
    (now, look_at): (Timestamp, Timestamp),
) -> Result<()> {
    db.prepare_cached(
        "UPDATE deliveries SET unsure = (unsure OR state = 'delivered'), state = ?2, attempts = 0,
             since = ?3, cause = NULL, error = NULL, settled_at = NULL, lane = ?7,
             due_at = iif(unsure OR state = 'delivered', max(?3, min(?4, coalesce(CASE state
                 WHEN 'due' THEN due_at
                 WHEN 'delivered' THEN settled_at + ?5
                 ELSE settled_at + ?6 END, ?4))), ?3)
         WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        state.as_str(),
        now.as_millisecond(),
        look_at.as_millisecond(),
        millis(LISTED_AFTER),
        millis(LOOK_AFTER),
        lane,
    ])?;
    Ok(())
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// A fetch that is under way is left to end by itself.
fn fetch_again(db: &Connection, photo: i64, lane: i64, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE photos SET fetch_state = 'wanted', fetch_attempts = 0, fetch_since = ?2,
             fetch_due = iif(fetch_attempt IS NULL, ?2, fetch_due), lane = ?3
         WHERE seq = ?1",
    )?
    .execute(params![photo, now.as_millisecond(), lane])?;
    Ok(())
}

/// What may be there already may be there under the new name, too, and is looked for first.
fn plan_again(
    db: &Connection,
    id: DeliveryId,
    (found, plan): (&Asked, &[Planned]),
    lane: i64,
    (now, look_at): (Timestamp, Timestamp),
) -> Result<()> {
    let newest = "SELECT unsure, (SELECT max(id) FROM deliveries) FROM deliveries WHERE id = ?1";
    let (unsure, newest) = db
        .prepare_cached(newest)?
        .query_row([id.0], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?)))?;
    let mut planned = plan.iter().filter_map(|planned| planned.destination.as_ref());
    let stays = planned.any(|planned| Some(planned.as_str()) == found.destination.as_deref());
    let sql = if stays {
        "UPDATE deliveries SET state = 'waiting', attempts = 0 WHERE id = ?1"
    } else {
        "DELETE FROM deliveries WHERE id = ?1"
    };
    db.prepare_cached(sql)?.execute([&id.0 as &dyn ToSql])?;
    insert_plan(db, found.photo, plan, now)?;
    if found.case.fetch != FetchState::Stored {
        fetch_again(db, found.photo, lane, now)?;
    }
    place(db, found.photo, "d.state = 'waiting'", now)?;
    db.prepare_cached(
        "UPDATE deliveries SET lane = ?5, unsure = ?6,
             due_at = iif(?6 AND state = 'due', max(due_at, ?4), due_at)
         WHERE photo = ?1 AND (id > ?2 OR id = ?3) AND state IN ('waiting', 'due', 'held')",
    )?
    .execute(params![found.photo, newest, id.0, look_at.as_millisecond(), lane, unsure])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::JournalError, model::Filter};

    fn fresh() -> rusqlite::Result<Connection> {
        let db = Connection::open_in_memory()?;
        super::super::schema::STEPS.iter().try_for_each(|step| db.execute_batch(step))?;
        Ok(db)
    }

    #[test]
    fn a_run_of_an_earlier_build_is_read_and_one_that_cannot_be_hides_no_other()
    -> anyhow::Result<()> {
        let db = fresh()?;
        let row = "INSERT INTO runs (verb, filter, who, started_at, state, cursor, upto, matching,
                 tally)
             VALUES ('{\"verb\":\"release\"}', ?1, 'ana', 0, 'running', 0, 9, 9, ?2)";
        let tally = rows::json(&Tally::default()).map_err(JournalError::from)?;
        db.execute(row, params![r#"{"text":"ab"}"#, tally])?;
        db.execute(row, params![r#"{"paint":"red"}"#, tally])?;
        for state in [None, Some(RunState::Running)] {
            let found = runs(&db, state, 9).map_err(JournalError::from)?;
            let texts: Vec<_> = found.iter().map(|run| run.filter.text.as_deref()).collect();
            assert_eq!(texts, [Some("ab")]);
        }
        Ok(())
    }

    #[test]
    fn a_delivery_is_not_looked_for_among_all_numbers_of_a_run() -> anyhow::Result<()> {
        let db = fresh()?;
        let ids = (1..=10_000).map(DeliveryId).collect();
        let (filter, verb) = (Filter { ids, ..Filter::default() }, Verb::Release);
        let new = NewRun { verb, filter, by: By::new("a test"), matching: 10_000 };
        let run = begin(&db, &new, Timestamp::UNIX_EPOCH).map_err(JournalError::from)?;
        assert_eq!(asked(&run, DeliveryId(7)).values, [Value::Integer(7)]);
        let found = find(&db, &run, DeliveryId(10_001), &Way::On).map_err(JournalError::from)?;
        assert!(found.is_none(), "it is none of them");
        Ok(())
    }
}
