//! Durable timers: once, not early, and also after a restart.

use std::time::{SystemTime, UNIX_EPOCH};

use innkeeper_tests::{Settings, Stay, TestHost, eventually};
use serde_json::{Value, json};

async fn bells() -> TestHost {
    TestHost::with(Settings::empty().with("bell", "bell").await).await
}

async fn ring(stay: &Stay, bell: u64, number: u64, after_ms: Option<u64>) -> Value {
    let path = format!("/bells/{bell}/rings");
    let body = match after_ms {
        Some(delay) => json!({"number": number, "afterMs": delay}),
        None => json!({"number": number}),
    };
    stay.client().post(&path, body).await.expect(200).body
}

async fn heard(stay: &Stay, bell: u64, numbers: Value) -> Value {
    stay.shows(&format!("/bells/{bell}"), json!({"numbers": numbers}))
        .await
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[tokio::test]
async fn a_timer_fires_once_and_not_early() {
    let host = bells().await;
    let stay = host.stay();
    let before = now();
    for (number, delay) in [(3, 900), (1, 300), (2, 600), (0, 0)] {
        ring(&stay, 1, number, Some(delay)).await;
    }
    let found = heard(&stay, 1, json!([0, 1, 2, 3])).await;
    for (place, delay) in [(0, 0), (1, 300), (2, 600), (3, 900)] {
        let time = found["times"][place].as_u64().unwrap();
        assert!(
            time >= before + delay,
            "ring {place} came at {time}, {} ms after it was wished for",
            time - before
        );
        assert!(
            time < before + delay + 5_000,
            "ring {place} came late, at {time}"
        );
    }
    ring(&stay, 1, 4, None).await;
    heard(&stay, 1, json!([0, 1, 2, 3, 4])).await;
}

#[tokio::test]
async fn a_timer_survives_a_power_cut_whether_it_came_due_meanwhile_or_not() {
    let mut host = bells().await;
    let stay = host.stay();
    let before = now();
    ring(&stay, 1, 1, Some(1)).await;
    ring(&stay, 2, 2, Some(700)).await;
    ring(&stay, 3, 3, Some(4_000)).await;
    host.kill_9();
    eventually("the second came due", async || {
        if now() > before + 800 {
            Ok(())
        } else {
            Err("not yet")
        }
    })
    .await;
    host.reopen().await;
    let stay = host.stay();
    for bell in 1..=2 {
        heard(&stay, bell, json!([bell])).await;
    }
    assert!(
        now() < before + 4_000,
        "this machine is too slow for this test"
    );
    assert_eq!(stay.at("/bells/3").await["numbers"], json!([]));
    host.kill_9();
    host.reopen().await;
    let stay = host.stay();
    let found = heard(&stay, 3, json!([3])).await;
    assert!(found["times"][0].as_u64().unwrap() >= before + 4_000);
    // Nobody rang twice: what is rung after all that is heard after all that.
    for bell in 1..=3 {
        ring(&stay, bell, 9, None).await;
        heard(&stay, bell, json!([bell, 9])).await;
    }
}

#[tokio::test]
async fn a_cancelled_timer_does_not_fire() {
    let host = bells().await;
    let stay = host.stay();
    let first = ring(&stay, 1, 1, Some(1_000)).await;
    ring(&stay, 1, 2, Some(1_200)).await;
    let path = format!("/rings/{}", first["id"].as_str().unwrap());
    assert_eq!(
        stay.client().delete(&path).await.expect(200).body,
        json!(true)
    );
    assert_eq!(
        stay.client().delete(&path).await.expect(200).body,
        json!(false)
    );
    heard(&stay, 1, json!([2])).await;
    assert_eq!(
        stay.client().delete("/rings/nobody").await.expect(200).body,
        json!(false)
    );
}
