//! The outside, as a test plays it.

use std::cell::RefCell;

use crate::outbound::{Error, Request, Response};

type Played = Box<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static PLAYED: RefCell<Option<Played>> = const { RefCell::new(None) };
}

/// From now on, in this thread, what is asked outside is answered by this. Before, all of it is denied.
pub fn play(answer: impl Fn(&Request) -> Result<Response, Error> + 'static) {
    PLAYED.with_borrow_mut(|played| *played = Some(Box::new(answer)));
}

pub(crate) fn send(request: Request) -> Result<Response, Error> {
    PLAYED.with_borrow(|played| match played {
        Some(answer) => answer(&request),
        None => Err(Error::Denied(
            "nobody plays the outside; call `testing::outside::play` first".to_owned(),
        )),
    })
}
