//! Whom a component may ask outside, and what is known there of a request that is made again.

use std::sync::atomic::Ordering;

use http::Method;
use innkeeper_tests::{
    Authority, Client, KeyServer, Opening, Reply, Settings, TestHost, artifacts, send,
};
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::outsider::{AT_ONCE, Outsider};

pub(super) async fn courier(allowed: Vec<String>) -> Settings {
    Settings::empty()
        .with("courier", "courier")
        .await
        .set("context.courier.routes", vec!["/asked/*"])
        .set("context.courier.allow_outbound", allowed)
        // What waits too long says so itself.
        .set("context.courier.limits.deadline", "60s")
}

pub(super) async fn ask(client: &Client, method: Method, to: &str) -> Reply {
    send(client.request(method, &format!("/asked/{to}"))).await
}

#[tokio::test]
async fn a_request_goes_out_with_its_story_and_what_is_answered_comes_back() {
    let outsider = Outsider::open().await;
    let host = TestHost::with(courier(vec![outsider.origin()]).await).await;
    let path = format!("/asked/http/{}/some/where?q=a+b", outsider.authority);
    let request = host.gateway().request(Method::POST, &path);
    let request = request
        .header("x-send-x-own", "mine")
        .header("x-send-x-innkeeper-secret", "never")
        .header("x-send-x-correlation-id", "another")
        .header("x-correlation-id", "a-story")
        .body("what is said");
    let reply = send(request).await.expect(200);
    assert_eq!(reply.header("x-heard"), "200");
    assert!(
        reply.text.contains("x-from: outside") && reply.text.ends_with("heard"),
        "{reply:?}"
    );
    let asked = outsider.asked();
    let [asked] = asked.as_slice() else {
        panic!("it was asked {} times", asked.len());
    };
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("POST", "/some/where?q=a+b")
    );
    assert_eq!(asked.body, "what is said");
    assert_eq!(asked.header("host"), outsider.authority);
    assert_eq!(asked.header("x-own"), "mine");
    assert_eq!(asked.header("x-innkeeper-secret"), "");
    assert_eq!(asked.header("x-correlation-id"), "a-story");
    let trace = |text: &str| text.split('-').nth(1).map(str::to_owned);
    assert_eq!(
        trace(asked.header("traceparent")),
        trace(reply.header("traceparent"))
    );
    assert_eq!(asked.header("idempotency-key").len(), 32);
    // What the other side says is the component's to judge.
    let to = format!("http/{}/status/500", outsider.authority);
    let reply = ask(host.gateway(), Method::GET, &to).await.expect(200);
    assert_eq!(reply.header("x-heard"), "500");
    let asked = outsider.asked();
    assert_eq!(
        asked[1].header("idempotency-key"),
        "",
        "a GET changes nothing"
    );
}

#[tokio::test]
async fn nobody_is_asked_who_is_not_allowed() {
    let (allowed, other) = (Outsider::open().await, Outsider::open().await);
    let host = TestHost::with(courier(vec![allowed.origin()]).await).await;
    let port = allowed.authority.rsplit(':').next().unwrap();
    for (to, why) in [
        (format!("http/{}/", other.authority), "HttpRequestDenied"),
        // Another scheme, another name for the same machine, other ways to write its address.
        (format!("https/{}/", allowed.authority), "HttpRequestDenied"),
        (format!("http/localhost:{port}/"), "HttpRequestDenied"),
        (format!("http/127.1:{port}/"), "HttpRequestDenied"),
        (format!("http/2130706433:{port}/"), "HttpRequestDenied"),
        (format!("http/[::1]:{port}/"), "HttpRequestDenied"),
        (
            format!("http/someone@{}/", allowed.authority),
            "HttpRequestDenied",
        ),
        (
            "http/169.254.169.254/latest".to_owned(),
            "HttpRequestDenied",
        ),
    ] {
        let reply = ask(host.gateway(), Method::GET, &to).await.expect(502);
        assert!(reply.text.contains(why), "{to}: {}", reply.text);
    }
    // A redirect is told, and not followed.
    let to = format!("http/{}/moved/{}/", allowed.authority, other.authority);
    let reply = ask(host.gateway(), Method::GET, &to).await.expect(200);
    assert_eq!(reply.header("x-heard"), "307");
    assert_eq!(other.asked().len(), 0);
    assert_eq!(allowed.asked().len(), 1);
    // The same address in IPv6 is the same.
    let to = format!("http/[::ffff:127.0.0.1]:{port}/");
    ask(host.gateway(), Method::GET, &to).await.expect(200);
    assert_eq!(allowed.asked().len(), 2);
}

#[tokio::test]
async fn a_repeat_has_the_same_idempotency_key() {
    let outsider = Outsider::open().await;
    let host = TestHost::with(courier(vec![outsider.origin()]).await).await;
    let path = format!("/asked/http/{}/pay", outsider.authority);
    let pay = async |key: &str| {
        let request = host.gateway().request(Method::POST, &path);
        let request = request.header("idempotency-key", key);
        send(request.header("x-wait-ms", "1000").body("100")).await
    };
    // The first has no answer in time: nobody knows whether it was paid.
    outsider.hangs.store(true, Ordering::SeqCst);
    pay("first").await.expect(502);
    let repeated = pay("first").await.expect(200);
    assert_eq!(
        repeated.header("x-asked"),
        "1",
        "the one that failed left nothing"
    );
    pay("first").await.expect(200);
    pay("second").await.expect(200);
    let keys = outsider.keys();
    let [failed, repeated, other] = keys.as_slice() else {
        panic!("what was answered is not asked again: {keys:?}");
    };
    assert_eq!(failed, repeated);
    assert_ne!(repeated, other);
    // A component's own key is left alone.
    let request = host.gateway().request(Method::POST, &path);
    send(request.header("x-send-idempotency-key", "own"))
        .await
        .expect(200);
    assert_eq!(
        outsider.asked().last().unwrap().header("idempotency-key"),
        "own"
    );
}

/// The two ways in which a request goes out again after a crash: a client repeats its own, and an event is brought again.
#[tokio::test]
async fn what_is_asked_again_after_a_crash_has_the_same_idempotency_key() {
    let outsider = Outsider::open().await;
    let settings = courier(vec![outsider.origin()]).await;
    let settings = settings.with("envoy", "envoy").await;
    let settings = settings
        .set("context.envoy.allow_outbound", vec![outsider.origin()])
        .set("context.envoy.limits.deadline", "60s");
    let mut host = TestHost::with(settings).await;
    let pay = |host: &TestHost| {
        let path = format!("/asked/http/{}/pay", outsider.authority);
        let request = host.gateway().request(Method::POST, &path);
        request.header("idempotency-key", "first").body("100")
    };
    outsider.hangs.store(true, Ordering::SeqCst);
    // It gets no answer.
    let mut paying = JoinSet::new();
    paying.spawn(pay(&host).send());
    outsider.is_asked(1).await;
    host.kill_9();
    paying.shutdown().await;
    host.reopen().await;
    send(pay(&host)).await.expect(200);
    outsider.is_asked(2).await;
    outsider.hangs.store(true, Ordering::SeqCst);
    let errand = json!({"url": format!("{}/errand", outsider.origin()), "said": "once"});
    host.gateway().post("/errands", errand).await.expect(204);
    outsider.is_asked(3).await;
    host.kill_9();
    host.reopen().await;
    outsider.is_asked(4).await;
    let keys = outsider.keys();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[2], keys[3]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn a_state_that_is_made_with_answers_from_outside_is_not_rebuilt() {
    let outsider = Outsider::open().await;
    let settings = Settings::empty().with("envoy", "envoy").await;
    let allowed = vec![outsider.origin()];
    let host = TestHost::with(settings.set("context.envoy.allow_outbound", allowed)).await;
    let rebuild = host
        .operators()
        .send(Method::POST, "/v1/contexts/envoy/rebuild");
    let refused = rebuild.await.expect_problem(422);
    assert!(refused.text.contains("it asks outside"), "{}", refused.text);
}

/// It is only tried without the outside, and so fails there: that says nothing of the version.
#[tokio::test]
async fn who_cannot_do_without_the_outside_is_not_taken_for_broken() {
    let outsider = Outsider::open().await;
    let settings = courier(vec![outsider.origin()]).await;
    let settings = settings.set("context.courier.healing.consecutive_failures", 2);
    let host = TestHost::with(settings).await;
    let ask = async |to: &str| {
        let request = host
            .gateway()
            .request(Method::POST, &format!("/asked/http/{to}/"));
        send(request.header("x-must-hear", "yes")).await
    };
    ask(&outsider.authority).await.expect(200);
    // Somebody whose requests always fail; each second time it is looked into what went well.
    for _ in 0..10 {
        ask("denied.example").await.expect_problem(500);
    }
    ask(&outsider.authority).await.expect(200);
    let described = host.operators().context("courier").await;
    assert_eq!(described["health"]["restarts"], 0, "{described}");
    assert_eq!(outsider.asked().len(), 2, "a trial asks nobody");
}

#[tokio::test]
async fn who_is_run_again_for_a_conflict_is_not_asked_again() {
    let outsider = Outsider::open().await;
    let host = TestHost::with(courier(vec![outsider.origin()]).await).await;
    let mut asking = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, to) = (host.gateway().clone(), outsider.authority.clone());
        asking.spawn(async move {
            let to = format!("http/{to}/meeting/here");
            ask(&client, Method::POST, &to).await.expect(200)
        });
    }
    let replies = asking.join_all().await;
    let mut counts: Vec<usize> = replies
        .iter()
        .map(|reply| reply.header("x-asked").parse().unwrap())
        .collect();
    counts.sort_unstable();
    // All of them read the same number while they waited for their answers; each is in it once.
    assert_eq!(counts, (1..=AT_ONCE).collect::<Vec<_>>());
    assert_eq!(outsider.asked().len(), AT_ONCE);
    let metrics = host.operators().client().get("/metrics").await.text;
    let name = "innkeeper_conflicts_total{context=\"courier\"} ";
    let conflicts = metrics.lines().find_map(|line| line.strip_prefix(name));
    let conflicts: u64 = conflicts.expect("they are counted").parse().unwrap();
    assert!(conflicts > 0, "nobody was run again: {metrics}");
}

#[tokio::test]
async fn what_is_too_long_too_late_or_not_there_is_an_error_of_the_request() {
    let outsider = Outsider::open().await;
    // A port that nobody else gets, and nobody listens at.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = nobody.local_addr().unwrap().to_string();
    let settings = courier(vec![outsider.origin(), format!("http://{closed}")]).await;
    let settings = settings.set("context.courier.limits.outbound", "100KiB");
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    let to = |path: &str| format!("http/{}/{path}", outsider.authority);
    let reply = ask(client, Method::GET, &to("long/102400"))
        .await
        .expect(200);
    assert!(reply.text.ends_with(&"x".repeat(102_400)));
    let reply = ask(client, Method::GET, &to("long/102401"))
        .await
        .expect(502);
    assert!(
        reply.text.contains("HttpResponseBodySize"),
        "{}",
        reply.text
    );
    let long = client.request(Method::POST, &format!("/asked/{}", to("here")));
    let reply = send(long.body(vec![b'x'; 102_401])).await.expect(502);
    assert!(reply.text.contains("HttpRequestBodySize"), "{}", reply.text);
    let reply = ask(client, Method::GET, &format!("http/{closed}/")).await;
    assert!(reply.expect(502).text.contains("ConnectionRefused"));
    outsider.hangs.store(true, Ordering::SeqCst);
    let waiting = client.request(Method::GET, &format!("/asked/{}", to("here")));
    let reply = send(waiting.header("x-wait-ms", "500")).await.expect(502);
    assert!(reply.text.contains("HttpResponseTimeout"), "{}", reply.text);
    drop(nobody);
}

#[tokio::test]
async fn a_context_of_the_sdk_asks_by_the_same_door() {
    asks_by_the_same_door("envoy").await;
}

/// What the component `envoy` does in whichever language it is written.
pub(crate) async fn asks_by_the_same_door(component: &str) {
    let outsider = Outsider::open().await;
    let settings = Settings::empty().with("envoy", component).await;
    let allowed = vec![outsider.origin()];
    let mut host = TestHost::with(settings.set("context.envoy.allow_outbound", allowed)).await;
    let errand = |url: String| json!({"url": url, "said": "what is said"});
    let url = format!("{}/some/where?q=1", outsider.origin());
    let reply = host
        .gateway()
        .post("/envoys", errand(url))
        .await
        .expect(200);
    let heard = json!({"status": 200, "from": "outside", "body": "heard"});
    assert_eq!(reply.body, heard);
    let asked = outsider.asked();
    assert_eq!(
        (asked[0].target.as_str(), asked[0].body.as_str()),
        ("/some/where?q=1", "what is said")
    );
    assert_eq!(
        (
            asked[0].header("x-own"),
            asked[0].header("idempotency-key").len()
        ),
        ("mine", 32)
    );
    // A policy asks by it, too.
    let run = errand(format!("{}/errand", outsider.origin()));
    host.gateway().post("/errands", run).await.expect(204);
    outsider.is_asked(2).await;
    for (url, why) in [
        ("http://127.0.0.1:1/".to_owned(), "Denied"),
        (format!("http://a:b@{}/", outsider.authority), "Denied"),
        ("/some/where".to_owned(), "Denied"),
        ("http://".to_owned(), "Invalid"),
    ] {
        let reply = host
            .gateway()
            .post("/envoys", errand(url.clone()))
            .await
            .expect(502);
        assert!(reply.text.contains(why), "{url}: {}", reply.text);
    }
    assert_eq!(outsider.asked().len(), 2);
    // Without the setting it does not come to serve.
    let envoy = std::fs::read(artifacts::component(component).await).unwrap();
    host.close().await;
    host.reopen_with(Settings::empty().with("tally", "tally").await)
        .await;
    let refused = host.operators().deploy("tally", envoy, "").await;
    let refused = refused.expect_problem(422);
    assert_eq!(refused.body["gate"], "imports", "{}", refused.text);
    assert!(
        refused.text.contains("innkeeper:outbound/http"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_system_trusts_alone() {
    let (trusted, stranger) = (Authority::new("trusted"), Authority::new("stranger"));
    let known = KeyServer::start(&trusted, "known".to_owned()).await;
    let unknown = KeyServer::start(&stranger, "unknown".to_owned()).await;
    let origin = |server: &KeyServer| server.url().replace("/keys", "");
    let allowed = [&known, &unknown].map(origin);
    let settings = courier(allowed.to_vec()).await;
    let authorities = trusted.file();
    let authorities = authorities.to_str().expect("paths are UTF-8");
    let opening = Opening::new(settings).variable("SSL_CERT_FILE", authorities);
    let host = opening.open().await;
    let to = |server: &KeyServer| server.url().replacen("://", "/", 1);
    let reply = ask(host.gateway(), Method::GET, &to(&known)).await;
    assert!(reply.expect(200).text.ends_with("known"));
    let reply = ask(host.gateway(), Method::GET, &to(&unknown)).await;
    assert!(reply.expect(502).text.contains("TlsProtocolError"));
    assert_eq!(unknown.asked(), 0);
}
