//! What operators ask about a photo and a destination, and what retention removes.

use rusqlite::{Connection, params};

use super::{
    rows::{self, DELIVERY, Error, PHOTO, Result},
    runs,
};
use crate::{
    journal::{Pause, Story},
    model::{DestinationName, Digest, PhotoId},
};

/// See [`crate::journal::Journal::story`].
pub(super) fn story(db: &Connection, id: &PhotoId) -> Result<Option<Story>> {
    let photo = rows::first(
        db,
        &format!(
            "SELECT {PHOTO}, seq, fetch_state, fetch_cause, fetch_due FROM photos p WHERE id = ?1"
        ),
        &[&id.as_str()],
        |row| {
            let due = row.get::<_, Option<i64>>("fetch_due")?;
            Ok((
                row.get::<_, i64>("seq")?,
                Story {
                    photo: rows::photo(row)?,
                    fetch_state: rows::fetch_state(row)?,
                    fetch_cause: rows::optional_json(row, "fetch_cause")?,
                    fetch_due_at: due.map(rows::time).transpose()?,
                    deliveries: Vec::new(),
                    attempts: Vec::new(),
                    actions: Vec::new(),
                },
            ))
        },
    )?;
    let Some((seq, mut story)) = photo else { return Ok(None) };
    story.deliveries = rows::all(
        db,
        &format!(
            "SELECT {DELIVERY}, {PHOTO} FROM deliveries d JOIN photos p ON p.seq = d.photo
             WHERE d.photo = ?1 ORDER BY d.id"
        ),
        &[&seq],
        rows::delivery,
    )?;
    story.attempts = rows::all(
        db,
        "SELECT id, delivery, started_at, ended_at, outcome, cause FROM attempts
         WHERE photo = ?1 ORDER BY id",
        &[&seq],
        rows::attempt,
    )?;
    story.actions = runs::actions(db, seq)?;
    Ok(Some(story))
}

pub(super) const KNOWS_BYTES: &str = "SELECT 1 FROM photos
    WHERE (sha256 = ?1 OR envelope = ?1) AND fetch_state <> 'expired' LIMIT 1";

/// See [`crate::journal::Journal::knows_bytes`].
pub(super) fn knows_bytes(db: &Connection, digest: &Digest) -> Result<bool> {
    Ok(rows::first(db, KNOWS_BYTES, &[&digest.0], |_| Ok(()))?.is_some())
}

/// See [`crate::journal::Journal::set_pause`].
pub(super) fn set_pause(
    db: &Connection,
    destination: &DestinationName,
    pause: Option<&Pause>,
) -> Result<()> {
    match pause {
        Some(pause) => db
            .prepare_cached("INSERT OR REPLACE INTO pauses VALUES (?1, ?2, ?3)")?
            .execute(params![
                destination.as_str(),
                pause.since.as_millisecond(),
                rows::json(&pause.cause)?
            ])?,
        None => db
            .prepare_cached("DELETE FROM pauses WHERE destination = ?1")?
            .execute([destination.as_str()])?,
    };
    Ok(())
}

/// See [`crate::journal::Journal::pauses`].
pub(super) fn pauses(db: &Connection) -> Result<Vec<Pause>> {
    let damaged = || Error::Damaged("a pause".to_owned());
    rows::all(db, "SELECT destination, since, cause FROM pauses ORDER BY 1", &[], |row| {
        Ok(Pause {
            destination: DestinationName::parse(&row.get::<_, String>("destination")?)
                .map_err(|_| damaged())?,
            since: rows::time(row.get("since")?)?,
            cause: rows::optional_json(row, "cause")?.ok_or_else(damaged)?,
        })
    })
}
