//! `/v1/contexts/{name}/versions`: what there is, and what is brought.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::caller::Caller;
use super::extract::{Named, Query, reading, short_text};
use super::prefer::Preferences;
use super::problem::Problem;
use super::uploads::Place;
use super::view;
use crate::app::Host;
use crate::core::human_duration;
use crate::core::memory::Reservation;
use crate::invocation::Context;
use crate::manifest::{Ramp, parse_duration};
use crate::observe::sanitize::shown;
use crate::rollout::{self, CompilePriority, Outcome, Progress, Rollout, Upload, UploadError};

/// The media type of a component.
const WASM: &str = "application/wasm";
/// Carries a signature of the component.
const SIGNATURE: HeaderName = HeaderName::from_static("innkeeper-signature");
/// How long a component may take to come.
const ARRIVAL: Duration = Duration::from_secs(120);
/// How long it may take until it comes at all.
const GRACE: Duration = Duration::from_secs(10);
/// How many bytes a second have to come from then on, on the average: whoever trickles keeps a place from others.
const SLOWEST: u64 = 32 << 10;

/// What shall be done with a component.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[into_params(rename_all = "kebab-case")]
pub(super) struct How {
    /// The parts of the work that it gets one after another, in percent: `5,25,100`; as the manifest says when absent.
    ramp: Option<String>,
    /// How long each part takes: `10s`; as the manifest says when absent.
    step: Option<String>,
    /// What its author calls it, in at most 1000 characters.
    #[serde(default, deserialize_with = "short_text::<_, 1_000>")]
    label: Option<String>,
    /// How many times as long as that of the version before it its p99 may be, for one that is known to be slower, such as one in another language; from 2 to 1000; as the manifest says when absent.
    expect_slower: Option<u32>,
    /// Whether it only passes the gates: nothing is kept, and nothing served.
    #[serde(default)]
    dry_run: bool,
    /// Whether it may be one that was quarantined.
    #[serde(default)]
    force: bool,
}

/// How many times as slow as the version before it somebody may expect one to be.
const EXPECTED_SLOWER: RangeInclusive<u32> = 2..=1000;

/// The most versions in one answer.
const MOST: usize = 1000;
/// The most text in one answer that has more than one version, in bytes.
const MOST_TEXT: usize = 1 << 20;

/// How many of these versions have so much text at most: one, if need be.
fn within(entries: &[rollout::Entry], most: usize) -> usize {
    let text = entries.iter().scan(0, |text, entry| {
        let steps = entry.history.iter();
        *text += steps
            .map(|step| step.by.len() + step.reason.len())
            .sum::<usize>();
        Some(*text)
    });
    text.take_while(|text| *text <= most).count().max(1)
}

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those with a smaller number.
    before: Option<u32>,
    /// At most so many, and never more than 1000; fewer where they have long histories.
    #[serde(default = "a_hundred")]
    limit: usize,
}

fn a_hundred() -> usize {
    100
}

/// The versions of a context, newest first, with their history
#[utoipa::path(get, path = "/v1/contexts/{name}/versions", tag = "versions", params(("name", description = "the context"), Page), responses(
    (status = 200, body = view::Versions),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(
    Named { host, context }: Named,
    Query(Page { before, limit }): Query<Page>,
) -> Result<Json<view::Versions>, Problem> {
    let limit = limit.clamp(1, MOST);
    let read = reading(move || {
        let mut entries = rollout::history(&host.deployer, &context.name)?;
        entries.retain(|entry| before.is_none_or(|before| entry.number < before));
        let limit = limit.min(within(&entries, MOST_TEXT));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.number);
        let versions = entries.into_iter().map(|entry| {
            let staying = host.deployer.rollouts(&context).inflight(entry.digest);
            view::Version::new(entry, staying)
        });
        Ok(view::Versions {
            floor: rollout::floor(&host.deployer, &context.name)?.map(view::Floor::from),
            versions: versions.collect(),
            next,
        })
    });
    Ok(Json(read.await?))
}

/// Bring a version
///
/// The body is a component, or a module that wit-bindgen made. The answer comes when the version has passed its gates and serves, or is refused; when it is
/// ramped up, as soon as that begins; with `Prefer: respond-async` at once, and with `Prefer: respond-async, wait=5` after five seconds at the latest.
#[utoipa::path(post, path = "/v1/contexts/{name}/versions", tag = "versions",
    params(("name", description = "the context"), How,
        ("Innkeeper-Signature" = Option<String>, Header, description = "an ed25519 signature for this app, context and component, in base64, with its times; `innkeeper sign` makes it")),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses(
        (status = 200, body = view::Rollout, description = "it is already serving, or this was a dry run"),
        (status = 201, body = view::Rollout, description = "it serves"),
        (status = 202, body = view::Rollout, description = "its rollout goes on"),
        (status = 404, description = "there is no such context"),
        (status = 408, description = "the component did not arrive, or arrived too slowly"),
        (status = 409, description = "another rollout of the context is in progress, or this one was aborted"),
        (status = 413, description = "it is too big"),
        (status = 415, description = "the body is not declared as application/wasm, or is compressed"),
        (status = 422, description = "it does not pass a gate: `gate` says which, the detail why, and what to do"),
        (status = 429, description = "the token uploads more often than it may"),
        (status = 503, description = "too many uploads are under way, or the host has no memory for one more")
))]
pub(super) async fn upload(
    Named { host, context }: Named,
    caller: Caller,
    Query(how): Query<How>,
    _place: Place,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    check_media_type(&parts.headers)?;
    let Received { bytes, held } = receive(&host, body, host.manifest().rollout.max_size).await?;
    let upload = Upload {
        bytes,
        label: how.label.filter(|label| !label.is_empty()),
        signature: signature(&parts.headers)?,
        ramp: how.ramp.as_deref().map(ramp).transpose()?,
        step: how.step.as_deref().map(step).transpose()?,
        expect_slower: how.expect_slower.map(expect_slower).transpose()?,
        dry_run: how.dry_run,
        force: how.force,
        by: caller.name.clone(),
        is_shipped: false,
        priority: CompilePriority::Background,
    };
    let rollout = rollout::begin(&host.deployer, &context, upload).await;
    let rollout = rollout.map_err(|error| {
        tracing::info!(
            target: "innkeeper::audit",
            by = caller.name,
            context = context.name.as_str(),
            reason = %error,
            "a deployment failed"
        );
        Problem::from(error)
    })?;
    let verdict = rollout::verdict(&rollout);
    let progress = match Preferences::of(&parts.headers) {
        Preferences {
            respond_async: true,
            wait,
        } => {
            let wait = wait.unwrap_or_default();
            let waited = tokio::time::timeout(wait, verdict).await;
            waited.unwrap_or_else(|_| rollout.progress())
        }
        _ => verdict.await,
    };
    drop(held);
    answer(&context, &rollout, progress)
}

fn answer(
    context: &Context,
    rollout: &Arc<Rollout>,
    progress: Progress,
) -> Result<Response, Problem> {
    let status = match &progress.outcome {
        None => StatusCode::ACCEPTED,
        Some(Outcome::Current { .. }) => StatusCode::CREATED,
        Some(Outcome::Passed | Outcome::Unchanged) => StatusCode::OK,
        Some(Outcome::Refused(refusal)) => return Err(refusal.clone().into()),
        Some(Outcome::Aborted { reason }) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                format!("the rollout ended early: {reason}"),
            ));
        }
    };
    let view = view::Rollout::new(&context.name, rollout, progress);
    let mut response = (status, Json(view)).into_response();
    let location = format!("/v1/contexts/{}/rollout", context.name);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    let given = headers.get(header::CONTENT_TYPE);
    let kind = given.and_then(|given| given.to_str().ok()?.split(';').next());
    if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(WASM)) {
        return refused(format!("send the component as `Content-Type: {WASM}`"));
    }
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    match codings.find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        None => Ok(()),
        Some(coding) => refused(format!(
            "send the component as it is, without `Content-Encoding: {}`",
            shown(&String::from_utf8_lossy(coding.as_bytes()), 100)
        )),
    }
}

/// Reads the body, as far as it may go.
async fn receive(host: &Host, body: Body, limit: u64) -> Result<Received, Problem> {
    let too_big = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "it has more than {limit} bytes (`rollout.max_size`); strip it, or raise the limit"
            ),
        )
    };
    // One that announces to be too big is refused before it comes.
    if body.size_hint().lower() > limit {
        return Err(too_big());
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = Limited::new(body, most);
    let mut received = Received {
        bytes: Vec::new(),
        held: host.invoker.memory.nothing(),
    };
    let begun = Instant::now();
    loop {
        let patience = pace(received.bytes.len());
        let next = tokio::time::timeout_at(begun + patience, body.frame());
        let next = next.await.map_err(|_| too_slow(received.bytes.len()))?;
        match next {
            None => return Ok(received),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                let length = received.bytes.len() + data.len();
                received.held.cover(length as u64).map_err(|exhausted| {
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, exhausted.to_string())
                        .retry_after(Duration::from_secs(1))
                })?;
                received.bytes.extend_from_slice(&data);
            }
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(too_big()),
            Some(Err(error)) => {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("the upload was cut off: {error}"),
                ));
            }
        }
    }
}

/// What has come, and the memory that is reserved for it while the upload is under way.
struct Received {
    bytes: Vec<u8>,
    held: Reservation,
}

/// How long after its beginning an upload may be under way of which so much has come.
fn pace(received: usize) -> Duration {
    let earned = Duration::from_secs(received as u64 / SLOWEST);
    (GRACE + earned).min(ARRIVAL)
}

fn too_slow(received: usize) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        format!(
            "the upload is too slow: {received} bytes arrived; after the first {} at least {SLOWEST} bytes a second are required, and all of it within {}",
            human_duration(GRACE),
            human_duration(ARRIVAL)
        ),
    )
}

fn signature(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(SIGNATURE) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "the header innkeeper-signature is not base64",
        )
    })?;
    Ok(Some(text.to_owned()))
}

fn ramp(text: &str) -> Result<Ramp, Problem> {
    text.parse()
        .map_err(|reason: String| Problem::new(StatusCode::BAD_REQUEST, format!("ramp: {reason}")))
}

fn step(text: &str) -> Result<Duration, Problem> {
    let found = parse_duration(text).filter(|step| !step.is_zero());
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("step: `{text}` is not a duration; write for example `500ms` or `10s`"),
        )
    })
}

fn expect_slower(times: u32) -> Result<u32, Problem> {
    match EXPECTED_SLOWER.contains(&times) {
        true => Ok(times),
        false => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!(
                "expect-slower: {times} is not a number of times; write one from {} to {}",
                EXPECTED_SLOWER.start(),
                EXPECTED_SLOWER.end()
            ),
        )),
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Refused(refusal) => refusal.into(),
            UploadError::UnderWay { .. } => Self::of_kind(
                StatusCode::CONFLICT,
                "rollout-under-way",
                "A rollout is under way",
                error.to_string(),
            ),
            UploadError::Failed(reason) => Self::new(StatusCode::CONFLICT, reason),
            UploadError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
    }
}

impl From<rollout::Refusal> for Problem {
    fn from(refusal: rollout::Refusal) -> Self {
        Self::of_kind(
            StatusCode::UNPROCESSABLE_ENTITY,
            "version-refused",
            "Version refused",
            refusal.to_string(),
        )
        .with_member("gate", refusal.gate.name())
    }
}
