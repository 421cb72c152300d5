//! How SQLite goes about the statements that run for every photo: always by an index.

use rusqlite::Connection;

use crate::journal::notices::Telling;

use super::{
    NEXT_DELIVERY, NEXT_FETCH, OLDEST_DUE, accept, deliveries, fetches, list, notices, operator,
    place, retention, schema, sessions, strays, texts, told,
};

fn plan(db: &Connection, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, 1)?;
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get("detail")?);
    }
    Ok(steps)
}

#[test]
fn nothing_that_runs_for_every_photo_looks_at_all_of_them() -> anyhow::Result<()> {
    let mut db = Connection::open_in_memory()?;
    schema::migrate(&mut db)?;
    let waiting = place::place_sql("d.state = 'waiting'");
    let open = place::place_sql(place::OPEN);
    let (claim, fetch) = (deliveries::claim_sql(), fetches::claim_sql());
    let together = deliveries::together_sql();
    let hot = [
        ("known", accept::KNOWN),
        ("lacking", place::LACKING),
        ("copies", place::COPIES),
        ("doubt", place::DOUBT),
        ("place", &waiting),
        ("place after a fetch", &open),
        ("claim", &claim),
        ("travel together", &together),
        ("settle", deliveries::OURS),
        ("open deliveries to a destination", strays::OPEN_TO),
        ("claim a fetch", &fetch),
        ("settle a fetch", fetches::OURS),
        ("next fetch", NEXT_FETCH),
        ("next delivery", NEXT_DELIVERY),
        ("oldest due", OLDEST_DUE),
        ("known bytes", operator::KNOWS_BYTES),
        ("to be told by a note", notices::untold_of_sql(Telling::Note)),
        ("to be told by an alert", notices::untold_of_sql(Telling::Alert)),
        ("the next destination", list::NEXT_DESTINATION),
        ("the next error", list::NEXT_ERROR),
        ("the first since", list::FIRST_SINCE),
        ("the last until", list::LAST_UNTIL),
        ("received in a span", told::RECEIVED),
        ("settled in a span", told::SETTLED),
        ("the first of a sort", told::FIRST_OF_SORT),
        ("the last delivery", told::LAST_DELIVERED),
        ("photos of a session", told::PHOTOS_OF),
        ("photos without index", texts::UNREAD),
        ("deliveries of photos", texts::OF_PHOTOS),
        ("sessions of a record", sessions::OF_RECORD),
        ("a session of a record", sessions::MARKED),
    ];
    for (what, sql) in hot {
        let steps = plan(&db, sql)?;
        assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{what}: {steps:?}");
        let bad = |step: &&String| {
            let is_wide =
                step.ends_with("(destination=?)") && !step.contains("deliveries_delivered");
            (step.starts_with("SCAN") && !step.contains("json_each"))
                || step.contains("AUTOMATIC")
                || is_wide
        };
        assert_eq!(steps.iter().find(bad), None, "{what}: {steps:?}");
    }
    Ok(())
}

fn sorts(steps: Vec<String>) -> bool {
    steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER"))
}

#[test]
fn what_is_read_in_order_is_not_sorted_and_each_question_has_its_index() -> anyhow::Result<()> {
    let mut db = Connection::open_in_memory()?;
    schema::migrate(&mut db)?;
    let (claim, fetch) = (deliveries::claim_sql(), fetches::claim_sql());
    let together = deliveries::together_sql();
    assert!(!sorts(plan(&db, &claim)?), "a claim reads only as far as its limit");
    assert!(!sorts(plan(&db, &fetch)?), "a claim reads only as far as its limit");
    for (sql, index) in [
        (retention::finished_sql(), "photos_kept"),
        (retention::forgettable_sql(), "photos_expired"),
    ] {
        let steps = plan(&db, &sql)?;
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        assert!(!sorts(steps), "retention reads only as far as its page");
    }
    let of_record = plan(&db, sessions::OF_RECORD)?;
    assert!(of_record.iter().any(|s| s.contains("sessions_by_record")), "{of_record:?}");
    let marked = plan(&db, sessions::MARKED)?;
    assert!(marked.iter().any(|s| s.contains("(record=? AND mark=?)")), "{marked:?}");
    let first = plan(&db, told::FIRST_OF_SORT)?;
    assert!(!sorts(first), "the oldest of a sort is the first of its index");
    assert!(!sorts(plan(&db, told::LAST_DELIVERED)?), "the last delivery is that of its index");
    let covered = [
        ("received", told::RECEIVED),
        ("settled", told::SETTLED),
        ("last delivered", told::LAST_DELIVERED),
        ("of a session", told::PHOTOS_OF),
    ];
    for (what, sql) in covered {
        let steps = plan(&db, sql)?;
        assert!(steps.iter().all(|s| s.contains("COVERING INDEX")), "{what}: {steps:?}");
    }
    let by_cause = plan(&db, texts::BY_CAUSE)?;
    assert!(by_cause.iter().all(|s| s.contains("INDEX deliveries_why")), "{by_cause:?}");
    let filled = plan(&db, &together)?;
    let by_record = |step: &String| step.contains("(destination=? AND record=? AND due_at<?)");
    assert!(filled.iter().any(by_record), "{filled:?}");
    assert!(!sorts(filled), "a parcel is read only until it is full");
    Ok(())
}
