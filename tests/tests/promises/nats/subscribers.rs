//! The subscribers of `docs/examples` get what a public library makes of the messages, each event once.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use innkeeper_tests::artifacts;
use innkeeper_tests::nats::NatsServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::feed::{all_published, host};

/// Where `scripts/setup.sh` puts what the example in Python needs.
fn python() -> PathBuf {
    artifacts::target().join("subscriber/bin/python")
}

/// The first lines that it shows.
async fn lines(mut command: Command, server: &NatsServer, count: usize) -> Vec<Value> {
    let mut child = command
        .args([&server.url(), "stay"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/setup.sh makes it"));
    let mut output = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut lines = Vec::new();
    while lines.len() < count {
        let line = tokio::time::timeout(Duration::from_secs(30), output.next_line()).await;
        let line = line
            .expect("the next line comes in time")
            .expect("it is text");
        let line = line.unwrap_or_else(|| panic!("it ended after {} lines", lines.len()));
        lines.push(serde_json::from_str(&line).expect("it is JSON"));
    }
    child.kill().await.expect("it can be ended");
    lines
}

/// What the examples show of an event.
fn shown(event: &Value, time: impl Fn(&str) -> String) -> Value {
    json!({
        "id": event["id"], "type": event["type"], "source": event["source"], "subject": event["subject"],
        "time": time(event["time"].as_str().expect("a time")), "data": event["data"],
    })
}

#[tokio::test]
async fn the_examples_show_every_event() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let stay = host.stay();
    let room = stay.room("Schönes \"Haus\", 100 %").await;
    let rsv = stay.booked(room).await;
    stay.cancel(rsv).await.expect(200);
    let (_, received) = all_published(&host, &server).await;
    let events = received.iter().map(|message| message.event());
    let events: Vec<Value> = events.collect();

    let rust = Command::new(env!("CARGO_BIN_EXE_subscribe"));
    let as_it_is: Vec<Value> = events
        .iter()
        .map(|event| shown(event, str::to_owned))
        .collect();
    assert_eq!(lines(rust, &server, events.len()).await, as_it_is);

    let mut command = Command::new(python());
    command.arg(artifacts::repository().join("docs/examples/subscribe.py"));
    // As Python shows a time.
    let isoformat = |time: &str| match time.strip_suffix(".000Z") {
        Some(seconds) => format!("{seconds}+00:00"),
        None => format!("{}000+00:00", time.trim_end_matches('Z')),
    };
    let as_python: Vec<Value> = events.iter().map(|event| shown(event, isoformat)).collect();
    assert_eq!(lines(command, &server, events.len()).await, as_python);
}
