//! A client of the operators' port.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Talks to the operators' port of a host.
pub(super) struct Client {
    address: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// What a host says when it does not do what it was asked.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Client {
    pub fn new(address: String, token: Option<String>) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            http: http.build().map_err(Failure::Client)?,
            address,
            token,
        })
    }

    /// Where the host is.
    pub fn address(&self) -> &str {
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
        let mut request = self.request(Method::POST, path).timeout(time).body(bytes);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.understand(self.send(request).await?).await
    }

    /// Asks for something that has no answer but that it was done.
    pub async fn order(&self, path: &str, time: Duration) -> Result<(), Failure> {
        let request = self.request(Method::POST, path).timeout(time);
        self.send(request).await.map(drop)
    }

    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        let request = self.request(Method::DELETE, path).timeout(ANSWER);
        self.send(request).await.map(drop)
    }

    /// An answer that does not end by itself.
    pub async fn stream(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Response, Failure> {
        let mut request = self
            .request(Method::GET, path)
            .header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        self.send(request).await
    }

    /// An answer that is taken as it comes, to something that changes nothing but takes a token.
    pub async fn download(&self, path: &str) -> Result<Response, Failure> {
        self.send(self.request(Method::POST, path)).await
    }

    /// Why an answer ended that is taken as it comes.
    pub fn cut_off(&self, error: &reqwest::Error) -> Failure {
        self.lost(error)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        time: Duration,
    ) -> Result<T, Failure> {
        let answer = self.send(self.request(method, path).timeout(time)).await?;
        self.understand(answer).await
    }

    async fn understand<T: DeserializeOwned>(&self, answer: Response) -> Result<T, Failure> {
        let body = answer.bytes().await.map_err(|error| self.lost(&error))?;
        serde_json::from_slice(&body).map_err(|error| Failure::NotUnderstood {
            address: self.address.clone(),
            reason: error.to_string(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("http://{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = request.send().await.map_err(|error| self.lost(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer.bytes().await.unwrap_or_default();
        Err(match serde_json::from_slice(&body) {
            Ok(Problem { detail }) => Failure::Refused {
                status: status.as_u16(),
                detail,
            },
            Err(_) => Failure::NotUnderstood {
                address: self.address.clone(),
                reason: format!("it answered {status}"),
            },
        })
    }

    fn lost(&self, error: &reqwest::Error) -> Failure {
        let address = self.address.clone();
        if error.is_timeout() && !error.is_connect() {
            return Failure::Slow { address };
        }
        match error.is_connect() {
            true => Failure::NobodyThere { address },
            false => Failure::Lost { address },
        }
    }
}

/// A text as a part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
