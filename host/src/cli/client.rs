//! A client of the operators' port.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_rustls::rustls::{self, ClientConfig};

use super::address::Address;
use super::connector::Connector;
use super::credential::Credential;
use super::failure::Failure;
use super::trust;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Talks to the operators' port of a host.
pub(super) struct Client {
    address: Address,
    credential: Option<Credential>,
    connector: Connector,
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
        credential: Option<Credential>,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, Failure> {
        let connector = Connector::new(address.clone(), tls);
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector.clone()),
            connector,
            address,
            credential,
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
        bytes: Bytes,
        time: Duration,
    ) -> Result<T, Failure> {
        let mut request = self.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let asking = async { self.send(request, bytes).await?.understood().await };
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
        match self.credential.as_ref().and_then(Credential::header) {
            Some(token) => request.header(header::AUTHORIZATION, token),
            None => request,
        }
    }

    async fn send(&self, request: Asking, body: Bytes) -> Result<Answer, Failure> {
        let request = request.body(Full::new(body));
        let mut request = request.map_err(|error| Failure::Usage(error.to_string()))?;
        let asking = |request: Request<Full<Bytes>>| async move {
            let answer = self.http.request(request).await;
            answer.map_err(|error| self.unanswered(&error))
        };
        let mut answer = asking(request.clone()).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && self.credential.as_ref().is_some_and(Credential::refuse)
        {
            request.headers_mut().remove(header::AUTHORIZATION);
            answer = asking(request).await?;
        }
        let status = answer.status();
        let unknown = self.credential.as_ref().and_then(Credential::unknown);
        if let (StatusCode::UNAUTHORIZED, Some(file)) = (status, unknown) {
            return Err(Failure::UnknownToken {
                address: self.address.to_string(),
                file: file.clone(),
            });
        }
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

    fn unanswered(&self, error: &legacy::Error) -> Failure {
        let address = self.address.to_string();
        match trust::refusal(error).or(self.connector.refusal()) {
            Some(refusal) => tls(address, refusal),
            None if error.is_connect() => Failure::NobodyThere { address },
            None => Failure::Lost { address },
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

/// Why an answer is not complete.
fn lost(address: &Address, error: &(dyn std::error::Error + 'static)) -> Failure {
    let address = address.to_string();
    match trust::refusal(error) {
        Some(refusal) => tls(address, refusal),
        None => Failure::Lost { address },
    }
}

fn tls(address: String, refusal: &rustls::Error) -> Failure {
    Failure::Tls {
        address,
        reason: trust::explain(refusal),
    }
}

/// A text as a part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
