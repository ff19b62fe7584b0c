//! One request and its answer, over one connection.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::account::Admitted;
use super::outgoing::{head_size, without_connection};
use crate::guest::OutboundError;
use crate::tls::{Transport, driven};

/// How much of an answer's head is read, in bytes.
const LONGEST_HEAD: usize = 64 << 10;
/// How many fields it may have.
const MOST_FIELDS: usize = 100;

/// Within what an answer must come.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How long its body may be, in bytes.
    pub longest_body: u64,
    /// How long it may take to begin.
    pub first_byte: Duration,
    /// How long it may pause.
    pub between_bytes: Duration,
}

/// Sends a request, and reads the whole answer.
pub(super) async fn exchange(
    transport: Transport,
    request: Request<Full<Bytes>>,
    limits: Limits,
    admitted: &Admitted,
) -> Result<Response<Bytes>, OutboundError> {
    let length = request.body().size_hint().lower();
    if length > limits.longest_body {
        let limit = limits.longest_body;
        return Err(OutboundError::RequestTooLong { limit });
    }
    let speaking = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_FIELDS)
        .handshake(TokioIo::new(transport));
    let (mut sender, connection) = speaking.await.map_err(protocol)?;
    let answering = async {
        let answer = timeout(limits.first_byte, sender.send_request(request)).await;
        let answer = answer.map_err(|_| OutboundError::ResponseTimeout)?;
        whole(answer.map_err(protocol)?, limits, admitted).await
    };
    driven(connection, answering).await
}

async fn whole(
    response: Response<Incoming>,
    limits: Limits,
    admitted: &Admitted,
) -> Result<Response<Bytes>, OutboundError> {
    let (mut head, mut body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let reason = "it wants to speak another protocol".to_owned();
        return Err(OutboundError::Protocol(reason));
    }
    admitted.hold(head_size(&head.headers))?;
    let limit = limits.longest_body;
    if body.size_hint().lower() > limit {
        return Err(OutboundError::ResponseTooLong { limit });
    }
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let frame = timeout(limits.between_bytes, body.frame()).await;
        let Some(frame) = frame.map_err(|_| OutboundError::ResponseTimeout)? else {
            break;
        };
        if let Ok(data) = frame.map_err(protocol)?.into_data() {
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(OutboundError::ResponseTooLong { limit });
            }
            admitted.hold(data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    without_connection(&mut head.headers);
    Ok(Response::from_parts(head, bytes.into()))
}

fn protocol(error: hyper::Error) -> OutboundError {
    OutboundError::Protocol(error.to_string())
}
