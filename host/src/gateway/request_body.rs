//! Reads a request's body: whole, bounded in size and in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use crate::core::human_duration;
use crate::invocation::Failure;

/// What of a body that nobody wants is taken nevertheless, so that its connection can be used again.
const LEFTOVER: u64 = 64 << 10;
/// How long that may take: most of it has come with the head.
const LEFTOVER_WAIT: Duration = Duration::from_millis(100);

/// How long a body may take to come.
pub(super) struct BodyTimeout<'a> {
    pub(super) normal: Duration,
    /// Once the port closes.
    pub(super) draining: Duration,
    /// Cancelled when it does.
    pub(super) closing: &'a CancellationToken,
}

/// A request's body, and how much of it was read.
pub(super) struct RequestBody {
    body: Incoming,
    read: Read,
}

#[derive(PartialEq)]
enum Read {
    Nothing,
    Part,
    All,
}

impl RequestBody {
    pub(super) fn new(body: Incoming) -> Self {
        let read = match body.is_end_stream() {
            true => Read::All,
            false => Read::Nothing,
        };
        Self { body, read }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.body.is_end_stream()
    }

    /// How many bytes reading it may take: what it announces, or the limit.
    pub(super) fn bound(&self, limit: u64) -> u64 {
        match self.is_empty() {
            true => 0,
            false => self.body.size_hint().upper().unwrap_or(limit).min(limit),
        }
    }

    /// Reads the body. One that announces to be too big is refused before it is read.
    pub(super) async fn read(
        &mut self,
        limit: u64,
        timeouts: BodyTimeout<'_>,
    ) -> Result<Bytes, Problem> {
        if self.is_empty() {
            return Ok(Bytes::new());
        }
        self.read = Read::Part;
        if self.body.size_hint().lower() > limit {
            return Err(too_big(limit));
        }
        let BodyTimeout {
            normal,
            draining,
            closing,
        } = timeouts;
        let late = async {
            closing.cancelled().await;
            sleep(draining).await;
        };
        let collected = tokio::select! {
            biased;
            collected = collect(&mut self.body, limit) => collected,
            () = sleep(normal) => {
                let detail = format!("the request body did not arrive within {}", human_duration(normal));
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
            }
            () = late => Err(Problem::from(&Failure::Stopping)),
        }?;
        self.read = Read::All;
        Ok(collected)
    }

    /// Whether it was read to its end, so that the next request of its connection can be.
    pub(super) fn is_read(&self) -> bool {
        self.read == Read::All
    }

    /// Takes what is left, if it is little and nobody has begun to read it.
    pub(super) async fn take_leftover(&mut self) {
        if self.read == Read::Nothing && self.body.size_hint().lower() <= LEFTOVER {
            let taking = discard(&mut self.body);
            if let Ok(true) = timeout(LEFTOVER_WAIT, taking).await {
                self.read = Read::All;
            }
        }
    }
}

/// Whether it comes to its end.
async fn discard(body: &mut Incoming) -> bool {
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return false;
        };
        size += frame.data_ref().map_or(0, Bytes::len) as u64;
        if size > LEFTOVER {
            return false;
        }
    }
    true
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
        format!("the request body is larger than the {limit} bytes allowed here"),
    )
}
