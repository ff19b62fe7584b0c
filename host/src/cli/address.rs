//! Where an operators' port is, as people write it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::failure::Failure;
use crate::manifest::AdminSettings;

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The address of an operators' port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    scheme: Option<Scheme>,
    host: String,
    port: u16,
}

impl Address {
    /// That of a host on this machine that has these settings.
    pub fn of(settings: &AdminSettings) -> Result<Self, Failure> {
        let scheme = match settings.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        };
        Self::reachable(Some(scheme), settings.listen).ok_or_else(|| {
            Failure::Usage(
                "the manifest lets the host choose its operators' port; name the one that it printed with --admin".into(),
            )
        })
    }

    /// One such as `127.0.0.1:8081`, `stay.example:8081` or `https://stay.example:8081`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "write a host and a port, for example 127.0.0.1:8081 or https://stay.example:8081"
                .to_owned()
        };
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err(wrong()),
            None => (None, text),
        };
        let rest = rest.trim_end_matches('/');
        if let Ok(address) = rest.parse() {
            return Self::reachable(scheme, address).ok_or_else(wrong);
        }
        let (host, port) = rest.split_once(':').ok_or_else(wrong)?;
        let is_host = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        match port.parse::<u16>() {
            Ok(port) if is_host && port != 0 => Ok(Self {
                scheme,
                host: host.to_owned(),
                port,
            }),
            _ => Err(wrong()),
        }
    }

    /// Where a host that listens there can be reached from here; none when it is not known which port it takes.
    fn reachable(scheme: Option<Scheme>, listen: SocketAddr) -> Option<Self> {
        if listen.port() == 0 {
            return None;
        }
        let host = match (listen.ip().is_unspecified(), listen) {
            (false, _) => listen.ip(),
            (true, SocketAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
            (true, SocketAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
        };
        Some(Self {
            scheme,
            host: host.to_string(),
            port: listen.port(),
        })
    }

    /// What is spoken there, when that was said.
    pub fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// The same, and what is spoken there.
    pub fn with_scheme(self, scheme: Scheme) -> Self {
        Self {
            scheme: Some(scheme),
            ..self
        }
    }

    /// The name or the IP address of the machine, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as a URI has them.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether it is this machine, so that the token in the data directory stays on it.
    pub fn is_here(&self) -> bool {
        match self.host.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host == "localhost",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // That it is HTTP needs no saying.
        if self.scheme == Some(Scheme::Https) {
            f.write_str("https://")?;
        }
        f.write_str(&self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (text, taken) in [
            ("127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://127.0.0.1:8081/", "127.0.0.1:8081"),
            ("https://127.0.0.1:8081/", "https://127.0.0.1:8081"),
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("stay.example:8081", "stay.example:8081"),
            ("https://stay.example:8081", "https://stay.example:8081"),
        ] {
            let address = Address::parse(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Ok(taken));
        }
        for text in [
            "",
            "8081",
            "localhost",
            "ftp://x:1",
            "https://https://x:1",
            "a b:1",
            "x:0",
            "127.0.0.1:0",
            "x:99999",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_here() {
        let is_here = |text| Address::parse(text).unwrap().is_here();
        assert!(is_here("127.0.0.1:8081") && is_here("[::1]:1") && is_here("localhost:8081"));
        assert!(is_here("https://localhost:8081"));
        assert!(!is_here("10.0.0.1:8081") && !is_here("localhost.example:8081"));
    }
}
