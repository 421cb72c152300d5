//! A filter as SQL.

use rusqlite::types::Value;

use super::rows::{self, Result};
use crate::model::{DeliveryState, Filter};

/// A condition on `d` (deliveries) and `p` (photos) with its values.
pub(super) struct Condition {
    parts: Vec<String>,
    pub(super) values: Vec<Value>,
    /// Whether it asks for something that only the photo knows.
    pub(super) needs_photo: bool,
}

impl Condition {
    /// All that a filter asks for.
    pub(super) fn of(filter: &Filter) -> Self {
        let mut all = Self::beside_numbers(filter);
        all.numbers(filter);
        all
    }

    /// All that it asks for beside the numbers of deliveries, which may be thousands.
    pub(super) fn beside_numbers(filter: &Filter) -> Self {
        let mut all = Self::beside_both(filter);
        all.any_of("d.state", filter.states.iter().map(|state| text(state.as_str())).collect());
        all.is("d.destination", filter.destination.as_ref().map(|name| text(name.as_str())));
        all.is("d.error", filter.error.map(|kind| text(kind.as_str())));
        all
    }

    /// All that it asks for beside destination, state and error.
    pub(super) fn beside_sort(filter: &Filter) -> Self {
        let mut all = Self::beside_both(filter);
        all.numbers(filter);
        all
    }

    fn beside_both(filter: &Filter) -> Self {
        let mut all = Self { parts: vec!["1".to_owned()], values: Vec::new(), needs_photo: false };
        let record = filter.target.as_ref().map(|target| text(&target.record().to_string()));
        all.is("d.record", record);
        let millis = |time: jiff::Timestamp| Value::Integer(time.as_millisecond());
        let of_photo = [
            ("p.session = ?", filter.session.as_ref().map(|session| text(session.reveal()))),
            ("p.id = ?", filter.photo.as_ref().map(|photo| text(photo.as_str()))),
            ("p.received_at >= ?", filter.since.map(millis)),
            ("p.received_at < ?", filter.until.map(millis)),
        ];
        for (part, value) in of_photo {
            all.needs_photo |= value.is_some();
            all.and(part, value);
        }
        if let Some(words) = &filter.text {
            all.says(words);
        }
        all
    }

    /// Asks for some deliveries only.
    pub(super) fn one_of(&mut self, numbers: &[i64]) -> Result<()> {
        let numbers = Value::Text(rows::json(&numbers)?);
        self.and("d.id IN (SELECT value FROM json_each(?))", [numbers]);
        Ok(())
    }

    /// As it stands in a `WHERE`.
    pub(super) fn sql(&self) -> String {
        self.parts.join(" AND ")
    }

    /// Asks for more.
    pub(super) fn and(&mut self, part: &str, values: impl IntoIterator<Item = Value>) {
        let before = self.values.len();
        self.values.extend(values);
        if self.values.len() > before {
            self.parts.push(part.to_owned());
        }
    }

    fn numbers(&mut self, filter: &Filter) {
        self.any_of("d.id", filter.ids.iter().map(|id| Value::Integer(id.0)).collect());
    }

    fn is(&mut self, column: &str, value: Option<Value>) {
        self.and(&format!("{column} = ?"), value);
    }

    fn any_of(&mut self, column: &str, wanted: Vec<Value>) {
        let marks = vec!["?"; wanted.len()].join(",");
        self.and(&format!("{column} IN ({marks})"), wanted);
    }

    fn says(&mut self, words: &str) {
        self.needs_photo = true;
        self.and(SAYS, vec![text(&pattern(words)); 6]);
    }
}

const SAYS: &str = "(p.id LIKE ? ESCAPE '\\' OR p.image_id LIKE ? ESCAPE '\\'
    OR p.filename LIKE ? ESCAPE '\\' OR d.target LIKE ? ESCAPE '\\'
    OR d.why LIKE ? ESCAPE '\\'
    OR (p.tags <> '[]' AND EXISTS (SELECT 1 FROM json_each(p.tags)
        WHERE concat(value ->> '$.key', iif(value ->> '$.value' = '', '', ':'),
            value ->> '$.value') LIKE ? ESCAPE '\\')))";

/// What a text has to be like that holds these words.
pub(super) fn pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for c in words.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The states that a filter asks for.
pub(super) fn states(filter: &Filter) -> Vec<DeliveryState> {
    use DeliveryState as S;
    let all = [S::Waiting, S::Due, S::Sending, S::Delivered, S::Held, S::Dropped];
    if filter.states.is_empty() {
        return all.to_vec();
    }
    all.into_iter().filter(|state| filter.states.contains(state)).collect()
}
