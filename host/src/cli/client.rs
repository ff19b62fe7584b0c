//! A client of the operators' port.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::Connected, connect::Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tower::Service;

use super::address::Address;
use super::failure::Failure;
use super::trust;
use crate::tls::Transport;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Talks to the operators' port of a host.
pub(super) struct Client {
    address: Address,
    token: Option<String>,
    http: legacy::Client<Connector, Full<Bytes>>,
}

/// An answer, as it comes.
pub(super) struct Answer {
    address: Address,
    body: Incoming,
}

/// What a host says when it does not do what it was asked.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// A request that is made.
type Asking = http::request::Builder;

impl Client {
    /// For a port; `tls` says how TLS is spoken there.
    pub fn new(
        address: Address,
        token: Option<String>,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, Failure> {
        let connector = Connector {
            address: address.clone(),
            tls: tls.map(TlsConnector::from),
        };
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            address,
            token,
        })
    }

    /// Where the host is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, ANSWER).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        time: Duration,
    ) -> Result<T, Failure> {
        self.ask(Method::POST, path, time).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::PUT, path, ANSWER).await
    }

    /// Sends bytes, with headers that say what they are.
    pub async fn send_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        bytes: Vec<u8>,
        time: Duration,
    ) -> Result<T, Failure> {
        let mut request = self.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let asking = async { self.send(request, bytes.into()).await?.understood().await };
        self.within(time, asking).await
    }

    /// Asks for something that has no answer but that it was done.
    pub async fn order(&self, path: &str, time: Duration) -> Result<(), Failure> {
        let request = self.request(Method::POST, path);
        let ordering = self.send(request, Bytes::new());
        self.within(time, ordering).await.map(drop)
    }

    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        let request = self.request(Method::DELETE, path);
        let deleting = self.send(request, Bytes::new());
        self.within(ANSWER, deleting).await.map(drop)
    }

    /// An answer that does not end by itself.
    pub async fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<Answer, Failure> {
        let mut request = self
            .request(Method::GET, path)
            .header(header::ACCEPT, "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let beginning = self.send(request, Bytes::new());
        self.within(ANSWER, beginning).await
    }

    /// An answer that is taken as it comes, to something that changes nothing but takes a token.
    pub async fn download(&self, path: &str) -> Result<Answer, Failure> {
        let beginning = self.send(self.request(Method::POST, path), Bytes::new());
        self.within(ANSWER, beginning).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        time: Duration,
    ) -> Result<T, Failure> {
        let request = self.request(method, path);
        let asking = async { self.send(request, Bytes::new()).await?.understood().await };
        self.within(time, asking).await
    }

    async fn within<T>(
        &self,
        time: Duration,
        asking: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let asked = timeout(time, asking).await;
        asked.unwrap_or_else(|_| {
            Err(Failure::Slow {
                address: self.address.to_string(),
            })
        })
    }

    fn request(&self, method: Method, path: &str) -> Asking {
        // How it is carried is the connection's matter.
        let uri = format!("http://{}{path}", self.address.authority());
        let request = Request::builder().method(method).uri(uri);
        let token = self.token.as_ref().map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        match token {
            Some(Ok(token)) => request.header(header::AUTHORIZATION, token),
            // What cannot be sent is no token; the host says what is missing.
            Some(Err(_)) | None => request,
        }
    }

    async fn send(&self, request: Asking, body: Bytes) -> Result<Answer, Failure> {
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| Failure::Usage(error.to_string()))?;
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|error| match error.is_connect() {
            true => self.not_connected(&error),
            false => lost(&self.address, &error),
        })?;
        let status = answer.status();
        let answer = Answer {
            address: self.address.clone(),
            body: answer.into_body(),
        };
        if status.is_success() {
            return Ok(answer);
        }
        let reading = async { Ok(answer.whole().await.unwrap_or_default()) };
        let body = self.within(ANSWER, reading).await?;
        Err(match serde_json::from_slice(&body) {
            Ok(Problem { detail }) => Failure::Refused {
                status: status.as_u16(),
                detail,
            },
            Err(_) => Failure::NotUnderstood {
                address: self.address.to_string(),
                reason: format!("it answered {status}"),
            },
        })
    }

    fn not_connected(&self, error: &legacy::Error) -> Failure {
        match trust::refusal(error) {
            Some(_) => lost(&self.address, error),
            None => Failure::NobodyThere {
                address: self.address.to_string(),
            },
        }
    }
}

impl Answer {
    /// What comes next; none at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(lost(&self.address, &error)),
                // Trailers say nothing here.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn whole(self) -> Result<Bytes, Failure> {
        let whole = self.body.collect().await;
        let whole = whole.map_err(|error| lost(&self.address, &error))?;
        Ok(whole.to_bytes())
    }

    async fn understood<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let address = self.address.to_string();
        let body = self.whole().await?;
        serde_json::from_slice(&body).map_err(|error| Failure::NotUnderstood {
            address,
            reason: error.to_string(),
        })
    }
}

/// Why there is no answer, or not all of it.
fn lost(address: &Address, error: &(dyn std::error::Error + 'static)) -> Failure {
    let address = address.to_string();
    match trust::refusal(error) {
        Some(refusal) => Failure::Tls {
            address,
            reason: trust::explain(refusal),
        },
        None => Failure::Lost { address },
    }
}

/// Makes connections to one port.
#[derive(Clone)]
struct Connector {
    address: Address,
    tls: Option<TlsConnector>,
}

impl Connector {
    async fn connect(self) -> io::Result<Transport> {
        let (host, port) = (self.address.host(), self.address.port());
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = self.tls else {
            return Ok(Transport::Plain(tcp));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = tls.connect(name, tcp).await?;
        Ok(Transport::Tls(Box::new(stream.into())))
    }
}

impl Connection for Transport {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Transport>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Transport>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connecting = timeout(CONNECT, self.clone().connect());
        Box::pin(async { Ok(TokioIo::new(connecting.await??)) })
    }
}

/// A text as a part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
