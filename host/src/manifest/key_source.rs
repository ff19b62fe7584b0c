//! Where the keys come from that tokens are checked with, as `[gateway.auth]` says it.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A file, which is looked at again and again.
    File(PathBuf),
    /// A URL.
    Url {
        /// Where they are.
        url: KeyUrl,
        /// Certificates (PEM) of the authorities that the certificate there may come from; the system's when absent.
        authorities: Option<PathBuf>,
        /// How often they are fetched.
        refresh: Duration,
    },
}

/// A URL that keys can be fetched from: nobody on the way can exchange them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyUrl {
    /// Whether TLS is spoken there.
    pub speaks_tls: bool,
    /// Who is there, as a name or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The host as a request names it, and the port where that is not the usual one.
    pub authority: String,
    /// What is asked for.
    pub target: PathAndQuery,
}

impl KeyUrl {
    /// Reads a URL, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "`{text}` is not a URL of keys; write for example `https://login.example/.well-known/jwks.json`"
            )
        };
        if names_somebody(text) {
            // A password must not be told any further.
            return Err(
                "must name nobody before the host (`user:password@`): keys are public, and this would be sent unasked and logged"
                    .to_owned(),
            );
        }
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(invalid());
        };
        let (speaks_tls, usual) = match (scheme, host) {
            ("https", _) => (true, 443),
            ("http", "localhost" | "127.0.0.1" | "[::1]") => (false, 80),
            ("http", _) => {
                return Err(format!(
                    "`{text}` is not encrypted, so whoever is on the way could sign tokens; write `https://`"
                ));
            }
            _ => return Err(invalid()),
        };
        let port = uri.port_u16().unwrap_or(usual);
        let target = uri.path_and_query().cloned();
        Ok(Self {
            speaks_tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: match port == usual {
                true => host.to_owned(),
                false => format!("{host}:{port}"),
            },
            target: target.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }

    /// What may be shown of it: without its query, which may hold what is not for everybody.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.speaks_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.target.path())
    }
}

/// Whether a user, and perhaps a password, stands before the host.
fn names_somebody(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next();
    authority.is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, authority, port, target) in [
            ("https://a.example/keys?x=1", "a.example", 443, "/keys?x=1"),
            ("https://a.example:443", "a.example", 443, "/"),
            ("https://a.example:8443/k", "a.example:8443", 8443, "/k"),
            ("http://localhost/k#f", "localhost", 80, "/k"),
            ("https://a.example/@b", "a.example", 443, "/@b"),
        ] {
            let url = KeyUrl::parse(text).unwrap();
            assert_eq!((&*url.authority, url.port), (authority, port), "{text}");
            assert_eq!(url.target.as_str(), target, "{text}");
        }
        let url = KeyUrl::parse("http://[::1]:8080/keys?secret=1").unwrap();
        assert_eq!((&*url.host, &*url.authority), ("::1", "[::1]:8080"));
        assert_eq!(url.shown(), "http://[::1]:8080/keys");
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_repeated() {
        for text in [
            "https://user:secret@a.example/keys",
            "https://secret@a.example",
            "https://user:se cret@a.example/keys",
            "user:secret@a.example",
            "http://user:secret@localhost/keys",
        ] {
            let refused = KeyUrl::parse(text).unwrap_err();
            assert!(
                !refused.contains("secret") && !refused.contains("cret@"),
                "{refused}"
            );
        }
    }
}
