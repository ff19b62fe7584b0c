//! Requests to the outside: `wasi:http/outgoing-handler`, answered by whoever answers the guest's other imports.

use std::future::Future;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::outbound_call::{OutboundCall, OutboundError, OutboundTimeouts};
use crate::services::Services;

/// How much of a body is taken from a guest at a time: what it writes and nobody takes stays in the host's memory.
const CHUNK: usize = 16 << 10;

/// What answers the guest's imports, as `wasi:http` asks it.
pub(super) struct Hooks(pub(super) Box<dyn Services>);

impl From<OutboundError> for Error {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Denied(_) => Self::HttpRequestDenied,
            OutboundError::AddressDenied(_) => Self::DestinationIpProhibited,
            OutboundError::Unresolved(reason) => Self::DnsError {
                rcode: Some(reason),
                info_code: None,
            },
            OutboundError::ResolveTimeout => Self::DnsTimeout,
            OutboundError::Unreachable(_) => Self::ConnectionRefused,
            OutboundError::Tls(_) => Self::TlsProtocolError,
            OutboundError::ConnectTimeout => Self::ConnectionTimeout,
            OutboundError::ResponseTimeout => Self::HttpResponseTimeout,
            OutboundError::RequestTooLong { limit } => Self::HttpRequestBodySize(Some(limit)),
            OutboundError::ResponseTooLong { limit } => Self::HttpResponseBodySize(Some(limit)),
            OutboundError::Invalid(_) => Self::HttpRequestUriInvalid,
            OutboundError::Method(_) => Self::HttpRequestMethodInvalid,
            OutboundError::HeadTooLong { limit } => Self::HttpRequestHeaderSectionSize(Some(limit)),
            OutboundError::Protocol(_) => Self::HttpProtocolError,
            OutboundError::Overloaded(_) => Self::ConnectionLimitReached,
        }
    }
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Done), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Done,
    ) -> Sending {
        let call = self.0.outbound();
        Box::new(async move {
            let mut call =
                call.map_err(|refusal| Error::InternalError(Some(refusal.to_string())))?;
            let (head, body) = request.into_parts();
            let body = whole(body, call.as_mut()).await?;
            let options = options.unwrap_or_default();
            let timeouts = OutboundTimeouts {
                connect: options.connect_timeout,
                first_byte: options.first_byte_timeout,
                between_bytes: options.between_bytes_timeout,
            };
            let request = http::Request::from_parts(head, body);
            let response = call.send(request, timeouts).await?;
            let response = response.map(|body| {
                let body = Full::from(body).map_err(|never| match never {});
                body.boxed_unsync()
            });
            // It is whole: nothing of it is still under way.
            let done: Done = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}

/// Reads a body that the guest writes.
async fn whole(mut body: WasiBody, call: &mut dyn OutboundCall) -> Result<Bytes, Error> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            call.hold(data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.into())
}
