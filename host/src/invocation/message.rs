//! What goes into a web invocation and what comes out: the contract's `request` and `response`.

use std::sync::Arc;

use bytes::Bytes;

/// A web request that matched a described route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The method in upper case. A `HEAD` is a `GET` here.
    pub method: String,
    /// The described path that matched, for example `/rooms/{id}`.
    pub route: String,
    /// The path as it was sent, still percent-encoded.
    pub path: String,
    /// The values of the route's placeholders, decoded, in the order of the route.
    pub parameters: Vec<(String, String)>,
    /// The query's pairs, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The headers whose value is text, names in lower case, but for those that the host carries itself.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// A guest's answer to a web request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// The headers; those that are the host's to set are ignored.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Says what is wrong with a response that HTTP could not carry. To be asked before the commit: afterwards it is too late to take it back.
    pub fn validate(&self) -> Result<(), String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("status {} is not one of 200 to 599", self.status));
        }
        for (name, value) in &self.headers {
            http::HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} cannot name a header"))?;
            http::HeaderValue::from_str(value)
                .map_err(|_| format!("header {name} has a value that HTTP cannot carry"))?;
        }
        Ok(())
    }
}

/// What a web invocation ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAnswer {
    /// The guest's answer.
    pub response: Response,
    /// Whether it was stored by an earlier request with the same `Idempotency-Key`.
    pub replayed: bool,
    /// The title of the version that made it; none for a stored answer.
    pub made_by: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, name: &str, value: &str) -> Response {
        Response {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_response_must_fit_http() {
        assert_eq!(response(200, "location", "/rooms/1").validate(), Ok(()));
        assert_eq!(
            response(100, "location", "/").validate(),
            Err("status 100 is not one of 200 to 599".to_owned())
        );
        assert_eq!(
            response(600, "location", "/").validate(),
            Err("status 600 is not one of 200 to 599".to_owned())
        );
        assert_eq!(
            response(200, "no name", "/").validate(),
            Err("\"no name\" cannot name a header".to_owned())
        );
        assert_eq!(
            response(200, "x", "a\r\nb: c").validate(),
            Err("header x has a value that HTTP cannot carry".to_owned())
        );
    }
}
