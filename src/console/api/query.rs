//! What a request asks for: which deliveries, and which page of them.

use std::num::NonZeroUsize;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{cursor, problem::Problem};
use crate::{
    model::{
        DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, OwnSession, PhotoId,
        SessionId,
    },
    sessions::{self, NotFound},
};

/// Items of a page unless something else is asked for, and at most.
const PAGE: usize = 50;
const MOST: usize = 200;

/// Which deliveries. All that is given must match; of a list any of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Deliveries by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub(super) id: Vec<i64>,
    /// States.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<State>)]
    pub(super) state: Vec<String>,
    /// The name of a destination: the `erp` of `[destination.erp]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(super) destination: Option<String>,
    /// The record that the photos belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "odoo:res.partner:42")]
    pub(super) target: Option<String>,
    /// The session: its mark or short name where it was made here, else its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "session~1a2b3c4d")]
    pub(super) session: Option<String>,
    /// A photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) photo: Option<String>,
    /// A kind of error, as in `cause.kind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "not_found")]
    pub(super) error: Option<String>,
    /// Received at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) since: Option<String>,
    /// Received before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) until: Option<String>,
    /// In the photo id, the image id, the file name, a tag, the target or the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 3, max_length = 200)]
    pub(super) text: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of model::DeliveryState, for the document")]
pub(super) enum State {
    Waiting,
    Due,
    Sending,
    Delivered,
    Held,
    Dropped,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
pub(super) struct Page {
    /// At most so many items; 50 unless given.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 200, nullable = false)]
    pub(super) limit: Option<NonZeroUsize>,
    /// `next_cursor` of the page before; without it, the first page.
    #[schema(nullable = false)]
    pub(super) cursor: Option<String>,
}

impl Page {
    /// How many items.
    pub(super) fn size(&self) -> usize {
        self.limit.map_or(PAGE, NonZeroUsize::get)
    }

    /// The item that the page before ended with, of the list that `list` describes.
    pub(super) fn after(&self, list: &str) -> Result<Option<String>, Problem> {
        let Some(shown) = &self.cursor else { return Ok(None) };
        let wrong = || {
            let what = "is no cursor of this list";
            Problem::invalid("cursor", what, "take next_cursor of the page before, with its query")
        };
        cursor::read(list, shown).map(Some).ok_or_else(wrong)
    }
}

/// A query, taken apart.
pub(super) struct Query<'a> {
    pairs: Vec<(String, String)>,
    fields: &'a [&'a str],
}

/// The fields of [`Wanted`].
pub(super) const WANTED: [&str; 10] =
    ["id", "state", "destination", "target", "session", "photo", "error", "since", "until", "text"];
/// The fields of [`Page`].
pub(super) const PAGED: [&str; 2] = ["limit", "cursor"];

impl<'a> Query<'a> {
    /// Reads a query that may have these fields.
    pub(super) fn read(query: &str, fields: &'a [&'a str]) -> Result<Self, Problem> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<_> = pairs.into_owned().collect();
        match pairs.iter().find(|(name, _)| !fields.contains(&name.as_str())) {
            None => Ok(Self { pairs, fields }),
            Some((name, _)) => {
                let fix = match fields {
                    [] => "take it out".to_owned(),
                    fields => format!("the fields are {}", fields.join(", ")),
                };
                Err(Problem::invalid(name, "is no field of this query", fix))
            }
        }
    }

    /// Every value of a field, also those that stand between commas.
    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        debug_assert!(self.fields.contains(&name));
        let pairs = self.pairs.iter().filter(move |(known, _)| known == name);
        pairs.flat_map(|(_, value)| value.split(','))
    }

    /// The value of a field that stands at most once.
    pub(super) fn one(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.pairs.iter().filter(|(known, _)| known == name);
        let first = values.next().map(|(_, value)| value.clone());
        if values.next().is_some() {
            return Err(Problem::invalid(name, "stands more than once", "give it once"));
        }
        Ok(first)
    }

    /// The deliveries that are meant.
    pub(super) fn wanted(&self) -> Result<Wanted, Problem> {
        let number = |text: &str| {
            let wrong = || Problem::invalid("id", "is no number of a delivery", "write digits");
            text.parse().map_err(|_| wrong())
        };
        Ok(Wanted {
            id: self.list("id").map(number).collect::<Result<_, _>>()?,
            state: self.list("state").map(ToOwned::to_owned).collect(),
            destination: self.one("destination")?,
            target: self.one("target")?,
            session: self.one("session")?,
            photo: self.one("photo")?,
            error: self.one("error")?,
            since: self.one("since")?,
            until: self.one("until")?,
            text: self.one("text")?,
        })
    }

    /// The page that is meant.
    pub(super) fn page(&self) -> Result<Page, Problem> {
        let limit = |text: String| {
            let number = text.parse().ok().filter(|limit: &NonZeroUsize| limit.get() <= MOST);
            let what = format!("is no number from 1 to {MOST}");
            number.ok_or_else(|| Problem::invalid("limit", what, "write for example limit=50"))
        };
        Ok(Page { limit: self.one("limit")?.map(limit).transpose()?, cursor: self.one("cursor")? })
    }
}

impl Wanted {
    /// The filter that it writes, with the sessions that were made here.
    pub(super) fn filter(&self, sessions: &[OwnSession]) -> Result<Filter, Problem> {
        let state = |text: &String| {
            let what = "is no state";
            let fix = "the states are waiting, due, sending, delivered, held and dropped";
            DeliveryState::parse(text).ok_or_else(|| Problem::invalid("state", what, fix))
        };
        let kind = |text: &String| {
            let what = "is no kind of error";
            let fix = "take it from `cause.kind` of a delivery, or from /api/v1/deliveries/counts";
            ErrorKind::parse(text).ok_or_else(|| Problem::invalid("error", what, fix))
        };
        Ok(Filter {
            ids: self.id.iter().copied().map(DeliveryId).collect(),
            states: self.state.iter().map(state).collect::<Result<_, _>>()?,
            destination: parsed("destination", &self.destination, DestinationName::parse)?,
            session: self.session.as_ref().map(|name| session(sessions, name)).transpose()?,
            target: parsed("target", &self.target, str::parse)?,
            photo: parsed("photo", &self.photo, PhotoId::parse)?,
            error: self.error.as_ref().map(kind).transpose()?,
            since: self.since.as_ref().map(|text| time("since", text)).transpose()?,
            until: self.until.as_ref().map(|text| time("until", text)).transpose()?,
            text: parsed("text", &self.text, Filter::parse_text)?,
        })
    }
}

impl From<&Filter> for Wanted {
    /// As it would be written, with the mark of its session.
    fn from(filter: &Filter) -> Self {
        Self {
            id: filter.ids.iter().map(|id| id.0).collect(),
            state: filter.states.iter().map(ToString::to_string).collect(),
            destination: filter.destination.as_ref().map(ToString::to_string),
            target: filter.target.as_ref().map(ToString::to_string),
            session: filter.session.as_ref().map(SessionId::mark),
            photo: filter.photo.as_ref().map(ToString::to_string),
            error: filter.error.as_ref().map(ToString::to_string),
            since: filter.since.as_ref().map(ToString::to_string),
            until: filter.until.as_ref().map(ToString::to_string),
            text: filter.text.clone(),
        }
    }
}

fn parsed<T, E: std::error::Error>(
    field: &str,
    text: &Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    let wrong = |error: E| {
        let error = error.to_string();
        let (what, fix) = error.split_once("; ").unwrap_or((&error, "correct or remove it"));
        Problem::invalid(field, what, fix)
    };
    text.as_deref().map(parse).transpose().map_err(wrong)
}

/// Reads a time.
pub(super) fn time(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let wrong = |_| {
        let fix = "write it as in RFC 3339, for example 2027-01-15T08:00:00Z";
        Problem::invalid(field, "is no time", fix)
    };
    text.parse().map_err(wrong)
}

/// The session that is meant. No answer repeats what may be an id. A label names none: what a
/// program changes may not depend on what people call their sessions.
fn session(sessions: &[OwnSession], name: &str) -> Result<SessionId, Problem> {
    let wrong = |what: String| {
        let fix = "take `session` of a delivery or `mark` of /api/v1/sessions, or the whole id";
        Problem::invalid("session", what, fix)
    };
    match sessions::named(sessions, name) {
        Ok(own) => Ok(own.session.clone()),
        Err(NotFound::None) if !name.starts_with("session~") => {
            SessionId::parse(name).map_err(|error| wrong(error.to_string()))
        }
        Err(NotFound::None) => Err(wrong("names no session that was made here".to_owned())),
        Err(several) => Err(wrong(several.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Result<Filter, Problem> {
        Query::read(query, &WANTED)?.wanted()?.filter(&[])
    }

    #[test]
    fn a_list_stands_with_commas_or_in_several_fields() {
        let filter = wanted("state=held,due&state=waiting&id=3&id=4,5").unwrap();
        use DeliveryState::{Due, Held, Waiting};
        assert_eq!(filter.states, [Held, Due, Waiting]);
        assert_eq!(filter.ids, [DeliveryId(3), DeliveryId(4), DeliveryId(5)]);
        assert_eq!(wanted("").unwrap(), Filter::default());
    }

    #[test]
    fn a_session_is_named_by_nothing_that_may_be_another_s() {
        let at = Timestamp::UNIX_EPOCH;
        let own = |id: &str, label: &str| OwnSession {
            session: SessionId::parse(id).unwrap(),
            target: crate::model::Target::Zendesk { ticket: 9 },
            destination: None,
            mode: None,
            label: Some(label.to_owned()),
            link: None,
            environment: crate::model::Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: at,
            expires_at: at,
            closed_at: None,
        };
        let all = [own("id-1", "roof"), own("id-2", "id-3")];
        let meant = |name: &str| {
            let wanted = Wanted { session: Some(name.to_owned()), ..Wanted::default() };
            wanted.filter(&all).map(|filter| filter.session.unwrap())
        };
        let first = &all[0].session;
        let (mark, short) = (first.mark(), first.to_string());
        for name in ["id-1", mark.as_str(), short.as_str()] {
            assert_eq!(meant(name).unwrap(), *first, "{name}");
        }
        for id in ["roof", "ro", "id-3", &mark[..8], &mark[..4]] {
            assert_eq!(meant(id).unwrap(), SessionId::parse(id).unwrap(), "{id}");
        }
        assert!(meant(&short[..short.len() - 1]).is_err(), "a beginning is no name");
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (query, field) in [
            ("state=lost", "state"),
            ("colour=red", "colour"),
            ("id=x", "id"),
            ("id=", "id"),
            ("destination=a%20b", "destination"),
            ("destination=a&destination=b", "destination"),
            ("target=nowhere", "target"),
            ("photo=", "photo"),
            ("error=sadness", "error"),
            ("since=yesterday", "since"),
            ("until=2027", "until"),
            ("session=session~00000000", "session"),
        ] {
            let problem = serde_json::to_value(wanted(query).unwrap_err()).unwrap();
            assert_eq!(problem["field"], field, "{query}");
        }
        for limit in ["0", "201", "-1", "ten", ""] {
            let query = format!("limit={limit}");
            assert!(Query::read(&query, &PAGED).unwrap().page().is_err(), "{limit}");
        }
    }
}
