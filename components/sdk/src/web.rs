use crate::{Problem, Request, Response};

/// How a route ends: an answer, or a problem.
pub type Answer = Result<Response, Problem>;

/// What a route's function can take as a parameter.
pub trait FromRequest: Sized {
    /// The media type that the body must have for this, if it reads the body.
    const CONSUMES: Option<&'static str> = None;

    /// Takes it out of the request.
    ///
    /// # Errors
    /// The problem to answer when the request does not have it.
    fn from_request(request: &Request) -> Result<Self, Problem>;
}

/// A function that answers a route: it takes up to three things [from the request](FromRequest).
pub trait Handler<Parameters> {
    /// The media type that the body must have, if the function reads the body.
    const CONSUMES: Option<&'static str>;

    /// Answers.
    ///
    /// # Errors
    /// The problem to answer instead.
    fn call(&self, request: &Request) -> Answer;
}

impl<F: Fn() -> Answer> Handler<()> for F {
    const CONSUMES: Option<&'static str> = None;

    fn call(&self, _: &Request) -> Answer {
        self()
    }
}

impl<F: Fn(A) -> Answer, A: FromRequest> Handler<(A,)> for F {
    const CONSUMES: Option<&'static str> = A::CONSUMES;

    fn call(&self, request: &Request) -> Answer {
        self(A::from_request(request)?)
    }
}

impl<F: Fn(A, B) -> Answer, A: FromRequest, B: FromRequest> Handler<(A, B)> for F {
    const CONSUMES: Option<&'static str> = either(A::CONSUMES, B::CONSUMES);

    fn call(&self, request: &Request) -> Answer {
        self(A::from_request(request)?, B::from_request(request)?)
    }
}

impl<F: Fn(A, B, C) -> Answer, A: FromRequest, B: FromRequest, C: FromRequest> Handler<(A, B, C)>
    for F
{
    const CONSUMES: Option<&'static str> = either(either(A::CONSUMES, B::CONSUMES), C::CONSUMES);

    fn call(&self, request: &Request) -> Answer {
        self(
            A::from_request(request)?,
            B::from_request(request)?,
            C::from_request(request)?,
        )
    }
}

/// The whole request, for what no other parameter gives.
impl FromRequest for Request {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(request.clone())
    }
}

const fn either(a: Option<&'static str>, b: Option<&'static str>) -> Option<&'static str> {
    if a.is_some() { a } else { b }
}

/// Runs a route's function.
pub fn dispatch<P>(handler: impl Handler<P>, request: &Request) -> Answer {
    handler.call(request)
}

/// The media type that a route's function reads.
pub const fn consumes<P, H: Handler<P>>(_: &H) -> Option<&'static str> {
    H::CONSUMES
}
