//! Dead letters: kept, listed, retried in the order of their subject, dropped.

use innkeeper::events::dead_letter::{self, DeadLetter, LetterId};
use innkeeper::events::redelivery::{self, Retried, RetryError};
use serde_json::{Value, json};

use crate::test_host::{TestHost, eventually};

fn bell(deaf: &str) -> String {
    format!(
        "[context.bell]\ncomponent = BELL\n[context.bell.follow]\nattempts = 2\ninitial_backoff = \"1ms\"\n[context.bell.config]\ndeaf = \"{deaf}\""
    )
}

async fn ring(test_host: &TestHost, bell: u64, number: u64) {
    let wish = json!({"number": number});
    let (status, _) = test_host
        .ask("bell", "POST", "/bells/{bell}/rings", bell, wish)
        .await;
    assert_eq!(status, 200);
}

async fn heard(test_host: &TestHost, bell: u64) -> Value {
    let (_, heard) = test_host
        .ask("bell", "GET", "/bells/{bell}", bell, Value::Null)
        .await;
    heard["numbers"].clone()
}

/// Waits for so many dead letters.
async fn letters(test_host: &TestHost, count: usize) -> Vec<DeadLetter> {
    eventually(async || {
        let letters = dead_letter::list(test_host.context("bell"), None, 100).unwrap();
        let found = format!("{letters:?}");
        (letters.len() == count).then_some(letters).ok_or(found)
    })
    .await
}

fn numbers(letters: &[DeadLetter]) -> Vec<u64> {
    let number = |letter: &DeadLetter| {
        let ring: Value = serde_json::from_slice(&letter.event.data).unwrap();
        ring["number"].as_u64().unwrap()
    };
    letters.iter().map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_on_is_kept_and_the_rest_goes_on() {
    for (how, attempts, reason) in [
        ("reject", 1, "ring 2 was not wanted"),
        ("retry", 2, "ring 2 was not heard"),
        ("trap", 2, "the guest trapped"),
    ] {
        let test_host = TestHost::open(&bell(&format!("{how} 2"))).await;
        for number in 1..=3 {
            ring(&test_host, 1, number).await;
        }
        eventually(async || {
            let heard = heard(&test_host, 1).await;
            (heard == json!([1, 3])).then_some(()).ok_or(heard)
        })
        .await;
        let letters = letters(&test_host, 1).await;
        let letter = &letters[0];
        assert!(letter.reason.contains(reason), "{letter:?}");
        assert_eq!((letter.attempts, letter.given_up), (attempts, 1));
        assert_eq!(
            dead_letter::get(test_host.context("bell"), &letter.id),
            Ok(Some(letter.clone()))
        );
        assert_eq!(dead_letter::count(test_host.context("bell")), Ok(1));
        test_host.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_in_the_order_of_the_subject_and_stops_where_it_fails() {
    let test_host = TestHost::open(&bell("reject")).await;
    for (bell, number) in [(1, 1), (1, 2), (2, 9), (1, 3)] {
        ring(&test_host, bell, number).await;
    }
    letters(&test_host, 4).await;

    let test_host = test_host.reopen_with(&bell("reject 2")).await;
    let left = letters(&test_host, 4).await;
    let third = left
        .iter()
        .find(|letter| numbers(std::slice::from_ref(letter)) == [3])
        .unwrap();
    let context = test_host.context("bell").clone();
    let failed = redelivery::retry(&test_host.host.events, &context, &third.id).await;
    assert!(
        matches!(&failed, Err(RetryError::FailedAgain { id, .. }) if *id != third.id),
        "{failed:?}"
    );
    assert_eq!(heard(&test_host, 1).await, json!([1]));
    let left = letters(&test_host, 3).await;
    let second = left
        .iter()
        .find(|letter| numbers(std::slice::from_ref(letter)) == [2])
        .unwrap();
    assert_eq!((second.attempts, second.given_up), (2, 2));
    let all = redelivery::retry_all(&test_host.host.events, &context).await;
    assert_eq!(
        all,
        Ok(Retried {
            handled: 1,
            failed: 1,
            held_back: 1
        })
    );
    assert_eq!(heard(&test_host, 2).await, json!([9]));

    drop(context);
    let test_host = test_host.reopen_with(&bell("")).await;
    let context = test_host.context("bell").clone();
    assert_eq!(
        redelivery::retry(&test_host.host.events, &context, &third.id).await,
        Ok(2)
    );
    assert_eq!(heard(&test_host, 1).await, json!([1, 2, 3]));
    letters(&test_host, 0).await;
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_retry_at_once_have_it_handled_once() {
    let test_host = TestHost::open(&bell("reject")).await;
    ring(&test_host, 1, 1).await;
    let letter = letters(&test_host, 1).await.remove(0);
    let test_host = test_host.reopen_with(&bell("")).await;
    let context = test_host.context("bell").clone();
    let retries = (0..8).map(|_| redelivery::retry(&test_host.host.events, &context, &letter.id));
    let mut handled = 0;
    for retried in futures::future::join_all(retries).await {
        match retried {
            Ok(count) => handled += count,
            Err(error) => assert!(matches!(error, RetryError::NotFound { .. }), "{error}"),
        }
    }
    assert_eq!(handled, 1);
    assert_eq!(heard(&test_host, 1).await, json!([1]));
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_gone() {
    let test_host = TestHost::open(&bell("reject")).await;
    ring(&test_host, 1, 1).await;
    let letter = letters(&test_host, 1).await.remove(0);
    let context = test_host.context("bell").clone();
    assert_eq!(
        redelivery::drop(&test_host.host.events, &context, &letter.id).await,
        Ok(())
    );
    letters(&test_host, 0).await;
    let gone = redelivery::drop(&test_host.host.events, &context, &letter.id).await;
    assert!(matches!(gone, Err(RetryError::NotFound { .. })));
    let unknown: LetterId = "room.1.1.1".parse().unwrap();
    let unknown = redelivery::retry(&test_host.host.events, &context, &unknown).await;
    assert!(matches!(unknown, Err(RetryError::NotFound { .. })));
    test_host.host.stop().await;
}
