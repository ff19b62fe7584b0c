//! Counts visitors. It knows `wasi:http` and `wasi:keyvalue`, as any host has them, and nothing of Innkeeper; and it misbehaves where it is asked to.

use wasip2::cli::stderr::get_stderr;
use wasip2::cli::stdout::get_stdout;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
    Scheme,
};
use wasip2::io::streams::StreamError;

use keyvalue::wasi::keyvalue::store::{self, Bucket};
use keyvalue::wasi::keyvalue::{atomics, batch};

mod keyvalue {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-keyvalue",
        world: "imports",
        generate_all,
    });
}

mod draft {
    wit_bindgen::generate!({
        inline: "
            package tests:visitors;

            world configured {
                import wasi:config/store@0.2.0-draft;
            }

            package wasi:config@0.2.0-draft {
                interface store {
                    variant error {
                        upstream(string),
                        io(string),
                    }
                    get: func(key: string) -> result<option<string>, error>;
                    get-all: func() -> result<list<tuple<string, string>>, error>;
                }
            }
        ",
        world: "configured",
        generate_all,
    });
}

wasip2::http::proxy::export!(Visitors);

struct Visitors;

/// A status and a body.
type Answer = (u16, Vec<u8>);

impl wasip2::exports::http::incoming_handler::Guest for Visitors {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let words: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (status, body) = match (request.method(), words.as_slice()) {
            (Method::Get, ["visitors", bucket, name]) => show(bucket, name),
            (Method::Post, ["visitors", bucket, name]) => count(bucket, name, 200),
            // It counts, and then says that it could not.
            (Method::Post, ["visitors", bucket, name, "refused", status]) => {
                count(bucket, name, status.parse().expect("a status"))
            }
            (Method::Post, ["visitors", bucket, name, "trapped"]) => {
                count(bucket, name, 200);
                panic!("it fails, and has counted already");
            }
            (Method::Post, ["incremented", bucket, name, delta]) => increment(bucket, name, delta),
            (Method::Put, ["many", bucket, count]) => fill(bucket, count),
            (Method::Get, ["many", bucket]) => list(bucket),
            (Method::Get, ["many", bucket, "page", cursor]) => page(bucket, cursor),
            (Method::Delete, ["many", bucket]) => clear(bucket),
            (Method::Put, ["long", bucket, length]) => {
                long(bucket, length, |bucket, key| bucket.set(key, b"v"))
            }
            (Method::Delete, ["long", bucket, length]) => long(bucket, length, Bucket::delete),
            (_, ["echo", ..]) => echo(&request),
            (Method::Get, ["printed", ..]) => print(),
            (Method::Get, ["configured", name]) => configured(name),
            (Method::Get, ["silent"]) => return drop(out),
            (Method::Get, ["forgetful"]) => return std::mem::forget(out),
            (Method::Get, ["failing"]) => {
                let error = ErrorCode::InternalError(Some("on purpose".into()));
                return ResponseOutparam::set(out, Err(error));
            }
            (Method::Get, ["unfinished", how]) => return unfinished(out, how),
            (Method::Get, ["leaking"]) => loop {
                std::mem::forget(Fields::new());
            },
            (Method::Get, ["sized", length]) => {
                (200, vec![b'x'; length.parse().expect("a length")])
            }
            (Method::Get, ["headed", name, value]) => {
                let headers = Fields::new();
                return match headers.append(name, value.as_bytes()) {
                    Ok(()) => answer(out, headers, 200, b"headed"),
                    Err(error) => answer(out, headers, 409, format!("{error:?}").as_bytes()),
                };
            }
            _ => (404, b"nothing is here".to_vec()),
        };
        answer(out, Fields::new(), status, &body);
    }
}

/// A segment of a path as text.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or(0), rest.next().unwrap_or(0)];
                let digits = std::str::from_utf8(&digits).expect("digits");
                u8::from_str_radix(digits, 16).expect("digits")
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).expect("text")
}

fn answer(out: ResponseOutparam, headers: Fields, status: u16, bytes: &[u8]) {
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("it was not taken yet");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("it was not taken yet");
    for part in bytes.chunks(4_096) {
        match stream.blocking_write_and_flush(part) {
            Ok(()) => {}
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).expect("it has the length that it says");
}

fn unfinished(out: ResponseOutparam, how: &str) {
    let headers = Fields::new();
    if how == "short" {
        headers.append("content-length", b"10").expect("allowed");
    }
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("it was not taken yet");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("it was not taken yet");
    stream.blocking_write_and_flush(b"half").expect("written");
    drop(stream);
    match how {
        "dropped" => drop(body),
        "forgotten" => std::mem::forget(body),
        _ => drop(OutgoingBody::finish(body, None)),
    }
}

fn open(bucket: &str) -> Bucket {
    store::open(bucket).expect("every bucket is there")
}

/// What its configuration says of a name, and how many names there are.
fn configured(name: &str) -> Answer {
    use draft::wasi::config::store;

    let value = store::get(name).expect("it can be read");
    let all = store::get_all().expect("it can be read");
    let value = value.unwrap_or("nothing".to_owned());
    (200, format!("{value}, of {}", all.len()).into_bytes())
}

fn show(bucket: &str, name: &str) -> Answer {
    match open(bucket).get(name).expect("it is read") {
        Some(value) => (200, value),
        None => (404, b"none".to_vec()),
    }
}

/// Reads the number, and writes the next one.
fn count(bucket: &str, name: &str, status: u16) -> Answer {
    let bucket = open(bucket);
    let before = bucket.get(name).expect("it is read").unwrap_or_default();
    let before = String::from_utf8(before)
        .expect("text")
        .parse()
        .unwrap_or(0);
    let after = (before + 1_u64).to_string().into_bytes();
    bucket.set(name, &after).expect("it is written");
    (status, after)
}

fn increment(bucket: &str, name: &str, delta: &str) -> Answer {
    let delta = delta.parse().expect("a number");
    match atomics::increment(&open(bucket), name, delta) {
        Ok(sum) => (200, sum.to_string().into_bytes()),
        Err(error) => (409, format!("{error:?}").into_bytes()),
    }
}

fn fill(bucket: &str, count: &str) -> Answer {
    let count: u32 = count.parse().expect("a number");
    let rows: Vec<_> = (0..count)
        .map(|row| (format!("{row:05}"), row.to_string().into_bytes()))
        .collect();
    batch::set_many(&open(bucket), &rows).expect("they are written");
    (204, Vec::new())
}

/// How many keys there are, in how many pages, and the sum of their values.
fn list(bucket: &str) -> Answer {
    let bucket = open(bucket);
    let (mut count, mut sum, mut pages, mut cursor) = (0, 0_u64, 0, None);
    loop {
        let page = bucket.list_keys(cursor).expect("they are listed");
        pages += 1;
        count += page.keys.len();
        for found in batch::get_many(&bucket, &page.keys).expect("they are read") {
            let (_, value) = found.expect("what is listed is there");
            sum += String::from_utf8(value).unwrap().parse::<u64>().unwrap();
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    (200, format!("{count} in {pages}, {sum}").into_bytes())
}

/// One page of keys: how many, the first one, and the cursor of the next.
fn page(bucket: &str, cursor: &str) -> Answer {
    let cursor = cursor.parse().expect("a number");
    let page = open(bucket)
        .list_keys((cursor > 0).then_some(cursor))
        .expect("they are listed");
    let first = page.keys.first().map_or("none", String::as_str);
    let said = format!("{} from {first}, {:?}", page.keys.len(), page.cursor);
    (200, said.into_bytes())
}

/// Removes what it lists, page by page, and looks that nothing is left.
fn clear(bucket: &str) -> Answer {
    let bucket = open(bucket);
    let mut cursor = None;
    loop {
        let page = bucket.list_keys(cursor).expect("they are listed");
        batch::delete_many(&bucket, &page.keys).expect("they are removed");
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let left = bucket.list_keys(None).expect("they are listed").keys.len();
    (200, format!("{left} left").into_bytes())
}

/// Does something with a key of so many bytes.
fn long(
    bucket: &str,
    length: &str,
    what: impl Fn(&Bucket, &str) -> Result<(), store::Error>,
) -> Answer {
    let key = "k".repeat(length.parse().expect("a length"));
    match what(&open(bucket), &key) {
        Ok(()) => (200, Vec::new()),
        Err(error) => (409, format!("{error:?}").into_bytes()),
    }
}

/// What it sees of a request, a line each.
fn echo(request: &IncomingRequest) -> Answer {
    let scheme = match request.scheme() {
        Some(Scheme::Http) => "http",
        Some(Scheme::Https) => "https",
        _ => "none",
    };
    let mut lines = vec![
        format!("{:?}", request.method()),
        request.path_with_query().unwrap_or_default(),
        format!("{scheme}://{}", request.authority().unwrap_or_default()),
    ];
    for (name, value) in request.headers().entries() {
        lines.push(format!("{name}: {}", String::from_utf8_lossy(&value)));
    }
    let body = request.consume().expect("it was not taken yet");
    let stream = body.stream().expect("it was not taken yet");
    let mut bytes = Vec::new();
    while let Ok(part) = stream.blocking_read(65_536) {
        bytes.extend(part);
    }
    lines.push(format!("{} bytes", bytes.len()));
    lines.push(String::from_utf8_lossy(&bytes).chars().take(100).collect());
    (200, lines.join("\n").into_bytes())
}

fn print() -> Answer {
    // As runtimes of languages do it: piece by piece, also of a character, and with a stream for each.
    let pieces: [&[u8]; 4] = [
        b"a visitor ",
        b"has been here\nand had a caf",
        b"\xc3",
        b"\xa9",
    ];
    for piece in pieces {
        get_stdout()
            .blocking_write_and_flush(piece)
            .expect("it is written");
        get_stderr()
            .blocking_write_and_flush(b".")
            .expect("it is written");
    }
    (200, b"printed".to_vec())
}
