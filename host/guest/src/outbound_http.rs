//! `innkeeper:outbound/http`: requests to the outside for contexts that are written for Innkeeper.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

use self::bindings::innkeeper::outbound::http as outbound;
use crate::outbound_call::{OutboundError, OutboundTimeouts};
use crate::store_data::StoreData;

/// How the name of its package begins.
pub(super) const PACKAGE: &str = "innkeeper:outbound/";
/// The interface, in the version that there is.
pub(super) const HTTP: &str = "innkeeper:outbound/http@0.1.0";

#[allow(missing_docs, clippy::all)]
mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package innkeeper:host;
            world outbound {
                import innkeeper:outbound/http@0.1.0;
            }
        ",
        path: "../../wit/innkeeper",
        world: "innkeeper:host/outbound",
        imports: { default: async | trappable },
    });
}

pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> Result<()> {
    outbound::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)
}

impl outbound::Host for StoreData {
    async fn send(
        &mut self,
        request: outbound::Request,
    ) -> Result<Result<outbound::Response, outbound::Error>> {
        let mut call = self.services().outbound()?;
        if let Err(error) = call.hold(request.body.len()) {
            return Ok(Err(error.into()));
        }
        let timeouts = OutboundTimeouts {
            first_byte: request.timeout_ms.map(Duration::from_millis),
            ..OutboundTimeouts::default()
        };
        let request = match to_http(request) {
            Ok(request) => request,
            Err(reason) => return Ok(Err(outbound::Error::Invalid(reason))),
        };
        let answered = call.send(request, timeouts).await;
        Ok(answered.map(of_http).map_err(Into::into))
    }
}

fn to_http(request: outbound::Request) -> Result<http::Request<Bytes>, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    let mut built = http::Request::new(Bytes::from(request.body));
    *built.method_mut() = match Method::from_bytes(request.method.as_bytes()) {
        Ok(method) => method,
        Err(error) => return Err(said(&error)),
    };
    let (url, _) = request.url.split_once('#').unwrap_or((&request.url, ""));
    *built.uri_mut() = url.parse::<Uri>().map_err(|error| said(&error))?;
    for (name, value) in request.headers {
        let value = HeaderValue::from_bytes(value.as_bytes());
        let value = value.map_err(|error| format!("the header {name}: {error}"))?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| said(&error))?;
        let appended = built.headers_mut().try_append(name, value);
        appended.map_err(|error| said(&error))?;
    }
    Ok(built)
}

fn of_http(response: http::Response<Bytes>) -> outbound::Response {
    let (head, body) = response.into_parts();
    let headers = head.headers.iter().filter_map(|(name, value)| {
        let text = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), text.to_owned()))
    });
    outbound::Response {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: body.into(),
    }
}

impl From<OutboundError> for outbound::Error {
    fn from(error: OutboundError) -> Self {
        let said = error.to_string();
        match error {
            OutboundError::Denied(_) | OutboundError::AddressDenied(_) => Self::Denied(said),
            OutboundError::Unresolved(_)
            | OutboundError::ResolveTimeout
            | OutboundError::Unreachable(_)
            | OutboundError::Tls(_)
            | OutboundError::ConnectTimeout => Self::Unreachable(said),
            OutboundError::ResponseTimeout => Self::TimedOut(said),
            OutboundError::RequestTooLong { .. }
            | OutboundError::HeadTooLong { .. }
            | OutboundError::ResponseTooLong { .. } => Self::TooLarge(said),
            OutboundError::Invalid(_) | OutboundError::Method(_) => Self::Invalid(said),
            OutboundError::Protocol(_) => Self::Broken(said),
            OutboundError::Overloaded(_) => Self::Overloaded(said),
        }
    }
}
