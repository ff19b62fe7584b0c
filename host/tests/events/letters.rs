//! Dead letters: kept, listed, retried in the order of their subject, dropped.

use innkeeper::events::dead_letter::{self, DeadLetter, LetterId};
use innkeeper::events::redelivery::{self, Retried, RetryError};
use serde_json::{Value, json};

use crate::inn::{Inn, eventually};

fn bell(deaf: &str) -> String {
    format!(
        "[context.bell]\ncomponent = BELL\n[context.bell.follow]\nattempts = 2\ninitial_backoff = \"1ms\"\n[context.bell.config]\ndeaf = \"{deaf}\""
    )
}

async fn ring(inn: &Inn, bell: u64, number: u64) {
    let wish = json!({"number": number});
    let (status, _) = inn
        .ask("bell", "POST", "/bells/{bell}/rings", bell, wish)
        .await;
    assert_eq!(status, 200);
}

async fn heard(inn: &Inn, bell: u64) -> Value {
    let (_, heard) = inn
        .ask("bell", "GET", "/bells/{bell}", bell, Value::Null)
        .await;
    heard["numbers"].clone()
}

/// Waits for so many dead letters.
async fn letters(inn: &Inn, count: usize) -> Vec<DeadLetter> {
    eventually(async || {
        let letters = dead_letter::list(inn.context("bell"), None, 100).unwrap();
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
        let inn = Inn::open(&bell(&format!("{how} 2"))).await;
        for number in 1..=3 {
            ring(&inn, 1, number).await;
        }
        eventually(async || {
            let heard = heard(&inn, 1).await;
            (heard == json!([1, 3])).then_some(()).ok_or(heard)
        })
        .await;
        let letters = letters(&inn, 1).await;
        let letter = &letters[0];
        assert!(letter.reason.contains(reason), "{letter:?}");
        assert_eq!((letter.attempts, letter.given_up), (attempts, 1));
        assert_eq!(
            dead_letter::get(inn.context("bell"), &letter.id),
            Ok(Some(letter.clone()))
        );
        assert_eq!(dead_letter::count(inn.context("bell")), Ok(1));
        inn.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_in_the_order_of_the_subject_and_stops_where_it_fails() {
    let inn = Inn::open(&bell("reject")).await;
    for (bell, number) in [(1, 1), (1, 2), (2, 9), (1, 3)] {
        ring(&inn, bell, number).await;
    }
    letters(&inn, 4).await;

    let inn = inn.reopen_with(&bell("reject 2")).await;
    let left = letters(&inn, 4).await;
    let third = left
        .iter()
        .find(|letter| numbers(std::slice::from_ref(letter)) == [3])
        .unwrap();
    let context = inn.context("bell").clone();
    let failed = redelivery::retry(&inn.host.events, &context, &third.id).await;
    assert!(
        matches!(&failed, Err(RetryError::FailedAgain { id, .. }) if *id != third.id),
        "{failed:?}"
    );
    assert_eq!(heard(&inn, 1).await, json!([1]));
    let left = letters(&inn, 3).await;
    let second = left
        .iter()
        .find(|letter| numbers(std::slice::from_ref(letter)) == [2])
        .unwrap();
    assert_eq!((second.attempts, second.given_up), (2, 2));
    let all = redelivery::retry_all(&inn.host.events, &context).await;
    assert_eq!(
        all,
        Ok(Retried {
            handled: 1,
            failed: 1,
            held_back: 1
        })
    );
    assert_eq!(heard(&inn, 2).await, json!([9]));

    drop(context);
    let inn = inn.reopen_with(&bell("")).await;
    let context = inn.context("bell").clone();
    assert_eq!(
        redelivery::retry(&inn.host.events, &context, &third.id).await,
        Ok(2)
    );
    assert_eq!(heard(&inn, 1).await, json!([1, 2, 3]));
    letters(&inn, 0).await;
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_retry_at_once_have_it_handled_once() {
    let inn = Inn::open(&bell("reject")).await;
    ring(&inn, 1, 1).await;
    let letter = letters(&inn, 1).await.remove(0);
    let inn = inn.reopen_with(&bell("")).await;
    let context = inn.context("bell").clone();
    let retries = (0..8).map(|_| redelivery::retry(&inn.host.events, &context, &letter.id));
    let mut handled = 0;
    for retried in futures::future::join_all(retries).await {
        match retried {
            Ok(count) => handled += count,
            Err(error) => assert!(matches!(error, RetryError::NotFound { .. }), "{error}"),
        }
    }
    assert_eq!(handled, 1);
    assert_eq!(heard(&inn, 1).await, json!([1]));
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_gone() {
    let inn = Inn::open(&bell("reject")).await;
    ring(&inn, 1, 1).await;
    let letter = letters(&inn, 1).await.remove(0);
    let context = inn.context("bell").clone();
    assert_eq!(
        redelivery::drop(&inn.host.events, &context, &letter.id).await,
        Ok(())
    );
    letters(&inn, 0).await;
    let gone = redelivery::drop(&inn.host.events, &context, &letter.id).await;
    assert!(matches!(gone, Err(RetryError::NotFound { .. })));
    let unknown: LetterId = "room.1.1.1".parse().unwrap();
    let unknown = redelivery::retry(&inn.host.events, &context, &unknown).await;
    assert!(matches!(unknown, Err(RetryError::NotFound { .. })));
    inn.host.stop().await;
}
