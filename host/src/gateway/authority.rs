//! Whom a request is for: the one host that its target and its `Host` name.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::{HeaderMap, StatusCode, Uri, Version, header};

use super::problem::Problem;

/// The authority that a request is for, as it was sent: that of the target where it has one (RFC 9112 3.2.2, RFC 9113 8.3.1), else that of `Host`; none where a request of
/// HTTP/1.0 has neither.
///
/// # Errors
///
/// A missing, repeated or invalid one, and in HTTP/2 two that contradict each other: guessing would let a proxy in front mean another than we do.
pub(crate) fn of<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
    version: Version,
) -> Result<Option<&'a str>, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(
            host.to_str()
                .ok()
                .filter(|host| Authority::parse(host).is_some())
                .ok_or_else(|| bad("the Host header must be a host, optionally with a port"))?,
        ),
        (Some(_), Some(_)) => return Err(bad("a request must have exactly one Host header")),
    };
    let target = match uri.authority().map(http::uri::Authority::as_str) {
        Some(target) if Authority::parse(target).is_none() => {
            return Err(bad("the request's target has no valid host"));
        }
        target => target,
    };
    match (target, host) {
        (Some(target), Some(host)) if version == Version::HTTP_2 => {
            let default = match uri.scheme_str() {
                Some("https") => 443,
                _ => 80,
            };
            let port = |text| Authority::parse(text).map(|found| found.comparable(default));
            match port(target) == port(host) {
                true => Ok(Some(target)),
                false => Err(bad("Host differs from :authority")),
            }
        }
        (None, None) if version >= Version::HTTP_11 => {
            Err(bad("a request must have exactly one Host header"))
        }
        (_, None) if version == Version::HTTP_11 => {
            Err(bad("a request must have exactly one Host header"))
        }
        (target, host) => Ok(target.or(host)),
    }
}

/// The host of an authority as it is compared: in lower case, without its port.
pub(super) fn host_name(authority: &str) -> Option<Cow<'_, str>> {
    let host = Authority::parse(authority)?.host;
    let host = host.strip_suffix('.').unwrap_or(host);
    Some(match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    })
}

/// Whether it is a host, with or without a port.
pub(super) fn is_valid(text: &str) -> bool {
    Authority::parse(text).is_some()
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// A host with or without a port, as RFC 3986 lets an `http` URI have them: not empty, and without a user.
struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':')?),
                };
                (address, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_name = text.starts_with('[') || is_name(host);
        let port = match port {
            None | Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            Some(_) => return None,
        };
        is_name.then_some(Self { host, port })
    }

    /// What two that mean the same have in common.
    fn comparable(&self, default_port: u16) -> (String, u16) {
        let port = self.port.unwrap_or(default_port);
        (self.host.to_ascii_lowercase(), port)
    }
}

/// Whether it is a registered name, or an address of IPv4.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !is_valid {
            return false;
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of_request(uri: &str, hosts: &[&str], version: Version) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        let uri: Uri = uri.parse().unwrap();
        of(&uri, &headers, version).map(|host| host.map(str::to_owned))
    }

    #[test]
    fn one_host_is_meant() {
        let (one, old, two) = (Version::HTTP_11, Version::HTTP_10, Version::HTTP_2);
        for (uri, hosts, version, meant) in [
            ("/", &["inn"][..], one, Some("inn")),
            ("/", &["Inn.Example:8080"], one, Some("Inn.Example:8080")),
            ("/", &["inn:"], one, Some("inn:")),
            ("/", &["[::1]:80"], one, Some("[::1]:80")),
            ("/", &["127.0.0.1"], one, Some("127.0.0.1")),
            ("http://real/", &["other"], one, Some("real")),
            ("/", &[], old, None),
            ("/", &["inn"], old, Some("inn")),
            ("http://inn/", &[], two, Some("inn")),
            ("http://inn/", &["inn:80"], two, Some("inn")),
            ("http://INN:80/", &["inn"], two, Some("INN:80")),
            ("https://inn/", &["inn:443"], two, Some("inn")),
            ("/", &["inn"], two, Some("inn")),
        ] {
            let found = of_request(uri, hosts, version);
            assert_eq!(found, Ok(meant.map(str::to_owned)), "{uri} {hosts:?}");
        }
        for (uri, hosts, version) in [
            ("/", &[][..], one),
            ("/", &[], two),
            ("http://real/", &[], one),
            ("/", &["a", "a"], one),
            ("http://a/", &["a", "a"], two),
            ("http://a/", &["b"], two),
            ("http://a/", &["a:81"], two),
            ("http://user@a/", &["a"], one),
            ("http://user@a/", &[], two),
        ] {
            assert!(of_request(uri, hosts, version).is_err(), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn names_of_hosts_are_compared_in_one_form() {
        for (authority, expected) in [
            ("inn.example", "inn.example"),
            ("Inn.Example:8080", "inn.example"),
            ("inn.example.", "inn.example"),
            ("inn.example.:80", "inn.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "::1"),
        ] {
            assert_eq!(host_name(authority).as_deref(), Some(expected));
        }
        assert_eq!(host_name("a b"), None);
    }

    #[test]
    fn only_a_host_and_a_port_are_valid() {
        for invalid in [
            "", "a b", "evil@x", "evil@x/y", "a/b", "a?b", "a#b", "a:b", "a:80:80", "a:65536",
            "a:-1", "[::1", "[::g]", "[::1]80", "::1", "a%", "a%4", "a%zz", "a\\b", "\"a\"", ":80",
            "é", "a<b>",
        ] {
            assert!(Authority::parse(invalid).is_none(), "{invalid}");
        }
    }
}
