use serde::Serialize;

use crate::{Answer, Fault, Page, Response};

impl Response {
    /// 200 with a JSON body.
    ///
    /// # Errors
    /// When the body does not serialize, for example a map whose keys are no texts.
    pub fn ok<T: Serialize + ?Sized>(body: &T) -> Answer {
        Self::json(200, body)
    }

    /// 201 with a JSON body and where the new thing is.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn created<T: Serialize + ?Sized>(location: &str, body: &T) -> Answer {
        Ok(Self::json(201, body)?.with_header("location", location))
    }

    /// 200 with a page of a collection, and `Link` headers to the others (RFC 8288).
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn page<T: Serialize>(page: &Page<T>) -> Answer {
        let answer = Self::ok(page)?;
        Ok(match page.links() {
            Some(links) => answer.with_header("link", &links),
            None => answer,
        })
    }

    /// 204: done, and nothing to say.
    ///
    /// # Errors
    /// None; the signature is that of a route's end.
    pub fn no_content() -> Answer {
        Ok(Self {
            status: 204,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Any status with a JSON body.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Answer {
        let body = serde_json::to_vec(body)
            .map_err(|error| Fault::new(format!("the answer does not serialize: {error}")))?;
        Ok(Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body,
        })
    }

    /// The same answer with a header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
