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
    /// The query as it was sent, without its `?`; none where there is none.
    pub raw_query: Option<String>,
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

/// The most fields that an answer may have. Usual clients read 100, those of the host among them.
pub const MOST_FIELDS: usize = 80;
/// What the host's own fields take of a head, in bytes.
pub const OWN_FIELDS: usize = 1024;
/// What HTTP/2 counts for a field besides its name and its value (RFC 9113 6.5.2). HTTP/1.1 sends less for it.
const FIELD: usize = 32;

impl Response {
    /// Says what is wrong with a response that HTTP could not carry, or whose head is bigger than `limits.response_head`. To be asked before the commit: afterwards it is
    /// too late to take it back.
    pub fn validate(&self, limit: u64) -> Result<(), String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("status {} is not one of 200 to 599", self.status));
        }
        let fields = self.headers.len();
        if fields > MOST_FIELDS {
            return Err(format!(
                "it has {fields} headers; a response may have {MOST_FIELDS}"
            ));
        }
        let sizes = self.headers.iter();
        let sizes = sizes.map(|(name, value)| name.len() + value.len() + FIELD);
        let size = sizes.sum::<usize>() + OWN_FIELDS;
        if size as u64 > limit {
            return Err(format!(
                "its headers have {size} bytes together with the host's, more than limits.response_head ({limit})"
            ));
        }
        for (name, value) in &self.headers {
            http::HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is not a valid header name"))?;
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
    /// Whether it was kept waiting on purpose.
    pub delayed: bool,
    /// The title of the version that made it; none for a stored answer.
    pub made_by: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 4096;

    fn response(status: u16, name: &str, value: &str) -> Response {
        Response {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_response_must_fit_http() {
        assert_eq!(
            response(200, "location", "/rooms/1").validate(LIMIT),
            Ok(())
        );
        assert_eq!(
            response(100, "location", "/").validate(LIMIT),
            Err("status 100 is not one of 200 to 599".to_owned())
        );
        assert_eq!(
            response(600, "location", "/").validate(LIMIT),
            Err("status 600 is not one of 200 to 599".to_owned())
        );
        assert_eq!(
            response(200, "no name", "/").validate(LIMIT),
            Err("\"no name\" is not a valid header name".to_owned())
        );
        assert_eq!(
            response(200, "x", "a\r\nb: c").validate(LIMIT),
            Err("header x has a value that HTTP cannot carry".to_owned())
        );
    }

    #[test]
    fn the_whole_head_is_bounded() {
        let of = |count: usize, length: usize| {
            let value = "v".repeat(length);
            Response {
                headers: vec![("x".to_owned(), value); count],
                ..response(200, "", "")
            }
        };
        assert_eq!(of(MOST_FIELDS, 0).validate(LIMIT), Ok(()));
        assert_eq!(
            of(MOST_FIELDS + 1, 0).validate(LIMIT),
            Err("it has 81 headers; a response may have 80".to_owned())
        );
        assert_eq!(of(1, 4096 - 1024 - 33).validate(LIMIT), Ok(()));
        assert_eq!(
            of(1, 4096 - 1024 - 32).validate(LIMIT),
            Err("its headers have 4097 bytes together with the host's, more than limits.response_head (4096)".to_owned())
        );
    }
}
