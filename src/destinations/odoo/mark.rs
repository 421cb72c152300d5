//! A record by its name, and the marks by which people prove that they may write to it.
//!
//! A mark is an attachment without content that the action "Collect photos" leaves on a record
//! with the rights of whoever runs it, so Odoo itself has checked that they may write there. Its
//! description holds the SHA-256 digest of a token that only their browser was given: whoever
//! may merely read the record learns nothing by which the mark could be redeemed.
//!
//! Odoo itself moves an attachment of the message composer to a record that its poster may only
//! read, and 16 to 18 take one on a record that is not there yet: a mark that was touched since it
//! was made, and one that is not younger than its record, prove nothing (`fixtures/odoo/README.md`,
//! "Server actions and marks").

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use jiff::{ToSpan as _, civil::DateTime};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Odoo,
    calls::{self, strange},
    deliver::{addressee, refused},
    session::Session,
    wire::Call,
};
use crate::{
    destinations::{Mark, Record},
    model::{ErrorKind, Failure, Mode, Target},
};

/// How the description of a mark begins; the digest of its token follows in hex.
pub(super) const MARK: &str = "apertur-collect:";
/// Characters of the digest.
const DIGITS: usize = 64;
/// Minutes that a mark is good for.
const LIFE: i64 = 5;
/// Stale marks that are swept away at once.
const SWEPT: usize = 10;
/// Time between two sweeps: looking for them costs Odoo a walk over all its attachments.
const SWEEP_EVERY: Duration = Duration::from_mins(15);

/// Milliseconds that a mark surely was made in: whoever moves it to a record needs a second call.
const ONE_CALL: usize = 2;

/// The last marks that could not be swept away, which are remembered.
const STUCK: usize = 500;

/// What is known of the sweeping of stale marks.
#[derive(Debug, Default)]
pub(super) struct Swept {
    last: Option<Instant>,
    /// Marks that could not be taken off.
    stuck: Vec<u64>,
}

/// A mark as it stands at the server.
struct Found {
    id: u64,
    record: calls::Record,
    /// When it was made, and by whom.
    made: DateTime,
    maker: u64,
}

/// What a record is called, and since when it is there, where Odoo knows.
struct Named {
    name: String,
    since: Option<DateTime>,
}

impl Odoo {
    /// A record that photos can go to, with its name.
    pub(super) async fn named(&self, target: &Target) -> Result<Record, Failure> {
        let record = self.addressed(Some(target))?;
        let session = self.session().await?;
        let named = async {
            // Proves that record and chatter are there.
            addressee(&session, &record, Mode::Internal).await?;
            session.name(&record).await?.ok_or_else(|| hidden(&record))
        };
        match named.await {
            Ok(Named { name, .. }) => Ok(Record { target: target.clone(), name }),
            Err(failure) => Err(self.doubted(failure).await),
        }
    }

    /// Takes a mark off and gives its record. Nothing but the one look costs whoever guesses.
    pub(super) async fn taken_off(&self, mark: &Mark) -> Result<Option<Record>, Failure> {
        let Some(id) = u64::try_from(mark.id).ok().filter(|id| *id > 0) else { return Ok(None) };
        let digest = hex::encode(Sha256::digest(mark.token.expose_secret()));
        let session = self.session().await?;
        let taken = async {
            let Some(found) = self.marked(&session, id, &digest).await? else { return Ok(None) };
            if session.is_moved(&found).await? {
                return Ok(None);
            }
            let Some(now) = session.touch(&found).await? else { return Ok(None) };
            let named = session.name(&found.record).await?;
            let is_younger = |named: &Named| named.since.is_none_or(|since| since < found.made);
            let Some(Named { name, .. }) = named.filter(is_younger) else { return Ok(None) };
            if !session.claim(&found).await? {
                return Ok(None);
            }
            let calls::Record { model, id } = found.record;
            Ok(Some((Record { target: Target::Odoo { model, id }, name }, now)))
        };
        let (record, now) = match taken.await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(None),
            Err(failure) => return Err(self.doubted(failure).await),
        };
        self.sweep(&session, now).await;
        Ok(Some(record))
    }

    /// Takes off some marks that nobody redeemed in time, unless that was done just now. What
    /// fails stays: nothing depends on it.
    async fn sweep(&self, session: &Session, now: DateTime) {
        let mut stuck = {
            let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
            if swept.last.is_some_and(|last| last.elapsed() <= SWEEP_EVERY) {
                return;
            }
            swept.last = Some(Instant::now());
            std::mem::take(&mut swept.stuck)
        };
        let before = now.saturating_sub(LIFE.minutes()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let terms = [json!(["create_date", "<", before]), json!(["id", "not in", stuck])];
        let (stale, others) = session.marks(&terms, SWEPT).await.unwrap_or_default();
        let is_all = stale.len() + others.len() < SWEPT;
        // What is no mark, and what is on a record that the bridge may not write to, is not ours
        // to take off. It must not stand in the way of the next ones either.
        stuck.extend(others);
        for id in stale {
            if session.remove(id).await.is_err() {
                stuck.push(id);
            }
        }
        stuck.drain(..stuck.len().saturating_sub(STUCK));
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.stuck = stuck;
        if !is_all {
            swept.last = None;
        }
    }

    /// Looks for the mark with this id and digest on a record of a model that is allowed.
    async fn marked(
        &self,
        session: &Session,
        id: u64,
        digest: &str,
    ) -> Result<Option<Found>, Failure> {
        let description = format!("{MARK}{digest}");
        let domain = json!([
            ["id", "=", id],
            ["description", "=", description],
            ["res_model", "in", self.settings().models],
        ]);
        let fields =
            ["description", "res_model", "res_id", "create_date", "write_date", "create_uid"];
        let call = Call::reading("ir.attachment", "search_read", "look for the mark")
            .arg("domain", domain)
            .arg("fields", json!(fields))
            .named("limit", 1);
        let found = session.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        let row = list.first().filter(|row| row.get("id").and_then(Json::as_u64) == Some(id));
        Ok(row.and_then(|row| Found::of(row, id, &description)))
    }
}

impl Found {
    /// The mark in a row, if it is the one with this description and nobody wrote to it since it
    /// was made, as far as seconds tell.
    fn of(row: &Json, id: u64, description: &str) -> Option<Self> {
        let there = row.get("description")?.as_str()?;
        let is_ours = bool::from(there.as_bytes().ct_eq(description.as_bytes()));
        let made = date(row, "create_date")?;
        let is_new = date(row, "write_date")? == made;
        let model = row.get("res_model")?.as_str()?.to_owned();
        let record = row.get("res_id")?.as_u64().filter(|id| *id > 0)?;
        let maker = row.get("create_uid")?.get(0)?.as_u64()?;
        let record = calls::Record { model, id: record };
        (is_ours && is_new).then_some(Self { id, record, made, maker })
    }

    /// The messages that speak against it: any that carries it. 19 compares no less than seconds,
    /// in which its maker may have posted it and taken it off the message again; so there any of
    /// theirs on the record since counts, which they can neither remove nor move.
    fn messages(&self, major: u32) -> Json {
        let carries = json!(["attachment_ids", "in", [self.id]]);
        if major < 19 {
            return json!([carries]);
        }
        let calls::Record { model, id } = &self.record;
        let since = self.made.strftime("%Y-%m-%d %H:%M:%S").to_string();
        json!([
            "|",
            carries,
            "&",
            "&",
            "&",
            ["model", "=", model],
            ["res_id", "=", id],
            ["create_uid", "=", self.maker],
            ["create_date", ">=", since],
        ])
    }

    /// What finds the mark if it was written to in another transaction than the one it was made
    /// in, though in the same second: a moment lies between the two.
    fn written_since(&self) -> Json {
        let moments = (0..1000).step_by(ONE_CALL);
        let mut domain = vec![json!(["id", "=", self.id])];
        domain.extend(moments.clone().skip(1).map(|_| json!("|")));
        for millis in moments {
            let at = self.made.strftime("%Y-%m-%d %H:%M:%S");
            let at = format!("{at}.{millis:03}");
            domain.extend([
                json!("&"),
                json!(["create_date", "<=", at]),
                json!(["write_date", ">", at]),
            ]);
        }
        domain.into()
    }
}

/// A time of Odoo's in a row, in UTC and seconds.
fn date(row: &Json, name: &str) -> Option<DateTime> {
    row.get(name)?.as_str()?.parse().ok()
}

impl Session {
    /// Whether a mark may have got to its record otherwise than by being made there. To post on a
    /// record, reading it may be enough, and the attachments of the message move to it.
    async fn is_moved(&self, mark: &Found) -> Result<bool, Failure> {
        let major = self.version.major;
        let posted = Call::reading("mail.message", "search", "look for messages with the mark")
            .arg("domain", mark.messages(major));
        let written = Call::reading("ir.attachment", "search", "look for changes of the mark")
            .arg("domain", mark.written_since());
        for call in [Some(posted), (major < 19).then_some(written)].into_iter().flatten() {
            let found = self.call(&call.named("limit", 1)).await?;
            if !found.as_array().is_some_and(Vec::is_empty) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a record is called; `None` when it is not there.
    async fn name(&self, record: &calls::Record) -> Result<Option<Named>, Failure> {
        let call = Call::reading(&record.model, "read", "read the record's name")
            .on(record.id)
            .arg("fields", json!(["display_name", "create_date"]));
        let read = self.call(&call).await?;
        let list = read.as_array().ok_or_else(|| strange(&call))?;
        let Some(row) = list.first() else { return Ok(None) };
        let name = row.get("display_name").and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(Some(Named { name, since: date(row, "create_date") }))
    }

    /// The server's time if a mark is still good. The mark is written to for that: Odoo's own
    /// clock then has stamped both its making and this moment, whatever ours says.
    async fn touch(&self, mark: &Found) -> Result<Option<DateTime>, Failure> {
        let call = Call::writing("ir.attachment", "write", "write to the mark")
            .on(mark.id)
            .arg("vals", json!({"name": "apertur-collect (opened)"}))
            .context("no_document", true);
        if !self.unless_gone(mark, self.call(&call).await.map(drop)).await? {
            return Ok(None);
        }
        let Some((made, now)) = self.dates(mark).await? else { return Ok(None) };
        Ok((made >= now.saturating_sub(LIFE.minutes())).then_some(now))
    }

    /// Takes a mark off, if nobody else did: of several who remove an attachment at once Odoo
    /// lets one, and refuses the others (`fixtures/odoo/README.md`, "Server actions and marks").
    async fn claim(&self, mark: &Found) -> Result<bool, Failure> {
        self.unless_gone(mark, self.remove(mark.id).await).await
    }

    /// Whether a call on a mark went well; `false` where it was refused because somebody else
    /// took the mark off meanwhile.
    async fn unless_gone(&self, mark: &Found, done: Result<(), Failure>) -> Result<bool, Failure> {
        match done {
            Ok(()) => Ok(true),
            Err(Failure::Refused { .. }) if self.dates(mark).await?.is_none() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// When a mark was made and when it was written to last, by the server's clock.
    async fn dates(&self, mark: &Found) -> Result<Option<(DateTime, DateTime)>, Failure> {
        let call = Call::reading("ir.attachment", "read", "read the mark's age")
            .on(mark.id)
            .arg("fields", json!(["create_date", "write_date"]));
        let read = self.call(&call).await?;
        let list = read.as_array().ok_or_else(|| strange(&call))?;
        let Some(row) = list.first() else { return Ok(None) };
        let dates = date(row, "create_date").zip(date(row, "write_date"));
        dates.map(Some).ok_or_else(|| strange(&call))
    }

    /// Some marks for which these terms hold, and what looks like marks at first sight only: it has
    /// another description, or content.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(super) async fn marks(
        &self,
        terms: &[Json],
        limit: usize,
    ) -> Result<(Vec<u64>, Vec<u64>), Failure> {
        let like = format!("{MARK}{}", "_".repeat(DIGITS));
        let domain: Vec<Json> = std::iter::once(json!(["description", "=like", like]))
            .chain(terms.iter().cloned())
            .collect();
        let call = Call::reading("ir.attachment", "search_read", "look for stale marks")
            .arg("domain", domain)
            .arg("fields", json!(["description", "file_size"]))
            .named("limit", limit);
        let found = self.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        let is_mark = |row: &&Json| {
            let text = row.get("description").and_then(Json::as_str).unwrap_or_default();
            let digest = text.strip_prefix(MARK).unwrap_or_default();
            let is_empty = row.get("file_size").and_then(Json::as_u64).unwrap_or_default() == 0;
            digest.len() == DIGITS && digest.bytes().all(|b| b.is_ascii_hexdigit()) && is_empty
        };
        let (marks, others): (Vec<_>, Vec<_>) = list.iter().partition(is_mark);
        let id = |row: &Json| row.get("id")?.as_u64();
        Ok((
            marks.into_iter().filter_map(id).collect(),
            others.into_iter().filter_map(id).collect(),
        ))
    }
}

fn hidden(record: &calls::Record) -> Failure {
    refused(
        ErrorKind::NotFound,
        &format!("{} {} is not there any more", record.model, record.id),
        "check the record in Odoo",
    )
}
