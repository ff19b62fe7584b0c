//! A context that says what it has heard, and as much as is asked for.

use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{FromRequest, Request, invocation};

const HEARD: Table<u64, u64> = Table::new("heard");

/// The request itself.
struct Heard(Request);

impl FromRequest for Heard {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(Self(request.clone()))
    }
}

/// A request, as it was heard.
#[derive(Serialize)]
struct Said {
    route: String,
    path: String,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

fn say(Heard(request): Heard) -> Answer {
    Response::ok(&Said {
        route: request.route,
        path: request.path,
        parameters: request.parameters,
        headers: request.headers,
    })
}

/// Who it was told is asking.
#[derive(Serialize)]
struct Asking {
    issuer: String,
    subject: String,
    scopes: Vec<String>,
    claims: Vec<(String, String)>,
}

fn say_who() -> Answer {
    Response::ok(&invocation::identity().map(|identity| Asking {
        issuer: identity.issuer,
        subject: identity.subject,
        scopes: identity.scopes,
        claims: identity.claims,
    }))
}

/// Says so many bytes, never the same twice.
fn say_much(Path(count): Path<u64>) -> Answer {
    let mut body = invocation::new_id().into_bytes();
    body.resize(count as usize, b'x');
    Ok(Response {
        status: 200,
        headers: vec![("content-type".into(), "text/plain".into())],
        body,
    })
}

/// Remembers, and says it in the head: so many fields, each with a value of so many bytes.
fn say_in_the_head(Path((count, length)): Path<(u64, u64)>) -> Answer {
    let number = HEARD.next_id();
    HEARD.put(number, &count)?;
    let value = "v".repeat(length as usize);
    let headers = (0..count).map(|number| (format!("x-{number}"), value.clone()));
    Ok(Response {
        status: 200,
        headers: headers.collect(),
        body: Vec::new(),
    })
}

/// Says how much was remembered.
fn count(paging: Paging) -> Answer {
    Response::ok(&HEARD.page(paging)?)
}

innkeeper_sdk::context! {
    summary: "Says what it has heard.",
    tables: [HEARD],
    routes: {
        GET "/echo" => say,
        GET "/echo/literal" => say,
        GET "/echo/{thing}" => say,
        GET "/files/{*path}" => say,
        GET "//docs.example/echo" => say,
        GET "//docs.example/guide/{*page}" => say,
        GET "/much/{count}" => say_much,
        POST "/head/{count}/{length}" => say_in_the_head,
        GET "/heard" => count,
        GET "/who" => say_who,
        GET "/who/asks" => say_who,
    },
}
