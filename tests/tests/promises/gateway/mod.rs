//! The public port where nothing stands in front of it, and where a proxy does.

mod access_log;
mod auth;
mod clients;
mod routes;
mod tls;

use innkeeper_tests::Settings;

/// One context that says what it has heard.
async fn parrot() -> Settings {
    Settings::empty().with("parrot", "parrot").await
}
