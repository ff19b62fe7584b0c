//! From a request to its response.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tracing::debug;

use super::{
    access_log::{AccessLog, Logged},
    auth::Authenticator,
    authority,
    backend::Backend,
    compression::Compression,
    connection::drain_timeout,
    connection_info::ConnectionInfo,
    connection_state::ConnectionState,
    cors, decode,
    forwarded::{self, Scheme, Sender},
    http2_backpressure,
    metrics::GatewayMetrics,
    observed::Observed,
    problem::Problem,
    rate_limit::{RateLimiter, network},
    request,
    request_body::{BodyTimeout, RequestBody},
    response,
    span::TracedRequest,
};
use crate::core::Correlation;
use crate::core::correlation::{MALFORMED_ID, Malformed};
use crate::invocation::{Failure, Origin};
use crate::manifest::{GatewaySettings, Network};
use crate::observe::telemetry;
use crate::versions::{Found, Route};

/// What can be asked of the server as a whole, `OPTIONS *`.
const ALL_METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// Where that is which the app answers.
const OPENAPI: &str = "/openapi.json";

/// Answers requests: by itself what it can, and with the backend's help the rest.
pub(super) struct HttpService<R> {
    backend: R,
    cors: Option<CorsLayer>,
    compression: Option<Compression>,
    trusted_proxies: Vec<Network>,
    strict_transport_security: Option<HeaderValue>,
    authenticator: Option<Arc<Authenticator>>,
    rate_limiter: Option<RateLimiter<IpAddr>>,
    body_timeout: Duration,
    /// How long a body may take to come when the port closes.
    drain_timeout: Duration,
    version_header: bool,
    /// Whether what the app answers is told to anybody.
    openapi: bool,
    access_log: Option<Arc<AccessLog>>,
    pub(super) metrics: GatewayMetrics,
}

/// A request on its way through the service.
#[derive(Clone, Copy)]
struct RequestContext<'a> {
    connection: ConnectionInfo<'a>,
    sender: &'a Sender,
    correlation: &'a Correlation,
    /// Whether it came with a correlation id that is none.
    malformed: bool,
    /// What becomes known of it.
    observed: &'a Observed,
}

impl<R: Backend> HttpService<R> {
    pub(super) fn new(
        settings: &GatewaySettings,
        backend: R,
        authenticator: Option<Arc<Authenticator>>,
        access_log: Option<Arc<AccessLog>>,
    ) -> Self {
        Self {
            backend,
            authenticator,
            access_log,
            cors: settings.cors.as_ref().map(cors::layer),
            compression: Compression::new(&settings.compression),
            trusted_proxies: settings.trusted_proxies.clone(),
            strict_transport_security: settings.tls.as_ref().and_then(|tls| {
                let text = tls.strict_transport_security.as_deref()?;
                HeaderValue::from_str(text).ok()
            }),
            rate_limiter: settings.rate_limit.map(RateLimiter::new),
            body_timeout: settings.body_timeout,
            drain_timeout: drain_timeout(settings.drain).min(settings.body_timeout),
            version_header: settings.version_header,
            openapi: settings.openapi,
            metrics: GatewayMetrics::new(),
        }
    }

    /// What answers the requests of one connection.
    pub(super) fn service(
        self: Arc<Self>,
        peer: IpAddr,
        over_tls: bool,
        state: Arc<ConnectionState>,
        forced: CancellationToken,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Send + 'static,
    > {
        hyper::service::service_fn(move |request| {
            state.note_request();
            let (service, state) = (Arc::clone(&self), Arc::clone(&state));
            let forced = forced.clone();
            async move {
                let connection = ConnectionInfo {
                    peer,
                    over_tls,
                    state: &state,
                    forced: &forced,
                };
                Ok(service.answer(connection, request).await)
            }
        })
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer(
        &self,
        connection: ConnectionInfo<'_>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let (mut correlation, malformed) = match Correlation::of(request.headers()) {
            Ok(correlation) => (correlation, false),
            Err(Malformed(correlation)) => (correlation, true),
        };
        correlation.trace = telemetry::sampled(correlation.trace);
        let observed = Observed::default();
        let ConnectionInfo { peer, over_tls, .. } = connection;
        let scheme = over_tls.then_some(Scheme::Https);
        let sender = forwarded::sender(&self.trusted_proxies, peer, scheme, request.headers());
        let context = RequestContext {
            connection,
            sender: &sender,
            correlation: &correlation,
            malformed,
            observed: &observed,
        };
        let traced = TracedRequest::begin(&request, peer);
        let logged = self.access_log.as_ref().map(|log| {
            let came_by = (connection, &sender);
            Logged::begin(log, &request, came_by, &correlation, &observed)
        });
        let head = request.method() == Method::HEAD;
        let compression = self.compression.as_ref();
        let compression = compression.map(|how| (how, how.choose(request.headers())));
        let mut response = match &self.cors {
            Some(layer) if request.method() != Method::OPTIONS || cors::is_preflight(&request) => {
                let inner = service_fn(|request| async {
                    Ok::<_, Infallible>(self.respond(context, request).await)
                });
                // In a box: each request would otherwise be as large as this is.
                let Ok(response) = Box::pin(layer.layer(inner).oneshot(request)).await;
                response
            }
            _ => self.respond(context, request).await,
        };
        response::correlate(&mut response, &correlation);
        if let Some(value) = &self.strict_transport_security
            && over_tls
        {
            let headers = response.headers_mut();
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value.clone());
        }
        if let Some((compression, coding)) = compression {
            response = compression.apply(coding, response).await;
        }
        if head {
            response = response::without_body(response);
        }
        let (status, took) = (response.status(), began.elapsed());
        self.metrics
            .answered(observed.metrics(), status, took, &correlation.trace);
        if let Some(traced) = traced {
            traced.end(&correlation, observed.route(), status, took);
        }
        if let Some(logged) = logged {
            logged.end(&response);
        }
        response
    }

    async fn respond(
        &self,
        context: RequestContext<'_>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let mut body = RequestBody::new(body);
        let result = self.handle(context, &parts, &mut body).await;
        let mut response =
            result.unwrap_or_else(|problem| problem.answer(Some(&context.correlation.id)));
        // Reading would ask a client for its body that waits to be asked.
        if parts.version <= Version::HTTP_11 && !parts.headers.contains_key(header::EXPECT) {
            body.take_leftover().await;
        }
        let state = context.connection.state;
        if !body.is_read() {
            state.leave_unread(parts.version, response.headers_mut());
        }
        state.end_after(parts.version, response.headers_mut());
        debug!(
            correlation_id = context.correlation.id.as_str(),
            client = %context.sender.address,
            method = %parts.method,
            path = parts.uri.path(),
            status = response.status().as_u16(),
            "request answered"
        );
        response
    }

    async fn handle(
        &self,
        context: RequestContext<'_>,
        parts: &Parts,
        body: &mut RequestBody,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        let RequestContext {
            connection,
            sender,
            correlation,
            malformed,
            observed,
        } = context;
        if malformed {
            return Err(Problem::new(StatusCode::BAD_REQUEST, MALFORMED_ID));
        }
        let target = request::check(parts)?;
        if let Some(limiter) = &self.rate_limiter {
            limiter
                .admit(network(sender.address), Instant::now())
                .map_err(|wait| {
                    let detail = "this client exceeded its rate limit";
                    Problem::of_kind(
                        StatusCode::TOO_MANY_REQUESTS,
                        "rate-limited",
                        "Rate limited",
                        detail,
                    )
                    .retry_after(wait)
                })?;
        }
        if self.openapi && parts.uri.path() == OPENAPI {
            return self.document(&parts.method);
        }
        // The table may be swapped meanwhile; this request keeps to what it found.
        let host = sender.host.as_deref().or(target.host);
        let host = host.and_then(authority::host_name);
        let found = self
            .backend
            .find(&parts.method, host.as_deref(), &target.path);
        let (route, values) = match found {
            Found::Route(route, values) => (route, values),
            Found::OtherMethods(allow) if parts.method == Method::OPTIONS => {
                return Ok(options(allow));
            }
            Found::OtherMethods(allow) => {
                let detail = format!("{} is not allowed at this path", parts.method);
                return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
                    .with_header(header::ALLOW, allow));
            }
            Found::Nothing | Found::Down(_)
                if parts.method == Method::OPTIONS && parts.uri.path() == "*" =>
            {
                return Ok(options(ALL_METHODS));
            }
            Found::Down(context) => {
                observed.note_route(self.metrics.of_down(&context));
                return Err(Problem::from(&Failure::NotServing { context }));
            }
            Found::Nothing => {
                return Err(Problem::new(
                    StatusCode::NOT_FOUND,
                    "no route matches this path",
                ));
            }
        };
        observed.note_route(self.metrics.of_route(&route));
        if self.authenticator.is_some() {
            self.refuse_past_guard(&parts.method, host.as_deref(), &target.path, &route)?;
        }
        if let Some(most) = route.requests_per_connection {
            connection.state.serve_at_most(most);
        }
        let (mut identity, mut waited) = (None, Duration::ZERO);
        if let Some(required) = &route.require {
            let authenticator = self.authenticator.as_ref();
            // A manifest that asks for tokens without saying whose is refused.
            let authenticator = authenticator
                .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "no token is taken here"))?;
            let began = tokio::time::Instant::now();
            let authorized =
                authenticator.authorize(required, &parts.headers, began + route.deadline);
            identity = Some(Box::pin(authorized).await?);
            waited = began.elapsed();
        }
        let mut request = request::read(&route, values, parts, &target, sender)?;
        if identity.is_some() {
            // The guest is told who it is. What has shown that goes no further, and into no journal.
            let token = header::AUTHORIZATION.as_str();
            request.headers.retain(|(name, _)| name != token);
        }
        let key = request::idempotency_key(&parts.method, &parts.headers)?;
        request::check_media_type(&route, &parts.headers, !body.is_empty())?;
        let _memory = self
            .backend
            .reserve(body.bound(route.request_limit))
            .map_err(|failure| Problem::from(&failure))?;
        let timeouts = BodyTimeout {
            normal: self.body_timeout,
            draining: self.drain_timeout,
            closing: connection.state.closing(),
        };
        request.body = body.read(route.request_limit, timeouts).await?;
        let most = route.response_limit;
        http2_backpressure::reserve_response(most)
            .await
            .map_err(|full| {
                let detail = full.to_string();
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Problem::of_kind(status, "overloaded", "Overloaded", detail)
                    .retry_after(Duration::from_secs(1))
            })?;

        let origin = Origin {
            correlation_id: correlation.id.clone(),
            causation_id: None,
            trace: correlation.trace.clone(),
            identity,
            waited,
        };
        let context = route.context.clone();
        // In a box: what is awaited is moved whole at each level above, and this is half of it.
        let answered = Box::pin(self.backend.web(context, request, origin, key)).await;
        let version = match &answered {
            Ok(answer) => &answer.made_by,
            Err(failed) => &failed.version,
        };
        if let Some(version) = version {
            observed.note_version(version.clone());
        }
        answered
            .map_err(|failed| failed.failure)
            .and_then(|answer| response::response(answer, self.version_header))
            .map_err(|failure| Problem::from(&failure))
    }

    /// Refuses a path that a guest may take for another one whose route asks for another token.
    fn refuse_past_guard(
        &self,
        method: &Method,
        host: Option<&str>,
        path: &str,
        route: &Route<R::Context>,
    ) -> Result<(), Problem> {
        let Some(lenient) = decode::read_leniently(path) else {
            return Ok(());
        };
        let is_guarded = decode::leads_elsewhere(&lenient)
            || match self.backend.find(method, host, &lenient) {
                Found::Route(other, _) => other.require.is_some() && other.require != route.require,
                _ => false,
            };
        match is_guarded {
            true => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "the path may be taken for another one, which asks for a token; send the path that is meant",
            )),
            false => Ok(()),
        }
    }

    /// What the app answers, as it is now.
    fn document(&self, method: &Method) -> Result<Response<Full<Bytes>>, Problem> {
        let allow = HeaderValue::from_static("GET, HEAD");
        match *method {
            Method::GET | Method::HEAD => {
                let mut response = Response::new(Full::new(self.backend.openapi()));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                Ok(response)
            }
            Method::OPTIONS => Ok(options(allow)),
            _ => {
                let detail = format!("{method} is not allowed at this path");
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
                Err(problem.with_header(header::ALLOW, allow))
            }
        }
    }
}

/// Says what can be done at a path.
fn options(allow: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, allow);
    response
}
