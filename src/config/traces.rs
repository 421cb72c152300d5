//! `[traces]`: where OpenTelemetry traces go.

use ::config::ValueKind;
use http::{HeaderName, HeaderValue};

use super::{
    entry::Entry,
    secret::revealed,
    section::Section,
    values::{http_url, name, text},
};
use crate::telemetry::TraceSettings;

/// Reads the section; gives `Some(None)` where no traces are asked for.
pub(super) fn read(s: &mut Section<'_>) -> Option<Option<TraceSettings>> {
    const EXAMPLE: &str = "https://collector.example.com:4318";
    let is_on = s.has("endpoint");
    let endpoint = s
        .key("endpoint", "the collector (OTLP over HTTP, protobuf); v1/traces is added")
        .optional(EXAMPLE, http_url(EXAMPLE));
    let has_none = !s.has("headers");
    let headers = s
        .key("headers", "headers for it; each value a text, or a secret by file or variable")
        .optional("{ Authorization = { file = \"/etc/apertur-bridge/otlp-key\" } }", headers);
    let sample = s
        .key("sample", "which part of the photos is traced, from 0 to 1; each as a whole")
        .or("1", fraction);
    let service = s
        .key("service", "what the collector knows this daemon as")
        .or("apertur-bridge", text(name));
    if !is_on {
        return Some(None);
    }
    Some(Some(TraceSettings {
        endpoint: endpoint?,
        headers: if has_none { Vec::new() } else { headers? },
        sample: sample?,
        service: service?,
    }))
}

fn headers(entry: &Entry<'_>) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let mut s = Section::new(entry.reader, entry.path.clone(), entry.table()?);
    let names = s.names();
    let read: Vec<_> = names.iter().map(|name| header(name, &s.entry(name)?)).collect();
    read.into_iter().collect()
}

fn header(name: &str, entry: &Entry<'_>) -> Option<(HeaderName, HeaderValue)> {
    let value = revealed(entry)?;
    match (name.parse(), HeaderValue::from_str(value.trim())) {
        (Ok(name), Ok(mut value)) => {
            value.set_sensitive(true);
            Some((name, value))
        }
        (Err(_), _) => entry.wrong("is no name of a header", "write for example Authorization"),
        (_, Err(_)) => entry.wrong("holds what no header can", "write visible ASCII characters"),
    }
}

fn fraction(entry: &Entry<'_>) -> Option<f64> {
    let number = match &entry.value.kind {
        ValueKind::Float(number) => Some(*number),
        ValueKind::I128(0) => Some(0.0),
        ValueKind::I128(1) => Some(1.0),
        _ => entry.as_typed_text().and_then(|text| text.trim().parse().ok()),
    };
    match number.filter(|number| (0.0..=1.0).contains(number)) {
        Some(number) => Some(number),
        None => entry.wrong_value("is not a number from 0 to 1", "write for example 0.1"),
    }
}
