//! Files of earlier schemas, with rows in every state, opened by this program.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{Sqlite, schema};
use crate::{
    journal::{Claim, DeliveryEnd, FetchEnd, Journal as _, Upkeep as _},
    model::{DeliveryState, DestinationName, Digest, FetchState, Filter, PhotoId, Receipt},
};

/// The steps that files in the world were made by: a step that is out never changes.
const RELEASED: [&str; 5] = [
    "f1449c5784455e8d2fc2d7f573e091f89e91260edfac7e7f87dfe05b61fc9119",
    "dde773b2cb8fa71763752cc33d79d71cae7a2fb3b87ee8017819b16d4fbdc338",
    "59145660953b2d1fcc9097a6817f62b5f12fc932ce3b49c381043594aa85e376",
    "cd31f709daf224ccc2bb73882fae710af93a4bf9e3489d24c4ac73e5d1fba02f",
    "d6ddf2463f5ffe1c39cf671b41ab617b1df4854b59c8d9943c59aa0eb6b13bc0",
];

#[test]
fn the_steps_that_are_out_are_what_they_were() {
    let digests = schema::STEPS.iter().map(|step| hex::encode(Sha256::digest(step)));
    let digests: Vec<_> = digests.take(RELEASED.len()).collect();
    assert_eq!(digests, RELEASED, "add a step instead of changing one");
}

const STATES: [DeliveryState; 6] = [
    DeliveryState::Waiting,
    DeliveryState::Due,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Held,
    DeliveryState::Dropped,
];

/// A file as a program that knew so many steps left it: a photo and a delivery of every state,
/// one to be fetched, one whose bytes are gone, a session.
fn of_schema(steps: usize, home: &Path) -> anyhow::Result<PathBuf> {
    let path = home.join("journal.db");
    let db = Connection::open(&path)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    for step in &schema::STEPS[..steps] {
        db.execute_batch(step)?;
    }
    db.pragma_update(None, "user_version", i64::try_from(steps)?)?;
    for (number, state) in (1_u8..).zip(STATES) {
        let fetch = if state == DeliveryState::Waiting { "wanted" } else { "stored" };
        let is_stored = fetch == "stored";
        db.execute(
            "INSERT INTO photos (seq, id, image_id, session, tags, target, shape, scheme,
                 received_at, fetch_state, fetch_due, fetch_since, sha256, size)
             VALUES (?1, ?2, ?2, 's', '[]', 'odoo:res.partner:1', 'event', 'body', ?1, ?3,
                 iif(?4, NULL, ?1), ?1, iif(?4, ?5, NULL), iif(?4, 3, NULL))",
            rusqlite::params![number, state.as_str(), fetch, is_stored, [number; 32]],
        )?;
        db.execute(
            "INSERT INTO deliveries (photo, destination, target, state, due_at, since, attempts)
             VALUES (?1, 'erp', 'odoo:res.partner:1', ?2, ?1, ?1, 2)",
            rusqlite::params![number, state.as_str()],
        )?;
        db.execute(
            "INSERT INTO attempts (photo, delivery, started_at, ended_at, outcome)
             VALUES (?1, ?1, ?1, iif(?2 = 'sending', NULL, ?1),
                 iif(?2 = 'sending', 'open', 'later'))",
            rusqlite::params![number, state.as_str()],
        )?;
    }
    db.execute_batch(
        "UPDATE deliveries SET attempt = id WHERE state = 'sending';
         UPDATE deliveries SET settled_at = 1, receipt = '{\"found\":false,\"ids\":[]}'
             WHERE state = 'delivered';
         INSERT INTO photos (seq, id, tags, shape, scheme, received_at, fetch_state)
             VALUES (9, 'expired', '[]', 'event', 'body', 1, 'expired');
         INSERT INTO sessions (session, target) VALUES ('s', 'odoo:res.partner:1');",
    )?;
    Ok(path)
}

fn backups(home: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let all = std::fs::read_dir(home)?.map(|file| Ok(file?.path()));
    let mut all = all.collect::<anyhow::Result<Vec<_>>>()?;
    all.retain(|path| path.to_string_lossy().contains(".before-schema-"));
    Ok(all)
}

async fn deliver(journal: &Sqlite, now: Timestamp) -> anyhow::Result<Vec<String>> {
    let lease_until = now + SignedDuration::from_mins(1);
    for fetch in journal.claim_fetches(now, lease_until, 9).await? {
        let (sha256, media_type) = (Digest([99; 32]), "image/jpeg".to_owned());
        let end = FetchEnd::Stored { sha256, size: 3, media_type };
        journal.settle_fetch(&fetch, end, now).await?;
    }
    let claim = Claim {
        now,
        lease_until,
        lease_more: Duration::ZERO,
        destination: DestinationName::parse("erp")?,
        limit: 99,
        photos_per_parcel: 1,
        parcel_size: u64::MAX,
        one_per_target: false,
        except: Vec::new(),
    };
    let mut delivered = Vec::new();
    for claimed in journal.claim_deliveries(claim).await?.into_iter().flatten() {
        let name = claimed.delivery.photo.id.to_string();
        delivered.push(format!("{name}{}", if claimed.delivery.unsure { "?" } else { "" }));
        journal.settle_delivery(&claimed, DeliveryEnd::Delivered(Receipt::default()), now).await?;
    }
    delivered.sort();
    Ok(delivered)
}

#[tokio::test]
async fn files_of_every_earlier_schema_are_opened_listed_and_delivered() -> anyhow::Result<()> {
    for steps in 1..schema::STEPS.len() {
        let home = tempfile::tempdir()?;
        let path = of_schema(steps, home.path())?;
        assert!(Sqlite::open_to_read(&path).await.is_err_and(|error| {
            format!("{error:#}").contains("apertur-bridge journal migrate")
        }));
        let journal = Sqlite::open(&path).await?;
        let stats = journal.stats().await?;
        assert_eq!(stats.schema, schema::known(), "from {steps}");
        let count = |state| stats.deliveries.iter().find(|(s, _)| *s == state).map(|(_, n)| *n);
        assert!(STATES.iter().all(|state| count(*state) == Some(1)), "{:?}", stats.deliveries);
        assert_eq!(journal.list(&Filter::default(), None, 99).await?.len(), STATES.len());
        let gone = journal.story(&PhotoId::parse("expired")?).await?;
        assert_eq!(gone.map(|story| story.fetch_state), Some(FetchState::Expired));
        assert_eq!(journal.sessions().await?.len(), 1);

        let now = Timestamp::from_second(1_800_000_000)?;
        assert_eq!(journal.recover(now, now).await?, 1);
        assert_eq!(deliver(&journal, now).await?, ["due", "sending?", "waiting"], "from {steps}");
        journal.close().await;

        let [backup] = backups(home.path())?.try_into().unwrap();
        let copy = Connection::open(&backup)?;
        assert_eq!(schema::version(&copy)?, i64::try_from(steps)?);
        let states: i64 =
            copy.query_row("SELECT count(DISTINCT state) FROM deliveries", [], |row| row.get(0))?;
        assert_eq!(states, 6, "as it was before anything was delivered");
    }
    Ok(())
}

/// Whoever goes back to the old program puts the backup where the journal was.
#[tokio::test]
async fn a_backup_of_before_is_a_journal_of_before() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let path = of_schema(3, home.path())?;
    Sqlite::open(&path).await?.close().await;
    let [backup] = backups(home.path())?.try_into().unwrap();
    let again = tempfile::tempdir()?;
    let path = again.path().join("journal.db");
    std::fs::copy(backup, &path)?;
    let journal = Sqlite::open(&path).await?;
    let now = Timestamp::from_second(1_800_000_000)?;
    journal.recover(now, now).await?;
    // It may be there by now, whoever delivered it after the backup.
    assert_eq!(deliver(&journal, now).await?, ["due?", "sending?", "waiting?"]);
    Ok(())
}

#[tokio::test]
async fn an_upgrade_that_was_cut_off_goes_on_where_it_was() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let path = of_schema(2, home.path())?;
    let mut db = Connection::open(&path)?;
    // Cut off within step 4: a step that did not end did not happen.
    for (number, step) in (3..).zip(&schema::STEPS[2..4]) {
        let tx = db.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", number)?;
        if number == 3 {
            tx.commit()?;
        }
    }
    drop(db);
    let journal = Sqlite::open(&path).await?;
    assert_eq!(journal.stats().await?.schema, schema::known());
    assert_eq!(journal.list(&Filter::default(), None, 99).await?.len(), STATES.len());
    Ok(())
}

#[tokio::test]
async fn an_empty_or_current_file_needs_no_backup() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let path = home.path().join("journal.db");
    let db = Connection::open(&path)?;
    db.execute_batch(schema::STEPS[0])?;
    db.pragma_update(None, "user_version", 1)?;
    drop(db);
    for _ in 0..2 {
        Sqlite::open(&path).await?.close().await;
    }
    assert_eq!(backups(home.path())?, Vec::<PathBuf>::new());
    Ok(())
}

#[tokio::test]
async fn where_a_backup_cannot_be_made_nothing_is_changed() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let path = of_schema(4, home.path())?;
    // A damaged file is copied like any other, and the copy is looked at.
    let db = Connection::open(&path)?;
    db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    db.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'photos_by_bytes'",
    )?;
    drop(db);
    let refused = Sqlite::open(&path).await.map(drop).map_err(|error| format!("{error:#}"));
    assert!(refused.is_err_and(|error| error.contains("no backup of it could be made")));
    assert_eq!(backups(home.path())?, Vec::<PathBuf>::new());
    assert_eq!(schema::version(&Connection::open(&path)?)?, 4);
    Ok(())
}
