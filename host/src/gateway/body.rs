//! Reads a request's body: whole, bounded in size and in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use super::problem::Problem;

/// Reads the body. One that announces to be too big is refused before it is read.
pub(super) async fn read(
    mut body: Incoming,
    limit: u64,
    deadline: Duration,
) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > limit {
        return Err(too_big(limit));
    }
    timeout(deadline, collect(&mut body, limit))
        .await
        .unwrap_or_else(|_| {
            let detail = format!("the body did not arrive within {deadline:?}");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
        })
}

async fn collect(body: &mut Incoming, limit: u64) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body could not be read: {error}"),
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size += data.len() as u64;
        if size > limit {
            return Err(too_big(limit));
        }
        // Most bodies come in one piece, which then need not be copied.
        if first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve(
                    first.len()
                        + data.len()
                        + usize::try_from(body.size_hint().lower()).unwrap_or(0),
                );
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn too_big(limit: u64) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body has more than the {limit} bytes that are accepted here"),
    )
}
