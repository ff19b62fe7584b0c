//! Where an issuer's keys are fetched: one `GET`, in bounded time, of bounded size.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, TlsStream};

use crate::core::human_duration;
use crate::tls::{PemFile, TlsError, Transport, provider};

/// How long fetching may take in all.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest set of keys that is taken, in bytes.
const LARGEST: usize = 256 << 10;

/// Where keys are fetched.
pub(super) struct Endpoint {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

/// The keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{uri} cannot be reached: {source}")]
    Unreachable { uri: Uri, source: io::Error },
    #[error("{uri} did not answer within {}", human_duration(DEADLINE))]
    Late { uri: Uri },
    #[error("{uri} cannot be spoken to: {source}")]
    Broken { uri: Uri, source: hyper::Error },
    #[error("{uri} answered {status}, and only 200 is taken; redirections are not followed")]
    Status { uri: Uri, status: StatusCode },
    #[error("{uri} answered more than {LARGEST} bytes")]
    TooLarge { uri: Uri },
    #[error("{uri} broke off its answer: {reason}")]
    BrokenOff { uri: Uri, reason: String },
}

/// Keys cannot be fetched there, ever.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidEndpoint {
    #[error("`{0}` is not a URL of keys")]
    Url(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Endpoint {
    /// At a URL; its certificate comes from an authority in the file, or from one of the system's. Blocks.
    pub(super) fn new(url: &str, authorities: Option<&Path>) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let host = uri.host().ok_or_else(invalid)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let speaks_tls = uri.scheme_str() == Some("https");
        let tls = match speaks_tls {
            true => Some(TlsConnector::from(Arc::new(config(authorities)?))),
            false => None,
        };
        let usual = if speaks_tls { 443 } else { 80 };
        Ok(Self {
            port: uri.port_u16().unwrap_or(usual),
            host,
            uri,
            tls,
        })
    }

    /// What is there.
    pub(super) async fn fetch(&self) -> Result<Bytes, FetchError> {
        let fetched = timeout(DEADLINE, self.exchange()).await;
        fetched.unwrap_or_else(|_| {
            Err(FetchError::Late {
                uri: self.uri.clone(),
            })
        })
    }

    async fn exchange(&self) -> Result<Bytes, FetchError> {
        let uri = || self.uri.clone();
        let broken = |source| FetchError::Broken { uri: uri(), source };
        let transport = self.connect().await;
        let transport =
            transport.map_err(|source| FetchError::Unreachable { uri: uri(), source })?;
        let handshake = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(transport)).await;
        let (mut sender, connection) = handshake.map_err(broken)?;
        let asked = async move {
            let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
            let authority = self.uri.authority().map_or("", |named| named.as_str());
            let request = Request::get(path)
                .header(header::HOST, authority)
                .header(header::ACCEPT, "application/jwk-set+json, application/json")
                .header(header::CONNECTION, "close")
                .body(Empty::new());
            // The parts of a URL are good for a request.
            let request = request.map_err(|error| FetchError::BrokenOff {
                uri: uri(),
                reason: error.to_string(),
            })?;
            let response = sender.send_request(request).await.map_err(broken)?;
            let status = response.status();
            if status != StatusCode::OK {
                return Err(FetchError::Status { uri: uri(), status });
            }
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            match body {
                Ok(body) => Ok(body.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => {
                    Err(FetchError::TooLarge { uri: uri() })
                }
                Err(error) => Err(FetchError::BrokenOff {
                    uri: uri(),
                    reason: error.to_string(),
                }),
            }
        };
        let mut connection = Box::pin(connection);
        let mut asked = Box::pin(asked);
        tokio::select! {
            biased;
            answered = &mut asked => answered,
            // What it has brought is still to be taken.
            _ = &mut connection => asked.await,
        }
    }

    async fn connect(&self) -> io::Result<Transport> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let Some(tls) = &self.tls else {
            return Ok(Transport::Plain(tcp));
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = tls.connect(name, tcp).await?;
        Ok(Transport::Tls(Box::new(TlsStream::Client(stream))))
    }
}

fn config(file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let authorities = match file {
        Some(file) => PemFile::read(file)?.authorities()?,
        None => {
            let mut authorities = RootCertStore::empty();
            // A system without any trusts nobody, which is said when keys are fetched.
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            authorities
        }
    };
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(rustls::DEFAULT_VERSIONS)?;
    Ok(builder
        .with_root_certificates(authorities)
        .with_no_client_auth())
}
