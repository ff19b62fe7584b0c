//! Clients have limits, whatever version of HTTP they speak, and what they send means one thing.

mod connections;
mod fields;
mod heads;
mod slow;
mod text;
mod uploads;

use innkeeper_tests::Settings;

/// One context that says what it has heard.
async fn parrot() -> Settings {
    Settings::empty().with("parrot", "parrot").await
}
