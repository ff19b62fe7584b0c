//! The contexts of stay together: see `tests`. And the pieces of `docs`, which are compiled and run here: how a context is written, the cookbook, what comes from
//! outside, how state is kept, and the pages for those who come from elsewhere.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-a-context.md")]
struct WritingAContext;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/cookbook.md")]
struct Cookbook;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-spring-and-kafka.md")]
struct FromSpringAndKafka;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-restate.md")]
struct FromRestate;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-spin.md")]
struct FromSpin;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-dapr.md")]
struct FromDapr;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/events.md")]
struct Events;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/state.md")]
struct State;
