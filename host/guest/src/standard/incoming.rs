//! A web request, for a component that exports `wasi:http/incoming-handler`.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use wasmtime::Store;
use wasmtime::component::Instance;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler::GuestIndices;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::bindings::innkeeper::context::types::{Request, Response};
use crate::fault::InvalidAnswer;
use crate::store_data::StoreData;

/// What a request without a host is taken to be for: HTTP/1.0 needs none.
const NO_HOST: HeaderValue = HeaderValue::from_static("localhost");

/// A web request on its way into a guest.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// As the contract has it.
    pub request: Request,
    /// The query as it was sent, without its `?`; none where there is none.
    pub query: Option<String>,
    /// The most that the body of the answer may have, in bytes.
    pub longest_answer: u64,
}

/// Runs `incoming-handler.handle`, and takes the body of the response meanwhile: the guest may write more than is kept for it.
pub(crate) async fn handle(
    store: &mut Store<StoreData>,
    instance: &Instance,
    indices: &GuestIndices,
    incoming: Incoming,
) -> wasmtime::Result<Response> {
    let Incoming {
        request,
        query,
        longest_answer,
    } = incoming;
    let guest = indices.load(&mut *store, instance)?;
    let (sender, answered) = oneshot::channel();
    let scheme = scheme(&request);
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(scheme, to_http(request, query)?)?;
    let outparam = http.new_response_outparam(sender)?;
    // Tokio would have it wait now and then although there is something to read.
    let is_answered = AtomicBool::new(false);
    let mut reading = pin!(unconstrained(read(answered, &is_answered, longest_answer)));
    let mut handling = pin!(guest.call_handle(store, request, outparam));
    let mut answer = None;
    loop {
        tokio::select! {
            biased;
            read = &mut reading, if answer.is_none() => match read {
                Err(error @ InvalidAnswer::TooLong { .. }) => return Err(error.into()),
                // What goes wrong in the guest says more of it.
                read => answer = Some(read),
            },
            handled = &mut handling => break handled?,
        }
    }
    let answer = match answer {
        Some(answer) => answer,
        // Nobody writes any more: what has not come to its end now never does.
        None => {
            std::future::poll_fn(|context| {
                Poll::Ready(match reading.as_mut().poll(context) {
                    Poll::Ready(read) => read,
                    Poll::Pending if is_answered.load(Ordering::Relaxed) => {
                        Err(InvalidAnswer::Unfinished)
                    }
                    Poll::Pending => Err(InvalidAnswer::None),
                })
            })
            .await
        }
    };
    Ok(answer?)
}

/// The scheme that the client speaks, as far as it is known.
fn scheme(request: &Request) -> Scheme {
    let mut headers = request.headers.iter();
    match headers.any(|(name, value)| name == "x-forwarded-proto" && value == "https") {
        true => Scheme::Https,
        false => Scheme::Http,
    }
}

fn to_http(
    request: Request,
    query: Option<String>,
) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let target = match query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path,
    };
    let mut built = http::Request::builder()
        .method(request.method.as_str())
        .uri(target)
        .body(Full::from(request.body))?;
    let headers = built.headers_mut();
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes())?);
    }
    if !headers.contains_key(HOST) {
        headers.insert(HOST, NO_HOST);
    }
    Ok(built)
}

type Answered = oneshot::Receiver<Result<http::Response<HyperOutgoingBody>, ErrorCode>>;

/// Waits for the response, says that it is there, and reads all of it.
async fn read(
    answered: Answered,
    is_answered: &AtomicBool,
    longest: u64,
) -> Result<Response, InvalidAnswer> {
    let response = answered.await.map_err(|_| InvalidAnswer::None)?;
    is_answered.store(true, Ordering::Relaxed);
    let response = response.map_err(|error| InvalidAnswer::Error(format!("{error:?}")))?;
    let (head, mut body) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let text = std::str::from_utf8(value.as_bytes());
        let text = text.map_err(|_| InvalidAnswer::NotText(name.to_string()))?;
        Ok((name.as_str().to_owned(), text.to_owned()))
    });
    let headers = headers.collect::<Result<_, _>>()?;
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| InvalidAnswer::Unfinished)?;
        // Trailers are not passed on: the answer is whole before it is sent.
        if let Ok(data) = frame.into_data() {
            if (bytes.len() + data.len()) as u64 > longest {
                return Err(InvalidAnswer::TooLong { limit: longest });
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Response {
        status: head.status.as_u16(),
        headers,
        body: bytes,
    })
}
