//! SIGTERM under load drops nothing.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_tests::{Load, Record, Settings, TestHost, eventually, http_client, within};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// What one client saw of one request.
#[derive(Debug, PartialEq)]
enum Seen {
    Answered(u16),
    NotConnected,
    Dropped(String),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_was_taken_is_answered() {
    let mut host = TestHost::with(Settings::of_the_app().await).await;
    let base = host.gateway().base().to_owned();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let (base, seen) = (base.clone(), seen.clone());
        clients.spawn(async move {
            for number in 0.. {
                let outcome = post_once(&base, &format!("{client}-{number}")).await;
                let over = !matches!(outcome, Seen::Answered(201));
                seen.lock().push(outcome);
                if over {
                    return;
                }
            }
        });
    }
    eventually("there is load", async || {
        if seen.lock().len() > 200 {
            Ok(())
        } else {
            Err("not yet")
        }
    })
    .await;
    host.close().await;
    clients.join_all().await;
    let seen: Vec<_> = seen.lock().drain(..).collect();
    let answered = seen
        .iter()
        .filter(|seen| **seen == Seen::Answered(201))
        .count();
    let dropped: Vec<_> = seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Dropped(_)))
        .collect();
    assert!(dropped.is_empty(), "{dropped:?} of {answered}");
    host.reopen().await;
    let book = host.at_rest().await;
    assert_eq!(book.rooms.len(), answered);
}

/// One request on a connection of its own: one that is kept may be closed just when the next request is sent, by anybody.
async fn post_once(base: &str, desc: &str) -> Seen {
    let client = http_client().pool_max_idle_per_host(0).build().unwrap();
    let body: Value = json!({"desc": desc});
    match client
        .post(format!("{base}/rooms"))
        .json(&body)
        .send()
        .await
    {
        Ok(response) => Seen::Answered(response.status().as_u16()),
        Err(error) if error.is_connect() => Seen::NotConnected,
        Err(error) => Seen::Dropped(format!("{error:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sagas_that_were_interrupted_go_on_after_the_next_start() {
    let mut host = TestHost::with(Settings::of_the_app().await).await;
    let record = Arc::new(Record::default());
    for _ in 0..20 {
        record.register(host.gateway()).await.unwrap();
    }
    for round in 0..3 {
        let load = Load::start(host.gateway(), &record, 8, round);
        let before = record.successes();
        eventually("there is load", async || {
            if record.successes() > before + 100 {
                Ok(())
            } else {
                Err("not yet")
            }
        })
        .await;
        host.close().await;
        load.stop().await;
        host.reopen().await;
        record.repeat_bookings(host.gateway()).await;
        let book = host.at_rest().await;
        let differences = record.differences(&book);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[tokio::test]
async fn it_says_that_it_is_not_ready_while_it_drains() {
    let settings = Settings::empty()
        .with("unruly", "unruly")
        .await
        .set("context.unruly.limits.deadline", "3s");
    let mut host = TestHost::with(settings).await;
    let slow = tokio::spawn({
        let stay = host.stay();
        async move { stay.client().post("/unruly/loop", json!({})).await.status }
    });
    let running = async || {
        let context = host.operators().context("unruly").await;
        if context["invocations"]["running"] == 1 {
            Ok(())
        } else {
            Err(context.to_string())
        }
    };
    eventually("the slow request runs", running).await;
    host.ask_to_close();
    eventually("it is not ready", async || {
        match host.operators().ready().await {
            Ok(()) => Err("ready"),
            Err(_) => Ok(()),
        }
    })
    .await;
    // New connections are not taken, and the one that runs is answered.
    let refused = within(Duration::from_secs(2), async || {
        match post_once(host.gateway().base(), "late").await {
            Seen::NotConnected => Ok(()),
            other => Err(other),
        }
    });
    refused.await.expect("no new connections");
    assert_eq!(slow.await.unwrap(), 504);
    host.closed().await;
}
