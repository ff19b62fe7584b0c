//! Typed calls from context to context: who answers, whether it is well, and what the caller hears when nobody does.

mod breaker;
mod dispatch;
mod links;

pub use self::{
    breaker::{Breaker, State as BreakerState},
    dispatch::{dispatch, offering, reach},
    links::{LinkError, Links},
};
