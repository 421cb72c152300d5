//! The keys that all help desks share.

use std::time::Duration;

use url::Url;

use super::{
    super::{
        section::Section,
        values::{Wrong, count, http_url, size, text, timeout},
    },
    message,
};
use crate::{destinations::Message, model::Mode};

/// What tells one help desk system's keys from another's.
pub(super) struct System {
    /// What every address of it ends with: `freshdesk.com`.
    pub(super) host: &'static str,
    /// What `domain` is, for the reference.
    pub(super) domain: &'static str,
    /// The default of `max_attachment`.
    pub(super) max_attachment: &'static str,
    /// The default of `writes_per_minute`.
    pub(super) writes_per_minute: &'static str,
}

/// Where a help desk is.
pub(super) struct Address {
    /// What is called: `base_url`, or the address that `domain` names.
    pub(super) base_url: Url,
    /// Where its agents work, for links: the address that `domain` names, or `base_url`.
    pub(super) agent_url: Url,
}

/// Reads `domain` and `base_url`, which replaces scheme and host of every call.
pub(super) fn address(s: &mut Section<'_>, system: &System) -> Option<Address> {
    let has_base_url = s.has("base_url");
    let is_named = s.has("domain") || !has_base_url;
    let key = s.key("domain", system.domain);
    let parse = text(|text| domain(text, system.host));
    let named =
        if has_base_url { key.optional("acme", parse) } else { key.required("acme", parse) };
    let base_url = s
        .key("base_url", "called instead of the domain's address: tests, proxies")
        .alternative("http://127.0.0.1:8080", http_url("https://desk.example.com"));
    let base_url = if has_base_url { base_url } else { named.clone() };
    let agent_url = if is_named { named } else { base_url.clone() };
    Some(Address { base_url: base_url?, agent_url: agent_url? })
}

/// What every help desk destination has besides its address and its credentials.
pub(super) struct Habits {
    /// Mode of a photo that names none.
    pub(super) default_mode: Mode,
    /// The text beside the photo.
    pub(super) message: Message,
    /// Largest attachment, in bytes.
    pub(super) max_attachment: u64,
    /// Writing calls a minute, at least 1.
    pub(super) writes_per_minute: usize,
    /// Longest time of one call.
    pub(super) timeout: Duration,
    /// Deliveries under way at once, at least 1.
    pub(super) concurrency: usize,
}

/// Reads the keys of [`Habits`].
pub(super) fn habits(s: &mut Section<'_>, system: &System) -> Option<Habits> {
    let default_mode = s
        .key(
            "default_mode",
            "visibility where a photo names none: \"client\" (public, as the requester), \
             \"agent\"\n(public) or \"internal\" (for agents only)",
        )
        .or("internal", text(mode));
    let message = message(s);
    let max_attachment = s
        .key("max_attachment", "largest photo, and largest sum of the photos in one message")
        .or(system.max_attachment, size);
    let writes_per_minute = s
        .key("writes_per_minute", "calls that write, in a minute; the account may allow fewer")
        .or(system.writes_per_minute, count(1, 10_000));
    let timeout = s.key("timeout", "longest time of one call").or("2m", timeout);
    let concurrency = s.key("concurrency", "deliveries under way at once").or("4", count(1, 32));
    Some(Habits {
        default_mode: default_mode?,
        message: message?,
        max_attachment: max_attachment?,
        writes_per_minute: writes_per_minute?,
        timeout: timeout?,
        concurrency: concurrency?,
    })
}

/// The address below `host` that a text names: `acme`, `acme.freshdesk.com` or a pasted
/// `https://acme.freshdesk.com/a/tickets/1`.
pub(super) fn domain(text: &str, host: &str) -> Result<Url, Wrong> {
    let wrong = || {
        let what = format!("is no sub-domain of {host}");
        let fix = format!("write the acme of https://acme.{host}, no host name of your own");
        Wrong::new(what, fix)
    };
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or(&text);
    let whole = text.split(['/', '?', '#']).next().unwrap_or(text);
    let own = whole.strip_suffix(host).and_then(|own| own.strip_suffix('.')).unwrap_or(whole);
    let is_label = (1..=63).contains(&own.len())
        && own.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !own.starts_with('-')
        && !own.ends_with('-');
    if !is_label {
        return Err(wrong());
    }
    Url::parse(&format!("https://{own}.{host}")).map_err(|_| wrong())
}

fn mode(text: &str) -> Result<Mode, Wrong> {
    Mode::parse(text)
        .ok_or_else(|| Wrong::new("is none of client, agent, internal", "write one of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_understood_however_it_is_written() {
        for text in [
            "acme",
            " Acme ",
            "acme.freshdesk.com",
            "ACME.freshdesk.com/",
            "https://acme.freshdesk.com/a/tickets/1?x=1#y",
            "http://acme.freshdesk.com",
        ] {
            let url = domain(text, "freshdesk.com").map(|url| url.to_string());
            assert_eq!(url.ok().as_deref(), Some("https://acme.freshdesk.com/"), "{text}");
        }
        for text in [
            "",
            "support.acme.com",
            "acme.zendesk.com",
            "freshdesk.com",
            ".freshdesk.com",
            "acme.freshdesk.com.evil.example",
            "acme.freshdesk.com:8443",
            "user@acme.freshdesk.com",
            "-acme",
            "ac me",
            "ftp://acme.freshdesk.com",
        ] {
            let wrong = domain(text, "freshdesk.com").unwrap_err();
            assert_eq!(wrong.what, "is no sub-domain of freshdesk.com", "{text}");
        }
    }
}
