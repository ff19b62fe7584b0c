//! Tests that are left out. What builds contexts in other languages than Rust, and what reads the app's documents, comes from registries, which need not answer where the tests run: that says
//! nothing about a change.

/// Names what tests are left out for: languages, and `documents`; separated by commas. `make test` sets it where it could not install what they need, and says so.
const LEFT_OUT: &str = "INNKEEPER_TESTS_WITHOUT";

/// Whether the tests that need something are left out: `javascript`, `python` or `documents`.
pub fn is_left_out(what: &str) -> bool {
    let left_out = std::env::var(LEFT_OUT).unwrap_or_default();
    let is_left_out = left_out.split(',').any(|name| name.trim() == what);
    if is_left_out {
        eprintln!("left out: {LEFT_OUT} names {what}");
    }
    is_left_out
}
