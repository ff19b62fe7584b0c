use core::str::FromStr;

use crate::{FromRequest, JsonSchema, Problem, Request};

/// The values of the route's placeholders: `Path<u64>` for one, `Path<(u64, u64)>` for two.
///
/// A number is written in one way only: no sign, no leading zero. Anything else in its place is answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

/// What a placeholder's value can become.
pub trait Segment: JsonSchema + Sized {
    /// Reads the value; none when it cannot be one.
    fn read(value: &str) -> Option<Self>;
    /// What it should have been, for the problem's detail.
    const WANTED: &'static str;
}

impl Segment for String {
    const WANTED: &'static str = "a text";

    fn read(value: &str) -> Option<Self> {
        Some(value.into())
    }
}

impl Segment for u64 {
    const WANTED: &'static str = "a whole number";

    fn read(value: &str) -> Option<Self> {
        plain_number(value)
    }
}

/// A number in its canonical form: digits, no sign, no leading zero.
pub(crate) fn plain_number<T: FromStr>(value: &str) -> Option<T> {
    let canonical = value == "0" || !value.starts_with('0');
    (canonical && value.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| value.parse().ok())
        .flatten()
}

fn segment<T: Segment>(request: &Request, index: usize) -> Result<T, Problem> {
    let Some((name, value)) = request.parameters.get(index) else {
        return Err(Problem::new(
            500,
            format!(
                "The route {} has no placeholder number {}.",
                request.route,
                index + 1
            ),
        ));
    };
    T::read(value).ok_or_else(|| {
        Problem::new(
            400,
            format!(
                "Invalid {name} in the path: {value:?} is not {}.",
                T::WANTED
            ),
        )
    })
}

impl<T: Segment> FromRequest for Path<T> {
    const READS_BODY: bool = false;

    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(Self(segment(request, 0)?))
    }
}

impl<A: Segment, B: Segment> FromRequest for Path<(A, B)> {
    const READS_BODY: bool = false;

    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(Self((segment(request, 0)?, segment(request, 1)?)))
    }
}
