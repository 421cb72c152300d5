//! The parsers of values: from what was typed to what is run on. Each notes what is wrong
//! through its [`Entry`] and gives `None` then. Secrets have their own file.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use ::config::ValueKind;
use url::{Host, Url};

use super::{
    entry::{DEFAULT, Entry, nearest},
    reader::Type,
    server::Listen,
};

/// No wait and no retention is longer: ten years.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Why a text is not what is wanted.
pub(super) struct Wrong {
    /// Goes on after the text: `is not a duration`.
    pub(super) what: String,
    /// The next step.
    pub(super) remedy: String,
}

impl Wrong {
    /// Both parts.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// An error that ends in its remedy, after a semicolon.
    pub(super) fn of(error: &impl std::error::Error) -> Self {
        let text = error.to_string();
        let (what, remedy) = text.split_once("; ").unwrap_or((&text, ""));
        Self::new(what, remedy)
    }
}

/// A text that is parsed further.
pub(super) fn text<T>(
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> impl Fn(&Entry<'_>) -> Option<T> {
    move |entry| {
        entry.reader.learn(&entry.path, || Type::Text);
        let Some(text) = entry.as_text() else { return entry.wrong_kind("a text in quotes") };
        match parse(text) {
            Ok(value) => Some(value),
            Err(wrong) => entry.wrong_value(&wrong.what, wrong.remedy),
        }
    }
}

/// A text that says something.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Wrong::new("is empty or holds control characters", "write a text"));
    }
    Ok(text.to_owned())
}

/// One of these words.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&Entry<'_>) -> Option<T> {
    let all = move || words.iter().map(|(word, _)| *word);
    let parse = text(move |text| {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let list = all().collect::<Vec<_>>().join(", ");
        Err(match nearest(text, all()) {
            Some(near) => {
                Wrong::new(format!("is none of {list}"), format!("did you mean {near:?}?"))
            }
            None => Wrong::new(format!("is none of {list}"), "write one of them"),
        })
    });
    move |entry| {
        entry.reader.learn(&entry.path, || Type::Words(all().collect()));
        parse(entry)
    }
}

/// A whole number of this range.
pub(super) fn count(from: usize, to: usize) -> impl Fn(&Entry<'_>) -> Option<usize> {
    move |entry| {
        entry.reader.learn(&entry.path, || Type::Whole(from, to));
        let number = match &entry.value.kind {
            ValueKind::I128(number) => usize::try_from(*number).ok(),
            _ => entry.as_typed_text().and_then(|text| text.trim().parse().ok()),
        };
        match number.filter(|number| (from..=to).contains(number)) {
            Some(number) => Some(number),
            None => entry.wrong_value(
                &format!("is not a whole number from {from} to {to}"),
                format!("write for example {}", number.unwrap_or(from).clamp(from, to)),
            ),
        }
    }
}

/// A number from 0 to 1.
pub(super) fn fraction(entry: &Entry<'_>) -> Option<f64> {
    entry.reader.learn(&entry.path, || Type::Fraction);
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

/// `true` or `false`.
pub(super) fn flag(entry: &Entry<'_>) -> Option<bool> {
    entry.reader.learn(&entry.path, || Type::Flag);
    let flag = match &entry.value.kind {
        ValueKind::Boolean(flag) => Some(*flag),
        _ => entry.as_typed_text().and_then(|text| text.trim().to_lowercase().parse().ok()),
    };
    flag.or_else(|| entry.wrong_value("is neither true nor false", "write true or false"))
}

/// A duration longer than zero, up to ten years.
pub(super) fn duration(entry: &Entry<'_>) -> Option<Duration> {
    entry.reader.learn(&entry.path, || Type::Duration);
    let remedy = "write for example \"30s\", \"5m\", \"1h 30m\" or \"7d\"";
    let Some(text) = entry.as_text() else {
        return entry.wrong_value("is not a duration with its unit", remedy);
    };
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => entry.wrong_value("is no time at all", remedy),
        Ok(long) if long > MAX_DURATION => entry.wrong_value("is longer than ten years", remedy),
        Ok(duration) => Some(duration),
        Err(_) => entry.wrong_value("is not a duration", remedy),
    }
}

/// The longest time of one call to a destination. Warns where it never comes.
pub(super) fn timeout(entry: &Entry<'_>) -> Option<Duration> {
    let timeout = duration(entry)?;
    let is_own = entry.value.origin() != Some(DEFAULT);
    if is_own && entry.reader.deadline.get().is_some_and(|deadline| timeout > deadline) {
        entry.warn(
            "is longer than retry.deadline, which ends the attempt before, however small the photo",
            "raise retry.deadline, or shorten this",
        );
    }
    Some(timeout)
}

/// A number of bytes above zero: `"64MiB"`, `"1024"` or the number 1024.
pub(super) fn size(entry: &Entry<'_>) -> Option<u64> {
    entry.reader.learn(&entry.path, || Type::Size);
    let bytes = match &entry.value.kind {
        ValueKind::I128(number) => u64::try_from(*number).ok(),
        _ => entry.as_text().and_then(parse_size),
    };
    match bytes {
        Some(bytes) if bytes > 0 => Some(bytes),
        _ => entry.wrong_value(
            "is not a size above zero",
            "write a whole number and B, kB, MB, GB, KiB, MiB or GiB, for example \"20MiB\"",
        ),
    }
}

/// As [`size`], or 0.
pub(super) fn size_or_none(entry: &Entry<'_>) -> Option<u64> {
    let is_none = match &entry.value.kind {
        ValueKind::I128(number) => *number == 0,
        _ => entry.as_text().and_then(parse_size) == Some(0),
    };
    if is_none { Some(0) } else { size(entry) }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[end..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000 * 1000,
        "gb" => 1000 * 1000 * 1000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    text[..end].parse::<u64>().ok()?.checked_mul(unit)
}

/// A path, relative to the folder of the configuration file.
pub(super) fn path(entry: &Entry<'_>) -> Option<PathBuf> {
    text(name)(entry).map(|path| entry.reader.resolve(&path))
}

/// A list, each of its values parsed by `parse`; a single value is a list of one.
pub(super) fn list<T>(
    parse: impl Fn(&Entry<'_>) -> Option<T>,
) -> impl Fn(&Entry<'_>) -> Option<Vec<T>> {
    move |entry| {
        // Parses all before it gives up, so that everything wrong is noted.
        let parsed: Vec<Option<T>> = entry.items()?.iter().map(&parse).collect();
        parsed.into_iter().collect()
    }
}

/// As [`list`], of at least one value.
pub(super) fn some_of<T>(
    parse: impl Fn(&Entry<'_>) -> Option<T>,
) -> impl Fn(&Entry<'_>) -> Option<Vec<T>> {
    let list = list(parse);
    move |entry| match list(entry)? {
        none if none.is_empty() => entry.wrong("is an empty list", "name at least one"),
        some => Some(some),
    }
}

/// An address of a server: http or https, a host, no credentials, no query. Warns of http to a
/// public host.
pub(super) fn http_url(example: &'static str) -> impl Fn(&Entry<'_>) -> Option<Url> {
    move |entry| text(|text| bare_url(text, example))(entry).inspect(|url| encrypted(entry, url))
}

/// As [`http_url`], of an address that stands within a secret, so that it is not shown.
pub(super) fn inner_url(entry: &Entry<'_>, text: &str, example: &str) -> Option<Url> {
    match bare_url(text, example) {
        Ok(url) => Some(url).inspect(|url| encrypted(entry, url)),
        Err(wrong) => entry.wrong(format!("has an address that {}", wrong.what), wrong.remedy),
    }
}

/// As [`http_url`], where a query is allowed. It is often a key, so such an address is not shown.
pub(super) fn hook_url(example: &'static str) -> impl Fn(&Entry<'_>) -> Option<Url> {
    move |entry| match entry.as_text().is_some_and(|text| text.contains('?')) {
        true => secret_url(example)(entry),
        false => http_url(example)(entry),
    }
}

/// As [`hook_url`], of an address that is never shown: those of chats are keys as a whole. That is
/// known for sure only of a query, so that no other is a reason to warn of an open file.
pub(super) fn secret_url(example: &'static str) -> impl Fn(&Entry<'_>) -> Option<Url> {
    move |entry| {
        entry.reader.learn(&entry.path, || Type::Text);
        entry.reader.hide(&entry.path);
        let Some(text) = entry.as_text() else { return entry.wrong_kind("a text in quotes") };
        if entry.value.origin().is_none() && text.contains('?') {
            entry.reader.holds_secret.set(true);
        }
        match parse_url(text, example) {
            Ok(url) => Some(url).inspect(|url| encrypted(entry, url)),
            Err(wrong) => entry.wrong(wrong.what, wrong.remedy),
        }
    }
}

fn encrypted(entry: &Entry<'_>, url: &Url) {
    if url.scheme() == "http" && is_public(url) {
        entry.warn(
            "is plain http to a public host: credentials and photos can be read on the way",
            "use https",
        );
    }
}

fn bare_url(text: &str, example: &str) -> Result<Url, Wrong> {
    let url = parse_url(text, example)?;
    if url.query().is_some() || url.fragment().is_some() {
        let example = format!("write for example {example}");
        return Err(Wrong::new("holds more than scheme, host and path", example));
    }
    Ok(url)
}

fn parse_url(text: &str, example: &str) -> Result<Url, Wrong> {
    let example = format!("write for example {example}");
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url.filter(Url::has_host) else {
        return Err(Wrong::new("is not an http or https URL", example));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Wrong::new("holds a user name or password", "give them in their own keys"));
    }
    Ok(url)
}

/// Whether the host is, as far as its name or address tells, not on a network of our own.
fn is_public(url: &Url) -> bool {
    const OWN: [&str; 7] =
        [".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".svc"];
    match url.host() {
        Some(Host::Ipv4(ip)) => is_public_ip(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_public_ip(ip.to_canonical()),
        Some(Host::Domain(name)) => {
            name.contains('.') && !OWN.iter().any(|own| name.ends_with(own))
        }
        None => false,
    }
}

fn is_public_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified())
        }
        IpAddr::V6(ip) => {
            let own = ip.is_unique_local() || ip.is_unicast_link_local();
            !(ip.is_loopback() || own || ip.is_unspecified())
        }
    }
}

/// Where to listen: an address with a port, `unix:` and a path, or `systemd`.
pub(super) fn listen(entry: &Entry<'_>) -> Option<Listen> {
    text(|text| parse_listen(text).ok_or_else(wrong_listen))(entry).map(|listen| match listen {
        Listen::Unix(path) => Listen::Unix(entry.reader.resolve(&path.to_string_lossy())),
        other => other,
    })
}

fn parse_listen(text: &str) -> Option<Listen> {
    match text.strip_prefix("unix:") {
        Some("") => None,
        Some(path) => Some(Listen::Unix(PathBuf::from(path))),
        None if text == "systemd" => Some(Listen::Systemd),
        None => SocketAddr::from_str(text).ok().map(Listen::Tcp),
    }
}

fn wrong_listen() -> Wrong {
    Wrong::new(
        "is no place to listen",
        "write an address and a port such as \"127.0.0.1:8787\", \"unix:/run/a.sock\" \
         or \"systemd\"",
    )
}
