//! How long the bridge's API key lasts, as far as its user may see it: from 18 on keys end.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value as Json, json};

use super::{Odoo, session::Session, wire::Call};
use crate::model::Finding;

/// Keys of a user that are looked at.
const MOST: u32 = 20;
/// So long before a key ends an administrator is told.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
const SUBJECT: &str = "API key";

impl Odoo {
    /// When the key ends. Which of several keys the bridge has, Odoo tells nobody: the one that
    /// ends first is named then. `None` where Odoo does not show keys to their user.
    pub(super) async fn key_life(&self, session: &Session) -> Option<Finding> {
        if !self.settings().is_api_key || session.version.major < 18 {
            return None;
        }
        let call = Call::reading("res.users.apikeys", "search_read", "read when its keys end")
            .arg("domain", json!([["user_id", "=", session.uid]]))
            .named("fields", json!(["name", "expiration_date"]))
            .named("limit", MOST);
        let told = session.call(&call).await.ok()?;
        let keys: Vec<_> = told.as_array()?.iter().filter_map(end).collect();
        let is_one = told.as_array().is_some_and(|all| all.len() == 1);
        Some(finding(keys.into_iter().min_by_key(|(at, _)| *at), is_one, Timestamp::now()))
    }
}

/// When a key ends, and what it is called; `None` for one that does not end.
fn end(key: &Json) -> Option<(Timestamp, String)> {
    let text = key.get("expiration_date")?.as_str()?;
    let at = text.replace(' ', "T").parse::<DateTime>().ok()?;
    let name = key.get("name").and_then(Json::as_str).unwrap_or_default();
    Some((at.to_zoned(TimeZone::UTC).ok()?.timestamp(), crate::model::printable(name)))
}

fn finding(first: Option<(Timestamp, String)>, is_one: bool, now: Timestamp) -> Finding {
    let Some((at, name)) = first else {
        return Finding::ok(SUBJECT, "the user's keys do not end");
    };
    let left = at.duration_since(now);
    let which = if is_one { "the key" } else { "of the user's keys the first to end," };
    let what = format!("{which} {name:?} ends on {}", at.strftime("%Y-%m-%d"));
    let fix = "make a new key as the bridge's user (Preferences > Account Security > New API \
               Key), put it where `api_key` points to and restart the daemon";
    if left > SOON { Finding::ok(SUBJECT, what) } else { Finding::warning(SUBJECT, what, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    #[test]
    fn a_key_that_ends_soon_is_told_of_and_one_that_never_ends_is_well() {
        let now: Timestamp = "2027-01-15T08:00:00Z".parse().unwrap();
        let told = |date: &str, is_one| {
            let key = json!({"id": 3, "name": "bridge\u{7}", "expiration_date": date});
            finding(end(&key), is_one, now)
        };
        let soon = told("2027-01-20 08:00:00", true);
        assert_eq!(soon.severity, Severity::Warning);
        assert_eq!(soon.what, "the key \"bridge\" ends on 2027-01-20");
        let later = told("2027-03-20 08:00:00", false);
        assert_eq!(later.severity, Severity::Ok);
        assert!(later.what.starts_with("of the user's keys the first to end,"), "{later}");
        assert_eq!(end(&json!({"id": 3, "name": "x", "expiration_date": false})), None);
        assert_eq!(finding(None, true, now).what, "the user's keys do not end");
    }
}
