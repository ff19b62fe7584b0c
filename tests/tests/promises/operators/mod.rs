//! The operators' port: what is shown to whom, what is written down, and who is kept out.

mod audit;
mod requests;
mod shown;
mod tls;
mod tokens;

use innkeeper_tests::{Inn, Operators, Settings};

/// A manifest with one context, the bell.
async fn bell() -> Settings {
    Settings::empty().with("bell", "bell").await
}

/// The same for somebody else, who has this token.
fn with_token(inn: &Inn, token: &str) -> Operators {
    Operators::new(inn.operators().client().clone(), token)
}
