//! What the host says when it, and not a guest, answers with an error: RFC 9457 problem details.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::core::human_duration;
use crate::invocation::Failure;

/// The media type of a problem.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Why a circuit breaker has turned a request away: `pool` or `open`.
pub(super) const OVERLOADED: HeaderName = HeaderName::from_static("x-innkeeper-overloaded");
/// Which fault was injected: `delay` or `abort`.
pub(super) const FAULT: HeaderName = HeaderName::from_static("x-innkeeper-fault");
/// What the names of Innkeeper's own problems begin with.
const NAMESPACE: &str = "urn:innkeeper:problem:";

/// The most bytes of a detail: what was sent may be quoted in it.
const LONGEST_DETAIL: usize = 4_000;

/// An error that the host answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: Option<(&'static str, &'static str)>,
    detail: Cow<'static, str>,
    members: BTreeMap<&'static str, &'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// As much of a detail as is sent.
fn within(detail: Cow<'static, str>) -> Cow<'static, str> {
    if detail.len() <= LONGEST_DETAIL {
        return detail;
    }
    let cut = detail.floor_char_boundary(LONGEST_DETAIL);
    Cow::Owned(format!("{}…", &detail[..cut]))
}

impl Problem {
    /// A problem that its status tells all about.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            kind: None,
            detail: within(detail.into()),
            members: BTreeMap::new(),
            headers: Vec::new(),
        }
    }

    /// A problem of a kind of its own: the last word of its URN, and its title.
    pub fn of_kind(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: Some((slug, title)),
            ..Self::new(status, detail)
        }
    }

    /// The problem with one more member, for programs.
    pub fn with_member(mut self, name: &'static str, value: &'static str) -> Self {
        self.members.insert(name, value);
        self
    }

    /// The problem with one more header in its answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The problem with the time after which to try again. It is told in whole seconds, rounded up.
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait
            .as_secs()
            .saturating_add(u64::from(wait.subsec_nanos() > 0))
            .max(1);
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The status that it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, in one sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The headers that it is answered with, besides the content type.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The problem as JSON. `correlation_id` is where to look for more, if there is more.
    pub fn body(&self, correlation_id: Option<&str>) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            correlation_id: Option<&'a str>,
            #[serde(flatten)]
            members: &'a BTreeMap<&'static str, &'static str>,
        }
        let body = Body {
            r#type: self.kind.map_or_else(
                || "about:blank".to_owned(),
                |(slug, _)| format!("{NAMESPACE}{slug}"),
            ),
            title: self.kind.map_or_else(
                || self.status.canonical_reason().unwrap_or("Error"),
                |(_, title)| title,
            ),
            status: self.status.as_u16(),
            detail: &self.detail,
            correlation_id,
            members: &self.members,
        };
        // Texts and a number always serialize.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// The answer.
    pub fn answer(self, correlation_id: Option<&str>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.body(correlation_id)));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, MEDIA_TYPE);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<&Failure> for Problem {
    /// What the one who asked is told. What only operators can use stays in the log.
    fn from(failure: &Failure) -> Self {
        let soon = Duration::from_secs(1);
        let unavailable = |slug, title, wait| {
            Self::of_kind(
                StatusCode::SERVICE_UNAVAILABLE,
                slug,
                title,
                failure.to_string(),
            )
            .retry_after(wait)
        };
        match failure {
            Failure::NotServing { .. } => unavailable("not-serving", "Not serving", soon),
            Failure::Overloaded { retry_after, .. } => {
                unavailable("overloaded", "Overloaded", *retry_after)
            }
            Failure::PoolExhausted { retry_after, .. } => {
                unavailable("connection-pool-full", "Connection pool full", *retry_after)
                    .with_header(OVERLOADED, HeaderValue::from_static("pool"))
            }
            Failure::BreakerOpen { retry_after, .. } => {
                unavailable("circuit-breaker-open", "Circuit breaker open", *retry_after)
                    .with_header(OVERLOADED, HeaderValue::from_static("open"))
            }
            Failure::FaultInjected { status, .. } => Self::of_kind(
                StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
                "fault-injected",
                "Fault injected",
                "an operator makes some requests fail on purpose; nothing was changed",
            )
            .with_header(FAULT, HeaderValue::from_static("abort")),
            Failure::Delayed(failure) => {
                Self::from(&**failure).with_header(FAULT, HeaderValue::from_static("delay"))
            }
            Failure::NotReady { retry_after, .. } => {
                unavailable("not-ready", "Not ready", *retry_after)
            }
            Failure::Restarting { retry_after, .. } => {
                unavailable("restarting", "Restarting", *retry_after)
            }
            Failure::CrashLoopBackOff { retry_after, .. } => unavailable(
                "crash-loop-back-off",
                "Waiting to be restarted",
                *retry_after,
            ),
            Failure::Stopping => unavailable("stopping", "Stopping", soon),
            Failure::Evicted { .. } => unavailable("version-replaced", "Version replaced", soon),
            Failure::NotDescribed { .. } => {
                Self::new(StatusCode::NOT_FOUND, "no route matches this path")
            }
            Failure::NotFollowed { .. } | Failure::Incompatible { .. } => Self::of_kind(
                StatusCode::BAD_GATEWAY,
                "incompatible",
                "Incompatible",
                failure.to_string(),
            ),
            Failure::OutcomeUnknown => Self::of_kind(
                StatusCode::INTERNAL_SERVER_ERROR,
                "outcome-unknown",
                "Outcome unknown",
                "the request may have taken effect, or may take effect later: an operator finds out by `innkeeper story` with the correlation id; send it again with the same Idempotency-Key, if it had one",
            ),
            Failure::CallerOutdated => unavailable("contended", "Contended", soon),
            Failure::BeingUndone { .. } => unavailable("being-undone", "Being undone", soon),
            Failure::NoInstance { .. } => Self::of_kind(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Overloaded",
                "the host is running as many instances as it can",
            )
            .retry_after(soon),
            Failure::NotLoaded { retry_after, .. } => Self::of_kind(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-loaded",
                "Not loaded",
                "the context was idle, and could not be loaded again; nothing was changed",
            )
            .retry_after(*retry_after),
            Failure::NoMemory { .. } => Self::of_kind(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Overloaded",
                "the host has no memory left for this request at the moment; nothing was changed",
            )
            .retry_after(soon),
            Failure::Contended { .. } => Self::of_kind(
                StatusCode::SERVICE_UNAVAILABLE,
                "contended",
                "Contended",
                "the request kept conflicting with concurrent ones; nothing was changed",
            )
            .retry_after(soon),
            Failure::Deadline { after } => Self::of_kind(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline-exceeded",
                "Deadline exceeded",
                format!(
                    "no answer within {}; nothing was changed",
                    human_duration(*after)
                ),
            ),
            Failure::KeyReused => Self::of_kind(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "Idempotency key reused",
                failure.to_string(),
            ),
            Failure::KeyInProgress { retry_after } => Self::of_kind(
                StatusCode::CONFLICT,
                "idempotency-key-in-progress",
                "Idempotency key in progress",
                failure.to_string(),
            )
            .retry_after(*retry_after),
            Failure::Journal { .. } => Self::of_kind(
                StatusCode::INTERNAL_SERVER_ERROR,
                "journal-failed",
                "The journal failed",
                "the journal's disk has failed, and an operator has to see to that; nothing was changed",
            ),
            Failure::QuotaExceeded { .. } => Self::of_kind(
                StatusCode::INSUFFICIENT_STORAGE,
                "quota-exceeded",
                "Quota exceeded",
                "the context's storage quota is used up; nothing was changed",
            ),
            Failure::NoSpace { .. } => Self::of_kind(
                StatusCode::INSUFFICIENT_STORAGE,
                "no-disk-space",
                "No disk space",
                "the host has too little space left on its disk to take anything that adds to it; reads go on; nothing was changed",
            ),
            Failure::Trap { .. }
            | Failure::OutOfMemory { .. }
            | Failure::StackExhausted
            | Failure::HandedOverTooMuch { .. }
            | Failure::StagedTooMuch { .. }
            | Failure::CommittedTooMany { .. }
            | Failure::TimerTooFar { .. }
            | Failure::InvalidSequence(_)
            | Failure::ScannedTooMuch { .. }
            | Failure::ReadTooMuch { .. }
            | Failure::CommitTooLarge { .. }
            | Failure::AnsweredTooMuch { .. }
            | Failure::ResponseTooLarge { .. }
            | Failure::InvalidResponse { .. }
            | Failure::InvalidKey(_)
            | Failure::NotExported { .. }
            | Failure::UndescribedEvent { .. }
            | Failure::Unpublishable(_)
            | Failure::UndescribedTable { .. }
            | Failure::InvalidCounter { .. }
            | Failure::CallDepth { .. } => Self::of_kind(
                StatusCode::INTERNAL_SERVER_ERROR,
                "guest-failed",
                "The guest failed",
                "the guest failed or gave an invalid answer; nothing was changed",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::core::ContextName;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_problem_is_json() {
        let problem = Problem::new(StatusCode::NOT_FOUND, "nothing here")
            .with_header(header::ALLOW, HeaderValue::from_static("GET"));
        let response = problem.answer(Some("c1"));
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(response.headers()["allow"], "GET");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "nothing here", "correlationId": "c1"})
        );
    }

    #[test]
    fn failures_have_their_status() {
        let context = || ContextName::from("room");
        let retry_after = Duration::from_millis(1200);
        for (failure, status, retry) in [
            (Failure::NotServing { context: context() }, 503, Some("1")),
            (
                Failure::Overloaded {
                    context: context(),
                    retry_after,
                },
                503,
                Some("2"),
            ),
            (
                Failure::BreakerOpen {
                    context: context(),
                    caller: "gateway".into(),
                    retry_after: Duration::ZERO,
                },
                503,
                Some("1"),
            ),
            (
                Failure::FaultInjected {
                    context: context(),
                    status: 418,
                },
                418,
                None,
            ),
            (
                Failure::NotReady {
                    context: context(),
                    retry_after,
                },
                503,
                Some("2"),
            ),
            (
                Failure::CrashLoopBackOff {
                    context: context(),
                    retry_after,
                },
                503,
                Some("2"),
            ),
            (Failure::Deadline { after: retry_after }, 504, None),
            (
                Failure::Trap {
                    message: "secret".to_owned(),
                },
                500,
                None,
            ),
            (Failure::StackExhausted, 500, None),
            (
                Failure::NoInstance {
                    reason: "pool".to_owned(),
                },
                503,
                Some("1"),
            ),
            (
                Failure::NotLoaded {
                    reason: "/a/path".to_owned(),
                    retry_after,
                },
                503,
                Some("2"),
            ),
            (
                Failure::Journal {
                    reason: "disk".to_owned(),
                },
                500,
                None,
            ),
            (
                Failure::NoMemory {
                    reason: "full".to_owned(),
                },
                503,
                Some("1"),
            ),
            (
                Failure::ReadTooMuch {
                    what: "keys",
                    limit: 1,
                },
                500,
                None,
            ),
            (
                Failure::QuotaExceeded {
                    what: crate::journal::Resource::Bytes,
                    reason: "full".to_owned(),
                },
                507,
                None,
            ),
            (
                Failure::NoSpace {
                    reason: "full".to_owned(),
                },
                507,
                None,
            ),
            (Failure::Contended { attempts: 3 }, 503, Some("1")),
            (Failure::KeyReused, 422, None),
            (Failure::KeyInProgress { retry_after }, 409, Some("2")),
            (Failure::Stopping, 503, Some("1")),
        ] {
            let response = Problem::from(&failure).answer(Some("c1"));
            assert_eq!(response.status(), status, "{failure}");
            let found = response
                .headers()
                .get(header::RETRY_AFTER)
                .map(|value| value.to_str().unwrap());
            assert_eq!(found, retry, "{failure}");
        }
    }

    #[test]
    fn rejections_and_faults_are_told_apart_by_a_header() {
        let (context, caller) = (|| ContextName::from("room"), ContextName::from("gateway"));
        let retry_after = Duration::from_secs(1);
        let pool = Failure::PoolExhausted {
            context: context(),
            caller: caller.clone(),
            retry_after,
        };
        let open = Failure::BreakerOpen {
            context: context(),
            caller,
            retry_after,
        };
        let abort = Failure::FaultInjected {
            context: context(),
            status: 503,
        };
        let late = Failure::Delayed(Box::new(Failure::Deadline { after: retry_after }));
        for (failure, name, value, kind) in [
            (pool, OVERLOADED, "pool", "connection-pool-full"),
            (open, OVERLOADED, "open", "circuit-breaker-open"),
            (abort, FAULT, "abort", "fault-injected"),
            (late, FAULT, "delay", "deadline-exceeded"),
        ] {
            let problem = Problem::from(&failure);
            assert_eq!(problem.kind.unwrap().0, kind, "{failure}");
            let response = problem.answer(None);
            assert_eq!(response.headers()[name], value, "{failure}");
        }
    }

    #[test]
    fn what_a_trap_says_stays_inside() {
        let problem = Problem::from(&Failure::Trap {
            message: "secret".to_owned(),
        });
        assert!(!problem.detail().contains("secret"));
    }
}
