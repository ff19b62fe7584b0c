//! The relay serves contexts in turns: what one of them has too much of, or cannot be published, holds up nobody else.

use http::Method;
use innkeeper_tests::nats::{JETSTREAM, NatsServer};
use innkeeper_tests::{Opening, Settings, TestHost, eventually, send};
use serde_json::{Value, json};

use super::feed::host;
use super::relay::narrow;

/// The subjects of what is in the stream, in its order.
async fn subjects(server: &NatsServer) -> Vec<String> {
    let messages = server.read("stay").await;
    let subject = |message: &innkeeper_tests::nats::Received| {
        let (source, kind) = (message.header("ce-source"), message.header("ce-type"));
        format!("{source} {kind} {}", message.header("ce-subject"))
    };
    messages.iter().map(subject).collect()
}

fn places(subjects: &[String], part: &str) -> Vec<usize> {
    let found = subjects.iter().enumerate();
    let found = found.filter(|(_, subject)| subject.contains(part));
    found.map(|(place, _)| place).collect()
}

async fn letters(host: &TestHost) -> Vec<Value> {
    let found = host.operators().get("/v1/nats/dead-letters").await;
    found["deadLetters"].as_array().expect("a list").clone()
}

/// Thousands of events wait of one context, and then a few of another one come: they do not wait for all of those.
#[tokio::test]
async fn who_has_very_many_events_does_not_hold_up_who_has_few() {
    const MANY: usize = 4_000;
    // What was under way when the server went away, and cannot be overtaken.
    const WINDOW: usize = 1_024;
    let mut server = NatsServer::start().await;
    let settings = Settings::of_the_app()
        .await
        .with("hostile", "hostile")
        .await
        .set("nats.url", server.url());
    let host = Opening::new(settings).open().await;
    server.kill_9();
    for _ in 0..MANY / 1_000 {
        let reply = host.gateway().post("/hostile/events/1000", json!(null));
        reply.await.expect(204);
    }
    for _ in 0..3 {
        host.stay().room("later").await;
    }
    server.restart().await;
    let subjects = eventually("everything is published", async || {
        let subjects = subjects(&server).await;
        let (many, few) = (
            places(&subjects, "/stay/hostile").len(),
            places(&subjects, "/stay/room").len(),
        );
        match (many, few) {
            (MANY, 3) => Ok(subjects),
            counts => Err(format!("{counts:?}")),
        }
    })
    .await;
    let few = places(&subjects, "/stay/room");
    assert!(
        few.last() < Some(&(WINDOW + 100)),
        "{few:?} of {}",
        subjects.len()
    );
}

/// Dead letters of the relay are as many as `quota.dead_letters`: then the context's events wait, in their order, and those of others go on.
#[tokio::test]
async fn dead_letters_of_the_relay_have_a_quota_and_only_their_context_waits_for_it() {
    let server = NatsServer::with(JETSTREAM).await;
    server.make(narrow()).await;
    let settings = Settings::of_the_app()
        .await
        .set("nats.url", server.url())
        .set("context.room.quota.dead_letters", 2);
    let mut host = Opening::new(settings).open().await;
    let large = "x".repeat(1_990);
    for number in 0..4 {
        host.stay().room(&large).await;
        host.stay().room(&format!("small {number}")).await;
    }
    let free = [
        host.stay().room("the last but one").await,
        host.stay().room("the last").await,
    ];
    let waits = async |host: &TestHost| {
        eventually("the context waits", async || {
            let notices = host.operators().context("room").await["notices"].to_string();
            let letters = letters(host).await.len();
            match notices.contains("quota.dead_letters") && letters == 2 {
                true => Ok(()),
                false => Err(format!("{letters} dead letters, {notices}")),
            }
        })
        .await;
    };
    waits(&host).await;
    // Two dead letters, and what came before the third.
    let published = subjects(&server).await;
    assert_eq!(places(&published, "/stay/room").len(), 2, "{published:?}");
    // What others do is published, also after a power cut.
    host.stay().booked(free[0]).await;
    let of_others = async || {
        let published = subjects(&server).await;
        places(&published, "/stay/reservation").len()
    };
    eventually(
        "another context's events are published",
        async || match of_others().await {
            0 => Err("none"),
            _ => Ok(()),
        },
    )
    .await;
    host.kill_9();
    host.reopen().await;
    waits(&host).await;
    let before = of_others().await;
    host.stay().booked(free[1]).await;
    eventually("another context's events are published", async || {
        let published = of_others().await;
        (published > before).then_some(()).ok_or(published)
    })
    .await;
    // With room for them, the others become dead letters, too, and what waited behind them is published in its order.
    let mut dropped = 0;
    while dropped < 4 {
        let letters = eventually("there are some", async || match letters(&host).await {
            letters if letters.is_empty() => Err("none"),
            letters => Ok(letters),
        })
        .await;
        for letter in letters {
            let id = letter["id"].as_str().expect("an id");
            let path = format!("/v1/nats/dead-letters/{id}");
            let drop = host.operators().send(Method::DELETE, &path).await;
            drop.expect(204);
            dropped += 1;
        }
    }
    let expected: Vec<String> = {
        let events = host.operators().events().await.into_iter();
        let of_room = events.filter(|event| event["source"] == "/stay/room");
        let small = of_room.filter(|event| !event.to_string().contains(&large));
        small
            .map(|event| event["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let ids = eventually("everything else is published", async || {
        let messages = server.read("stay").await;
        let of_room = messages
            .iter()
            .filter(|message| message.header("ce-source") == "/stay/room");
        let ids: Vec<_> = of_room
            .map(|message| message.header("ce-id").to_owned())
            .collect();
        (ids.len() >= expected.len())
            .then_some(ids)
            .ok_or_else(|| format!("of {}", expected.len()))
    })
    .await;
    assert_eq!(ids, expected);
    assert!(letters(&host).await.is_empty());
}

/// A context that has many events which cannot be published costs the others some time for each, and no more.
#[tokio::test]
async fn who_has_many_that_cannot_be_published_does_not_hold_up_the_others() {
    const LARGE: usize = 60;
    let mut server = NatsServer::with(JETSTREAM).await;
    server.make(narrow()).await;
    let host = host(&server).await;
    // All of it is there before anything is published.
    server.kill_9();
    let large = "x".repeat(1_990);
    for _ in 0..LARGE {
        host.stay().room(&large).await;
    }
    let room = host.stay().room("small").await;
    host.stay().booked(room).await;
    server.restart().await;
    let before = eventually("what the other has is published", async || {
        let before = letters(&host).await.len();
        let published = subjects(&server).await;
        let is_there = !places(&published, "/stay/reservation").is_empty();
        is_there.then_some(before).ok_or("not yet")
    })
    .await;
    assert!(before < LARGE, "it came after all {before}");
    eventually("all that can be published is", async || {
        let published = subjects(&server).await;
        let letters = letters(&host).await.len();
        let small = places(&published, "/stay/room").len();
        let others = places(&published, "/stay/reservation").len();
        match letters == LARGE && small >= 1 && others >= 1 {
            true => Ok(()),
            false => Err(format!(
                "{letters} dead letters, {small} and {others} published"
            )),
        }
    })
    .await;
    // What was dropped leaves nothing behind, and is not met again.
    for letter in letters(&host).await {
        let path = format!(
            "/v1/nats/dead-letters/{}",
            letter["id"].as_str().expect("an id")
        );
        let request = host.operators().send(Method::DELETE, &path).await;
        request.expect(204);
    }
    assert!(letters(&host).await.is_empty());
    let request = host.operators().client().request(Method::GET, "/readyz");
    send(request).await.expect(200);
}
