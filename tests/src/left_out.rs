//! Tests that are left out. What builds contexts in other languages than Rust comes from registries, which need not answer where the tests run: that says nothing about a change.

/// Names the languages whose tests are left out, separated by commas. `make test` sets it where it could not install what they need, and says so.
const LEFT_OUT: &str = "INNKEEPER_TESTS_WITHOUT";

/// What is built by what builds another: it is left out with that.
const BUILT_BY: [(&str, &str); 2] = [("starlingmonkey", "javascript"), ("eslint", "javascript")];

/// Whether the tests of a language, or of an engine for one, are left out.
pub fn is_left_out(language: &str) -> bool {
    let left_out = std::env::var(LEFT_OUT).unwrap_or_default();
    let built_by = BUILT_BY.iter().filter(|(name, _)| *name == language);
    let all: Vec<_> = built_by.map(|(_, by)| *by).chain([language]).collect();
    let named = left_out.split(',').find(|name| all.contains(&name.trim()));
    if let Some(named) = named {
        eprintln!("left out: {LEFT_OUT} names {}", named.trim());
    }
    named.is_some()
}
