//! What a context in Python does, and what becomes of it, in the place of room between two contexts in Rust.

use innkeeper_tests::{Issuer, TestHost, is_left_out};

use super::{indexed, moved, open, scripted, told_of_message};
use crate::standard_components::asks_by_the_same_door;

async fn host() -> TestHost {
    open(scripted::settings("scripted-python").await).await
}

/// What an interface names as an error arrives as that. What nobody expected is `unavailable`: an exception, an error that the interface does not name, one that carries
/// what it does not, and an answer that it does not have.
#[tokio::test]
async fn python_and_rust_call_each_other_and_what_fails_is_undone() {
    if is_left_out("python") {
        return;
    }
    let host = host().await;
    let unexpected = [
        (
            500,
            "the function stay:room/rooms#hold: TypeError: on purpose",
        ),
        (501, "Failure: haunted"),
        (502, "comes later"),
        (503, "Failure: taken"),
        (504, "where nothing is wanted"),
    ];
    scripted::what_fails_is_undone_when_rust_calls(&host, &unexpected).await;
    scripted::what_fails_is_undone_when_it_calls(&host).await;
    // A parameter that the interface does not take is an exception where it is given.
    let stay = host.stay();
    let post = async |path: &str| scripted::post(&stay, path).await;
    post("pay/7").await.expect_problem(500);
    scripted::says(&host, "where one of the type int is wanted").await;
    for parameter in ["-1", "18446744073709551616"] {
        let path = format!("overflow/{parameter}");
        post(&path).await.expect_problem(500);
        scripted::says(&host, &format!("{parameter} is no u64")).await;
    }
    // The largest one that it takes arrives as what it is.
    post(&format!("overflow/{}", u64::MAX)).await.expect(200);
    let payments = stay.client().all("/payments").await;
    assert!(
        payments.iter().any(|payment| payment["rsvId"] == u64::MAX),
        "{payments:?}"
    );
}

/// Hints say of a context's routes what types say of them in Rust, so the app's document is the same.
#[tokio::test]
async fn the_document_of_the_app_says_of_python_what_it_says_of_rust() {
    if is_left_out("python") {
        return;
    }
    let settings = super::settings().await.set("gateway.openapi", true);
    let host = open(settings).await;
    // Down to the names of the schemas.
    let rust = told_of_message(host.gateway(), &[]).await;
    super::deploy(host.operators(), "message-python").await;
    assert_eq!(told_of_message(host.gateway(), &[]).await, rust);
}

#[tokio::test]
async fn an_exception_of_python_is_an_answer_and_its_text_is_in_the_log() {
    if is_left_out("python") {
        return;
    }
    let host = host().await;
    let failures = [
        ("type", 500, "POST /scripted/fail/{how}: AttributeError"),
        ("exit", 500, "POST /scripted/fail/{how}: SystemExit: a text"),
        (
            "interrupt",
            500,
            "POST /scripted/fail/{how}: KeyboardInterrupt",
        ),
        ("deep", 500, "RecursionError"),
        ("answer", 500, "object has no JSON"),
        ("later", 500, "comes later"),
        ("status", 500, "an answer has a status from 200 to 599"),
        ("bare", 500, "a value that has no text"),
        ("state", 500, "a record of marks cannot be stored: name"),
        ("half", 500, "TypeError: half \u{fffd}"),
        // What the host would not take is an exception before it gets there.
        ("cancel", 500, "the id of a timer is a text, not None"),
        ("cancel-half", 500, "the id of a timer is a text, not '"),
        ("limit", 500, "a whole number, not 1.5"),
        ("subject", 500, "the subject of Nobody"),
        ("missing", 500, "KeyError: 'missing'"),
        ("problem", 409, ""),
    ];
    scripted::each_failure_is_one_answer(&host, &failures).await;
    let many = "1".repeat(10_000);
    let refused = ["18446744073709551616", &many, "1e5", "true"];
    scripted::what_is_sent_is_read_or_refused(&host, &refused).await;
    scripted::policies_are_tried_again_or_given_up_on(&host).await;
}

#[tokio::test]
async fn time_chance_and_who_asks_are_the_invocations_own_in_python() {
    if is_left_out("python") {
        return;
    }
    let issuer = Issuer::new();
    let settings = scripted::settings("scripted-python").await;
    let host = open(scripted::told_who_asks(settings, &issuer)).await;
    scripted::time_chance_and_who_asks_are_its_own(&host, &issuer).await;
}

#[tokio::test]
async fn the_state_of_rust_is_migrated_by_python_or_stays_as_it_was() {
    if is_left_out("python") {
        return;
    }
    moved::the_state_of_rust_is_migrated("message-moved").await;
}

#[tokio::test]
async fn an_exception_while_rows_are_migrated_ends_the_rollout() {
    if is_left_out("python") {
        return;
    }
    moved::an_exception_ends_the_rollout("message-moved").await;
}

#[tokio::test]
async fn a_context_in_python_asks_outside_by_the_same_door() {
    if is_left_out("python") {
        return;
    }
    // The first that asks for it compiles it.
    let _turn = super::COMPILING.lock().await;
    asks_by_the_same_door("envoy-python").await;
}

#[tokio::test]
async fn indexes_of_rust_are_taken_over_in_python_and_back() {
    if is_left_out("python") {
        return;
    }
    let _turn = super::COMPILING.lock().await;
    indexed::indexes_are_taken_over("keeper-python").await;
}
