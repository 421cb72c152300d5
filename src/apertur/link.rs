//! Where a photo's link may lead. Pure: it looks at the link's text; what a name resolves to is
//! looked at when it is connected to, by the client chosen here.

use std::net::IpAddr;

use url::{Host, Url};

use super::Settings;
use crate::{
    http::{Reach, reach},
    model::{Cause, ErrorKind},
};

/// The setting that lists the hosts of links.
const HOSTS: &str = "apertur.download_hosts";
/// The setting that lets links lead into the own network.
const PRIVATE: &str = "apertur.allow_private_downloads";

/// Hosts that links may lead to: one (`files.example.com`) or all below one (`*.example.com`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// In the form that parsed URLs have, without a final dot.
    host: String,
    below: bool,
}

/// Why a text is no host pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a host; write one name or address, or *.example.com for all names below one")]
pub struct InvalidHost;

impl HostPattern {
    /// Reads a host name or address without scheme, port or path, or `*.` and a name.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        if name.contains('*') {
            return Err(InvalidHost);
        }
        match Host::parse(name).map_err(|_| InvalidHost)? {
            Host::Domain(name) => Ok(Self { host: trimmed(&name).to_owned(), below }),
            _ if below => Err(InvalidHost),
            address => Ok(Self { host: address.to_string(), below }),
        }
    }

    /// Where Apertur keeps photos.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let all = |host: &str| [true, false].map(|below| Self { host: host.to_owned(), below });
        ["aptr.ca", "apertur.ca"].into_iter().flat_map(all).collect()
    }

    fn matches(&self, host: &Host<&str>) -> bool {
        match host {
            Host::Domain(name) if self.below => trimmed(name)
                .strip_suffix(&self.host)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Host::Domain(name) => trimmed(name) == self.host,
            address => !self.below && address.to_string() == self.host,
        }
    }
}

fn trimmed(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The client that a link is followed with: which addresses its host's name may resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Any: the configuration names this origin.
    Configured,
    /// The internet.
    Public,
    /// The internet and this machine's network.
    Near,
    /// This machine's network.
    Internal,
}

/// The road that a link may take.
///
/// https to a listed host on the internet, without a user name. The origin of a base URL that
/// the configuration gives may be anything. With `allow_private_downloads` addresses of this
/// machine's network are accepted too, there also by plain http; they and `localhost` need not
/// be listed while `download_hosts` is at its default.
///
/// # Errors
/// Why it may not be followed, in words that hold the host and nothing else of the link.
pub(super) fn road(settings: &Settings, url: &Url) -> Result<Road, Cause> {
    let host = url.host().ok_or_else(unreadable)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(&host, "carries a user name", "report it to Apertur"));
    }
    if settings.base_url_is_configured && url.origin() == settings.base_url.origin() {
        return Ok(Road::Configured);
    }
    let secure = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(refused(&host, "is neither https nor http", "report it to Apertur")),
    };
    let private = settings.allow_private_downloads;
    let listed = settings.download_hosts.iter().any(|pattern| pattern.matches(&host));
    let unlisted_is_fine = private && !settings.download_hosts_is_configured && is_near(&host);
    if !listed && !unlisted_is_fine {
        return Err(unlisted(&host));
    }
    match (address(&host).map(reach), private) {
        (Some(Reach::Never), _) | (Some(Reach::Internal), false) => Err(unvetted(&host)),
        (Some(Reach::Internal), true) => Ok(Road::Internal),
        (None, true) if !secure || !listed => Ok(Road::Internal),
        _ if !secure => Err(plain(&host)),
        (Some(Reach::Public), _) | (None, false) => Ok(Road::Public),
        (None, true) => Ok(Road::Near),
    }
}

fn address(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some((*ip).into()),
        Host::Ipv6(ip) => Some((*ip).into()),
    }
}

fn is_near(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => trimmed(name) == "localhost",
        _ => address(host).is_some_and(|ip| reach(ip) == Reach::Internal),
    }
}

fn refused(host: &Host<&str>, why: &str, fix: &str) -> Cause {
    Cause::new(ErrorKind::NotAllowed, format!("the photo's link to {host} {why}"), fix)
}

/// A link that is no URL or names no host.
pub(super) fn unreadable() -> Cause {
    let what = "the photo's link cannot be read";
    Cause::new(ErrorKind::NotAllowed, what, "report it to Apertur and ask for the photo again")
}

/// A link whose host resolves to no accepted address.
pub(super) fn unvetted(host: &Host<&str>) -> Cause {
    let why = "leads to an address that is not on the internet";
    let fix = format!("set {PRIVATE} = true if Apertur runs in your network, then replay");
    refused(host, why, &fix)
}

fn unlisted(host: &Host<&str>) -> Cause {
    let why = format!("is not allowed: {HOSTS} does not list that host");
    refused(
        host,
        &why,
        &format!("if Apertur keeps photos there, add \"{host}\" to it, then replay"),
    )
}

fn plain(host: &Host<&str>) -> Cause {
    let fix = format!(
        "report it to Apertur; plain http is followed only to apertur.base_url and, \
         with {PRIVATE} = true, within your network"
    );
    refused(host, "is not https", &fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(settings: &Settings, url: &str) -> Option<Road> {
        let road = road(settings, &Url::parse(url).unwrap());
        if let Err(cause) = &road {
            let text = cause.to_string();
            assert_eq!(cause.kind, ErrorKind::NotAllowed);
            assert!(!text.contains("hush"), "{text}");
        }
        road.ok()
    }

    fn all(settings: &Settings, expected: Option<Road>, urls: &[&str]) {
        for url in urls {
            assert_eq!(judged(settings, url), expected, "{url}");
        }
    }

    const INNER: [&str; 8] = [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "192.168.1.5",
        "localhost.",
    ];

    #[test]
    fn by_default_only_https_to_apertur_is_followed() {
        let settings = Settings::for_test("https://api.aptr.ca", false);
        all(
            &settings,
            Some(Road::Public),
            &[
                "https://api.aptr.ca/d/hush?hush",
                "https://APTR.ca/hush",
                "https://a.b.apertur.ca./hush",
                "https://apertur.ca:8443/hush",
            ],
        );
        all(
            &settings,
            None,
            &[
                "http://api.aptr.ca/hush",
                "https://aptr.ca.evil.example/hush",
                "https://evilaptr.ca/hush",
                "https://evil.example/aptr.ca?hush",
                "https://user:hush@api.aptr.ca/x",
                "https://hush@api.aptr.ca/x",
                "ftp://api.aptr.ca/hush",
                "file:///etc/hush",
                "data:image/png;base64,hush",
                "https://1.1.1.1/hush",
            ],
        );
        for host in INNER {
            all(&settings, None, &[&format!("https://{host}/hush"), &format!("http://{host}/")]);
        }
    }

    #[test]
    fn a_listed_inner_address_still_needs_the_permission_for_inner_addresses() {
        let mut settings = Settings::for_test("https://api.aptr.ca", false);
        settings.download_hosts = ["10.0.0.5", "169.254.169.254", "files.lan", "1.1.1.1"]
            .map(|host| HostPattern::parse(host).unwrap())
            .to_vec();
        settings.download_hosts_is_configured = true;
        all(&settings, None, &["https://10.0.0.5/", "https://169.254.169.254/", "http://1.1.1.1/"]);
        all(&settings, Some(Road::Public), &["https://files.lan/", "https://1.1.1.1/"]);

        settings.allow_private_downloads = true;
        all(&settings, Some(Road::Internal), &["http://10.0.0.5/", "http://files.lan/"]);
        all(&settings, Some(Road::Near), &["https://files.lan/"]);
        all(&settings, Some(Road::Public), &["https://1.1.1.1/"]);
        all(
            &settings,
            None,
            &[
                "https://169.254.169.254/",
                "http://1.1.1.1/",
                "http://127.0.0.1/",
                "https://localhost/",
                "https://10.0.0.6/",
            ],
        );
    }

    #[test]
    fn with_permission_and_no_list_inner_addresses_are_followed_by_any_spelling() {
        let mut settings = Settings::for_test("https://api.aptr.ca", false);
        settings.allow_private_downloads = true;
        for host in INNER {
            let urls = [format!("https://{host}:1/x"), format!("http://{host}/x")];
            all(&settings, Some(Road::Internal), &[&urls[0], &urls[1]]);
        }
        all(&settings, Some(Road::Near), &["https://api.aptr.ca/"]);
        all(
            &settings,
            None,
            &[
                "http://169.254.169.254/latest",
                "http://[fd00:ec2::254]/latest",
                "http://0.0.0.0/",
                "http://1.1.1.1/",
                "https://evil.example/",
                "https://localhost.evil.example/",
            ],
        );
    }

    #[test]
    fn the_origin_of_a_configured_base_url_is_the_administrators_choice() {
        let settings = Settings::for_test("http://127.0.0.1:9000/prefix", true);
        all(&settings, Some(Road::Configured), &["http://127.0.0.1:9000/d/x"]);
        all(
            &settings,
            None,
            &[
                "http://127.0.0.1:9001/d/x",
                "https://127.0.0.1:9000/d/x",
                "http://u@127.0.0.1:9000/d/x",
            ],
        );
    }

    #[test]
    fn host_patterns_are_hosts() {
        for text in ["*.aptr.ca", "aptr.ca", "APTR.ca.", "10.0.0.1", "[::1]", "bücher.example"] {
            assert!(HostPattern::parse(text).is_ok(), "{text}");
        }
        for text in
            ["", "*", "*.", "*.*.x", "a.*.b", "https://aptr.ca", "aptr.ca:443", "*.10.0.0.1", "a b"]
        {
            assert_eq!(HostPattern::parse(text), Err(InvalidHost), "{text}");
        }
        let written: Vec<_> = ["*.aptr.ca", "aptr.ca", "*.apertur.ca", "apertur.ca"]
            .map(|text| HostPattern::parse(text).unwrap())
            .to_vec();
        assert_eq!(HostPattern::defaults(), written);
    }
}
