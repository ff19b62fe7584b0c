//! How fast events come to NATS, beside a plain publisher at the same server.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Opening, Settings, flood, request, within};

use super::table::{Report, percent, rate};

const EVENTS: u64 = 50_000;
/// As many as the relay has under way.
const WINDOW: usize = 1_024;

/// Measures both.
pub async fn measure(report: &mut Report) {
    let note = format!(
        "{EVENTS} events of the context room wait when the host connects; the plain publisher sends as many messages with the same headers and data, \
         {WINDOW} under way, and waits for each to be confirmed. The relay has each accepted only right behind the one before it, and so needs to \
         have confirmed the last one of each group only. The stream is on disk."
    );
    let table = report.table("Events to NATS", note, &["what", "messages a second"]);
    let server = NatsServer::start().await;
    let context = jetstream::new(server.client().await);
    let relay = relay(&server, &context).await;
    let plain = plain(&server).await;
    table.row(["a plain publisher".to_owned(), rate(plain)]);
    table.row(["the relay".to_owned(), rate(relay)]);
    table.row(["ratio".to_owned(), percent(relay, plain)]);
}

/// The relay, from the first message in the stream to the last.
async fn relay(server: &NatsServer, context: &Context) -> f64 {
    let settings = ["reservation", "payment", "message", "viewpage"]
        .iter()
        .fold(Settings::of_the_app().await, |settings, name| {
            settings.without(&format!("context.{name}"))
        })
        .set("journal.durability", "relaxed");
    let mut host = Opening::new(settings.clone()).alone().open().await;
    let post = |_| request("POST", "/rooms", r#"{"desc": "Beautiful House3"}"#);
    let flooded = flood(host.gateway().base(), 32, EVENTS, post).await;
    assert_eq!(flooded.successes, EVENTS);
    host.close().await;
    let published = async || -> Result<u64, String> {
        let stream = context.get_stream("stay").await;
        let stream = stream.map_err(|error| error.to_string())?;
        Ok(stream.cached_info().state.messages)
    };
    let (mut first, mut last) = (None, None);
    let settings = settings.set("nats.url", server.url());
    let watch = within(Duration::from_secs(120), async || {
        let count = published().await?;
        if count > 0 && first.is_none() {
            first = Some((Instant::now(), count));
        }
        last = Some((Instant::now(), count));
        (count >= EVENTS).then_some(()).ok_or(count.to_string())
    });
    let ((), watched) = tokio::join!(host.reopen_with(settings), watch);
    watched.expect("every event is published");
    match (first, last) {
        (Some((begun, before)), Some((ended, after))) => {
            (after - before) as f64 / (ended - begun).as_secs_f64()
        }
        _ => 0.0,
    }
}

/// The messages that the relay has published, published again by somebody who does nothing else.
async fn plain(server: &NatsServer) -> f64 {
    let sample = server.read("stay").await;
    server.make_stream("plain", "plain.>").await;
    let client = server.client().await;
    let builder = jetstream::context::ContextBuilder::new().max_ack_inflight(2 * WINDOW);
    let context = builder.build(client);
    let mut under_way = FuturesOrdered::new();
    let begun = Instant::now();
    for message in &sample {
        if under_way.len() == WINDOW {
            let confirmed: Option<Result<_, _>> = under_way.next().await;
            confirmed.transpose().expect("it is confirmed");
        }
        let mut headers = HeaderMap::new();
        for (name, values) in message.headers.iter() {
            let name: &str = name.as_ref();
            if !name.starts_with("Nats-") {
                headers.insert(name, values[0].clone());
            }
        }
        headers.insert("Nats-Msg-Id", message.header("ce-id"));
        let subject = message.subject.replacen("stay", "plain", 1);
        let sent = context.publish_with_headers(subject, headers, message.data.clone().into());
        under_way.push_back(sent.await.expect("it is sent").into_future());
    }
    while let Some(confirmed) = under_way.next().await {
        confirmed.expect("it is confirmed");
    }
    sample.len() as f64 / begun.elapsed().as_secs_f64()
}
