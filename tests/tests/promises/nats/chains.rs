//! A call from outside that calls on, and a power cut in the middle: it ends finished or undone, and a repeat is told the same.

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::{Value, json};

use super::calls::{Caller, body};

const BOOK: &str = "stay.call.steward.errands.book";
const KEY: &[(&str, &str)] = &[("Idempotency-Key", "errand-1")];
const RSV: u64 = 901;

/// The app with a steward, in some mood.
async fn settings(server: &NatsServer, mood: &str) -> Settings {
    let settings = Settings::of_the_app().await.with("steward", "steward");
    let settings = settings.await.set("nats.url", server.url());
    // Long enough for whoever dawdles to be cut off by the power cut alone.
    let settings = settings.set("context.steward.limits.deadline", "60s");
    settings.set("context.steward.config.mood", mood)
}

/// A host where the power was cut when the steward had a room and no payment, open again with the steward in another mood; and the room.
async fn cut_short(server: &NatsServer, mood: &str) -> (TestHost, u64) {
    let mut host = TestHost::with(settings(server, "dawdle").await).await;
    let caller = Caller::of(&host, server).await;
    let room = host.stay().room("wanted from afar").await;
    {
        let calling = caller.call(BOOK, KEY, json!([room, RSV]));
        let held = shows(&host, room, "reserved");
        tokio::select! {
            answer = calling => panic!("it was answered: {}", body(&answer)),
            () = held => {}
        }
    }
    host.kill_9();
    host.reopen_with(settings(server, mood).await).await;
    (host, room)
}

async fn shows(host: &TestHost, room: u64, status: &str) {
    let path = format!("/rooms/{room}");
    host.stay().shows(&path, json!({"status": status})).await;
}

/// The answer to a repeat, once the first is not under way any more.
async fn repeat(host: &TestHost, server: &NatsServer, room: u64) -> Value {
    let caller = Caller::of(host, server).await;
    eventually("the repeat is answered", async || {
        let answer = body(&caller.call(BOOK, KEY, json!([room, RSV])).await);
        match answer["status"] == 409 {
            true => Err(answer),
            false => Ok(answer),
        }
    })
    .await
}

#[tokio::test]
async fn it_is_finished_and_a_repeat_gets_its_answer() {
    let server = NatsServer::start().await;
    let (mut host, room) = cut_short(&server, "eager").await;
    // Nobody repeats it, and it is finished all the same.
    let stay = host.stay();
    let payments = stay.counts("/payments", 1).await;
    assert_eq!(payments[0]["rsvId"], RSV, "{payments:?}");
    stay.counts("/errands", 1).await;
    let first = repeat(&host, &server, room).await;
    assert_eq!(first, json!({"ok": 1}));
    host.kill_9();
    host.reopen().await;
    assert_eq!(repeat(&host, &server, room).await, first);
    host.operators().nothing_pending().await;
    let stay = host.stay();
    stay.counts("/errands", 1).await;
    stay.counts("/payments", 1).await;
    shows(&host, room, "reserved").await;
}

#[tokio::test]
async fn it_is_undone_and_a_repeat_does_not_take_what_was_undone_for_done() {
    let server = NatsServer::start().await;
    let (mut host, room) = cut_short(&server, "refuse").await;
    shows(&host, room, "available").await;
    host.operators().nothing_pending().await;
    host.kill_9();
    host.reopen_with(settings(&server, "eager").await).await;
    // Room is asked again, and says that this reservation cannot have it any more.
    let refused = json!({"err": {"refused": format!("Reservation {RSV} has ended.")}});
    for _ in 0..2 {
        assert_eq!(repeat(&host, &server, room).await, refused);
    }
    host.operators().nothing_pending().await;
    let stay = host.stay();
    stay.counts("/errands", 0).await;
    stay.counts("/payments", 0).await;
    shows(&host, room, "available").await;
}
