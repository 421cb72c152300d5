//! Copies of the file: on demand, and before its schema changes.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use rusqlite::{
    Connection,
    backup::{Backup as Copying, StepResult},
};

use super::{reader, schema};
use crate::{
    journal::{Backup, JournalError, Schema},
    system::{Size, free_space},
};

/// Pages copied between two words about how far it is.
const PAGES: i32 = 2048;
/// Upgrades whose backups are kept.
const KEPT: usize = 3;
/// How the temporary name of a copy on demand begins.
const TEMPORARY: &str = ".journal-";

/// See [`crate::journal::back_up`].
pub(in crate::journal) fn of_file(
    from: &Path,
    to: &Path,
    heard: &dyn Fn(u64, u64),
) -> anyhow::Result<Backup> {
    schema::check_library(rusqlite::version_number())?;
    let db = reader(from)
        .map_err(JournalError::from)
        .with_context(|| format!("cannot read {}; see that --config is right", from.display()))?;
    schema::check_known(schema::version(&db)?)?;
    copy(&db, to, TEMPORARY, heard)
}

/// See [`crate::journal::schema`].
pub(in crate::journal) fn schema_of(path: &Path) -> anyhow::Result<Schema> {
    let known = schema::known();
    let bytes = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Schema { found: None, known, bytes: 0, holds_something: false });
        }
        file => file.with_context(|| format!("cannot read {}", path.display()))?.len(),
    };
    let db = reader(path).map_err(JournalError::from)?;
    let found = schema::version(&db)?;
    let schema =
        Schema { found: Some(found), known, bytes, holds_something: holds_something(&db, found)? };
    if schema.is_behind() && schema.holds_something {
        let folder = path.parent().unwrap_or(path);
        make_room(&db, folder).context("no backup can be made before the schema changes")?;
    }
    Ok(schema)
}

/// Copies a file whose schema is about to change, and removes the copies of the oldest upgrades and
/// what starts that were killed left of theirs: whoever opens the file for writing is alone.
pub(super) fn before_migration(db: &Connection, path: &Path) -> anyhow::Result<()> {
    let (found, known) = (schema::version(db)?, schema::known());
    schema::check_known(found)?;
    if found == known || !holds_something(db, found)? {
        return Ok(());
    }
    remove_unfinished(path).context("cannot remove an unfinished backup of the journal")?;
    let name = name_before(path, known, Timestamp::now());
    let to = path.with_file_name(name);
    let backup = copy(db, &to, &unfinished(path), &|_, _| {}).with_context(|| {
        format!(
            "the journal has to be brought from schema {found} to {known}, and no backup of it \
             could be made before"
        )
    })?;
    tracing::info!(
        from = found,
        to = known,
        backup = %backup.path.display(),
        "the journal is brought to the schema of this program"
    );
    remove_old(path, &backup).context("cannot remove an old backup of the journal")
}

fn before(path: &Path) -> OsString {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".before-schema-");
    name
}

/// `journal.db.before-schema-7-20260131T120000.123Z`.
fn name_before(path: &Path, known: i64, now: Timestamp) -> OsString {
    let mut name = before(path);
    name.push(format!("{known}-{}", now.strftime("%Y%m%dT%H%M%S.%3fZ")));
    name
}

/// How the temporary name of a copy begins that is made at a start.
fn unfinished(path: &Path) -> String {
    format!(".{}", before(path).display())
}

/// Removes what such copies left that did not come to their end, before room is needed for the
/// next.
fn remove_unfinished(path: &Path) -> io::Result<()> {
    let (folder, stem) = (folder_of(path), unfinished(path));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.strip_prefix(&stem)?.split_once('.'));
        // With the files that SQLite keeps beside it.
        if end.is_some_and(|(_, end)| matches!(end, "tmp" | "tmp-journal" | "tmp-wal" | "tmp-shm"))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Leaves those of the newest few upgrades, of each schema that was found in one the newest: an
/// upgrade that is begun again and again pushes no other's out. A person who wants one for longer
/// gives it another name.
fn remove_old(path: &Path, made: &Backup) -> io::Result<()> {
    let (folder, stem) = (folder_of(path), before(path));
    let mut found: Vec<(i64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        found.extend(upgrade(&stem, &entry.file_name()).map(|to| (to, entry.path())));
    }
    let upgrades: BTreeSet<i64> = found.iter().map(|(to, _)| *to).collect();
    let oldest = upgrades.into_iter().rev().nth(KEPT - 1);
    let this = made.path.file_name().and_then(|name| upgrade(&stem, name));
    let is_again = |to, path: &Path| {
        Some(to) == this && *path != made.path && schema_in(path) == Some(made.schema)
    };
    found
        .into_iter()
        .filter(|(to, path)| Some(*to) < oldest || is_again(*to, path))
        .try_for_each(|(_, path)| fs::remove_file(path))
}

/// To which schema the upgrade led that a copy was made before.
fn upgrade(stem: &OsStr, name: &OsStr) -> Option<i64> {
    name.to_str()?.strip_prefix(stem.to_str()?)?.split('-').next()?.parse().ok()
}

fn schema_in(path: &Path) -> Option<i64> {
    schema::version(&reader(path).ok()?).ok()
}

/// Whether there is something that would be missed.
fn holds_something(db: &Connection, version: i64) -> anyhow::Result<bool> {
    if version == 0 {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM photos) OR EXISTS (SELECT 1 FROM sessions)";
    Ok(db.query_row(sql, [], |row| row.get(0))?)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Copies what a connection sees at this moment, under a temporary name that begins so.
fn copy(
    db: &Connection,
    to: &Path,
    temporary: &str,
    heard: &dyn Fn(u64, u64),
) -> anyhow::Result<Backup> {
    let folder = folder_of(to);
    ensure!(!to.try_exists()?, "{} is there already; name another file", to.display());
    make_room(db, folder)?;
    let made = tempfile::Builder::new().prefix(temporary).suffix(".tmp").tempfile_in(folder);
    let made =
        made.with_context(|| format!("cannot write in {}; name another place", folder.display()))?;
    // Everything is read in one transaction, so that the copy can be held against it.
    let moment = db.unchecked_transaction()?;
    let before = Measures::of(&moment)?;
    pages(&moment, made.path(), heard)?;
    drop(moment);
    mark(made.path())?;
    let found = verified(made.path())?;
    ensure!(
        found == before,
        "the copy is not like the journal ({found:?} instead of {before:?}); look at the disk"
    );
    made.as_file().sync_all()?;
    let bytes = made.as_file().metadata()?.len();
    if let Err(error) = made.persist_noclobber(to) {
        bail!("cannot name the backup {}: {}; name another file", to.display(), error.error);
    }
    fs::File::open(folder)?.sync_all()?;
    let Measures { schema, photos, deliveries, undelivered } = found;
    Ok(Backup { path: to.to_owned(), bytes, schema, photos, deliveries, undelivered })
}

/// Says at once that there is no room, before there is none for photos either.
fn make_room(db: &Connection, folder: &Path) -> anyhow::Result<()> {
    let pragma = |name: &str| -> rusqlite::Result<i64> {
        db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let needed = (pragma("page_count")? * pragma("page_size")?).unsigned_abs();
    let free = free_space(folder)
        .with_context(|| format!("cannot write in {}; name another place", folder.display()))?;
    ensure!(
        free > needed,
        "a copy of the journal needs {}, and {} has {} left; make room there",
        Size(needed),
        folder.display(),
        Size(free)
    );
    Ok(())
}

/// What a copy has to have in common with the journal.
#[derive(Debug, PartialEq, Eq)]
struct Measures {
    schema: i64,
    photos: u64,
    deliveries: u64,
    undelivered: u64,
}

impl Measures {
    fn of(db: &Connection) -> anyhow::Result<Self> {
        let schema = schema::version(db)?;
        if schema == 0 {
            return Ok(Self { schema, photos: 0, deliveries: 0, undelivered: 0 });
        }
        let count = |sql: &str| -> rusqlite::Result<u64> {
            Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        Ok(Self {
            schema,
            photos: count("SELECT count(*) FROM photos")?,
            deliveries: count("SELECT count(*) FROM deliveries")?,
            undelivered: count(
                "SELECT count(*) FROM deliveries WHERE state NOT IN ('delivered', 'dropped')",
            )?,
        })
    }
}

fn pages(from: &Connection, to: &Path, heard: &dyn Fn(u64, u64)) -> anyhow::Result<()> {
    let mut to = Connection::open(to)?;
    let copying = Copying::new(from, &mut to)?;
    loop {
        let step = copying.step(PAGES)?;
        let progress = copying.progress();
        let all = u64::try_from(progress.pagecount).unwrap_or_default();
        let left = u64::try_from(progress.remaining).unwrap_or_default();
        heard(all.saturating_sub(left), all);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => bail!("somebody else uses the file of the backup; name another place"),
        }
    }
}

/// Makes one file of it, and what is not delivered doubtful: whoever goes back to this copy does
/// not know what was delivered after it was made.
fn mark(path: &Path) -> anyhow::Result<()> {
    let db = Connection::open(path)?;
    // A copy of a write-ahead log's file says that it has one, too.
    db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))?;
    if schema::version(&db)? > 0 {
        db.execute(
            "UPDATE deliveries SET unsure = 1 WHERE state NOT IN ('delivered', 'dropped')",
            [],
        )?;
    }
    db.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Opens a copy again, as who restores it would, and looks at all of it.
fn verified(path: &Path) -> anyhow::Result<Measures> {
    let db = reader(path).map_err(JournalError::from)?;
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    ensure!(said == "ok", "the copy is damaged: {said}; look at the disk, then try again");
    Measures::of(&db)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn journal(path: &Path) -> anyhow::Result<Connection> {
        let mut db = Connection::open(path)?;
        schema::prepare(&db)?;
        schema::migrate(&mut db)?;
        db.execute_batch(
            "INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
             VALUES (1, 'a', '[]', 'event', 'body', 0, 'stored');
             INSERT INTO deliveries (photo, destination, state, due_at, since)
             VALUES (1, 'due', 'due', 0, 0), (1, 'held', 'held', 0, 0),
                 (1, 'there', 'delivered', 0, 0)",
        )?;
        Ok(db)
    }

    #[test]
    fn a_copy_is_private_whole_and_doubts_what_is_not_delivered() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let (path, to) = (home.path().join("journal.db"), home.path().join("copy.db"));
        let db = journal(&path)?;
        let told = std::cell::Cell::new((0, 0));
        let backup = of_file(&path, &to, &|done, all| told.set((done, all)))?;
        assert!(told.get().0 > 0 && told.get().0 == told.get().1, "{told:?}");
        assert_eq!((backup.photos, backup.deliveries, backup.undelivered), (1, 3, 2));
        assert_eq!(backup.bytes, fs::metadata(&to)?.len());
        assert_eq!(fs::metadata(&to)?.permissions().mode() & 0o777, 0o600);
        let unsure = "SELECT group_concat(destination) FROM deliveries WHERE unsure";
        let doubted: String = reader(&to).unwrap().query_row(unsure, [], |row| row.get(0))?;
        assert_eq!(doubted, "due,held");
        let here: Option<String> = db.query_row(unsure, [], |row| row.get(0))?;
        assert_eq!(here, None, "the journal itself is as it was");
        let names: Vec<_> = fs::read_dir(&home)?.map(|file| file.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{names:?}");
        Ok(())
    }

    #[test]
    fn nothing_is_ever_written_over() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let (path, to) = (home.path().join("journal.db"), home.path().join("copy.db"));
        let _db = journal(&path)?;
        fs::write(&to, "mine")?;
        let refused = of_file(&path, &to, &|_, _| {});
        assert!(refused.is_err_and(|error| error.to_string().contains("is there already")));
        assert_eq!(fs::read_to_string(&to)?, "mine");
        Ok(())
    }

    fn names(home: &Path, of: &str) -> anyhow::Result<Vec<String>> {
        let names = fs::read_dir(home)?.map(|file| file.map(|file| file.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        let names = names.iter().map(|name| name.to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| name.contains(of)).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn an_upgrade_that_is_begun_again_keeps_one_copy_of_each_schema() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let db = journal(&path)?;
        let known = schema::known();
        let earlier = home.path().join(name_before(&path, known - 1, Timestamp::UNIX_EPOCH));
        fs::write(&earlier, "of the upgrade before")?;
        let of_this = format!(".before-schema-{known}-");
        let mut copies = Vec::new();
        for found in [known - 2, known - 1] {
            db.pragma_update(None, "user_version", found)?;
            for _ in 0..4 {
                before_migration(&db, &path)?;
            }
            copies.push(found);
            let names = names(home.path(), &of_this)?;
            let schemas = names.iter().filter_map(|name| schema_in(&home.path().join(name)));
            assert_eq!(schemas.collect::<Vec<_>>(), copies, "{names:?}");
        }
        assert!(earlier.exists());
        Ok(())
    }

    #[test]
    fn what_a_start_that_was_killed_left_of_its_copy_goes_with_the_next() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let db = journal(&path)?;
        db.pragma_update(None, "user_version", schema::known() - 1)?;
        let theirs = [".journal-1a2b3c.tmp", ".journal.db.before-schema-mine", "notes.tmp"];
        let ours =
            [".journal.db.before-schema-1a2b3c.tmp", ".journal.db.before-schema-x.tmp-journal"];
        for name in theirs.iter().chain(&ours) {
            fs::write(home.path().join(name), "")?;
        }
        before_migration(&db, &path)?;
        let left = |name: &&str| home.path().join(name).exists();
        assert_eq!(ours.iter().filter(|name| left(name)).count(), 0);
        assert_eq!(theirs.iter().filter(|name| left(name)).count(), theirs.len());
        Ok(())
    }

    #[test]
    fn the_copies_of_the_newest_three_upgrades_stay() -> anyhow::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("journal.db");
        let file = |known| home.path().join(name_before(&path, known, Timestamp::UNIX_EPOCH));
        for known in 7..12 {
            fs::write(file(known), "")?;
        }
        for other in ["journal.db.mine", "journal.db.before-schema-mine"] {
            fs::write(home.path().join(other), "")?;
        }
        let made = Backup {
            path: file(11),
            bytes: 0,
            schema: 10,
            photos: 0,
            deliveries: 0,
            undelivered: 0,
        };
        remove_old(&path, &made)?;
        let left: Vec<_> = (7..12).filter(|known| file(*known).exists()).collect();
        assert_eq!(left, [9, 10, 11]);
        assert_eq!(names(home.path(), "mine")?.len(), 2);
        Ok(())
    }
}
