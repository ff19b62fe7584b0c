//! The operators' port: what is shown to whom, what is written down, and who is kept out.

mod audit;
mod requests;
mod shown;
mod tls;
mod tokens;

use innkeeper_tests::{Operators, Settings, TestHost};

/// A manifest with one context, the bell.
async fn bell() -> Settings {
    Settings::empty().with("bell", "bell").await
}

/// The same for somebody else, who has this token.
fn with_token(host: &TestHost, token: &str) -> Operators {
    Operators::new(host.operators().client().clone(), token)
}
