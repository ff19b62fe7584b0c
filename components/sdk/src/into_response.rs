use serde::Serialize;

use crate::{Answer, Json, Page, Response};

/// What a route can end with. Where it is a type that says what it is, the app's documents say it: see [`JsonSchema`](trait@crate::JsonSchema).
///
/// A [`Response`] is answered as it is, and told as nothing in particular.
pub trait IntoResponse: Sized {
    /// The status that it is answered with; none where that is not always the same.
    const STATUS: Option<u16>;
    /// What its body is; none where it has none, or that is not always the same.
    const MEDIA_TYPE: Option<&'static str>;
    /// What the JSON of its body is made of; `()` where it has none.
    type Body;

    /// The response.
    ///
    /// # Errors
    /// When the body does not serialize, for example a map whose keys are no texts.
    fn into_response(self) -> Answer;
}

const JSON: Option<&str> = Some("application/json");

impl IntoResponse for Response {
    const STATUS: Option<u16> = None;
    const MEDIA_TYPE: Option<&'static str> = None;
    type Body = ();

    fn into_response(self) -> Answer {
        Ok(self)
    }
}

/// 200 with a JSON body.
impl<T: Serialize> IntoResponse for Json<T> {
    const STATUS: Option<u16> = Some(200);
    const MEDIA_TYPE: Option<&'static str> = JSON;
    type Body = T;

    fn into_response(self) -> Answer {
        Response::ok(&self.0)
    }
}

/// 200 with a page of a collection, and `Link` headers to the others (RFC 8288).
impl<T: Serialize> IntoResponse for Page<T> {
    const STATUS: Option<u16> = Some(200);
    const MEDIA_TYPE: Option<&'static str> = JSON;
    type Body = Self;

    fn into_response(self) -> Answer {
        Response::page(&self)
    }
}

/// 201 with a JSON body and where the new thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created<T> {
    location: String,
    body: T,
}

impl<T> Created<T> {
    /// A new thing, and the path that it is at, for example `/rooms/7`.
    pub fn at(location: impl Into<String>, body: T) -> Self {
        Self {
            location: location.into(),
            body,
        }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    const STATUS: Option<u16> = Some(201);
    const MEDIA_TYPE: Option<&'static str> = JSON;
    type Body = T;

    fn into_response(self) -> Answer {
        Response::created(&self.location, &self.body)
    }
}

/// 204: done, and nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoContent;

impl IntoResponse for NoContent {
    const STATUS: Option<u16> = Some(204);
    const MEDIA_TYPE: Option<&'static str> = None;
    type Body = ();

    fn into_response(self) -> Answer {
        Response::no_content()
    }
}
