//! Which deliveries are meant: the filter as an address or a form writes it, and back.

use jiff::{Timestamp, civil, tz::TimeZone};
use maud::{Markup, html};

use crate::{
    model::{
        DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, OwnSession, PhotoId,
        SessionId,
    },
    pages::Fields,
    sessions,
};

/// The fields of the filter.
pub(in crate::console) const FIELDS: [&str; 9] =
    ["state", "destination", "target", "session", "photo", "error", "since", "until", "text"];
/// What a delivery's box is called, before its number.
const BOX: &str = "id-";
/// Most deliveries that are named one by one.
const MOST: usize = 1_000;

/// Which deliveries somebody asks for.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Asked {
    /// What stands in each field that is not empty; a session by its mark.
    written: Vec<(&'static str, String)>,
    ids: Vec<DeliveryId>,
}

/// The field that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) struct Unclear(pub(in crate::console) &'static str);

impl Asked {
    /// The filter that the fields write; `all` are the sessions that were made here.
    pub(in crate::console) fn filter_of(fields: &Fields, all: &[OwnSession]) -> Self {
        let mut written = Vec::new();
        for name in FIELDS {
            let text = match (name, fields.text(name)) {
                (_, "") => continue,
                // What may be a session's id is not repeated.
                ("session", text) => session(all, text).map_or("?".to_owned(), |it| it.mark()),
                (_, text) => text.to_owned(),
            };
            written.push((name, text));
        }
        Self { written, ids: Vec::new() }
    }

    /// The deliveries whose boxes are ticked.
    pub(in crate::console) fn boxes_of(fields: &Fields) -> Self {
        let numbers = fields.names().filter_map(|name| name.strip_prefix(BOX)?.parse().ok());
        let mut ids: Vec<_> = numbers.map(DeliveryId).take(MOST).collect();
        ids.sort_unstable();
        Self { written: Vec::new(), ids }
    }

    /// How a filter would be written.
    pub(in crate::console) fn of(filter: &Filter) -> Self {
        let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string();
        let states: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
        let written = [
            ("state", Some(states.join(",")).filter(|states| !states.is_empty())),
            ("destination", filter.destination.as_ref().map(ToString::to_string)),
            ("target", filter.target.as_ref().map(ToString::to_string)),
            ("session", filter.session.as_ref().map(SessionId::mark)),
            ("photo", filter.photo.as_ref().map(ToString::to_string)),
            ("error", filter.error.map(|kind| kind.as_str().to_owned())),
            ("since", filter.since.map(time)),
            ("until", filter.until.map(time)),
            ("text", filter.text.clone()),
        ];
        let written = written.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let ids = filter.ids.iter().take(MOST).copied().collect();
        Self { written: written.collect(), ids }
    }

    /// What stands in a field.
    pub(in crate::console) fn text(&self, name: &str) -> &str {
        self.written.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// Whether deliveries are named one by one.
    pub(in crate::console) fn has_boxes(&self) -> bool {
        !self.ids.is_empty()
    }

    /// The same with something else in a field.
    pub(in crate::console) fn with(&self, name: &'static str, text: &str) -> Self {
        let mut all = self.clone();
        all.written.retain(|(known, _)| *known != name);
        if !text.is_empty() {
            all.written.push((name, text.to_owned()));
        }
        all
    }

    /// It as a query, without the `?`.
    pub(in crate::console) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }

    /// It as fields of a form that nobody sees.
    pub(in crate::console) fn hidden(&self) -> Markup {
        html! {
            @for (name, text) in self.pairs() { input type="hidden" name=(name) value=(text); }
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let written = self.written.iter().map(|(name, text)| ((*name).to_owned(), text.clone()));
        written.chain(self.ids.iter().map(|id| (box_of(*id), "on".to_owned())))
    }

    /// The filter; `all` are the sessions that were made here.
    ///
    /// # Errors
    /// Names a field that cannot be understood.
    pub(in crate::console) fn filter(&self, all: &[OwnSession]) -> Result<Filter, Unclear> {
        let mut filter = Filter { ids: self.ids.clone(), ..Filter::default() };
        for (name, text) in &self.written {
            fill(&mut filter, name, text, all).ok_or(Unclear(name))?;
        }
        Ok(filter)
    }
}

/// The name of a delivery's box.
pub(in crate::console) fn box_of(id: DeliveryId) -> String {
    format!("{BOX}{id}")
}

/// Puts a field into the filter; `None` where it cannot be understood.
fn fill(filter: &mut Filter, name: &str, text: &str, all: &[OwnSession]) -> Option<()> {
    match name {
        "state" => {
            filter.states = text.split(',').map(DeliveryState::parse).collect::<Option<_>>()?;
        }
        "destination" => filter.destination = Some(DestinationName::parse(text).ok()?),
        "target" => filter.target = Some(text.parse().ok()?),
        "session" => filter.session = Some(session(all, text)?),
        "photo" => filter.photo = Some(PhotoId::parse(text).ok()?),
        "error" => filter.error = Some(ErrorKind::parse(text)?),
        "since" => filter.since = Some(time(text)?),
        "until" => filter.until = Some(time(text)?),
        _ => filter.text = Some(Filter::parse_text(text).ok()?),
    }
    Some(())
}

/// A session that was made here, by its mark, short name or label.
fn session(all: &[OwnSession], text: &str) -> Option<SessionId> {
    let marked = all.iter().find(|own| own.session.mark() == text);
    let own = marked.or_else(|| sessions::find(all, text).ok())?;
    Some(own.session.clone())
}

/// A time with its zone, or one of UTC as browsers write it.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let local: civil::DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Result<Filter, Unclear> {
        Asked::filter_of(&Fields::parse(query.as_bytes()), &[]).filter(&[])
    }

    #[test]
    fn a_filter_reads_back_as_it_is_written() {
        let query = "state=held,due&destination=erp&target=zendesk%3A9&photo=img_1&error=timeout\
                     &since=2027-01-15T08%3A00&until=2027-01-16T08%3A00%3A00.5Z&text=%3Cb%3E";
        let read = filter(query).unwrap();
        assert_eq!(read.since.unwrap().to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(Asked::of(&read).filter(&[]), Ok(read.clone()));
        let again = Asked::of(&read).query();
        assert_eq!(filter(&again), Ok(read));
        assert_eq!(filter("state=&text=+&colour=red"), Ok(Filter::default()));
    }

    #[test]
    fn what_cannot_be_understood_is_named_and_a_session_s_id_is_not_repeated() {
        for (query, field) in [
            ("state=lost", "state"),
            ("destination=a%20b", "destination"),
            ("target=nowhere", "target"),
            ("session=hush-hush", "session"),
            ("error=sadness", "error"),
            ("since=yesterday", "since"),
            ("until=2027", "until"),
        ] {
            assert_eq!(filter(query), Err(Unclear(field)), "{query}");
        }
        let asked = Asked::filter_of(&Fields::parse(b"session=hush-hush"), &[]);
        assert!(!asked.query().contains("hush"));
    }

    #[test]
    fn a_session_is_meant_by_its_mark_or_label_and_written_by_its_mark() {
        let own = OwnSession {
            session: SessionId::parse("s-5e551011").unwrap(),
            target: "zendesk:9".parse().unwrap(),
            destination: None,
            mode: None,
            label: Some("The roof".to_owned()),
            link: None,
            environment: crate::model::Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            closed_at: None,
        };
        let (mark, all) = (own.session.mark(), [own.clone()]);
        for written in [mark.as_str(), "the+roof", &own.session.to_string(), "s-5e551011"] {
            let fields = Fields::parse(format!("session={written}").as_bytes());
            let asked = Asked::filter_of(&fields, &all);
            assert_eq!(asked.query(), format!("session={mark}"), "{written}");
            assert_eq!(asked.filter(&all).unwrap().session, Some(own.session.clone()));
        }
    }

    #[test]
    fn boxes_name_deliveries() {
        let asked = Asked::boxes_of(&Fields::parse(b"id-7=on&id-3=on&id-x=on&state=held"));
        assert_eq!(asked.filter(&[]).unwrap().ids, [DeliveryId(3), DeliveryId(7)]);
        assert_eq!(asked.query(), "id-3=on&id-7=on");
    }
}
