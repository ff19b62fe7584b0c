//! What operators look at.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::test_host::{TestHost, eventually};

#[tokio::test]
async fn contexts_say_how_they_are() {
    let host = TestHost::open().await;
    host.room("Beautiful House").await;
    let all = host.see("/v1/contexts").await;
    assert_eq!(all["app"], "stay");
    let names: Vec<&str> = all["contexts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|context| context["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["message", "payment", "reservation", "room", "viewpage"]
    );

    let room = host.see("/v1/contexts/room").await;
    // One commit says which version serves, the other registers the room.
    assert_eq!(room["journal"]["flushed"], 2);
    assert_eq!(room["circuitBreaker"], "closed");
    assert_eq!(room["deadLetters"], 0);
    assert_eq!(room["version"]["digest"].as_str().unwrap().len(), 64);
    let routes = room["description"]["routes"].as_array().unwrap();
    assert!(routes.iter().any(|route| route["path"] == "/rooms/{id}"));
    eventually("viewpage has seen the room", async || {
        let view = host.see("/v1/contexts/viewpage").await;
        (view["journal"]["flushed"] == 2 && view["lag"]["room"] == 0).then_some(())
    })
    .await;
    let config = host.see("/v1/contexts/reservation").await["config"].clone();
    assert_eq!(config["max_reservation_per_person"], "10");
    let versions = host.see("/v1/contexts/room/versions").await;
    assert_eq!(versions["versions"][0]["state"], "current");
}

#[tokio::test]
async fn a_journal_can_be_read_page_by_page() {
    let host = TestHost::open().await;
    for number in 0..5 {
        host.room(&number.to_string()).await;
    }
    let (mut positions, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/v1/contexts/room/commits?limit=2&after={after}");
        let page = host.see(&path).await;
        assert_eq!(page["flushed"], 6);
        for commit in page["commits"].as_array().unwrap() {
            positions.push(commit["position"].as_u64().unwrap());
            if positions == [1] {
                assert_eq!(commit["trigger"], "host", "it says which version serves");
                continue;
            }
            assert_eq!(commit["trigger"], "web");
            assert_eq!(commit["cause"], "POST /rooms");
            assert_eq!(commit["events"][0]["type"], "stay.room.RoomRegistered");
        }
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_booking_has_a_saga_and_a_story() {
    let host = TestHost::open().await;
    host.room("Beautiful House").await;
    assert_eq!(host.book(1, "order-7").await, 201);
    let saga = eventually("the saga has completed", async || {
        let found = host.see("/v1/sagas?state=completed").await;
        found["sagas"].get(0).cloned()
    })
    .await;
    assert_eq!(saga["saga"], "booking");
    assert_eq!(saga["correlationId"], "order-7");
    assert!(saga["endedAt"].as_str().unwrap().ends_with('Z'));
    let story = host.see("/v1/stories/order-7").await;
    let root = &story["invocations"][0];
    assert_eq!(root["name"], "POST /reservations");
    let calls: Vec<&str> = root["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["context"].as_str().unwrap())
        .collect();
    assert_eq!(calls, ["room", "payment"]);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let host = TestHost::open().await;
    for (path, status, said) in [
        ("/v1/nothing", 404, "openapi"),
        ("/v1/contexts/cellar", 404, "viewpage"),
        ("/v1/contexts/cellar/commits", 404, "cellar"),
        ("/v1/contexts/room/rebuild", 404, "POST"),
        ("/v1/contexts/room/commits?after=x", 400, "after"),
        ("/v1/contexts/room/commits?befor=1", 400, "befor"),
        (
            "/v1/contexts/room/dead-letters?after=x",
            400,
            "room.3.1204.0",
        ),
        ("/v1/events?after=x", 400, "start"),
        ("/v1/events?after=start&last=1", 400, "last"),
        ("/v1/events?context=cellar", 404, "cellar"),
        ("/v1/events?after=room:9.0", 410, "start"),
        ("/v1/sagas?state=lost", 400, "timed-out"),
        ("/v1/sagas?saga=checkout", 404, "booking"),
        ("/v1/stories/nobody", 404, "nobody"),
        ("/v1/stories/%ff", 400, "UTF-8"),
        ("/v1/contexts/room/dead-letters/retry", 405, "GET"),
    ] {
        let answer = host.ask(path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status, "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{path}: {detail}");
    }
}

#[tokio::test]
async fn the_document_names_what_there_is_and_metrics_count_it() {
    let host = TestHost::open().await;
    host.room("Beautiful House").await;
    let document = host.see("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        if methods.get("get").is_none() || path == "/v1/events" {
            continue;
        }
        let path = path
            .replace("{name}", "room")
            .replace("{correlation-id}", "nobody");
        let answer = host.ask(&path).send().await.unwrap();
        assert!([200, 404].contains(&answer.status().as_u16()), "{path}");
    }
    let metrics = host.ask("/metrics").send().await.unwrap();
    let kind = metrics.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("innkeeper_commits_total{context=\"room\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_document_says_what_each_path_takes_and_who_may_ask() {
    let host = TestHost::open().await;
    let document = host.see("/openapi.json").await;
    let token = &document["components"]["securitySchemes"]["token"];
    assert_eq!(token["scheme"], "bearer", "{token}");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["responses"]["400"].is_object(), "{what}");
            // Only what says how the host is, and this document, is for everybody.
            let is_guarded = path.starts_with("/v1/");
            assert_eq!(operation["security"] == json!([]), !is_guarded, "{what}");
            let is_refused = operation["responses"]["401"].is_object();
            assert_eq!(is_refused, is_guarded, "{what}");
            for placeholder in path.split('/').filter(|part| part.starts_with('{')) {
                let name = placeholder.trim_matches(['{', '}']);
                let described = described(operation, "path");
                assert!(described.contains(name), "{what}: {described:?}");
            }
        }
        if methods.get("get").is_some() && path.starts_with("/v1/") {
            let path = path
                .replace("{name}", "room")
                .replace("{correlation-id}", "nobody");
            let answer = host.ask(&format!("{path}?no_such=1")).send().await.unwrap();
            let described = described(&methods["get"], "query");
            if answer.status() != 400 {
                assert!(described.is_empty(), "{path} takes {described:?}");
                continue;
            }
            // What is not taken is answered with what is.
            let problem: Value = answer.json().await.unwrap();
            let detail = problem["detail"].as_str().unwrap();
            let expected = detail.split_once("expected").map_or("", |(_, names)| names);
            let names = expected.split('`').skip(1).step_by(2);
            let taken: BTreeSet<&str> = names.collect();
            assert_eq!(taken, described, "{path}: {detail}");
        }
    }
}

/// The names of the parameters of one kind that an operation is described to take.
fn described<'d>(operation: &'d Value, kind: &str) -> BTreeSet<&'d str> {
    let parameters = operation["parameters"].as_array();
    let parameters = parameters.into_iter().flatten();
    let of_kind = parameters.filter(|parameter| parameter["in"] == kind);
    of_kind
        .map(|parameter| {
            assert!(parameter["schema"].is_object(), "{parameter}");
            parameter["name"].as_str().unwrap()
        })
        .collect()
}
