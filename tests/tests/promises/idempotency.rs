//! `Idempotency-Key`: a repeat gets the first answer, whenever it comes.

use futures::future::join_all;
use http::Method;
use innkeeper_tests::{Reply, Stay, TestHost, eventually, send};
use serde_json::{Value, json};

async fn post(stay: &Stay, path: &str, key: &str, body: Value) -> Reply {
    let request = stay.client().request(Method::POST, path).json(&body);
    send(request.header("idempotency-key", key)).await
}

fn same(first: &Reply, repeat: &Reply) {
    assert_eq!((first.status, &first.text), (repeat.status, &repeat.text));
    assert_eq!(first.header("location"), repeat.header("location"));
    assert_eq!(first.header("content-type"), repeat.header("content-type"));
    assert_eq!(
        (
            first.header("idempotent-replayed"),
            repeat.header("idempotent-replayed")
        ),
        ("", "true")
    );
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_also_across_a_restart() {
    let mut host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("kept").await;
    let body = json!({"roomId": room});
    let first = post(&stay, "/reservations", "key-1", body.clone())
        .await
        .expect(201);
    same(
        &first,
        &post(&stay, "/reservations", "key-1", body.clone()).await,
    );
    host.kill_9();
    host.reopen().await;
    let stay = host.stay();
    same(
        &first,
        &post(&stay, "/reservations", "key-1", body.clone()).await,
    );
    host.close().await;
    host.reopen().await;
    let stay = host.stay();
    same(&first, &post(&stay, "/reservations", "key-1", body).await);
    let book = host.at_rest().await;
    assert_eq!((book.reservations.len(), book.payments.len()), (1, 1));
}

#[tokio::test]
async fn of_two_that_run_at_once_one_runs() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("wanted twice").await;
    let body = json!({"roomId": room});
    let replies =
        join_all((0..40).map(|_| post(&stay, "/reservations", "both", body.clone()))).await;
    let answered: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert!(!answered.is_empty());
    for reply in &replies {
        match reply.status {
            201 => assert_eq!(reply.text, answered[0].text),
            _ => {
                // The first still runs.
                let reply = reply.clone().expect_problem(409);
                assert_eq!(
                    reply.body["type"],
                    "urn:innkeeper:problem:idempotency-key-in-progress"
                );
                assert!(!reply.header("retry-after").is_empty());
            }
        }
    }
    let repeat = post(&stay, "/reservations", "both", body).await.expect(201);
    assert_eq!(repeat.text, answered[0].text);
    assert_eq!(host.at_rest().await.reservations.len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let first = post(&stay, "/rooms", "k", json!({"desc": "one"}))
        .await
        .expect(201);
    let other = post(&stay, "/rooms", "k", json!({"desc": "another"}))
        .await
        .expect_problem(422);
    assert_eq!(
        other.body["type"],
        "urn:innkeeper:problem:idempotency-key-reused"
    );
    post(
        &stay,
        "/reviews",
        "k",
        json!({"roomId": 1, "content": "another path"}),
    )
    .await
    .expect_problem(422);
    same(
        &first,
        &post(&stay, "/rooms", "k", json!({"desc": "one"})).await,
    );
    // However its path is spelled.
    same(
        &first,
        &post(&stay, "/r%6Foms", "k", json!({"desc": "one"})).await,
    );
    let book = host.at_rest().await;
    assert_eq!((book.rooms.len(), book.reviews.len()), (1, 0));
}

#[tokio::test]
async fn a_refused_request_may_be_tried_again_under_its_key() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("taken for now").await;
    let rsv = stay.booked(room).await;
    let body = json!({"roomId": room});
    post(&stay, "/reservations", "later", body.clone())
        .await
        .expect_problem(409);
    stay.cancel(rsv).await.expect(200);
    stay.shows(&format!("/rooms/{room}"), json!({"status": "available"}))
        .await;
    let first = eventually("the room can be had again", async || {
        let reply = post(&stay, "/reservations", "later", body.clone()).await;
        if reply.status == 201 {
            Ok(reply)
        } else {
            Err(reply.text)
        }
    })
    .await;
    same(&first, &post(&stay, "/reservations", "later", body).await);
    host.at_rest().await;
}
