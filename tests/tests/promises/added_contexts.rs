//! Contexts that are added to the manifest while the host runs serve without a restart, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Client, Settings, TestHost, artifacts, eventually, within};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use toml::Table;

/// Requests to a context all the while.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU32>,
    running: JoinHandle<Vec<String>>,
}

impl Load {
    /// Registers rooms and reads them again.
    fn start(client: &Client) -> Self {
        let (stop, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<AtomicU32>::default(),
        );
        let (client, until, count) = (client.clone(), stop.clone(), done.clone());
        let running = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let room = client.post("/rooms", json!({"desc": "meanwhile"})).await;
                let list = client.get("/rooms?limit=1").await;
                let wrong = [(room, 201), (list, 200)];
                let wrong = wrong
                    .into_iter()
                    .filter(|(reply, good)| reply.status != *good);
                failures.extend(wrong.map(|(reply, _)| format!("{reply:?}")));
                count.fetch_add(1, Ordering::Relaxed);
            }
            failures
        });
        Self {
            stop,
            done,
            running,
        }
    }

    /// Ends it, when there was enough of it; nothing of it may have failed.
    async fn end(self) {
        let before = self.done.load(Ordering::Relaxed);
        eventually("there was some load", async || {
            let done = self.done.load(Ordering::Relaxed);
            (done > before + 10).then_some(()).ok_or(done)
        })
        .await;
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.running.await.expect("the load ends");
        assert_eq!(failures, Vec::<String>::new());
    }
}

/// What operators are told of the manifest.
async fn notices(host: &TestHost) -> Vec<String> {
    let seen = host.operators().get("/v1/contexts").await;
    let notices = seen["notices"].as_array().cloned().unwrap_or_default();
    let text = |notice: &Value| notice.as_str().expect("a notice is a text").to_owned();
    notices.iter().map(text).collect()
}

async fn says(host: &TestHost, text: &str) -> String {
    eventually(&format!("the status says `{text}`"), async || {
        let notices = notices(host).await;
        let found = notices.iter().find(|notice| notice.contains(text));
        found.cloned().ok_or_else(|| format!("{notices:?}"))
    })
    .await
}

async fn says_nothing(host: &TestHost) {
    eventually("the status says nothing of the manifest", async || {
        let notices = notices(host).await;
        notices
            .is_empty()
            .then_some(())
            .ok_or_else(|| format!("{notices:?}"))
    })
    .await;
}

/// Waits until a context serves.
async fn serves(host: &TestHost, context: &str) {
    let serving = within(Duration::from_secs(120), async || {
        let reply = host
            .operators()
            .send(Method::GET, &format!("/v1/contexts/{context}"))
            .await;
        let version = &reply.body["version"];
        (reply.status == 200 && !version.is_null())
            .then_some(())
            .ok_or(reply)
    });
    if let Err(last) = serving.await {
        panic!("{context} does not serve: {last:?}");
    }
}

/// The app without its sagas, whose events would all have to be there.
async fn app() -> Settings {
    let settings = Settings::of_the_app().await;
    let viewpage = artifacts::components().await["viewpage"].clone();
    settings
        .without("context.viewpage")
        .component("viewpage", &viewpage)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_serves_and_those_under_load_do_not_notice() {
    let all = app().await.set("gateway.openapi", true);
    let all = all
        .set("context.viewpage.schedule.second.every", "1s")
        .set("context.viewpage.schedule.second.event", "SecondDue")
        .set("context.viewpage.autoscale.min", 1)
        .set("context.viewpage.liveness_probe.period", "1s")
        .set("context.viewpage.config.colour", "red")
        .set("context.viewpage.show", vec!["colour".to_owned()]);
    let mut host = TestHost::with(all.clone().without("context.viewpage")).await;
    let stay = host.stay();
    let room = stay.room("before").await;
    host.gateway().get("/roomviews").await.expect_problem(404);
    let process = host.process();

    let load = Load::start(host.gateway());
    host.rewrite(all.clone());
    serves(&host, "viewpage").await;
    load.end().await;

    // It has followed from the first event on, and follows what comes.
    stay.shows(&format!("/roomviews/{room}"), json!({"desc": "before"}))
        .await;
    let later = stay.room("after").await;
    stay.shows(&format!("/roomviews/{later}"), json!({"desc": "after"}))
        .await;
    // Its schedule, its autoscaler, its configuration, its metrics and its place in the documents are there.
    eventually("its schedule publishes", async || {
        let events = host.operators().events_of("SecondDue").await;
        (!events.is_empty()).then_some(()).ok_or("none yet")
    })
    .await;
    eventually("it is scaled", async || {
        let context = host.operators().context("viewpage").await;
        (context["slots"]["slots"].as_u64() >= Some(1))
            .then_some(())
            .ok_or(context)
    })
    .await;
    let context = host.operators().context("viewpage").await;
    assert_eq!(context["config"]["colour"], "red");
    assert_eq!(context["state"], "running");
    host.rewrite(all.clone().set("context.viewpage.config.colour", "blue"));
    eventually("its configuration is read live", async || {
        let context = host.operators().context("viewpage").await;
        (context["config"]["colour"] == "blue")
            .then_some(())
            .ok_or(context)
    })
    .await;
    let metrics = host.operators().send(Method::GET, "/metrics").await;
    assert!(
        metrics
            .text
            .contains("innkeeper_context_ready{context=\"viewpage\"} 1"),
        "{metrics:?}"
    );
    let openapi = host.gateway().get("/openapi.json").await.expect(200).body;
    assert!(openapi["paths"].get("/roomviews/{id}").is_some());
    let asyncapi = host.operators().get("/v1/documents/asyncapi.json").await;
    assert!(
        asyncapi["operations"]
            .get("room.RoomRegistered.follow.viewpage")
            .is_some(),
        "{asyncapi}"
    );
    host.operators().ready().await.expect("the host is ready");
    says_nothing(&host).await;
    assert_eq!(host.process(), process);

    // A start comes to the same.
    host.close().await;
    host.reopen().await;
    let stay = host.stay();
    stay.shows(&format!("/roomviews/{later}"), json!({"desc": "after"}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waited_for_what_is_added_is_served_by_it() {
    let all = app().await;
    let mut host = TestHost::with(all.clone().without("context.payment")).await;
    let stay = host.stay();
    let room = stay.room("for a guest").await;
    // What it calls is not there, so nothing of it has come to be.
    let refused = stay.book(room).await;
    assert_ne!(refused.status, 201, "{refused:?}");

    host.rewrite(all.clone());
    serves(&host, "payment").await;
    stay.booked(room).await;
    eventually("nobody lacks anything", async || {
        let reservation = host.operators().context("reservation").await;
        let notices = reservation["notices"].as_array().map_or(0, Vec::len);
        (notices == 0).then_some(()).ok_or(reservation)
    })
    .await;
    host.at_rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_in_one_line_and_a_mended_manifest_is_taken() {
    let all = app().await;
    let rooms = all
        .clone()
        .without("context.payment")
        .without("context.reservation")
        .without("context.message")
        .without("context.viewpage");
    let mut host = TestHost::with(rooms.clone()).await;
    let load = Load::start(host.gateway());

    // A route that another has, and an interface.
    let twin = artifacts::components().await["room"].clone();
    host.rewrite(rooms.clone().component("twin", &twin));
    let why = says(&host, "context twin is not added").await;
    assert!(
        why.contains("rejected at the gate") && why.contains("room"),
        "{why}"
    );
    let said = host.command(&["status"]).await;
    assert!(said.is_well && said.out.contains(&why), "{said:?}");
    // It was never there: no request is answered otherwise for it, and the host is ready.
    host.gateway().get("/nowhere").await.expect_problem(404);
    host.operators().ready().await.expect("the host is ready");
    let twins = host
        .operators()
        .send(Method::GET, "/v1/contexts/twin")
        .await;
    assert_eq!(twins.status, 404);
    assert_eq!(
        host.output().lines_with("context twin is not added").len(),
        1
    );

    // A key that there is not.
    host.rewrite(rooms.clone().set("context.room.limitz", 1));
    let why = says(&host, "unknown key `limitz`").await;
    assert!(!why.contains('\n'), "{why}");

    // An import that nobody offers; with who offers it, it fits.
    let calling = rooms.with("caller", "caller").await;
    host.rewrite(calling.clone());
    let why = says(&host, "context caller is not added").await;
    assert!(why.contains("which nobody offers"), "{why}");
    host.rewrite(calling.with("patient", "patient").await);
    serves(&host, "caller").await;
    serves(&host, "patient").await;
    says_nothing(&host).await;
    let imports = host.operators().context("caller").await["imports"].clone();
    assert_eq!(imports[0]["context"], "patient");
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_for_the_next_start_is_said_and_goes_on() {
    let all = app().await;
    let mut host = TestHost::with(all.clone()).await;
    let stay = host.stay();
    let room = stay.room("a room").await;
    let fewer = all.clone().without("context.viewpage");
    host.rewrite(fewer.clone().set("context.room.limits.deadline", "21s"));
    says(&host, "context viewpage is no longer in the manifest").await;
    says(&host, "[context.room] has changed in the manifest").await;
    stay.shows(&format!("/roomviews/{room}"), json!({"desc": "a room"}))
        .await;

    // With the next start it is gone; what it has is kept, and it comes back without one.
    host.rewrite(fewer);
    host.close().await;
    host.reopen().await;
    host.gateway().get("/roomviews").await.expect_problem(404);
    host.rewrite(all);
    serves(&host, "viewpage").await;
    let stay = host.stay();
    stay.shows(&format!("/roomviews/{room}"), json!({"desc": "a room"}))
        .await;
    let later = stay.room("later").await;
    stay.shows(&format!("/roomviews/{later}"), json!({"desc": "later"}))
        .await;
    says_nothing(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_follows_nats_and_is_published_there() {
    let server = NatsServer::start().await;
    let jetstream = server.make_stream("PMS", "pms.>").await;
    let room = artifacts::components().await["room"].clone();
    let before = Settings::empty()
        .component("room", &room)
        .set("app.name", "stay")
        .set("nats.url", server.url())
        .set("nats.unready_when_behind", 10);
    let mut host = TestHost::with(before.clone()).await;
    host.stay().room("published").await;
    eventually("the relay publishes", async || {
        let count = server.read("stay").await.len();
        (count >= 1).then_some(()).ok_or(count)
    })
    .await;

    let after = before
        .with("bell", "bell")
        .await
        .following("bell", "pms.>", Table::new());
    host.rewrite(after);
    serves(&host, "bell").await;
    let ring = json!({"bell": 1, "number": 7}).to_string();
    let sent = jetstream.publish("pms.bells.1.BellRung", ring.into()).await;
    sent.expect("it is sent").await.expect("the server has it");
    within(Duration::from_secs(60), async || {
        let bell = host.stay().at("/bells/1").await;
        match bell["numbers"] == json!([7]) {
            true => Ok(()),
            false => Err(bell),
        }
    })
    .await
    .expect("it hears what is rung outside");
    host.stay().room("published, too").await;
    eventually("the relay goes on", async || {
        let events = server.read("stay").await;
        let rooms = events
            .iter()
            .filter(|event| event.header("ce-type").contains("RoomRegistered"))
            .count();
        (rooms == 2).then_some(()).ok_or(rooms)
    })
    .await;
}
