//! The outside, as a test plays it.

use std::cell::RefCell;

type Played = Box<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static PLAYED: RefCell<Option<Played>> = const { RefCell::new(None) };
}

/// A request, as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer may take to begin, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// An answer, as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer, as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "these are the contract's")]
pub enum Error {
    Denied(String),
    Invalid(String),
    Overloaded(String),
    Unreachable(String),
    TimedOut(String),
    TooLarge(String),
    Broken(String),
}

/// From now on, in this thread, what is asked outside is answered by this. Before, all of it is denied.
pub fn play(answer: impl Fn(&Request) -> Result<Response, Error> + 'static) {
    PLAYED.with_borrow_mut(|played| *played = Some(Box::new(answer)));
}

pub(crate) fn send(request: &Request) -> Result<Response, Error> {
    PLAYED.with_borrow(|played| match played {
        Some(answer) => answer(request),
        None => Err(Error::Denied(
            "nobody plays the outside; call `testing::outside::play` first".to_owned(),
        )),
    })
}
