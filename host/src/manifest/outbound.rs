//! `allow_outbound`: whom a context may ask outside.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};

use super::network::Network;

/// What stands between whom a context may ask, and where that may be.
const WITHIN: &str = " in ";
/// The name that every machine has for itself.
const LOCALHOST: &str = "localhost";

/// An origin (RFC 6454) that a context may ask: `https://api.example`, `http://10.0.0.7:8080`, or `http://payments:8080 in 10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// Whether it is asked over TLS.
    pub tls: bool,
    /// Its name in lower case, or its address.
    pub host: OriginHost,
    /// Its port.
    pub port: u16,
    /// Where its name may lead besides public addresses.
    within: Option<Network>,
}

/// What names an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginHost {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl OriginHost {
    /// Reads a host as it stands in a URI: an address of IPv6 in brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let inner = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(inner) = inner {
            return match inner.parse().ok()? {
                IpAddr::V6(address) => Some(Self::Address(IpAddr::V6(address).to_canonical())),
                IpAddr::V4(_) => None,
            };
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return address.is_ipv4().then_some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        // What ends in a number is an address to some, however it is written (`0x7f.1`).
        let ends_in_number = name.rsplit('.').next().is_some_and(|last| {
            last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x")
        });
        let is_name = name.len() <= 253 && name.split('.').all(is_label) && !ends_in_number;
        is_name.then_some(Self::Name(name))
    }
}

impl fmt::Display for OriginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl AllowedOrigin {
    /// Whether it is this origin.
    #[must_use]
    pub fn is(&self, tls: bool, host: &OriginHost, port: u16) -> bool {
        self.tls == tls && self.host == *host && self.port == port
    }

    /// Its host, with its port where its scheme has another.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        match self.port == usual {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether its name may lead to this address: a public one, or one that the manifest names.
    #[must_use]
    pub fn may_be_at(&self, address: IpAddr) -> bool {
        self.names(address) || is_public(address.to_canonical())
    }

    /// Whether the manifest names this address, by itself or by its network.
    #[must_use]
    pub fn names(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_named = match &self.host {
            OriginHost::Address(named) => *named == address,
            OriginHost::Name(name) => name == LOCALHOST && address.is_loopback(),
        };
        is_named || self.within.is_some_and(|network| network.contains(address))
    }
}

impl fmt::Display for AllowedOrigin {
    /// As RFC 6454 writes it: without the port that its scheme has anyway.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// Whether an address is of the public internet, as far as that can be known of it (the registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !(a == 0
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                // Carrier-grade NAT, protocol assignments, benchmarking, 6to4 relays.
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 88 && c == 99)
                || address.is_documentation()
                || a >= 224)
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public(IpAddr::V4(mapped)),
            // Global unicast alone, without what leads into IPv4 (NAT64 is outside of it, Teredo and 6to4 are not), and documentation.
            None => {
                let [first, second, ..] = address.segments();
                (0x2000..0x4000).contains(&first)
                    && first != 0x2002
                    && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
                    && first != 0x3fff
            }
        },
    }
}

impl FromStr for AllowedOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "`{text}` {what}; write a scheme, a host and perhaps a port, for example `https://api.example`, `http://10.0.0.7:8080`, or with the network that its name leads to `http://payments:8080 in 10.0.0.0/8`"
            )
        };
        let (origin, within) = match text.split_once(WITHIN) {
            Some((origin, network)) => (origin, Some(network.trim().parse::<Network>()?)),
            None => (text, None),
        };
        let (tls, rest) = match origin.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(wrong("does not begin with `https://` or `http://`")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(wrong("has more than an origin has"));
        }
        let port_at = rest
            .rfind(':')
            .filter(|colon| !rest.get(*colon..).is_some_and(|tail| tail.contains(']')));
        let (host, port) = match port_at.map(|colon| rest.split_at(colon)) {
            Some((host, port)) => match port.get(1..).and_then(|port| port.parse().ok()) {
                Some(port) if port > 0 => (host, port),
                _ => return Err(wrong("has a port that is none")),
            },
            None => (rest, if tls { 443 } else { 80 }),
        };
        let host = OriginHost::parse(host).ok_or_else(|| wrong("has a host that is none"))?;
        if within.is_some() && matches!(host, OriginHost::Address(_)) {
            return Err(wrong(
                "says of an address where it leads, which is nowhere else",
            ));
        }
        Ok(Self {
            tls,
            host,
            port,
            within,
        })
    }
}

impl<'de> Deserialize<'de> for AllowedOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> AllowedOrigin {
        text.parse().unwrap()
    }

    fn may_be_at(text: &str, address: &str) -> bool {
        origin(text).may_be_at(address.parse().unwrap())
    }

    #[test]
    fn origins_are_read() {
        let asked = |text: &str, tls, host, port| {
            origin(text).is(tls, &OriginHost::parse(host).unwrap(), port)
        };
        assert!(asked("https://Api.Example", true, "api.example", 443));
        assert!(asked("https://api.example/", true, "API.example.", 443));
        assert!(!asked("https://api.example", false, "api.example", 443));
        assert!(!asked("https://api.example", true, "api.example", 444));
        assert!(!asked("https://api.example", true, "b.api.example", 443));
        assert!(asked("http://127.0.0.1:90", false, "127.0.0.1", 90));
        assert!(asked("http://[::1]:90", false, "[0:0::1]", 90));
        assert!(asked("http://[::1]", false, "[::1]", 80));
        // What is written as IPv6 and means IPv4 is that.
        assert!(asked("http://127.0.0.1", false, "[::ffff:127.0.0.1]", 80));
        for wrong in [
            "api.example",
            "ftp://api.example",
            "https://",
            "https://api.example/path",
            "https://user@api.example",
            "https://api.example:0",
            "https://api.example:65536",
            "https://*.example",
            "http://::1",
            "http://[127.0.0.1]",
            "http://0x7f.1",
            "http://127.1",
            "http://2130706433",
            "http://127.0.0.1:9 in 10.0.0.0/8",
            "http://a in 10.0.0.1/8",
        ] {
            assert!(wrong.parse::<AllowedOrigin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_written_as_they_are_read_but_for_what_goes_without_saying() {
        for (read, written) in [
            ("https://Api.Example:443/", "https://api.example"),
            ("http://api.example:443", "http://api.example:443"),
            ("http://[0:0::1]:80", "http://[::1]"),
            ("http://payments:8080 in 10.0.0.0/8", "http://payments:8080"),
        ] {
            assert_eq!(origin(read).to_string(), written);
        }
    }

    #[test]
    fn a_name_leads_to_public_addresses_alone_unless_the_manifest_says_more() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!may_be_at("https://api.example", private), "{private}");
        }
        for public in ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"] {
            assert!(may_be_at("https://api.example", public), "{public}");
        }
        assert!(may_be_at("http://10.1.2.3", "10.1.2.3"));
        assert!(!may_be_at("http://10.1.2.3", "10.1.2.4"));
        assert!(may_be_at("http://localhost", "::1"));
        assert!(!may_be_at("http://localhost", "10.0.0.1"));
        assert!(may_be_at("http://payments in 10.0.0.0/8", "10.1.2.3"));
        assert!(!may_be_at("http://payments in 10.0.0.0/8", "127.0.0.1"));
    }
}
