//! What a context in JavaScript does, and what becomes of it, in the place of room between two contexts in Rust.

use innkeeper_tests::{Issuer, Settings, TestHost, is_left_out};
use serde_json::{Value, json};

use super::{indexed, moved, open, scripted, told_of_message};
use crate::standard_components::asks_by_the_same_door;

async fn host() -> TestHost {
    TestHost::with(scripted::settings("scripted").await).await
}

/// Rooms at which it fails with what nobody expected, and what the log says of that: on each engine.
const UNEXPECTED: [(u64, &str); 4] = [
    (
        500,
        "the function stay:room/rooms#hold: TypeError: on purpose",
    ),
    (501, "Failure: haunted"),
    (502, "is a promise"),
    (503, "Failure: declined: it was another's"),
];

/// Each way to fail, its status, and what the log says of it; `deep` is what an engine calls a stack that is full.
fn failures(deep: &str) -> [(&str, u16, &str); 18] {
    [
        ("type", 500, "POST /scripted/fail/{how}: TypeError"),
        ("text", 500, "POST /scripted/fail/{how}: a text"),
        ("nothing", 500, "POST /scripted/fail/{how}: undefined"),
        ("deep", 500, deep),
        ("answer", 500, "no JSON on purpose"),
        ("promise", 500, "is a promise"),
        ("later", 500, "is a promise"),
        ("status", 500, "from 100 to 599"),
        ("bare", 500, "a value that has no text"),
        (
            "contract",
            500,
            "POST /scripted/fail/{how}: [object Object]",
        ),
        ("state", 500, "a record of marks cannot be stored: name"),
        ("half", 500, "TypeError: half \u{fffd}"),
        ("problem", 409, ""),
        (
            "fraction",
            500,
            "payments#approve does not fit: rsvId: invalid value: 1.5",
        ),
        (
            "negative",
            500,
            "payments#approve does not fit: rsvId: invalid value: -1",
        ),
        (
            "lacking",
            500,
            "payments#approve does not fit: roomId: invalid value: nothing",
        ),
        ("limit", 500, "a limit is a whole number, not NaN"),
        ("header", 500, "the header location has a text"),
    ]
}

/// What an interface names as an error arrives as that. An exception that nobody expected is `unavailable`; so is an error that the interface does not name, which would
/// be a trap, and a promise.
#[tokio::test]
async fn contexts_in_two_languages_call_each_other_and_what_fails_is_undone() {
    if is_left_out("javascript") {
        return;
    }
    let host = host().await;
    scripted::what_fails_is_undone_when_rust_calls(&host, &UNEXPECTED).await;
    scripted::what_fails_is_undone_when_it_calls(&host).await;
}

#[tokio::test]
async fn an_exception_of_javascript_is_an_answer_and_its_text_is_in_the_log() {
    if is_left_out("javascript") {
        return;
    }
    let host = host().await;
    scripted::each_failure_is_one_answer(&host, &failures("stack")).await;
    scripted::what_is_sent_is_read_or_refused(&host, &["18446744073709551616"]).await;
    scripted::policies_are_tried_again_or_given_up_on(&host).await;
}

#[tokio::test]
async fn time_chance_and_who_asks_are_the_invocations_own_in_javascript() {
    if is_left_out("javascript") {
        return;
    }
    let issuer = Issuer::new();
    let settings = scripted::settings("scripted").await;
    let host = TestHost::with(scripted::told_who_asks(settings, &issuer)).await;
    scripted::time_chance_and_who_asks_are_its_own(&host, &issuer).await;
}

#[tokio::test]
async fn a_context_in_javascript_asks_outside_by_the_same_door() {
    if is_left_out("javascript") {
        return;
    }
    asks_by_the_same_door("envoy-javascript").await;
}

#[tokio::test]
async fn indexes_of_rust_are_taken_over_in_javascript_and_back() {
    if is_left_out("javascript") {
        return;
    }
    indexed::indexes_are_taken_over("keeper-javascript").await;
}

#[tokio::test]
async fn the_state_of_rust_is_migrated_by_javascript_or_stays_as_it_was() {
    if is_left_out("javascript") {
        return;
    }
    moved::the_state_of_rust_is_migrated("moved-javascript").await;
}

#[tokio::test]
async fn an_exception_of_javascript_while_rows_are_migrated_ends_the_rollout() {
    if is_left_out("javascript") {
        return;
    }
    moved::an_exception_ends_the_rollout("moved-javascript").await;
}

/// Another engine runs the same context: what it does wrong is said as clearly, and its time, chance and log are the invocation's, too.
#[tokio::test]
async fn starlingmonkey_runs_what_quickjs_runs() {
    if is_left_out("starlingmonkey") {
        return;
    }
    let issuer = Issuer::new();
    let settings = scripted::settings("scripted-starlingmonkey").await;
    let host = open(scripted::told_who_asks(settings, &issuer)).await;
    scripted::what_fails_is_undone_when_rust_calls(&host, &UNEXPECTED).await;
    scripted::what_fails_is_undone_when_it_calls(&host).await;
    scripted::time_chance_and_who_asks_are_its_own(&host, &issuer).await;
}

#[tokio::test]
async fn an_exception_is_an_answer_and_in_the_log_with_starlingmonkey_too() {
    if is_left_out("starlingmonkey") {
        return;
    }
    let host = open(scripted::settings("scripted-starlingmonkey").await).await;
    scripted::each_failure_is_one_answer(&host, &failures("too much recursion")).await;
    scripted::what_is_sent_is_read_or_refused(&host, &["18446744073709551616"]).await;
    scripted::policies_are_tried_again_or_given_up_on(&host).await;
}

/// On each engine the declaration says as much as the functions in Rust do.
#[tokio::test]
async fn what_routes_in_javascript_take_and_answer_is_told_as_in_rust() {
    if is_left_out("javascript") {
        return;
    }
    let settings = Settings::of_the_app().await.set("gateway.openapi", true);
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    // Down to the names of the schemas; but what is larger than a number of JavaScript can say exactly is refused.
    let told = || told_of_message(client, &["maximum"]);
    let in_rust = told().await;
    for (name, component) in [
        ("javascript", "message-javascript"),
        ("starlingmonkey", "message-starlingmonkey"),
    ] {
        if is_left_out(name) {
            continue;
        }
        super::deploy(host.operators(), component).await;
        assert_eq!(told().await, in_rust, "{component}");
        let [_, one] = told_of_message(client, &[]).await;
        let id = &one["get"]["parameters"][0]["schema"];
        assert_eq!(id["maximum"], 9_007_199_254_740_991_u64, "{id}");
    }
}

/// Numbers of calls are what they were, whatever engine is on either side; one that its type does not hold is refused before anybody is called.
async fn numbers_are_what_they_were(callers: &str, callees: &str) {
    let settings = Settings::empty().with("mirror", callees).await;
    let mut host = open(settings.with("onlooker", callers).await).await;
    let seen = host.gateway().post("/onlooker/sees", json!({})).await;
    let seen = seen.expect(200).body;
    let same: Value =
        serde_json::from_str(seen["same"].as_str().unwrap_or_default()).unwrap_or_default();
    let expected = json!({
        "a": 3_000_000_000_u32, "b": u32::MAX, "c": [2_147_483_648_u32, 0], "d": 255, "e": -5, "f": -32_768,
    });
    assert_eq!(same, expected, "{seen}");
    assert_eq!(seen["fail"], "bad 3000000000", "{seen}");
    let refused = seen["refused"].as_array().cloned().unwrap_or_default();
    assert_eq!(refused.len(), 8);
    for told in &refused {
        assert!(told.to_string().contains("does not fit"), "{seen}");
    }
    host.close().await;
}

#[tokio::test]
async fn numbers_of_calls_are_exact_or_refused() {
    if is_left_out("javascript") {
        return;
    }
    numbers_are_what_they_were("onlooker", "mirror").await;
}

#[tokio::test]
async fn numbers_of_calls_are_exact_or_refused_between_two_engines() {
    if is_left_out("starlingmonkey") {
        return;
    }
    numbers_are_what_they_were("onlooker-starlingmonkey", "mirror").await;
    numbers_are_what_they_were("onlooker", "mirror-starlingmonkey").await;
}
