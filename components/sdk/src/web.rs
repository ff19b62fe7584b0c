use crate::{IntoResponse, Problem, Request, Response};

/// How a route ends: an answer, or a problem. What is answered is a [`Response`], or a type that says what it is: `Answer<Json<Room>>`, `Answer<Created<Room>>`, `Answer<Page<Room>>`,
/// `Answer<NoContent>`.
pub type Answer<T = Response> = Result<T, Problem>;

/// What a route's function can take as a parameter.
pub trait FromRequest: Sized {
    /// The media type that the body must have for this, if it reads the body.
    const CONSUMES: Option<&'static str> = None;

    /// Whether it looks at the body. False for what does not, so that the app's documents do not ask for one.
    const READS_BODY: bool = true;

    /// Takes it out of the request.
    ///
    /// # Errors
    /// The problem to answer when the request does not have it.
    fn from_request(request: &Request) -> Result<Self, Problem>;
}

/// A function that answers a route: it takes up to five things [from the request](FromRequest).
pub trait Handler<Parameters> {
    /// The media type that the body must have, if the function reads the body.
    const CONSUMES: Option<&'static str>;
    /// Whether one of the parameters looks at the body.
    const READS_BODY: bool;
    /// What it answers with success.
    type Output: IntoResponse;

    /// Answers.
    ///
    /// # Errors
    /// The problem to answer instead.
    fn call(&self, request: &Request) -> Answer;
}

macro_rules! handlers {
    ($($parameter:ident)*) => {
        impl<F: Fn($($parameter),*) -> Answer<R>, R: IntoResponse, $($parameter: FromRequest),*> Handler<($($parameter,)*)> for F {
            const CONSUMES: Option<&'static str> = either(&[$($parameter::CONSUMES),*]);
            const READS_BODY: bool = false $(|| $parameter::READS_BODY)*;
            type Output = R;

            #[allow(unused_variables, reason = "where there are no parameters")]
            fn call(&self, request: &Request) -> Answer {
                self($($parameter::from_request(request)?),*)?.into_response()
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);

/// The whole request, for what no other parameter gives.
impl FromRequest for Request {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(request.clone())
    }
}

/// The headers of the request; their names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The value of the first header of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.iter();
        let (_, value) = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

impl FromRequest for Headers {
    const READS_BODY: bool = false;

    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(Self(request.headers.clone()))
    }
}

/// The first media type that one of them reads.
const fn either(consumed: &[Option<&'static str>]) -> Option<&'static str> {
    let mut place = 0;
    while place < consumed.len() {
        if consumed[place].is_some() {
            return consumed[place];
        }
        place += 1;
    }
    None
}

/// Runs a route's function.
pub fn dispatch<P>(handler: impl Handler<P>, request: &Request) -> Answer {
    handler.call(request)
}

/// The media type that a route's function reads.
pub const fn consumes<P, H: Handler<P>>(_: &H) -> Option<&'static str> {
    H::CONSUMES
}
