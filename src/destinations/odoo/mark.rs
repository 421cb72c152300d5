//! A record by its name, and the marks by which people prove that they may write to it.
//!
//! A mark is an attachment without content that the action "Collect photos" leaves on a record
//! with the rights of whoever runs it, so Odoo itself has checked that they may write there. Its
//! description holds the SHA-256 digest of a token that only their browser was given: whoever
//! may merely read the record learns nothing by which the mark could be redeemed.

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
/// Minutes that a mark is good for.
const LIFE: i64 = 5;
/// Stale marks that are swept away at once.
const SWEPT: u64 = 10;
/// Time between two sweeps: looking for them costs Odoo a walk over all its attachments.
const SWEEP_EVERY: Duration = Duration::from_mins(15);

/// A mark as it stands at the server.
struct Found {
    id: u64,
    record: calls::Record,
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
            Ok(name) => Ok(Record { target: target.clone(), name }),
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
            let Some(now) = session.touch(&found).await? else { return Ok(None) };
            let Some(name) = session.name(&found.record).await? else { return Ok(None) };
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
        if self.is_to_sweep() {
            session.sweep(now).await;
        }
        Ok(Some(record))
    }

    /// Whether stale marks are to be looked for again, by whoever asks first.
    fn is_to_sweep(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = swept.is_none_or(|last| last.elapsed() > SWEEP_EVERY);
        if is_due {
            *swept = Some(Instant::now());
        }
        is_due
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
        let call = Call::reading("ir.attachment", "search_read", "look for the mark")
            .arg("domain", domain)
            .arg("fields", json!(["description", "res_model", "res_id"]))
            .named("limit", 1);
        let found = session.call(&call).await?;
        let list = found.as_array().ok_or_else(|| strange(&call))?;
        Ok(list.first().and_then(|row| {
            let there = row.get("description")?.as_str()?;
            let same = bool::from(there.as_bytes().ct_eq(description.as_bytes()));
            let model = row.get("res_model")?.as_str()?.to_owned();
            let record = row.get("res_id")?.as_u64().filter(|id| *id > 0)?;
            let is_ours = same && row.get("id")?.as_u64()? == id;
            is_ours.then_some(Found { id, record: calls::Record { model, id: record } })
        }))
    }
}

impl Session {
    /// What a record is called; `None` when it is not there.
    async fn name(&self, record: &calls::Record) -> Result<Option<String>, Failure> {
        let call = Call::reading(&record.model, "read", "read the record's name")
            .on(record.id)
            .arg("fields", json!(["display_name"]));
        let read = self.call(&call).await?;
        let list = read.as_array().ok_or_else(|| strange(&call))?;
        let Some(row) = list.first() else { return Ok(None) };
        let name = row.get("display_name").and_then(Json::as_str).unwrap_or_default();
        Ok(Some(name.to_owned()))
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
        let date = |name: &str| row.get(name)?.as_str()?.parse::<DateTime>().ok();
        let dates = date("create_date").zip(date("write_date"));
        dates.map(Some).ok_or_else(|| strange(&call))
    }

    /// Takes off some marks that nobody redeemed in time. What fails stays for the next sweep:
    /// nothing depends on it.
    async fn sweep(&self, now: DateTime) {
        let before = now.saturating_sub(LIFE.minutes()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let domain =
            json!([["description", "=like", format!("{MARK}%")], ["create_date", "<", before],]);
        let call = Call::reading("ir.attachment", "search", "look for stale marks")
            .arg("domain", domain)
            .named("limit", SWEPT);
        let Ok(stale) = self.call(&call).await else { return };
        for id in stale.as_array().into_iter().flatten().filter_map(Json::as_u64) {
            // A mark on a record that the bridge may not write to is not ours to take off.
            drop(self.remove(id).await);
        }
    }
}

fn hidden(record: &calls::Record) -> Failure {
    refused(
        ErrorKind::NotFound,
        &format!("{} {} is not there any more", record.model, record.id),
        "check the record in Odoo",
    )
}
