//! Shows the events of an app, each once, one line of JSON each. It remembers where it was.
//!
//! `cargo run --release --package innkeeper-tests --bin subscribe -- nats://127.0.0.1:4222 stay`

use std::collections::HashSet;
use std::error::Error;

use async_nats::jetstream::{self, consumer::pull};
use futures::TryStreamExt;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(stream)) = (arguments.next(), arguments.next()) else {
        return Err("usage: subscribe <url> <stream>".into());
    };
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = context.get_stream(stream).await?;
    // A durable consumer: the server keeps how far it has come.
    let config = pull::Config {
        durable_name: Some("show-events-rs".to_owned()),
        ..pull::Config::default()
    };
    let consumer = stream
        .get_or_create_consumer("show-events-rs", config)
        .await?;
    let mut seen = HashSet::new();
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.try_next().await? {
        let header = |name: &str| {
            let headers = message.headers.as_ref();
            headers
                .and_then(|headers| headers.get(name))
                .map(|value| value.as_str())
        };
        // At least once, with stable ids: who remembers ids sees each once.
        if seen.insert(header("ce-id").unwrap_or_default().to_owned()) {
            let data: Value = serde_json::from_slice(&message.payload)?;
            let event = json!({
                "id": header("ce-id"), "type": header("ce-type"), "source": header("ce-source"), "subject": header("ce-subject"),
                "time": header("ce-time"), "data": data,
            });
            println!("{event}");
        }
        message.ack().await?;
    }
    Ok(())
}
