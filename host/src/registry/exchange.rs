//! One request to a host and its whole answer, in bounded time and of bounded size.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_rustls::TlsStream;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::error::RegistryError;
use super::hosts::Hosts;
use crate::tls::{Transport, driven, reach};

/// How long a connection may take to come about, with TLS over it.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of an answer may take behind a request of a few bytes.
const ANSWER: Duration = Duration::from_secs(30);
/// How long it may take to send or take what is large.
const TRANSFER: Duration = Duration::from_secs(300);
/// How much is read of an answer that says why not.
const LARGEST_REFUSAL: u64 = 64 << 10;

/// Where something is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub speaks_tls: bool,
    /// The host, with its port where that is not the usual one.
    pub host: String,
    /// The path, and what else is asked for there.
    pub target: PathAndQuery,
}

/// What is asked.
pub(super) struct Ask {
    pub method: Method,
    pub place: Place,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What is asked for, for people.
    pub what: &'static str,
    /// How much of it is taken, in bytes.
    pub largest: u64,
}

/// The answer.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// All of it where the status is a success, else as much as says why not.
    pub body: Bytes,
}

impl Place {
    /// A path at a host that is asked over TLS.
    pub fn over_tls(host: &str, target: PathAndQuery) -> Self {
        Self::at(true, host, target)
    }

    /// A path at a host.
    pub fn at(speaks_tls: bool, host: &str, target: PathAndQuery) -> Self {
        Self {
            speaks_tls,
            host: host.to_owned(),
            target,
        }
    }

    /// Where a URL leads that was named here; none where it is none that can be asked.
    pub fn resolve(&self, url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let target = uri.path_and_query().cloned();
        let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let speaks_tls = match uri.scheme_str() {
            None if url.starts_with('/') && !url.starts_with("//") => self.speaks_tls,
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        let host = match uri.authority() {
            None => self.host.clone(),
            Some(authority) if authority.as_str().contains('@') => return None,
            Some(authority) => authority.to_string(),
        };
        Some(Self::at(speaks_tls, &host, target))
    }

    /// With one more thing asked for.
    pub fn with_query(&self, name: &str, value: &str) -> Option<Self> {
        let separator = if self.target.query().is_some() {
            '&'
        } else {
            '?'
        };
        let target = format!("{}{separator}{name}={value}", self.target);
        Some(Self::at(self.speaks_tls, &self.host, target.parse().ok()?))
    }

    /// Whether it is at the same host and port as another place.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// The host, as a name or an address without brackets, and the port; none where there is no such host.
    fn address(&self) -> Option<(String, u16)> {
        let authority: Authority = self.host.parse().ok()?;
        let usual = if self.speaks_tls { 443 } else { 80 };
        let name = authority.host().trim_matches(['[', ']']);
        let port = authority.port_u16().unwrap_or(usual);
        Some((name.to_ascii_lowercase(), port))
    }

    /// What may be shown of it: without its query, which may hold what is not for everybody.
    pub fn shown(&self) -> String {
        let scheme = if self.speaks_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.target.path())
    }
}

impl Ask {
    /// Asks for something at a place.
    pub fn get(place: Place, what: &'static str, largest: u64) -> Self {
        Self {
            method: Method::GET,
            place,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            what,
            largest,
        }
    }

    /// With a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same once more, somewhere else.
    pub fn again_at(&self, place: Place) -> Self {
        Self {
            method: self.method.clone(),
            place,
            headers: self.headers.clone(),
            body: self.body.clone(),
            what: self.what,
            largest: self.largest,
        }
    }

    fn late(&self, within: Duration) -> RegistryError {
        RegistryError::Late {
            host: self.place.host.clone(),
            within,
        }
    }

    fn broken(&self, reason: impl ToString) -> RegistryError {
        RegistryError::Broken {
            host: self.place.host.clone(),
            reason: reason.to_string(),
        }
    }

    /// Asks it.
    pub async fn send(&self, hosts: &Hosts) -> Result<Answer, RegistryError> {
        let connecting = timeout(CONNECT, self.connect(hosts)).await;
        let transport = connecting.map_err(|_| self.late(CONNECT))??;
        let exchanging = timeout(TRANSFER, self.exchange(transport)).await;
        exchanging.map_err(|_| self.late(TRANSFER))?
    }

    async fn exchange(&self, transport: Transport) -> Result<Answer, RegistryError> {
        let handshake = http1::handshake::<_, Full<Bytes>>(TokioIo::new(transport));
        let (mut sender, connection) = handshake.await.map_err(|error| self.broken(error))?;
        let asked = async move {
            let mut request = Request::builder()
                .method(&self.method)
                .uri(self.target())
                .header(header::HOST, &self.place.host)
                .header(
                    header::USER_AGENT,
                    concat!("innkeeper/", env!("CARGO_PKG_VERSION")),
                )
                .header(header::CONNECTION, "close");
            if let Some(headers) = request.headers_mut() {
                headers.extend(self.headers.clone());
            }
            let patience = if self.body.is_empty() {
                ANSWER
            } else {
                TRANSFER
            };
            let request = request.body(Full::new(self.body.clone()));
            let request = request.map_err(|error| self.broken(error))?;
            let answering = timeout(patience, sender.send_request(request)).await;
            let response = answering.map_err(|_| self.late(patience))?;
            let (head, body) = response.map_err(|error| self.broken(error))?.into_parts();
            let (status, is_whole) = (head.status, head.status.is_success());
            let largest = if is_whole {
                self.largest
            } else {
                LARGEST_REFUSAL
            };
            let body = Limited::new(body, usize::try_from(largest).unwrap_or(usize::MAX));
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                // A long story tells no more than its status.
                Err(_) if !is_whole => Bytes::new(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(RegistryError::TooLarge {
                        host: self.place.host.clone(),
                        what: self.what,
                        largest,
                    });
                }
                Err(error) => return Err(self.broken(error)),
            };
            Ok(Answer {
                status,
                headers: head.headers,
                body,
            })
        };
        driven(connection, asked).await
    }

    /// A request to a server names no host in its first line.
    fn target(&self) -> &str {
        self.place.target.as_str()
    }

    async fn connect(&self, hosts: &Hosts) -> Result<Transport, RegistryError> {
        let Place {
            speaks_tls, host, ..
        } = &self.place;
        let unreachable = |source| RegistryError::Unreachable {
            host: host.clone(),
            source,
        };
        let no_host = || unreachable(io::Error::other("there is no such host"));
        let (name, port) = self.place.address().ok_or_else(no_host)?;
        let addresses = lookup_host((name.as_str(), port)).await;
        let tcp = reach(addresses.map_err(unreachable)?).await;
        let tcp = tcp.map_err(unreachable)?;
        if !speaks_tls {
            return Ok(Transport::Plain(tcp));
        }
        let connector = hosts.connector(host).await?;
        let name = ServerName::try_from(name);
        let name = name.map_err(|error| unreachable(io::Error::other(error)))?;
        match connector.connect(name, tcp).await {
            Ok(stream) => Ok(Transport::Tls(Box::new(TlsStream::Client(stream)))),
            Err(error) => Err(match refusal(&error) {
                Some(reason) => RegistryError::Tls {
                    host: host.clone(),
                    reason,
                },
                None => unreachable(error),
            }),
        }
    }
}

/// Why TLS was not agreed upon, where that is why.
fn refusal(error: &io::Error) -> Option<String> {
    let error: &rustls::Error = error.get_ref()?.downcast_ref()?;
    Some(match error {
        rustls::Error::InvalidMessage(_) => "it does not speak it".to_owned(),
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str) -> Place {
        Place::over_tls(host, PathAndQuery::from_static("/v2/"))
    }

    #[test]
    fn a_location_is_absolute_or_at_the_same_host() {
        let here = at("a.example:5000");
        for (url, shown) in [
            ("/v2/x?y=1", "https://a.example:5000/v2/x"),
            ("https://b.example/x", "https://b.example/x"),
            ("http://b.example:80", "http://b.example:80/"),
        ] {
            assert_eq!(here.resolve(url).unwrap().shown(), shown);
        }
        for url in [
            "",
            "x",
            "ftp://b.example/",
            "https://u:p@b.example/",
            "//b.example/x",
        ] {
            assert_eq!(here.resolve(url), None, "{url}");
        }
    }

    #[test]
    fn the_usual_port_need_not_be_named() {
        assert!(at("a.example").is_beside(&at("A.example:443")));
        assert!(!at("a.example").is_beside(&at("a.example:5000")));
        assert!(!at("a.example").is_beside(&at("b.example")));
    }

    #[test]
    fn something_more_is_asked_for_behind_what_there_is() {
        let here = at("a.example");
        let once = here.with_query("digest", "sha256:00").unwrap();
        assert_eq!(once.target.as_str(), "/v2/?digest=sha256:00");
        let twice = once.with_query("a", "b").unwrap();
        assert_eq!(twice.target.as_str(), "/v2/?digest=sha256:00&a=b");
    }
}
