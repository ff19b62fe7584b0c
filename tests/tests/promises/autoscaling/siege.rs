//! The course's siege: a hundred clients, and slots from one to ten and back.

use std::time::Duration;

use innkeeper_tests::{Opening, Settings, TestHost, Traffic, command, eventually, p99, request};

use super::{condition, has_slots, metric, scaled, told};

/// How long the siege lasts, in seconds; the course's is 60.
const SECONDS: &str = "INNKEEPER_TESTS_SIEGE_SECONDS";

fn time() -> Duration {
    let seconds = std::env::var(SECONDS).ok();
    let seconds = seconds.map(|text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(3))
}

async fn rooms() -> Settings {
    Settings::of_the_app()
        .await
        .set("context.room.autoscale.min", 1)
        .set("context.room.autoscale.max", 10)
        .set("context.room.autoscale.target_utilization", 50)
        .set("context.room.autoscale.stabilization_window", "2s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_siege_brings_slots_from_one_to_ten_and_back_and_nothing_fails() {
    let host = Opening::new(rooms().await).alone().open().await;
    let operators = host.operators();
    let before = has_slots(operators, "room", 1).await;
    assert_eq!((&before["min"], &before["max"]), (&1.into(), &10.into()));
    assert_eq!(condition(&before, "ScalingActive").0, "True");

    // As in the course: siege -c100 'http://HOST:8080/rooms POST {"desc": "Beautiful House3"}'
    let traffic = Traffic::start(host.gateway().base(), 100, |_| {
        request("POST", "/rooms", r#"{"desc": "Beautiful House3"}"#)
    });
    let besieged = eventually("it has all its slots", async || {
        let scaled = scaled(operators, "room").await;
        let is_limited = condition(&scaled, "ScalingLimited") == ("True", "TooManySlots");
        match scaled["slots"] == 10 && is_limited {
            true => Ok(scaled),
            false => Err(scaled.to_string()),
        }
    })
    .await;
    assert!(besieged["utilization"].as_u64() > Some(50), "{besieged}");
    assert_eq!(
        metric(operators, "innkeeper_autoscaler_slots", "context=\"room\"").await,
        10.0
    );
    let listed = listing(&host, &["autoscale"]).await;
    assert!(
        listed[0].starts_with("NAME  REFERENCE  TARGETS"),
        "{listed:?}"
    );
    let columns: Vec<_> = listed[1].split_whitespace().collect();
    assert_eq!((columns[0], columns[1]), ("room", "room/1"), "{listed:?}");
    assert!(columns[2].ends_with("%/50%"), "{listed:?}");
    assert_eq!(columns[3..6], ["1", "10", "10"], "{listed:?}");
    let status = listing(&host, &["status"]).await;
    assert!(
        status.iter().any(|line| line.contains("10 of 10")),
        "{status:?}"
    );
    tokio::time::sleep(time()).await;
    let answers = traffic.stop().await;

    let failed = answers.iter().filter(|answer| answer.status != 201).count();
    eprintln!(
        "{} answers, {failed} failed, p99 {:?}",
        answers.len(),
        p99(&answers)
    );
    assert_eq!(failed, 0, "of {}", answers.len());
    assert!(answers.len() > 500);
    let after = has_slots(operators, "room", 1).await;
    assert_eq!(after["desired"], 1);
    let up = told(operators, "ScaledUp", "room", 1).await;
    assert_eq!(up[0]["from"], 1, "{up:?}");
    assert_eq!(up.last().expect("there is one")["to"], 10, "{up:?}");
    let down = told(operators, "ScaledDown", "room", 1).await;
    assert_eq!(down.last().expect("there is one")["to"], 1, "{down:?}");
    let reason = down[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("below the target"), "{reason}");
    let ups = "context=\"room\",direction=\"up\"";
    let counted = metric(operators, "innkeeper_autoscaler_scalings_total", ups).await;
    assert_eq!(counted, up.len() as f64);
    // The others are as they were.
    assert_eq!(scaled(operators, "payment").await, serde_json::Value::Null);
}

/// The lines that a command prints.
async fn listing(host: &TestHost, arguments: &[&str]) -> Vec<String> {
    let operators = host.operators();
    let address = operators.client().base();
    let flags = ["--admin", address, "--admin-token", operators.token()];
    let said = command(&[arguments, &flags].concat()).await;
    assert!(said.is_well, "{said:?}");
    said.out.lines().map(str::to_owned).collect()
}
