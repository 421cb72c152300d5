//! Rows to words and back.

use jiff::Timestamp;
use rusqlite::{Row, ToSql};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    journal::JournalError,
    model::{
        Attempt, AttemptId, AttemptOutcome, Cause, Delivery, DeliveryId, DeliveryState,
        DestinationName, Digest, FetchState, ImageId, Mode, Photo, PhotoId, Scheme, SessionId,
        Shape, Target,
    },
};

/// What can go wrong inside the store.
#[derive(Debug)]
pub(super) enum Error {
    /// SQLite's own.
    Sqlite(rusqlite::Error),
    /// A value that this program never writes.
    Damaged(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for JournalError {
    fn from(error: Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error {
            Error::Damaged(what) => Self::Damaged(what),
            Error::Sqlite(error) => match error.sqlite_error_code() {
                Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            },
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Error>;

pub(super) fn damaged(column: &str) -> Error {
    Error::Damaged(format!("column {column} holds a value that was never written there"))
}

pub(super) fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| damaged("time"))
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Damaged(error.to_string()))
}

pub(super) fn read_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| damaged(column))
}

pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| damaged(column))
}

pub(super) fn required<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    parsed(row, column, parse)?.ok_or_else(|| damaged(column))
}

pub(super) fn optional_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    parsed(row, column, |text| serde_json::from_str(text).ok())
}

/// The columns of a photo, each with the prefix `p_`, from a table called `p`.
pub(super) const PHOTO: &str = "p.id AS p_id, p.image_id AS p_image_id, p.session AS p_session,
    p.idx AS p_idx, p.filename AS p_filename, p.media_type AS p_media_type, p.size AS p_size,
    p.sha256 AS p_sha256, p.tags AS p_tags, p.target AS p_target, p.mode AS p_mode,
    p.topic AS p_topic, p.shape AS p_shape, p.scheme AS p_scheme, p.received_at AS p_received_at";

pub(super) fn photo(row: &Row<'_>) -> Result<Photo> {
    let size = row.get::<_, Option<i64>>("p_size")?;
    Ok(Photo {
        id: required(row, "p_id", |t| PhotoId::parse(t).ok())?,
        image_id: parsed(row, "p_image_id", |t| ImageId::parse(t).ok())?,
        session: parsed(row, "p_session", |t| SessionId::parse(t).ok())?,
        index: row.get("p_idx")?,
        filename: row.get("p_filename")?,
        media_type: row.get("p_media_type")?,
        size: size.map(|n| u64::try_from(n).map_err(|_| damaged("p_size"))).transpose()?,
        sha256: row.get::<_, Option<[u8; 32]>>("p_sha256")?.map(Digest),
        tags: optional_json(row, "p_tags")?.unwrap_or_default(),
        target: parsed(row, "p_target", |t| t.parse::<Target>().ok())?,
        mode: parsed(row, "p_mode", Mode::parse)?,
        topic: row.get("p_topic")?,
        shape: required(row, "p_shape", Shape::parse)?,
        scheme: required(row, "p_scheme", scheme)?,
        received_at: time(row.get("p_received_at")?)?,
    })
}

/// What stands in the place of a scheme where nobody signed.
pub(super) const UNSIGNED: &str = "none";

fn scheme(text: &str) -> Option<Option<Scheme>> {
    if text == UNSIGNED { Some(None) } else { Scheme::parse(text).map(Some) }
}

/// The columns of a delivery, each with the prefix `d_`, from a table called `d`.
pub(super) const DELIVERY: &str = "d.id AS d_id, d.destination AS d_destination,
    d.target AS d_target, d.mode AS d_mode, d.state AS d_state, d.attempts AS d_attempts,
    d.due_at AS d_due_at, d.since AS d_since, d.unsure AS d_unsure, d.steps AS d_steps,
    d.cause AS d_cause, d.receipt AS d_receipt, d.settled_at AS d_settled_at";

pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId(row.get("d_id")?),
        photo: photo(row)?,
        destination: parsed(row, "d_destination", |t| DestinationName::parse(t).ok())?,
        target: parsed(row, "d_target", |t| t.parse::<Target>().ok())?,
        mode: parsed(row, "d_mode", Mode::parse)?,
        state: required(row, "d_state", DeliveryState::parse)?,
        attempts: row.get("d_attempts")?,
        due_at: time(row.get("d_due_at")?)?,
        since: time(row.get("d_since")?)?,
        unsure: row.get("d_unsure")?,
        steps: optional_json(row, "d_steps")?.unwrap_or_default(),
        cause: optional_json(row, "d_cause")?,
        receipt: optional_json(row, "d_receipt")?,
        settled_at: row.get::<_, Option<i64>>("d_settled_at")?.map(time).transpose()?,
    })
}

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt> {
    Ok(Attempt {
        id: AttemptId(row.get("id")?),
        delivery: row.get::<_, Option<i64>>("delivery")?.map(DeliveryId),
        started_at: time(row.get("started_at")?)?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(time).transpose()?,
        outcome: required(row, "outcome", AttemptOutcome::parse)?,
        cause: optional_json(row, "cause")?,
    })
}

pub(super) fn fetch_state(row: &Row<'_>) -> Result<FetchState> {
    required(row, "fetch_state", FetchState::parse)
}

/// A cause as its two columns: the JSON and the word.
pub(super) fn cause(cause: &Cause) -> Result<(String, &'static str)> {
    Ok((json(cause)?, cause.kind.as_str()))
}

/// Every row of a query, mapped.
pub(super) fn all<T>(
    db: &rusqlite::Connection,
    sql: &str,
    params: &[&dyn ToSql],
    map: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(map(row)?);
    }
    Ok(found)
}

/// The first row of a query, mapped.
pub(super) fn first<T>(
    db: &rusqlite::Connection,
    sql: &str,
    params: &[&dyn ToSql],
    map: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(map).transpose()
}
