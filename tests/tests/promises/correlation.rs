//! One correlation id: header in, header out, on calls, events, log lines and in the story.

use std::collections::BTreeSet;

use http::Method;
use innkeeper_tests::{Reply, TestHost, eventually, send};
use serde_json::{Value, json};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn book(host: &TestHost, headers: &[(&str, &str)]) -> Reply {
    let room = host.stay().room("booked under an id").await;
    let mut request = host
        .gateway()
        .request(Method::POST, "/reservations")
        .json(&json!({"roomId": room}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn what_comes_in_goes_out() {
    let host = TestHost::open().await;
    let reply = book(
        &host,
        &[("x-correlation-id", "order-7"), ("traceparent", PARENT)],
    )
    .await
    .expect(201);
    assert_eq!(reply.header("x-correlation-id"), "order-7");
    let parent = reply.header("traceparent");
    assert!(
        parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01") && parent != PARENT,
        "{parent}"
    );

    // Without an id of its own a request has that of its trace; without a trace it gets one.
    let reply = book(&host, &[("traceparent", PARENT)]).await.expect(201);
    assert_eq!(reply.header("x-correlation-id"), TRACE);
    let made = book(&host, &[]).await.expect(201);
    let id = made.header("x-correlation-id");
    assert!(
        id.len() == 32 && made.header("traceparent").contains(id),
        "{:?}",
        made.headers
    );
    let other = book(&host, &[]).await.expect(201);
    assert_ne!(other.header("x-correlation-id"), id);

    // Problems have it, too, and say it.
    let request = host
        .gateway()
        .request(Method::GET, "/nothing")
        .header("x-correlation-id", "lost");
    let reply = send(request).await.expect_problem(404);
    assert_eq!(
        (
            reply.header("x-correlation-id"),
            &reply.body["correlationId"]
        ),
        ("lost", &json!("lost"))
    );
    let request = host
        .gateway()
        .request(Method::GET, "/rooms/4711")
        .header("x-correlation-id", "lost");
    assert_eq!(
        send(request)
            .await
            .expect_problem(404)
            .header("x-correlation-id"),
        "lost"
    );
}

#[tokio::test]
async fn every_event_of_a_saga_carries_it() {
    let host = TestHost::open().await;
    let reply = book(&host, &[("x-correlation-id", "saga-1")])
        .await
        .expect(201);
    let rsv = reply.number("rsvId");
    host.at_rest().await;
    let cancel = host
        .gateway()
        .request(Method::PATCH, &format!("/reservations/{rsv}"));
    let cancel = cancel
        .header("x-correlation-id", "saga-2")
        .json(&json!({"status": "reqCancel"}));
    send(cancel).await.expect(200);
    host.stay()
        .shows(
            &format!("/reservations/{rsv}"),
            json!({"status": "cancelled"}),
        )
        .await;
    host.at_rest().await;
    let kinds = |id: &str, events: &[Value]| -> BTreeSet<String> {
        let mine = events.iter().filter(|event| event["correlationid"] == id);
        mine.map(|event| {
            event["type"]
                .as_str()
                .unwrap()
                .trim_start_matches("stay.")
                .to_owned()
        })
        .collect()
    };
    let events = host.operators().events().await;
    let booking = [
        "payment.PaymentApproved",
        "reservation.ReservationConfirmed",
        "reservation.ReservationCreated",
        "room.RoomReserved",
    ];
    assert_eq!(kinds("saga-1", &events), booking.map(str::to_owned).into());
    let cancelling = [
        "payment.PaymentCancelled",
        "reservation.ReservationCancelRequested",
        "reservation.ReservationCancelled",
        "room.RoomCancelled",
    ];
    assert_eq!(
        kinds("saga-2", &events),
        cancelling.map(str::to_owned).into()
    );
    assert!(events.iter().all(|event| {
        event["causationid"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    }));
}

#[tokio::test]
async fn two_sagas_under_one_correlation_id_are_two() {
    let host = TestHost::open().await;
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let reply = book(&host, &[("x-correlation-id", "one-for-both")])
            .await
            .expect(201);
        keys.insert(reply.number("rsvId").to_string());
    }
    host.at_rest().await;
    eventually("both have ended", async || {
        let sagas = host.operators().get("/v1/sagas?saga=booking").await;
        let found = sagas["sagas"].as_array().expect("a list").iter();
        let completed = found
            .filter(|saga| saga["state"] == "completed" && saga["correlationId"] == "one-for-both");
        let completed: BTreeSet<String> = completed
            .map(|saga| saga["key"].as_str().unwrap_or_default().to_owned())
            .collect();
        match completed == keys {
            true => Ok(()),
            false => Err(sagas.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn the_story_tells_it_all_as_a_tree() {
    let mut host = TestHost::open().await;
    book(&host, &[("x-correlation-id", "the story")])
        .await
        .expect_problem(400);
    book(&host, &[("x-correlation-id", "the-story")])
        .await
        .expect(201);
    host.at_rest().await;
    let story = host.operators().get("/v1/stories/the-story").await;
    let told = tell(&story);
    for part in [
        "web reservation POST /reservations",
        "call room stay:room/rooms@0.1.0#hold",
        "call payment stay:payment/payments@0.1.0#approve",
        "ReservationConfirmed",
        "event message",
        "event viewpage",
        "RoomReserved",
    ] {
        assert!(told.contains(part), "no {part} in\n{told}");
    }
    // The request is the root of everything: the calls, and the events that it led to, lie below it.
    assert_eq!(
        told.lines().filter(|line| !line.starts_with(' ')).count(),
        1,
        "{told}"
    );
    host.kill_9();
    host.reopen().await;
    assert_eq!(
        tell(&host.operators().get("/v1/stories/the-story").await),
        told
    );
    host.operators()
        .send(Method::GET, "/v1/stories/nobody")
        .await
        .expect_problem(404);
}

/// The tree as indented lines.
fn tell(story: &Value) -> String {
    let mut told = String::new();
    for invocation in story["invocations"].as_array().expect("invocations") {
        tell_invocation(invocation, 0, &mut told);
    }
    told
}

fn tell_invocation(invocation: &Value, depth: usize, told: &mut String) {
    let text = |field: &str| invocation[field].as_str().unwrap_or_default();
    told.push_str(&format!(
        "{}{} {} {}\n",
        " ".repeat(depth),
        text("kind"),
        text("context"),
        text("name")
    ));
    for event in invocation["events"].as_array().into_iter().flatten() {
        told.push_str(&format!(
            "{}{}\n",
            " ".repeat(depth + 1),
            event["kind"].as_str().unwrap_or_default()
        ));
        for child in event["children"].as_array().into_iter().flatten() {
            tell_invocation(child, depth + 2, told);
        }
    }
    for child in invocation["children"].as_array().into_iter().flatten() {
        tell_invocation(child, depth + 1, told);
    }
}

#[tokio::test]
async fn log_lines_of_guests_carry_it() {
    let settings = innkeeper_tests::Settings::of_the_app()
        .await
        .without("context.payment");
    let host = TestHost::with(settings).await;
    book(&host, &[("x-correlation-id", "logged-9")])
        .await
        .expect_problem(503);
    eventually("the guest's line is in the log", async || {
        let lines = host.output().lines_with("not booked");
        let line = lines.first().ok_or("no line")?;
        let line: Value = serde_json::from_str(line).map_err(|_| "not JSON")?;
        if line["correlation_id"] == "logged-9" && line["context"] == "reservation" {
            Ok(())
        } else {
            Err("another line")
        }
    })
    .await;
}
