//! A gateway in front of a backend that answers without guests.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use http::Method;
use innkeeper::core::{
    memory::{Budget, Reservation},
    message::{Request, Response, WebAnswer},
};
use innkeeper::gateway::{AccessLog, Backend, Drained, Gateway, Security};
use innkeeper::guest;
use innkeeper::invocation::{Failure, Origin, WebFailure};
use innkeeper::manifest::GatewaySettings;
use innkeeper::versions::{Found, Offer, Routes};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// How long a test waits for what should happen at once.
pub const SOON: Duration = Duration::from_secs(10);
/// The most that a body may have here, in bytes.
pub const LIMIT: u64 = 100;

/// The most that the head of an answer may have here, in bytes.
pub const MOST_HEAD: u64 = 16 << 10;

/// What the backend knows.
pub struct State {
    pub routes: ArcSwap<Routes<&'static str>>,
    /// Lets requests of `/slow` go.
    pub gate: Semaphore,
    /// What `/head` answers, if it may.
    pub answer: Mutex<Response>,
    /// Tells of requests that came to `/slow`, and of those that are there no more.
    events: mpsc::UnboundedSender<&'static str>,
}

/// Tells that a request is no longer there.
struct Gone<'a>(&'a State);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = self.0.events.send("gone");
    }
}

#[derive(Clone)]
struct StubBackend(Arc<State>);

impl Backend for StubBackend {
    type Context = &'static str;

    fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Found<&'static str> {
        self.0.routes.load().find(method, host, path)
    }

    fn openapi(&self) -> bytes::Bytes {
        bytes::Bytes::from_static(b"{\"openapi\":\"3.1.0\"}")
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation, Failure> {
        Ok(Budget::new(u64::MAX).reserve(bytes)?)
    }

    fn web(
        &self,
        context: &'static str,
        request: Request,
        origin: Origin,
        key: Option<String>,
    ) -> impl Future<Output = Result<WebAnswer, WebFailure>> + Send + 'static {
        let state = Arc::clone(&self.0);
        async move {
            match request.route.as_str() {
                "/slow" => {
                    let _ = state.events.send("came");
                    let _gone = Gone(&state);
                    let _ = state.gate.acquire().await;
                }
                "/head" => {
                    let response = state.answer.lock().clone();
                    return match response.validate(MOST_HEAD) {
                        Ok(()) => Ok(WebAnswer {
                            response,
                            ..answer(200, Vec::new(), Vec::new())
                        }),
                        Err(reason) => Err(Failure::InvalidResponse { reason }.into()),
                    };
                }
                "/failures/{kind}" => {
                    return Err(WebFailure {
                        failure: failure(&request),
                        version: Some("7".into()),
                    });
                }
                "/nothing" => return Ok(answer(204, Vec::new(), b"something".to_vec())),
                "/headers" => {
                    let headers = [
                        ("content-length", "7"),
                        ("Connection", "close"),
                        ("x-correlation-id", "forged"),
                        ("ETag", "\"1\""),
                        ("x-two", "a"),
                        ("x-two", "b"),
                    ];
                    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
                    return Ok(answer(201, headers.to_vec(), Vec::new()));
                }
                _ => {}
            }
            let replayed = key.as_deref() == Some("again");
            let seen = json!({
                "context": context,
                "method": request.method,
                "route": request.route,
                "path": request.path,
                "parameters": request.parameters,
                "query": request.query,
                "headers": request.headers,
                "body": String::from_utf8_lossy(&request.body),
                "correlation": origin.correlation_id,
                "trace": origin.trace.to_string(),
                "causation": origin.causation_id.as_deref().unwrap_or_default(),
                "key": key,
            });
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Ok(WebAnswer {
                replayed,
                ..answer(200, headers, seen.to_string().into_bytes())
            })
        }
    }
}

fn answer(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> WebAnswer {
    WebAnswer {
        response: Response {
            status,
            headers,
            body: body.into(),
        },
        replayed: false,
        delayed: false,
        made_by: None,
    }
}

fn failure(request: &Request) -> Failure {
    match request.parameters.first().map(|(_, kind)| kind.as_str()) {
        Some("overloaded") => Failure::Overloaded {
            context: "room".parse().unwrap(),
            retry_after: Duration::from_secs(3),
        },
        Some("deadline") => Failure::Deadline {
            after: Duration::from_secs(5),
        },
        Some("reused") => Failure::KeyReused,
        Some("panic") => panic!("as it was asked to"),
        _ => Failure::Trap {
            message: "a secret".to_owned(),
        },
    }
}

/// What the contexts describe.
pub fn routes(extra: &[(&str, &str)]) -> Routes<&'static str> {
    let route = |method: &str, path: &str, consumes: Option<&str>| guest::Route {
        method: method.to_owned(),
        path: path.to_owned(),
        consumes: consumes.map(str::to_owned),
    };
    let json = Some("application/json");
    let mut room = vec![
        route("GET", "/rooms", None),
        route("POST", "/rooms", json),
        route("GET", "/rooms/{id}", None),
        route("PATCH", "/rooms/{id}", json),
        route("DELETE", "/rooms/{id}", None),
        route("PUT", "/notes/{room}/{note}", None),
        route("GET", "/nothing", None),
        route("GET", "/headers", None),
        route("GET", "/head", None),
        route("GET", "/failures/{kind}", None),
    ];
    room.extend(extra.iter().map(|(method, path)| route(method, path, None)));
    let slow = [route("GET", "/slow", None), route("POST", "/slow", None)];
    let rules = BTreeMap::new();
    let [room_name, slow_name] = ["room", "slow"].map(|name| name.parse().unwrap());
    let offer = |context, name, routes| Offer {
        rules: &rules,
        context,
        name,
        request_limit: LIMIT,
        response_limit: LIMIT,
        deadline: Duration::from_secs(10),
        requests_per_connection: None,
        routes,
    };
    Routes::build([
        offer("room", &room_name, &room),
        offer("slow", &slow_name, &slow),
    ])
    .unwrap()
}

/// A gateway that is served until the test ends.
pub struct Served {
    pub address: SocketAddr,
    pub state: Arc<State>,
    pub stop: CancellationToken,
    pub ended: JoinHandle<Drained>,
    events: mpsc::UnboundedReceiver<&'static str>,
}

impl Served {
    pub async fn new() -> Self {
        Self::with(GatewaySettings::default()).await
    }

    pub async fn with(settings: GatewaySettings) -> Self {
        let access_log = AccessLog::open(&settings.access_log).unwrap();
        let settings = GatewaySettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..settings
        };
        let (sender, events) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            routes: ArcSwap::from_pointee(routes(&[])),
            gate: Semaphore::new(0),
            answer: Mutex::new(answer(200, Vec::new(), Vec::new()).response),
            events: sender,
        });
        let gateway = Gateway::bind(&settings).unwrap();
        let address = gateway.address();
        let stop = CancellationToken::new();
        let backend = StubBackend(Arc::clone(&state));
        let ended = tokio::spawn(gateway.serve(
            backend,
            Security::default(),
            access_log.map(Arc::new),
            stop.clone(),
        ));
        Self {
            address,
            state,
            stop,
            ended,
            events,
        }
    }

    pub async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Waits until this happened at `/slow`.
    pub async fn happens(&mut self, event: &str) {
        let happened = tokio::time::timeout(SOON, self.events.recv())
            .await
            .expect("nothing happened");
        assert_eq!(happened, Some(event));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
