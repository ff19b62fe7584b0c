//! Tests that are left out. What builds contexts in other languages than Rust, and what reads the app's documents, comes from registries, which need not answer where the tests run: that says
//! nothing about a change.

/// Names what tests are left out for: languages, and `documents`; separated by commas. `make test` sets it where it could not install what they need, and says so.
const LEFT_OUT: &str = "INNKEEPER_TESTS_WITHOUT";

/// What is built by what builds another: it is left out with that.
const BUILT_BY: [(&str, &str); 2] = [("starlingmonkey", "javascript"), ("eslint", "javascript")];

/// Whether the tests that need something are left out: `documents`, a language, an engine for one or what checks it.
pub fn is_left_out(what: &str) -> bool {
    let left_out = std::env::var(LEFT_OUT).unwrap_or_default();
    let built_by = BUILT_BY.iter().filter(|(name, _)| *name == what);
    let all: Vec<_> = built_by.map(|(_, by)| *by).chain([what]).collect();
    let named = left_out.split(',').find(|name| all.contains(&name.trim()));
    if let Some(named) = named {
        eprintln!("left out: {LEFT_OUT} names {}", named.trim());
    }
    named.is_some()
}
