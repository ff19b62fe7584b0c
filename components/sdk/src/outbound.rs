//! Requests to the outside: to whom `allow_outbound` in the context's settings names.
//!
//! ```
//! use innkeeper_sdk::prelude::*;
//! use innkeeper_sdk::outbound;
//!
//! #[derive(Deserialize)]
//! struct Rate { euros: f64 }
//!
//! fn rate() -> Result<f64, outbound::Error> {
//!     let response = outbound::get("https://rates.example/usd").send()?;
//!     Ok(response.json::<Rate>()?.euros)
//! }
//! # fn main() {}
//! ```
//!
//! What is asked is no part of the commit: it stays when the invocation fails, and when it is run again after a crash it is asked again. Whatever may change something
//! carries an `Idempotency-Key` that is the same then.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::outside::send;

#[cfg(target_arch = "wasm32")]
#[allow(clippy::all, clippy::pedantic, missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package innkeeper:sdk-outbound;
            world outbound {
                import innkeeper:outbound/http@0.1.0;
            }
        ",
        path: "wit",
        world: "innkeeper:sdk-outbound/outbound",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer may take to begin.
    pub timeout: Option<Duration>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer, or none that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It was not sent: the context may not ask there.
    Denied(String),
    /// It was not sent: it is none.
    Invalid(String),
    /// It was not sent: the host has no room for it now.
    Overloaded(String),
    /// There is no connection, or none in time.
    Unreachable(String),
    /// There was no answer in time: whether it has had an effect is not known.
    TimedOut(String),
    /// The body of the request or of the answer is too long.
    TooLarge(String),
    /// What came back is no answer, or not the JSON that is wanted.
    Broken(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied(reason)
            | Self::Invalid(reason)
            | Self::Overloaded(reason)
            | Self::Unreachable(reason)
            | Self::TimedOut(reason)
            | Self::TooLarge(reason)
            | Self::Broken(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

/// A `GET`.
#[must_use]
pub fn get(url: &str) -> Request {
    Request::new("GET", url)
}

/// A `POST`.
#[must_use]
pub fn post(url: &str) -> Request {
    Request::new("POST", url)
}

impl Request {
    /// A request without headers and without a body.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
        }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these bytes.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// With a value as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what JSON cannot say.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(value);
        let bytes = bytes.map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(self.header("content-type", "application/json").body(bytes))
    }

    /// How long the answer may take to begin.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it, and waits for the whole answer. A redirect is an answer like any other.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn send(self) -> Result<Response, Error> {
        send(self)
    }
}

#[cfg(target_arch = "wasm32")]
fn send(request: Request) -> Result<Response, Error> {
    use self::bindings::innkeeper::outbound::http;

    let milliseconds = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let answered = http::send(&http::Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout_ms: request.timeout.map(milliseconds),
    });
    match answered {
        Ok(response) => Ok(Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }),
        Err(error) => Err(match error {
            http::Error::Denied(reason) => Error::Denied(reason),
            http::Error::Invalid(reason) => Error::Invalid(reason),
            http::Error::Overloaded(reason) => Error::Overloaded(reason),
            http::Error::Unreachable(reason) => Error::Unreachable(reason),
            http::Error::TimedOut(reason) => Error::TimedOut(reason),
            http::Error::TooLarge(reason) => Error::TooLarge(reason),
            http::Error::Broken(reason) => Error::Broken(reason),
        }),
    }
}

impl Response {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] when it is not that.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Broken(error.to_string()))
    }
}
