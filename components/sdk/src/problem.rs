use serde::Serialize;

use crate::{Fault, Response};

/// An error answer: a problem detail of RFC 9457, sent as `application/problem+json`. Nothing that was staged is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    detail: String,
    errors: Vec<Invalid>,
    headers: Vec<(String, String)>,
}

/// One part of a body that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invalid {
    /// Where it is: a JSON pointer (RFC 6901), for example `/roomId`.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Invalid],
}

impl Problem {
    /// A problem with a status from 400 to 599 and a sentence for whoever sent the request.
    ///
    /// # Panics
    /// With any other status, which would be no error: what was staged would be committed.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        assert!(
            (400..=599).contains(&status),
            "a problem has a status from 400 to 599, and {status} is not: answer it with a Response"
        );
        Self {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 404: what the path names does not exist.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, detail)
    }

    /// 409: it cannot be done in the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(409, detail)
    }

    /// 422: the body is well-formed, but the part at `pointer` cannot be accepted.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let invalid = Invalid {
            pointer: pointer.into(),
            detail: detail.into(),
        };
        let detail = match invalid.pointer.as_str() {
            "" => invalid.detail.clone(),
            pointer => format!("{}: {}", pointer.trim_start_matches('/'), invalid.detail),
        };
        Self {
            errors: vec![invalid],
            ..Self::new(422, detail)
        }
    }

    /// 503: try again after so many seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            headers: vec![("retry-after".into(), retry_after.to_string())],
            ..Self::new(503, detail)
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        crate::error!("{fault}");
        Self::new(
            500,
            "The context met data that it cannot handle; its log says more.",
        )
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let Problem {
            status,
            detail,
            errors,
            mut headers,
        } = problem;
        let body = Body {
            r#type: "about:blank",
            title: title(status),
            status,
            detail: &detail,
            errors: &errors,
        };
        headers.push(("content-type".into(), "application/problem+json".into()));
        // A body of texts and numbers always serializes.
        Response {
            status,
            headers,
            body: serde_json::to_vec(&body).unwrap_or_default(),
        }
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        ..500 => "Client Error",
        _ => "Server Error",
    }
}
