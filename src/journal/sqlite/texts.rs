//! Photos by what stands in them: an index of three letters each that is kept behind the photos,
//! so that taking one in does not wait for it. What it does not know yet is looked at itself.

use rusqlite::Connection;

use super::{
    filter::pattern,
    rows::{self, Result},
};

/// Most candidates of one kind: beyond them a text is common, and soon found by going backward.
const FEW: usize = 3_000;
/// Letters in an entry of the index.
const LETTERS: usize = 3;
/// Entries that are asked for at most.
const ENTRIES: usize = 40;

const WORDS: &str = "INSERT INTO texts (rowid, words)
    SELECT p.seq, concat_ws(char(10), p.id, p.image_id, p.filename,
        (SELECT group_concat(concat(value ->> '$.key', ':', value ->> '$.value'), char(10))
            FROM json_each(p.tags)),
        (SELECT group_concat(d.target, char(10)) FROM deliveries d WHERE d.photo = p.seq))
    FROM photos p WHERE p.seq = ?1";

pub(super) const UNREAD: &str = "SELECT seq FROM photos
    WHERE seq > (SELECT upto FROM indexed WHERE id = 1) ORDER BY seq LIMIT ?1";
const STALE: &str = "SELECT photo AS seq FROM stale ORDER BY photo LIMIT ?1";

/// See [`crate::journal::Journal::index_texts`].
pub(super) fn index(db: &Connection, limit: usize) -> Result<usize> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let seq = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>("seq")?);
    let stale = rows::all(db, STALE, &[&limit], seq)?;
    for photo in &stale {
        db.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([photo])?;
        db.prepare_cached(WORDS)?.execute([photo])?;
        db.prepare_cached("DELETE FROM stale WHERE photo = ?1")?.execute([photo])?;
    }
    let room = limit.saturating_sub(i64::try_from(stale.len()).unwrap_or(i64::MAX));
    let unread = rows::all(db, UNREAD, &[&room], seq)?;
    for photo in &unread {
        // Its number may have been another photo's that is gone.
        db.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([photo])?;
        db.prepare_cached(WORDS)?.execute([photo])?;
    }
    if let Some(last) = unread.last() {
        db.prepare_cached("UPDATE indexed SET upto = ?1")?.execute([last])?;
    }
    Ok(stale.len() + unread.len())
}

/// The numbers of all deliveries in which these words may stand; `None` where they are many, or
/// the words too short to tell.
pub(super) fn candidates(db: &Connection, words: &str) -> Result<Option<Vec<i64>>> {
    let Some(entries) = entries(words) else { return Ok(None) };
    let limit = i64::try_from(FEW + 1).unwrap_or(i64::MAX);
    let number = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(0)?);
    // First what the index may lack: what it takes in meanwhile is asked for twice then.
    let stale = rows::all(db, STALE, &[&limit], number)?;
    let unread = rows::all(db, UNREAD, &[&limit], number)?;
    let found = rows::all(db, BY_WORDS, &[&entries, &limit], number)?;
    let of_cause = rows::all(db, BY_CAUSE, &[&pattern(words), &limit], number)?;
    if [&stale, &unread, &found, &of_cause].iter().any(|numbers| numbers.len() > FEW) {
        return Ok(None);
    }
    let photos = [stale, unread, found].concat();
    let mut all = rows::all(db, OF_PHOTOS, &[&rows::json(&photos)?], number)?;
    all.extend(of_cause);
    Ok(Some(all))
}

const BY_WORDS: &str = "SELECT rowid FROM texts WHERE texts MATCH ?1 LIMIT ?2";
pub(super) const BY_CAUSE: &str = "SELECT id FROM deliveries INDEXED BY deliveries_why
    WHERE why IS NOT NULL AND why LIKE ?1 ESCAPE '\\' LIMIT ?2";
pub(super) const OF_PHOTOS: &str = "SELECT d.id FROM json_each(?1)
    CROSS JOIN deliveries d ON d.photo = json_each.value";

/// The words as the index is asked for them: each three letters in a row.
fn entries(words: &str) -> Option<String> {
    let letters: Vec<char> = words.chars().collect();
    let entry = |three: &[char]| {
        let three: String = three.iter().collect();
        format!("\"{}\"", three.replace('"', "\"\""))
    };
    let entries: Vec<_> = letters.windows(LETTERS).take(ENTRIES).map(entry).collect();
    (!entries.is_empty()).then(|| entries.join(" AND "))
}
