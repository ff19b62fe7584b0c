//! Asks outside what it is told to: `POST /asked/<scheme>/<authority>/<path>` is a `POST` of the same body there. What it hears is its answer, its status among the headers.
//! With a header `x-wait-ms` it waits so long for the answer to begin, and with `x-must-hear` it traps when there is none.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingRequest,
    OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
};

use keyvalue::wasi::keyvalue::store;

mod keyvalue {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-keyvalue",
        world: "imports",
        generate_all,
    });
}

wasip2::http::proxy::export!(Courier);

struct Courier;

impl wasip2::exports::http::incoming_handler::Guest for Courier {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        // Two that come at once read the same number, and one of them is run again.
        let bucket = store::open("asked").expect("every bucket is there");
        let before = bucket.get("count").expect("it is read").unwrap_or_default();
        let before = String::from_utf8(before)
            .expect("text")
            .parse()
            .unwrap_or(0);
        let (status, heard, body) = match ask(&request) {
            Ok((status, body)) => (200, status.to_string(), body),
            Err(error) if request.headers().has("x-must-hear") => panic!("{error:?}"),
            Err(error) => (502, "none".to_owned(), format!("{error:?}").into_bytes()),
        };
        let count = (before + 1_u64).to_string();
        bucket
            .set("count", count.as_bytes())
            .expect("it is written");
        let headers = Fields::new();
        headers
            .append("x-heard", heard.as_bytes())
            .expect("allowed");
        headers
            .append("x-asked", count.as_bytes())
            .expect("allowed");
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("a status");
        let written = response.body().expect("it was not taken yet");
        ResponseOutparam::set(out, Ok(response));
        write(written, &body);
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("it was not taken yet");
    for part in bytes.chunks(4_096) {
        if stream.blocking_write_and_flush(part).is_err() {
            break;
        }
    }
    drop(stream);
    // What nobody reads cannot be finished.
    let _ = OutgoingBody::finish(body, None);
}

fn ask(request: &IncomingRequest) -> Result<(u16, Vec<u8>), ErrorCode> {
    let target = request.path_with_query().unwrap_or_default();
    let mut wait = None;
    let mut words = target.splitn(5, '/').skip(2);
    let scheme = match words.next() {
        Some("http") => Scheme::Http,
        _ => Scheme::Https,
    };
    let authority = words.next().unwrap_or_default();
    let path = format!("/{}", words.next().unwrap_or_default());
    let headers = Fields::new();
    let incoming = request.headers();
    for (name, value) in incoming.entries() {
        if name == "x-wait-ms" {
            let milliseconds = String::from_utf8_lossy(&value).parse::<u64>();
            wait = Some(milliseconds.expect("a number") * 1_000_000);
        }
        // It brings along what it is told to.
        if let Some(name) = name.strip_prefix("x-send-") {
            headers
                .append(name, &value)
                .map_err(|error| ErrorCode::InternalError(Some(format!("{name}: {error:?}"))))?;
        }
    }
    let asking = OutgoingRequest::new(headers);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    asking.set_method(&request.method()).map_err(invalid)?;
    asking.set_scheme(Some(&scheme)).map_err(invalid)?;
    asking.set_authority(Some(authority)).map_err(invalid)?;
    asking.set_path_with_query(Some(&path)).map_err(invalid)?;
    let body = asking.body().expect("it was not taken yet");
    let options = RequestOptions::new();
    options
        .set_first_byte_timeout(wait)
        .expect("it can be told");
    let response = outgoing_handler::handle(asking, Some(options))?;
    write(
        body,
        &read(request.consume().expect("it was not taken yet")),
    );
    response.subscribe().block();
    let answered = response.get().expect("it is ready");
    let answered = answered.expect("it was not taken yet")?;
    let status = answered.status();
    let mut heard = Vec::new();
    for (name, value) in answered.headers().entries() {
        heard.extend(name.as_bytes());
        heard.extend(b": ");
        heard.extend(value);
        heard.push(b'\n');
    }
    heard.extend(read(answered.consume().expect("it was not taken yet")));
    Ok((status, heard))
}

fn read(body: IncomingBody) -> Vec<u8> {
    let stream = body.stream().expect("it was not taken yet");
    let mut bytes = Vec::new();
    while let Ok(part) = stream.blocking_read(65_536) {
        bytes.extend(part);
    }
    bytes
}
