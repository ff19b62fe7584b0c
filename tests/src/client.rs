//! An HTTP client that keeps what it was answered.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;

/// One base address, and connections to it that are kept.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as text.
    pub text: String,
    /// Its body, when it is JSON; else null.
    pub body: Value,
}

/// What makes a client that asks nobody but whom it is told to.
pub fn http_client() -> reqwest::ClientBuilder {
    // The library does not choose one itself. Whoever was first stays: it is the same.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

impl Client {
    /// For an address such as `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Self {
        let http = http_client()
            .timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(usize::MAX)
            .build()
            .expect("a client can be made");
        Self {
            http,
            base: base.into(),
        }
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    /// `POST` with a JSON body
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// `PATCH` with a JSON body
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, path)).await
    }

    /// A whole collection, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        self.try_all(path)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same, where the other side may be down.
    pub async fn try_all(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        for page in 0.. {
            let reply =
                try_send(self.request(Method::GET, &format!("{path}?size=100&page={page}")))
                    .await
                    .map_err(|error| error.to_string())?;
            if reply.status != 200 {
                return Err(format!("GET {path}: {} {}", reply.status, reply.text));
            }
            let found = reply.body["items"].as_array().ok_or("no items")?;
            items.extend_from_slice(found);
            if found.len() < 100 {
                break;
            }
        }
        Ok(items)
    }
}

/// Sends a request; panics when there is no answer.
pub async fn send(request: reqwest::RequestBuilder) -> Reply {
    try_send(request)
        .await
        .unwrap_or_else(|error| panic!("no answer: {error:?}"))
}

/// Sends a request.
pub async fn try_send(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Reply {
        status,
        headers,
        text,
        body,
    })
}

impl Reply {
    /// A header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The reply itself, when its status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The reply itself, when it is a problem detail with this status.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.body["status"], status, "{}", reply.text);
        assert!(
            reply.body["title"]
                .as_str()
                .is_some_and(|title| title.len() > 3),
            "{}",
            reply.text
        );
        reply
    }

    /// A number in the body.
    #[track_caller]
    pub fn number(&self, field: &str) -> u64 {
        self.body[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no number {field} in {}", self.text))
    }
}
