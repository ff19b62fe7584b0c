//! Commands that talk to a running host.

use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::test_host::{SOON, TestHost, eventually, run, text};

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[tokio::test]
async fn they_tell_people_and_machines() {
    let host = TestHost::open().await;
    host.room("Beautiful House").await;
    assert_eq!(host.book(1, "order-7").await, 201);
    eventually("the saga has completed", async || {
        let told = host.says(&["sagas", "--json"]).await;
        told.contains("\"completed\"").then_some(())
    })
    .await;
    let sagas = host
        .says(&["sagas", "booking", "--state", "completed"])
        .await;
    assert!(sagas.contains("order-7"), "{sagas}");
    assert_eq!(host.says(&["sagas", "--state", "timed-out"]).await, "");

    let status = host.says(&["status"]).await;
    assert!(
        status.starts_with("CONTEXT") && status.lines().count() == 6,
        "{status}"
    );
    assert_eq!(json(&host.says(&["status", "--json"]).await)["app"], "stay");
    let room = host.says(&["status", "room"]).await;
    assert!(
        room.contains("POST /rooms") && room.contains("closed"),
        "{room}"
    );
    assert_eq!(
        json(&host.says(&["status", "room", "--json"]).await)["name"],
        "room"
    );

    let events = host.says(&["events"]).await;
    assert!(
        events.contains("ReservationConfirmed") && events.contains("\"payId\":1"),
        "{events}"
    );
    let events = host
        .says(&["events", "--all", "--json", "--kind", "RoomRegistered"])
        .await;
    assert_eq!(events.lines().count(), 1);
    assert_eq!(json(&events)["data"]["desc"], "Beautiful House");
    assert_eq!(
        host.says(&["events", "--last", "1"]).await.lines().count(),
        1
    );

    let story = host.says(&["story", "order-7"]).await;
    assert!(
        story.starts_with("order-7\n└─ reservation: web POST /reservations -> 201"),
        "{story}"
    );
    assert!(
        story.contains("   ├─ room: call stay:room/rooms@0.1.0#hold"),
        "{story}"
    );
    assert_eq!(
        json(&host.says(&["story", "order-7", "--json"]).await)["correlationId"],
        "order-7"
    );

    let versions = host.says(&["versions", "room"]).await;
    assert!(versions.contains("current"), "{versions}");
    assert_eq!(host.says(&["dead-letters"]).await, "");
    assert_eq!(
        host.says(&["dead-letters", "list", "room", "--json"]).await,
        ""
    );
    let retried = host
        .says(&["dead-letters", "retry", "viewpage", "--all"])
        .await;
    assert!(retried.starts_with("0 handled"), "{retried}");
    let rebuilt = host.says(&["rebuild", "viewpage"]).await;
    assert!(
        rebuilt.starts_with("viewpage is rebuilt from "),
        "{rebuilt}"
    );
    let rebuilt = host.says(&["rebuild", "viewpage", "--json"]).await;
    assert_eq!(json(&rebuilt)["state"], "done");
    let status = host.says(&["status", "viewpage"]).await;
    assert!(status.contains("generation 2"), "{status}");
}

#[tokio::test]
async fn what_cannot_be_done_is_an_error_with_a_reason() {
    let host = TestHost::open().await;
    for (arguments, said) in [
        (
            &["status", "cellar"] as &[&str],
            "there is no context `cellar`; there are message",
        ),
        (&["versions", "../room"], "../room"),
        (&["story", "nobody"], "nobody"),
        (&["rebuild", "room"], "Only a projection can"),
        (
            &["dead-letters", "retry", "room", "room.1.1.0"],
            "no dead letter room.1.1.0",
        ),
        (&["sagas", "checkout"], "booking"),
    ] {
        refused(&host, arguments, said, 1).await;
    }
    // What is no argument of the command is told from what there is not.
    let drop = ["dead-letters", "drop", "room", "x"];
    refused(&host, &drop, "`x` is not the id of a dead letter", 2).await;
}

/// A command that fails says why in one line.
async fn refused(host: &TestHost, arguments: &[&str], said: &str, code: i32) {
    let output = run(&mut host.command(arguments)).await;
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    let told = text(&output.stderr);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("error: ") && told.contains(said), "{told}");
}

#[tokio::test]
async fn following_goes_on_over_a_restart_and_misses_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let home = Arc::new(TempDir::new().unwrap());
    let mut host = TestHost::open_in(home.clone(), &["--admin", &address]).await;
    host.room("1").await;
    let mut command = host.command(&["events", "--follow", "--json", "--kind", "RoomRegistered"]);
    let mut following = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = timeout(SOON, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        json(&line)["subject"].as_str().unwrap().to_owned()
    };
    assert_eq!(next().await, "1");
    host.room("2").await;
    assert_eq!(next().await, "2");
    host.close().await;
    let host = TestHost::open_in(home, &["--admin", &address]).await;
    host.room("3").await;
    assert_eq!(next().await, "3");
    host.room("4").await;
    assert_eq!(next().await, "4");
}
