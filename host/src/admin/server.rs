//! Listening, and serving connections.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use hyper::body::{Body, Incoming};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{ServiceExt, service_fn};

use super::audit::{Asked, Audit};
use super::error::AdminError;
use super::events::STREAMS;
use super::peer::Peer;
use super::problem::Problem;
use super::router::router;
use super::state::State;
use super::token_reload::{self, TokenSources};
use super::token_throttle::TokenThrottle;
use super::tokens::Tokens;
use super::uploads::Uploads;
use crate::app::Host;
use crate::gateway::connection::{ConnectionShutdown, Protocol};
use crate::gateway::connection_limit::ConnectionLimit;
use crate::gateway::connection_state::ConnectionState;
use crate::gateway::{self, authority, decode, framing, listener};
use crate::manifest::{GatewaySettings, RateLimit};
use crate::observe::metrics::Metrics;
use crate::tls::{self, NoTls, Terms, Tls, Transport};

/// Connections served at once, where there are descriptors for so many. One more takes the place of one that is idle, or waits.
pub(crate) const CONNECTIONS: usize = 256;
/// How long answers may take to end when the port closes.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How long connections may go on whose clients would not be let in any more.
const FAREWELL: Duration = Duration::from_secs(10);

/// Who may do what at the port, and where it is written down.
pub struct Access {
    /// Who is known.
    pub tokens: Tokens,
    /// Where that comes from.
    pub sources: TokenSources,
    /// Where it is written down who did what.
    pub audit: Audit,
    /// How often one of them may upload.
    pub upload_limit: RateLimit,
    /// What TLS is spoken with; none when it is not.
    pub tls: Option<Tls>,
}

/// The operators' port, taken but not yet served.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// The operators' port.
pub struct Admin {
    state: Arc<State>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Bound {
    /// Takes the port.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub fn listen(address: SocketAddr) -> Result<Self, AdminError> {
        let cannot = |source| AdminError::Listen { address, source };
        let listener = listener::listen(address).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { listener, address })
    }

    /// The address taken: with the port that was chosen, if it was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves it, so many connections at once. Until [`Admin::running`] it says that the app is starting.
    pub fn serve(self, access: Access, places: usize, metrics: Metrics) -> Admin {
        let Access {
            tokens,
            sources,
            audit,
            upload_limit,
            tls,
        } = access;
        let tasks = TaskTracker::new();
        let state = Arc::new(State {
            metrics,
            tasks: tasks.clone(),
            tokens: watch::Sender::new(tokens),
            token_throttle: TokenThrottle::new(),
            audit,
            uploads: Uploads::new(upload_limit),
            private: self.address.ip().is_loopback(),
            host: OnceLock::new(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            backup: Arc::new(Semaphore::new(1)),
            liveness: Arc::default(),
            draining: CancellationToken::new(),
        });
        let admin = Admin {
            closing: CancellationToken::new(),
            tasks,
            state,
        };
        let tls = tls.map(Arc::new);
        let acceptor = Acceptor {
            state: admin.state.clone(),
            router: router(admin.state.clone()),
            tls: tls.clone(),
            closing: admin.closing.clone(),
        };
        admin
            .tasks
            .spawn(acceptor.accept(self.listener, ConnectionLimit::new(places)));
        let closing = admin.closing.clone();
        if let Some(tls) = tls {
            admin.tasks.spawn(tls.reload(closing.clone()));
        }
        admin
            .tasks
            .spawn(token_reload::reload(admin.state.clone(), sources, closing));
        admin
    }
}

impl Admin {
    /// The app is started.
    pub fn running(&self, host: Arc<Host>) {
        // There is one app; a second one changes nothing.
        let _ = self.state.host.set(host);
    }

    /// The host was asked to stop: from now on it is not ready.
    pub fn draining(&self) {
        self.state.draining.cancel();
    }

    /// Closes.
    pub async fn stop(self) {
        self.closing.cancel();
        self.tasks.close();
        // Who still reads after that has had its time.
        let _ = tokio::time::timeout(LAST_WAIT, self.tasks.wait()).await;
    }
}

/// Where connections come in.
struct Acceptor {
    state: Arc<State>,
    router: Router,
    tls: Option<Arc<Tls>>,
    closing: CancellationToken,
}

impl Acceptor {
    async fn accept(self, listener: TcpListener, limit: ConnectionLimit) {
        let tasks = &self.state.tasks;
        let protocol = Protocol::new(&GatewaySettings::default(), tasks);
        let accepting = async {
            loop {
                let (tcp, client) = listener::accept(&listener).await;
                let permit = limit.acquire().await;
                let shutdown = ConnectionShutdown {
                    graceful: self.closing.child_token(),
                    forced: CancellationToken::new(),
                };
                let connection = Arc::new(ConnectionState::new(shutdown.graceful.clone()));
                let registered =
                    limit.register(permit, connection.clone(), shutdown.forced.clone());
                let (router, at_service) = (self.router.clone(), connection.clone());
                let service = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(Peer(client.ip()));
                    answer(router.clone(), at_service.clone(), request)
                });
                let service = TowerToHyperService::new(service);
                // This port closes last: nobody's first request is waited for.
                connection.note_request();
                let terms = self.tls.as_ref().map(|tls| tls.terms());
                let (state, protocol) = (self.state.clone(), protocol.clone());
                tasks.spawn(async move {
                    // The place is taken from the first byte on, and can be lost before TLS is spoken.
                    let _registered = registered;
                    let transport = tokio::select! {
                        transport = transport(&state, tcp, client.ip(), terms.as_deref()) => transport,
                        () = shutdown.forced.cancelled() => return,
                        () = shutdown.graceful.cancelled() => return,
                    };
                    let Some(transport) = transport else {
                        return;
                    };
                    let serving = protocol.serve(transport, connection, service, shutdown.clone());
                    tokio::select! {
                        () = serving => {}
                        () = outlived(terms.as_deref(), &shutdown) => {}
                    }
                });
            }
        };
        self.closing.run_until_cancelled(accepting).await;
    }
}

/// What a connection is carried by, once both sides have agreed on that.
async fn transport(
    state: &State,
    tcp: TcpStream,
    from: IpAddr,
    terms: Option<&Terms>,
) -> Option<Transport> {
    let Some(terms) = terms else {
        return Some(Transport::Plain(tcp));
    };
    match terms.agree(tcp).await {
        Ok(transport) => Some(transport),
        Err((error, tcp)) => {
            tracing::debug!(%from, %error, "the TLS handshake failed");
            if matches!(error, NoTls::Refused(_)) {
                let asked = Asked {
                    from: Some(from.to_string()),
                    ..Asked::default()
                };
                state.audit.refused(&asked, None::<u16>, "handshake").await;
            }
            if let Some(tcp) = tcp {
                tls::say_farewell(tcp, &gateway::last_words(&error)).await;
            }
            None
        }
    }
}

/// Waits until a connection has outlived what its client was let in by; asks it to end, and gives it some time for it.
async fn outlived(terms: Option<&Terms>, shutdown: &ConnectionShutdown) {
    let Some(terms) = terms else {
        return std::future::pending().await;
    };
    terms.over.cancelled().await;
    shutdown.graceful.cancel();
    tokio::time::sleep(FAREWELL).await;
}

/// Answers a request. Who is refused may still be sending, since a refusal does not wait for the body.
async fn answer(
    router: Router,
    connection: Arc<ConnectionState>,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let has_body = !request.body().is_end_stream();
    let version = request.version();
    let mut response = match make_plain(&mut request) {
        Ok(()) => router.oneshot(request).await?,
        Err(problem) => problem.into_response(),
    };
    if has_body && response.status().as_u16() >= 400 {
        connection.leave_unread(version, response.headers_mut());
    }
    Ok(response)
}

/// Says in one way whom the request is for, and in one way which path it asks for.
fn make_plain(request: &mut Request<Incoming>) -> Result<(), Problem> {
    framing::check(request.headers())?;
    let (uri, version) = (request.uri(), request.version());
    let host = authority::of(uri, request.headers(), version)?.map(str::to_owned);
    let path =
        decode::plain_path(uri.path()).map_err(|_| bad("the path is not percent-encoded UTF-8"))?;
    if path != uri.path() {
        let query = uri.query().map(|query| format!("?{query}"));
        let target = format!("{path}{}", query.unwrap_or_default());
        *request.uri_mut() = target
            .parse::<Uri>()
            .map_err(|_| bad("the path cannot be read"))?;
    }
    if let Some(host) = host {
        let host = HeaderValue::from_str(&host).map_err(|_| bad("the host cannot be read"))?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
