//! Calls and events do not meet on the wire.

use async_nats::jetstream::stream::Config;
use innkeeper_tests::nats::NatsServer;
use serde_json::{Value, json};

use super::feed::{all_published, host};

/// A stream as versions before made it: it took whatever had three words.
fn former() -> Config {
    Config {
        name: "stay".to_owned(),
        description: Some("The events of stay".to_owned()),
        subjects: vec!["stay.*.*".to_owned()],
        ..Config::default()
    }
}

#[tokio::test]
async fn a_mistyped_call_is_answered_and_not_stored() {
    let server = NatsServer::start().await;
    let context = server.make(former()).await;
    let host = host(&server).await;
    let room = host.stay().room("to be called").await;
    all_published(&host, &server).await;
    let mut stream = context.get_stream("stay").await.expect("it is there");
    let subjects = stream
        .info()
        .await
        .expect("it says how it is")
        .config
        .subjects
        .clone();
    assert!(
        subjects.contains(&"stay.room.*".to_owned()) && !subjects.contains(&"stay.*.*".to_owned()),
        "{subjects:?}"
    );
    let client = server.client().await;
    for mistyped in ["stay.call.room", "stay.call.rooms"] {
        let reply = client
            .request(mistyped, "{}".into())
            .await
            .expect("an answer");
        let reply: Value = serde_json::from_slice(&reply.payload).expect("JSON");
        assert_eq!(reply["status"], 404, "{reply}");
    }
    let hold = "stay.call.room.rooms.hold";
    let parameters = json!([room, 901]).to_string();
    let reply = client
        .request(hold, parameters.into())
        .await
        .expect("an answer");
    assert_eq!(&reply.payload[..], br#"{"ok":null}"#);
    let (told, received) = all_published(&host, &server).await;
    assert_eq!(received.len(), told.len());
}

#[tokio::test]
async fn a_stream_that_somebody_else_made_and_that_takes_calls_is_said() {
    let server = NatsServer::start().await;
    server.make_stream("stay", "stay.>").await;
    let host = host(&server).await;
    super::refusals::says(
        &host,
        "a caller may get the stream's acknowledgement instead",
    )
    .await;
    all_published(&host, &server).await;
}
