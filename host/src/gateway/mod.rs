//! The public port: HTTP in front of the contexts' routes.
//!
//! Everything that is about HTTP ends here: methods, media types, sizes, encodings, connections. What is let through has a route, and becomes
//! an invocation.

mod access_log;
mod auth;
pub(crate) mod authority;
mod backend;
mod compression;
pub(crate) mod connection;
mod connection_info;
pub(crate) mod connection_limit;
pub(crate) mod connection_state;
mod connection_stream;
mod cors;
pub(crate) mod decode;
mod forwarded;
pub(crate) mod framing;
mod http2_backpressure;
mod http_service;
pub(crate) mod listener;
mod metrics;
mod observed;
mod parse_error;
pub mod problem;
#[cfg(test)]
mod problem_types_in_docs;
pub(crate) mod rate_limit;
mod request;
mod request_body;
mod response;
mod route_metrics;
mod span;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

pub use self::access_log::{AccessLog, AccessLogError};
pub use self::auth::{AuthError, Authenticator};
pub use self::backend::Backend;
pub(crate) use self::request::idempotency_key;
use self::{
    connection::{ConnectionShutdown, FIRST_REQUEST, Protocol},
    connection_limit::{ConnectionLimit, ConnectionPermit},
    connection_state::ConnectionState,
    http_service::HttpService,
};
use crate::core::human_duration;
use crate::manifest::GatewaySettings;
use crate::tls::{self, NoTls, Terms, Tls, Transport};

/// How long connections may take to close when they are told to.
const LETTING_GO: Duration = Duration::from_secs(1);

/// The public port, taken but not yet served.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    settings: GatewaySettings,
}

impl Gateway {
    /// Takes the port. Clients may connect from now on; they are answered once it is served.
    pub fn bind(settings: &GatewaySettings) -> Result<Self, GatewayError> {
        let unavailable = |source| GatewayError {
            address: settings.listen,
            source,
        };
        let listener = listener::listen(settings.listen).map_err(unavailable)?;
        Ok(Self {
            address: listener.local_addr().map_err(unavailable)?,
            listener,
            settings: settings.clone(),
        })
    }

    /// The address taken: with the port that was chosen, if it was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves, with the security that it is given, and a line in the access log for each request, until `stop`, and then until requests in flight have ended, or the time to drain has.
    pub async fn serve<R: Backend>(
        self,
        backend: R,
        security: Security,
        access_log: Option<Arc<AccessLog>>,
        stop: CancellationToken,
    ) -> Drained {
        let Self {
            listener, settings, ..
        } = self;
        let Security { tls, authenticator } = security;
        let authenticator = authenticator.map(Arc::new);
        let connections = TaskTracker::new();
        let open = Open {
            service: Arc::new(HttpService::new(
                &settings,
                backend,
                authenticator.clone(),
                access_log,
            )),
            authenticator,
            protocol: Protocol::new(&settings, &connections),
            connections,
            tls: tls.map(Arc::new),
            limit: ConnectionLimit::new(settings.max_connections.get() as usize),
            shutdown: ConnectionShutdown {
                graceful: CancellationToken::new(),
                forced: CancellationToken::new(),
            },
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = open.accept(&listener) => {}
            () = open.reload(stop.clone()) => {}
        }
        for (tcp, client) in listener::close(listener) {
            // Beyond the limit, it is refused.
            if let Some(permit) = open.limit.try_acquire() {
                open.serve_connection(tcp, client, permit);
            }
        }
        open.drain(settings.drain).await
    }
}

/// What the files hold that say who the public port is, and whose tokens it takes.
#[derive(Default)]
pub struct Security {
    /// TLS; none when it is not spoken.
    pub tls: Option<Tls>,
    /// What tells good tokens from others; none when no route asks for one.
    pub authenticator: Option<Authenticator>,
}

/// The public port while it is served.
struct Open<R> {
    service: Arc<HttpService<R>>,
    protocol: Protocol,
    connections: TaskTracker,
    tls: Option<Arc<Tls>>,
    authenticator: Option<Arc<Authenticator>>,
    limit: ConnectionLimit,
    shutdown: ConnectionShutdown,
}

impl<R: Backend> Open<R> {
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let (tcp, client) = listener::accept(listener).await;
            let permit = self.limit.acquire().await;
            self.serve_connection(tcp, client, permit);
        }
    }

    /// Reads the files of certificates and keys again. Never ends before `stop`.
    async fn reload(&self, stop: CancellationToken) {
        let certificates = async {
            if let Some(tls) = &self.tls {
                Arc::clone(tls).reload(stop.clone()).await;
            }
        };
        let keys = async {
            if let Some(authenticator) = &self.authenticator {
                Arc::clone(authenticator).reload(stop.clone()).await;
            }
        };
        tokio::join!(certificates, keys, stop.cancelled());
    }

    fn serve_connection(&self, tcp: TcpStream, client: SocketAddr, permit: ConnectionPermit) {
        let connected = self.service.metrics.connection();
        // Tokens of its own keep a connection from waiting for the lock of all others.
        let shutdown = ConnectionShutdown {
            graceful: self.shutdown.graceful.child_token(),
            forced: self.shutdown.forced.child_token(),
        };
        let state = Arc::new(ConnectionState::new(shutdown.graceful.clone()));
        let release = shutdown.forced.clone();
        let registered = self.limit.register(permit, Arc::clone(&state), release);
        let terms = self.tls.as_ref().map(|tls| tls.terms());
        let over_tls = terms.is_some();
        let service = Arc::clone(&self.service).service(
            client.ip(),
            over_tls,
            Arc::clone(&state),
            shutdown.forced.clone(),
        );
        let protocol = self.protocol.clone();
        self.connections.spawn(async move {
            // The place is taken from the first byte on, and can be lost before TLS is spoken.
            let _place = (connected, registered);
            if let Some(transport) = transport(tcp, terms.as_deref(), &shutdown).await {
                protocol.serve(transport, state, service, shutdown).await;
            }
        });
    }

    async fn drain(self, time: Duration) -> Drained {
        self.shutdown.graceful.cancel();
        self.connections.close();
        info!(
            connections = self.connections.len(),
            "the gateway no longer accepts requests"
        );
        if timeout(time, self.connections.wait()).await.is_ok() {
            return Drained { forced: 0 };
        }
        let forced = self.connections.len();
        warn!(
            connections = forced,
            "requests were still running after {}; their connections are closed",
            human_duration(time)
        );
        self.shutdown.forced.cancel();
        // They only have to notice.
        let _ = timeout(LETTING_GO, self.connections.wait()).await;
        Drained { forced }
    }
}

/// What a connection is carried by, once both sides have agreed on that.
async fn transport(
    tcp: TcpStream,
    terms: Option<&Terms>,
    shutdown: &ConnectionShutdown,
) -> Option<Transport> {
    let Some(terms) = terms else {
        return Some(Transport::Plain(tcp));
    };
    // Whoever is about to agree when the port closes has a request on its way.
    let closing = async {
        shutdown.graceful.cancelled().await;
        sleep(FIRST_REQUEST).await;
    };
    let agreeing = async {
        match terms.agree(tcp).await {
            Ok(transport) => Some(transport),
            Err((error, tcp)) => {
                debug!("no TLS with a client: {error}");
                if let Some(tcp) = tcp {
                    tls::say_farewell(tcp, &last_words(&error)).await;
                }
                None
            }
        }
    };
    tokio::select! {
        transport = agreeing => transport,
        () = closing => None,
        () = shutdown.forced.cancelled() => None,
    }
}

/// What a client is told with whom nothing was agreed on.
pub(crate) fn last_words(error: &NoTls) -> Bytes {
    match error {
        NoTls::Plain => parse_error::response_to_plain_text(),
        NoTls::Gone | NoTls::Refused(_) => Bytes::new(),
    }
}

/// How the gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections, and streams of HTTP/2, that were closed although a request was running.
    pub forced: usize,
}

/// The public port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose another address with --listen")]
pub struct GatewayError {
    address: SocketAddr,
    source: io::Error,
}
