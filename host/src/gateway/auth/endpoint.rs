//! Where an issuer's keys are fetched: one `GET`, in bounded time, of bounded size.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_rustls::rustls::DEFAULT_VERSIONS;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::core::human_duration;
use crate::manifest::KeyUrl;
use crate::tls::{TlsError, Transport, client_config, driven, reach};

/// How long fetching may take in all.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest set of keys that is taken, in bytes.
const LARGEST: usize = 256 << 10;

/// Where keys are fetched.
pub(super) struct Endpoint {
    url: KeyUrl,
    /// Certificates of the authorities that the one there may come from; the system's when absent.
    authorities: Option<PathBuf>,
}

/// The keys could not be fetched. What is said of the URL leaves out its query.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url} cannot be reached: {source}")]
    Unreachable { url: String, source: io::Error },
    #[error("{url} did not answer within {}", human_duration(DEADLINE))]
    Late { url: String },
    #[error("{url} cannot be spoken to: {source}")]
    Broken { url: String, source: hyper::Error },
    #[error("{url} answered {status}, and only 200 is taken; redirections are not followed")]
    Status { url: String, status: StatusCode },
    #[error("{url} answered more than {LARGEST} bytes")]
    TooLarge { url: String },
    #[error("{url} broke off its answer: {reason}")]
    BrokenOff { url: String, reason: String },
    #[error("gateway.auth.jwks_ca_file: {0}")]
    Authorities(#[from] TlsError),
}

impl Endpoint {
    /// At a URL; its certificate comes from an authority in the file, or from one of the system's. Blocks.
    ///
    /// # Errors
    ///
    /// When the file holds none. It is read again for each fetch.
    pub(super) fn new(url: KeyUrl, authorities: Option<PathBuf>) -> Result<Self, TlsError> {
        let endpoint = Self { url, authorities };
        if endpoint.url.speaks_tls {
            connector(endpoint.authorities.clone())?;
        }
        Ok(endpoint)
    }

    /// What is there.
    pub(super) async fn fetch(&self) -> Result<Bytes, FetchError> {
        let fetched = timeout(DEADLINE, self.exchange()).await;
        fetched.unwrap_or_else(|_| {
            Err(FetchError::Late {
                url: self.url.shown(),
            })
        })
    }

    async fn exchange(&self) -> Result<Bytes, FetchError> {
        let url = || self.url.shown();
        let broken = |source| FetchError::Broken { url: url(), source };
        let handshake = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(self.connect().await?));
        let (mut sender, connection) = handshake.await.map_err(broken)?;
        let asked = async move {
            let request = Request::get(self.url.target.as_str())
                .header(header::HOST, &self.url.authority)
                .header(header::ACCEPT, "application/jwk-set+json, application/json")
                .header(header::CONNECTION, "close")
                .body(Empty::new());
            // The parts of a URL are good for a request.
            let request = request.map_err(|error| FetchError::BrokenOff {
                url: url(),
                reason: error.to_string(),
            })?;
            let response = sender.send_request(request).await.map_err(broken)?;
            let status = response.status();
            if status != StatusCode::OK {
                return Err(FetchError::Status { url: url(), status });
            }
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            match body {
                Ok(body) => Ok(body.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => {
                    Err(FetchError::TooLarge { url: url() })
                }
                Err(error) => Err(FetchError::BrokenOff {
                    url: url(),
                    reason: error.to_string(),
                }),
            }
        };
        driven(connection, asked).await
    }

    async fn connect(&self) -> Result<Transport, FetchError> {
        let unreachable = |source| FetchError::Unreachable {
            url: self.url.shown(),
            source,
        };
        let host = self.url.host.as_str();
        let addresses = lookup_host((host, self.url.port)).await;
        let tcp = reach(addresses.map_err(unreachable)?).await;
        let tcp = tcp.map_err(unreachable)?;
        if !self.url.speaks_tls {
            return Ok(Transport::Plain(tcp));
        }
        // Authorities are exchanged as keys are: those that are there now are trusted.
        let authorities = self.authorities.clone();
        let reading = tokio::task::spawn_blocking(move || connector(authorities)).await;
        let connector = reading.map_err(|error| unreachable(io::Error::other(error)))??;
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| unreachable(io::Error::other(error)))?;
        let stream = connector.connect(name, tcp).await.map_err(unreachable)?;
        Ok(Transport::Tls(Box::new(TlsStream::Client(stream))))
    }
}

/// How TLS is spoken there. Blocks.
fn connector(authorities: Option<PathBuf>) -> Result<TlsConnector, TlsError> {
    let config = client_config(authorities.as_deref(), DEFAULT_VERSIONS)?;
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}
