//! Tests that are left out. What builds contexts in other languages than Rust comes from registries, which need not answer where the tests run: that says nothing about a change.

/// Names the languages whose tests are left out, separated by commas. `make test` sets it where it could not install what they need, and says so.
const LEFT_OUT: &str = "INNKEEPER_TESTS_WITHOUT";

/// Whether the tests of a language are left out.
pub fn is_left_out(language: &str) -> bool {
    let left_out = std::env::var(LEFT_OUT).unwrap_or_default();
    let is_left_out = left_out.split(',').any(|name| name.trim() == language);
    if is_left_out {
        eprintln!("left out: {LEFT_OUT} names {language}");
    }
    is_left_out
}
