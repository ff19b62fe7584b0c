//! The contexts of stay together: see `tests`. And the pieces of `docs/writing-a-context.md` and `docs/cookbook.md`, which are compiled and run here.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-a-context.md")]
struct WritingAContext;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/cookbook.md")]
struct Cookbook;
