//! `[gateway]`: the public port.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use serde::Deserialize;

use super::{
    access_log::AccessLogSettings, gateway_auth::GatewayAuthSettings,
    gateway_tls::GatewayTlsSettings, network::Network, scalar,
};

/// `[gateway]`: the public port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Where to listen. Port 0 takes a free one.
    #[serde(deserialize_with = "scalar::address")]
    pub listen: SocketAddr,
    /// Which pages of other origins may call; none when absent.
    pub cors: Option<Cors>,
    /// How often one client address may call; unlimited when absent.
    pub rate_limit: Option<RateLimit>,
    /// Connections served at once. One more takes the place of the one that has been idle for longest, or waits.
    #[serde(deserialize_with = "scalar::positive")]
    pub max_connections: NonZeroU32,
    /// How long a client may take to send a request's head, and stay idle between two, or without any in HTTP/2: longer than a proxy in front keeps idle
    /// connections (often 60 s), as it would send requests into closed ones.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer. In HTTP/2 each answer has this time of its own.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub write_timeout: Duration,
    /// How long requests in flight may take to end at shutdown.
    #[serde(deserialize_with = "scalar::duration")]
    pub drain: Duration,
    /// Whether answers say in a header which version of the context gave them.
    pub version_header: bool,
    /// Whether anybody may ask for `GET /openapi.json`: the routes of the app, as its versions describe them.
    pub openapi: bool,
    /// Whom the port believes what it says of the clients behind it.
    pub trusted_proxies: Vec<Network>,
    /// How answers may be compressed, the preferred way first; not at all when empty.
    pub compression: Vec<ContentCoding>,
    /// TLS, with which certificate; none when absent.
    pub tls: Option<GatewayTlsSettings>,
    /// Whose tokens are taken where a route asks for one.
    pub auth: Option<GatewayAuthSettings>,
    /// A line for each request.
    pub access_log: AccessLogSettings,
}

/// A content coding that answers may have (RFC 9110 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentCoding {
    /// Brotli (RFC 7932).
    Br,
    /// gzip (RFC 1952).
    Gzip,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            cors: None,
            rate_limit: None,
            max_connections: NonZeroU32::MIN.saturating_add(16_383),
            header_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            version_header: false,
            openapi: false,
            trusted_proxies: Vec::new(),
            compression: Vec::new(),
            tls: None,
            auth: None,
            access_log: AccessLogSettings::default(),
        }
    }
}

/// `[gateway.cors]`: which pages of other origins may call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// The origins, such as `https://stay.example`; `*` alone means any.
    pub origins: Vec<String>,
    /// The methods they may use.
    pub methods: Vec<String>,
    /// The request headers they may send.
    pub headers: Vec<String>,
    /// How long a browser may remember the answer.
    #[serde(deserialize_with = "scalar::duration")]
    pub max_age: Duration,
    /// Whether they may send cookies and the like. Not with `*`.
    pub credentials: bool,
}

impl Default for Cors {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            origins: texts(&["*"]),
            methods: texts(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            headers: texts(&[
                "content-type",
                "idempotency-key",
                "traceparent",
                "tracestate",
                "x-correlation-id",
            ]),
            max_age: Duration::from_secs(600),
            credentials: false,
        }
    }
}

/// `[gateway.rate_limit]`: a token bucket per client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests a second the bucket regains.
    #[serde(deserialize_with = "scalar::positive")]
    pub requests_per_second: NonZeroU32,
    /// How many requests it holds: what a client may send at once.
    #[serde(deserialize_with = "scalar::positive")]
    pub burst: NonZeroU32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::MIN.saturating_add(99),
            burst: NonZeroU32::MIN.saturating_add(199),
        }
    }
}
