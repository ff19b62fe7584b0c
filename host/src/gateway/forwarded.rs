//! Whom a request comes from that came by proxies: `Forwarded` (RFC 7239), and `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! Each proxy writes at the right end whom it has the request from. So a list is read from there, for as long as those who wrote it are trusted; what
//! stands further to the left may be made up.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, header};

use super::authority;
use crate::manifest::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Who has sent a request, as far as that can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// The client's address: that of the connection, or what trusted proxies say.
    pub(super) address: IpAddr,
    /// What the client has asked by, where that is known.
    pub(super) scheme: Option<Scheme>,
    /// Whom the client has asked for, where a trusted proxy says so.
    pub(super) host: Option<String>,
    /// Whether the request came by a trusted proxy.
    pub(super) by_proxy: bool,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Whether a field says where a request comes from. Guests are told by the host instead ([`fields`]): what a client says of itself is nothing to go by.
pub(super) fn is_forwarding(name: &HeaderName) -> bool {
    *name == header::FORWARDED
        || name.as_str().starts_with("x-forwarded-")
        || name.as_str() == "x-real-ip"
}

/// What guests are told of where a request comes from.
pub(super) fn fields(sender: &Sender) -> impl Iterator<Item = (String, String)> {
    let address = sender.by_proxy.then(|| sender.address.to_string());
    let scheme = sender.scheme.map(|scheme| scheme.as_str().to_owned());
    let named = |name: &HeaderName, value: Option<String>| {
        value.map(|value| (name.as_str().to_owned(), value))
    };
    let fields = [
        named(&X_FORWARDED_FOR, address),
        named(&X_FORWARDED_PROTO, scheme),
    ];
    fields.into_iter().flatten()
}

/// Who has sent a request that came from `peer`, with these headers. `scheme` is what is spoken with the peer, where it needs to be told.
pub(super) fn sender(
    proxies: &[Network],
    peer: IpAddr,
    scheme: Option<Scheme>,
    headers: &HeaderMap,
) -> Sender {
    let is_trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Sender {
            address: peer,
            scheme,
            host: None,
            by_proxy: false,
        };
    }
    let standard = standard(headers, is_trusted);
    let common = Claim {
        address: outermost(listed(headers, &X_FORWARDED_FOR).map(address), is_trusted),
        scheme: nearest(headers, &X_FORWARDED_PROTO).and_then(Scheme::parse),
        host: nearest(headers, &X_FORWARDED_HOST).filter(|host| authority::is_valid(host)),
    };
    // A proxy knows one of the two ways, and may let through what a client says in the other. Whichever says where the request came from is the proxy's; where both
    // do, and differ, neither is believed.
    let (standard, common) = match (standard.address, common.address) {
        (None, Some(_)) => (Claim::nothing(), common),
        (Some(_), None) => (standard, Claim::nothing()),
        _ => (standard, common),
    };
    let address = agreed(standard.address, common.address);
    let host = agreed(standard.host, common.host.map(Cow::Borrowed));
    Sender {
        address: address.unwrap_or(peer),
        scheme: agreed(standard.scheme, common.scheme).or(scheme),
        host: host.map(Cow::into_owned),
        by_proxy: true,
    }
}

/// What is said of a client.
struct Claim<Host> {
    address: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<Host>,
}

impl<Host> Claim<Host> {
    fn nothing() -> Self {
        Self {
            address: None,
            scheme: None,
            host: None,
        }
    }
}

fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

/// The last address of a list, read from its right end, up to the first that is not of a trusted proxy, or is none.
fn outermost(
    addresses: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut found = None;
    for address in addresses {
        let Some(address) = address else { break };
        found = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    found
}

/// What `Forwarded` says.
fn standard(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Claim<Cow<'_, str>> {
    let mut claim = Claim {
        address: None,
        scheme: None,
        host: None,
    };
    for element in texts(headers, &header::FORWARDED).flat_map(Elements) {
        let Some(element) = parse_element(element) else {
            break;
        };
        // Whoever says this is trusted, also where it does not say who came to it.
        (claim.scheme, claim.host) = (element.scheme, element.host);
        let Some(address) = element.address else {
            break;
        };
        claim.address = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    claim
}

/// The values of a field, the last one first. What is not text says nothing, and ends whatever is read there.
fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().rev();
    values.map(|value| value.to_str().unwrap_or("?"))
}

/// The items of a list, the last one first.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let items = texts(headers, name).flat_map(|text| text.rsplit(','));
    items.map(str::trim).filter(|item| !item.is_empty())
}

/// What the nearest proxy says.
fn nearest<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    listed(headers, name).next()
}

/// The address of a node, with or without a port: `192.0.2.1:80`, `[2001:db8::1]`, also in quotes.
fn address(node: &str) -> Option<IpAddr> {
    let node = match node.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => node,
    };
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port): (IpAddr, _) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address = address.parse::<Ipv6Addr>().ok()?;
            (address.into(), port)
        }
        None => {
            let (address, port) = node.split_at(node.find(':')?);
            (address.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    is_port.then(|| address.to_canonical())
}

/// Whether it is a port, or a name that stands for one (RFC 7239 6).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(is_obfuscated),
        None => text.len() <= 5 && text.parse::<u16>().is_ok(),
    }
}

fn is_obfuscated(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// The elements of a `Forwarded`, the last one first. So what a client wrote at its left, quotes that it did not close, say, changes nothing of what is right of it.
struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.0.is_empty() {
            let (before, last) = match last_comma(self.0) {
                Some(comma) => (&self.0[..comma], &self.0[comma + 1..]),
                None => ("", self.0),
            };
            self.0 = before;
            let last = last.trim();
            if !last.is_empty() {
                return Some(last);
            }
        }
        None
    }
}

/// Where the last comma is that is not in quotes, seen from the right end.
fn last_comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut is_quoted = false;
    for (place, byte) in bytes.iter().enumerate().rev() {
        match byte {
            b'"' if is_quoted => {
                let before = bytes[..place].iter().rev();
                let escapes = before.take_while(|byte| **byte == b'\\').count();
                is_quoted = escapes % 2 == 1;
            }
            b'"' => is_quoted = true,
            b',' if !is_quoted => return Some(place),
            _ => {}
        }
    }
    None
}

/// What one element says; none where it is not one.
fn parse_element(text: &str) -> Option<Claim<Cow<'_, str>>> {
    let (mut node, mut scheme, mut host) = (None, None, None);
    let mut rest = text;
    loop {
        let (pair, after) = parse_pair(rest)?;
        if let Some((name, value)) = pair {
            let place = match name.to_ascii_lowercase().as_str() {
                "for" => Some(&mut node),
                "proto" => Some(&mut scheme),
                "host" => Some(&mut host),
                // `by`, and what others may add.
                _ => None,
            };
            if let Some(place) = place
                && place.replace(value).is_some()
            {
                return None;
            }
        }
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    Some(Claim {
        address: node.and_then(|node| address(&node)),
        scheme: scheme.and_then(|scheme| Scheme::parse(&scheme)),
        host: host.filter(|host| authority::is_valid(host)),
    })
}

/// A name and its value.
type Pair<'a> = (&'a str, Cow<'a, str>);

/// The first pair of an element, where there is one before the next semicolon, and what comes after that; none where there is something else.
fn parse_pair(text: &str) -> Option<(Option<Pair<'_>>, Option<&str>)> {
    let text = text.trim_start();
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Some((None, next_pair(rest)?));
    }
    let value = rest.strip_prefix('=')?;
    let (value, rest) = match value.strip_prefix('"') {
        Some(quoted) => parse_quoted(quoted)?,
        None => {
            // Addresses are written without the quotes that they would need.
            let end = value.find([';', '"', ' ', '\t']).unwrap_or(value.len());
            let (value, rest) = value.split_at(end);
            (Cow::Borrowed(value), rest)
        }
    };
    Some((Some((name, value)), next_pair(rest)?))
}

/// What comes after the semicolon; none where there is something before it.
fn next_pair(rest: &str) -> Option<Option<&str>> {
    match rest.trim_start() {
        "" => Some(None),
        rest => rest.strip_prefix(';').map(Some),
    }
}

/// A text in quotes, behind the first of them, and what comes after the last.
fn parse_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut plain = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => {
                let rest = &text[place + 1..];
                return Some((Cow::Owned(plain), rest));
            }
            '\\' => plain.push(characters.next()?.1),
            other => plain.push(other),
        }
    }
    None
}

/// Whether a character may stand in a token (RFC 9110 5.6.2).
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests;
