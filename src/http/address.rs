//! Which addresses a link that somebody else gave may lead to, and the resolver that keeps a
//! client to them. The address that was looked at is the one connected to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The internet.
    Public,
    /// This machine or its network: loopback, RFC 1918, shared (RFC 6598) and unique local.
    Internal,
    /// Nothing that serves photos: metadata services, link-local, multicast, broadcast,
    /// unspecified, documentation, benchmark and reserved addresses.
    Never,
}

/// Metadata services of clouds that do not live on link-local addresses.
const METADATA_V4: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether an address is on the public internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    reach(ip) == Reach::Public
}

/// What an address belongs to. An IPv6 address that carries an IPv4 address (mapped,
/// compatible, NAT64, 6to4) counts as that one.
#[must_use]
pub fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

/// The IANA registry of special-purpose IPv4 addresses.
fn reach_v4(ip: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&ip) {
        return Reach::Never;
    }
    match ip.octets() {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Reach::Internal
        }
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Never,
        _ => Reach::Public,
    }
}

/// Of IPv6 only 2000::/3 is given out; within it the IETF block (with Teredo, benchmark and
/// ORCHID) and the documentation blocks serve nobody.
fn reach_v6(ip: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&ip) {
        return Reach::Never;
    }
    let s = ip.segments();
    match s {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Internal,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            reach_v4(v4(high, low))
        }
        [0x2002, high, low, ..] => reach_v4(v4(high, low)),
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never,
        [0xfc00..=0xfdff, ..] => Reach::Internal,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

/// A name led to no address of an accepted kind.
#[derive(Debug)]
pub(super) struct Unvetted;

impl fmt::Display for Unvetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no address that a link may lead to")
    }
}

impl std::error::Error for Unvetted {}

/// Resolves names by the system and keeps only addresses of the accepted kinds.
#[derive(Debug)]
pub(super) struct Vetting(pub(super) &'static [Reach]);

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let accepted = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<SocketAddr> =
                found.filter(|address| accepted.contains(&reach(address.ip()))).collect();
            if kept.is_empty() {
                return Err(Unvetted.into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use url::{Host, Url};

    use super::*;

    fn of_url(url: &str) -> Option<Reach> {
        match Url::parse(url).unwrap().host() {
            Some(Host::Ipv4(ip)) => Some(reach(ip.into())),
            Some(Host::Ipv6(ip)) => Some(reach(ip.into())),
            _ => None,
        }
    }

    #[test]
    fn every_spelling_of_an_inner_address_is_seen_through() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:c0a8:1::1]",
            "[fc00::1]",
            "[fdff::1]",
        ] {
            assert_eq!(of_url(&format!("https://{host}/x")), Some(Reach::Internal), "{host}");
        }
    }

    #[test]
    fn nothing_reaches_metadata_or_special_addresses() {
        for host in [
            "169.254.169.254",
            "0xa9fea9fe",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::169.254.169.254]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "0",
            "[::]",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "198.18.0.1",
            "198.19.255.255",
            "192.88.99.1",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001::1]",
            "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[2002:a9fe:a9fe::1]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[5f00::1]",
        ] {
            assert_eq!(of_url(&format!("https://{host}/x")), Some(Reach::Never), "{host}");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        for host in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[2001:200::1]",
            "[2a00::1]",
            "[64:ff9b::1.1.1.1]",
            "[::ffff:1.1.1.1]",
        ] {
            assert_eq!(of_url(&format!("https://{host}/x")), Some(Reach::Public), "{host}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_resolved_only_where_that_is_accepted() {
        for name in ["localhost", "localhost.", "LOCALHOST"] {
            let name: Name = name.parse().unwrap();
            let refused = Vetting(&[Reach::Public]).resolve(name).await;
            assert!(refused.is_err());
        }
        let kept: Vec<_> = Vetting(&[Reach::Internal])
            .resolve("localhost".parse().unwrap())
            .await
            .unwrap()
            .collect();
        assert!(!kept.is_empty() && kept.iter().all(|a| a.ip().is_loopback()), "{kept:?}");
    }
}
