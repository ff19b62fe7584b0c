//! Typed calls from outside: a request at `<app>.call.<context>.<interface>.<function>` is answered in JSON.

use std::sync::Arc;

use async_nats::{Client, HeaderMap, Message};
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::bridge::Bridge;
use super::connection::{self, Connection};
use super::subject;
use crate::core::cloud_event::JSON;
use crate::core::correlation::CORRELATION_ID;
use crate::core::{CallId, Correlation, CorrelationId, digest};
use crate::gateway::idempotency_key;
use crate::gateway::problem::Problem;
use crate::guest::{Operation, json, value};
use crate::invocation::{self, CallRequest, Caller, Context};
use crate::observe::telemetry;

/// How many calls are under way at once; more wait in the connection.
const AT_ONCE: usize = 1_024;
/// The headers by which NATS clients know an error.
const ERROR: &str = "Nats-Service-Error";
const ERROR_CODE: &str = "Nats-Service-Error-Code";

/// Answers calls until the host stops.
pub(super) struct Calls {
    bridge: Arc<Bridge>,
    connection: Arc<Connection>,
    /// How subjects of this app begin.
    app: String,
    /// How those of calls begin.
    prefix: String,
}

/// What is sent back.
struct Reply {
    headers: HeaderMap,
    body: Bytes,
}

impl Calls {
    pub(super) fn new(bridge: &Arc<Bridge>, connection: &Arc<Connection>, prefix: &str) -> Self {
        Self {
            bridge: bridge.clone(),
            connection: connection.clone(),
            app: format!("{prefix}."),
            prefix: subject::of_calls(prefix).trim_end_matches('>').to_owned(),
        }
    }

    pub(super) async fn run(self) {
        let stop = self.bridge.shutdown.clone();
        let mut backoff = connection::backoff();
        let calls = Arc::new(self);
        loop {
            // Why there is no connection is said by the relay.
            let client = tokio::select! {
                () = stop.cancelled() => return,
                client = calls.connection.client() => client,
            };
            if let Ok(client) = client {
                calls.serve(&client).await;
            }
            if backoff.pause(&stop).await.is_break() {
                return;
            }
        }
    }

    async fn serve(self: &Arc<Self>, client: &Client) {
        let subject = format!("{}>", self.prefix);
        // A queue group: where two hosts have the same name, one of them answers.
        let group = self.prefix.trim_end_matches('.').to_owned();
        let mut requests = match client.queue_subscribe(subject, group).await {
            Ok(requests) => requests,
            Err(error) => {
                tracing::warn!(%error, "calls over NATS are not being answered");
                return;
            }
        };
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let stop = &self.bridge.shutdown;
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => break,
                message = requests.next() => message,
            };
            // Nobody closes the semaphore.
            let (Some(message), Ok(place)) = (message, places.clone().acquire_owned().await) else {
                break;
            };
            let (calls, client) = (self.clone(), client.clone());
            self.bridge.tasks.spawn(async move {
                calls.handle(&client, message).await;
                drop(place);
            });
        }
        if let Err(error) = requests.unsubscribe().await {
            tracing::debug!(%error, "the connection ended before the answer was sent");
        }
    }

    async fn handle(&self, client: &Client, message: Message) {
        if let Some(to) = &message.reply
            && !self.may_answer_at(to)
        {
            tracing::debug!(subject = %message.subject, reply = %to, "a call over NATS asks for its answer where no caller may have the host publish; it was not run");
            return;
        }
        let longest = client.server_info().max_payload;
        let reply = self.answer(&message, longest).await;
        let Some(to) = message.reply else { return };
        let sent = client
            .publish_with_headers(to, reply.headers, reply.body)
            .await;
        if let Err(error) = sent {
            tracing::warn!(subject = %message.subject, %error, "the answer to a call over NATS could not be sent");
        }
    }

    /// Whether a caller may be answered there. The host may publish where callers may not: what the server itself listens to, and what is taken for an event.
    fn may_answer_at(&self, reply: &str) -> bool {
        let followed = self.bridge.manifest().subscriptions();
        let is_followed = followed
            .iter()
            .any(|subscription| subject::covers(&subscription.subject, reply));
        !(reply.starts_with('$') || reply.starts_with(&self.app) || is_followed)
    }

    async fn answer(&self, message: &Message, longest: usize) -> Reply {
        let headers = headers(message.headers.as_ref());
        let correlation = match Correlation::of(&headers) {
            Ok(correlation) => correlation,
            Err(malformed) => {
                let problem = Problem::new(StatusCode::BAD_REQUEST, malformed.to_string());
                return Reply::of_problem(&problem, &malformed.0.id);
            }
        };
        let id = correlation.id.clone();
        match self.call(message, &headers, correlation).await {
            Ok(body) => {
                let reply = Reply::new(JSON, &id, body);
                if reply.size() <= longest {
                    return reply;
                }
                let detail = format!(
                    "the answer is larger than the {longest} bytes that the NATS server accepts; the call took effect"
                );
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
                Reply::of_problem(&problem, &id)
            }
            Err(problem) => Reply::of_problem(&problem, &id),
        }
    }

    async fn call(
        &self,
        message: &Message,
        headers: &http::HeaderMap,
        correlation: Correlation,
    ) -> Result<Vec<u8>, Problem> {
        let (context, operation) = self.find(&message.subject)?;
        let key = idempotency_key(&Method::POST, headers)?;
        let given = match message.payload.is_empty() {
            true => None,
            false => Some(serde_json::from_slice(&message.payload).map_err(|error| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("the parameters are not JSON: {error}"),
                )
            })?),
        };
        let parameters = json::parameters(&operation.parameters, given)
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
        let encoded = value::encode(&parameters)
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
        let request = CallRequest {
            id: match key {
                Some(key) => format!("call-key:{}", digest(&[key.as_bytes()])).into(),
                None => CallId::random(),
            },
            operation,
            parameters,
            encoded,
            correlation_id: correlation.id,
            causation_id: None,
            trace: telemetry::sampled(correlation.trace),
            // Whoever may send messages could say that he is anybody.
            identity: None,
            deadline: Instant::now() + context.settings.limits.deadline,
            call_stack: Arc::default(),
            may_have_run: false,
            caller: Caller::Outside,
            consent: None,
        };
        let answer = invocation::reach(&self.bridge.invoker, &context, request).await;
        let answer = answer.map_err(|failure| Problem::from(&failure))?;
        // Names and plain data always serialize.
        Ok(serde_json::to_vec(&json::write(&answer.answer)).unwrap_or_default())
    }

    /// The function that a subject names.
    fn find(&self, subject: &str) -> Result<(Arc<Context>, Arc<Operation>), Problem> {
        let not_found = |detail: String| Problem::new(StatusCode::NOT_FOUND, detail);
        let words: Vec<_> = subject
            .strip_prefix(&self.prefix)
            .unwrap_or_default()
            .split('.')
            .collect();
        let [context, interface, function] = words[..] else {
            let wanted = format!("write {}<context>.<interface>.<function>", self.prefix);
            return Err(not_found(wanted));
        };
        let Some(context) = self.bridge.context(context) else {
            return Err(not_found(format!("there is no context `{context}`")));
        };
        let Some(version) = context.version() else {
            let failure = crate::invocation::Failure::NotServing {
                context: context.name.clone(),
            };
            return Err(Problem::from(&failure));
        };
        let offers = version.guest.offers();
        let named: Vec<_> = offers
            .iter()
            .filter(|(name, _)| short(name) == interface)
            .collect();
        match named[..] {
            [] => {
                let known: Vec<_> = offers.keys().map(|name| short(name)).collect();
                Err(not_found(format!(
                    "context `{}` offers no interface `{interface}`; it offers: {}",
                    context.name,
                    known.join(", ")
                )))
            }
            [(_, offered)] => match offered.operations.get(function) {
                Some(operation) => Ok((context.clone(), operation.clone())),
                None => {
                    let known: Vec<_> = offered.operations.keys().cloned().collect();
                    Err(not_found(format!(
                        "`{interface}` of context `{}` has no function `{function}`; it has: {}",
                        context.name,
                        known.join(", ")
                    )))
                }
            },
            _ => Err(Problem::new(
                StatusCode::CONFLICT,
                format!(
                    "context `{}` offers more than one version of `{interface}`, and a subject cannot say which",
                    context.name
                ),
            )),
        }
    }
}

impl Reply {
    fn new(content_type: &str, correlation_id: &CorrelationId, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", content_type);
        headers.insert(CORRELATION_ID.as_str(), correlation_id.as_str());
        Self {
            headers,
            body: body.into(),
        }
    }

    /// How many bytes it has on the way, as the server counts them.
    fn size(&self) -> usize {
        const VERSION: usize = "NATS/1.0\r\n\r\n".len();
        let fields = self.headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values
                .iter()
                .map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
        });
        VERSION + fields.sum::<usize>() + self.body.len()
    }

    fn of_problem(problem: &Problem, correlation_id: &CorrelationId) -> Self {
        let body = problem.body(Some(correlation_id));
        let mut reply = Self::new("application/problem+json", correlation_id, body);
        // What the caller sent may be quoted in it.
        let detail = problem.detail().replace(char::is_control, " ");
        reply.headers.insert(ERROR, detail);
        reply.headers.insert(ERROR_CODE, problem.status().as_str());
        for (name, value) in problem.headers() {
            if let Ok(value) = value.to_str() {
                reply.headers.insert(name.as_str(), value);
            }
        }
        reply
    }
}

/// The name of an interface without its package and version: `rooms` of `stay:room/rooms@0.1.0`.
fn short(interface: &str) -> &str {
    let name = interface.rsplit('/').next().unwrap_or(interface);
    name.split('@').next().unwrap_or(name)
}

/// The headers of a message as those of HTTP, which are read in the same way. What cannot be one is left out.
fn headers(headers: Option<&HeaderMap>) -> http::HeaderMap {
    let mut read = http::HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        for value in values {
            if let Ok(value) = HeaderValue::from_str(value.as_str()) {
                // Of more than there is room for the rest is left out: what is read here is among a few.
                let _ = read.try_append(name.clone(), value);
            }
        }
    }
    read
}
