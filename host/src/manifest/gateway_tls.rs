//! `[gateway.tls]`: TLS at the public port.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};

/// `[gateway.tls]`: who the public port is, and how clients may speak with it. The files are read again while the host runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayTlsSettings {
    /// The port's certificate (PEM), with those between it and its authority behind it.
    pub certificate_file: PathBuf,
    /// Its key (PEM).
    pub key_file: PathBuf,
    /// The oldest version of TLS that clients may speak.
    #[serde(default)]
    pub minimum_version: TlsVersion,
    /// What `Strict-Transport-Security` says in each answer; the header is left out when absent.
    #[serde(default, deserialize_with = "strict_transport_security")]
    pub strict_transport_security: Option<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    Tls13,
}

impl GatewayTlsSettings {
    /// The files that it names, to be taken relative to the manifest.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.certificate_file, &mut self.key_file].into_iter()
    }
}

fn strict_transport_security<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match is_strict_transport_security(&text) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!(
            "`{text}` is not a value of Strict-Transport-Security; write `max-age=` with seconds, and behind it `includeSubDomains` and `preload` if they are meant, for example `max-age=31536000; includeSubDomains`"
        ))),
    }
}

/// Whether it has each directive once at most (RFC 6797 6.1), and a `max-age`: browsers ignore the header otherwise.
fn is_strict_transport_security(text: &str) -> bool {
    let mut seen = Vec::new();
    for directive in text.split(';').map(str::trim) {
        let (name, is_valid) = match directive.split_once('=') {
            Some((name, seconds)) => (name, seconds.parse::<u32>().is_ok()),
            None => (directive, !directive.eq_ignore_ascii_case("max-age")),
        };
        let name = name.to_ascii_lowercase();
        let is_known = match name.as_str() {
            "max-age" => true,
            "includesubdomains" | "preload" => !directive.contains('='),
            _ => false,
        };
        if !is_valid || !is_known || seen.contains(&name) {
            return false;
        }
        seen.push(name);
    }
    seen.iter().any(|name| name == "max-age")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_transport_security_is_what_browsers_understand() {
        for text in [
            "max-age=31536000",
            "max-age=0",
            "Max-Age=1; includeSubDomains",
            "includeSubDomains; max-age=63072000 ;preload",
        ] {
            assert!(is_strict_transport_security(text), "{text}");
        }
        for text in [
            "",
            "max-age",
            "max-age=",
            "max-age=1y",
            "max-age=1, includeSubDomains",
            "includeSubDomains",
            "max-age=1; max-age=2",
            "max-age=1; includeSubDomains=1",
            "max-age=1; includeSubdomain",
            "max-age=1;",
            "max-age=1\r\nx: y",
        ] {
            assert!(!is_strict_transport_security(text), "{text}");
        }
    }
}
