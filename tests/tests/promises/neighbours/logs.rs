//! The log: so much a second for each context, and the rest is counted.

use std::time::Instant;

use innkeeper_tests::{TestHost, eventually};

use super::{does, metric, neighbour_works, settings};

const SAID: &str = "log lines of this context are being dropped";

/// The lines that the hostile guest has written.
fn written(host: &TestHost) -> Vec<String> {
    let mut lines = host.output().lines_with("\"target\":\"guest\"");
    lines.retain(|line| line.contains("\"context\":\"hostile\""));
    lines
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_counted_and_said_once() {
    const LINES: usize = 50_000;
    const A_SECOND: usize = 100;
    let settings = settings()
        .await
        .set("context.hostile.limits.log.lines", A_SECOND as i64);
    let host = TestHost::with(settings).await;
    let begun = Instant::now();
    does(&host, &format!("lines/{LINES}/100")).await.expect(204);
    neighbour_works(&host).await;
    let seconds = begun.elapsed().as_secs() as usize + 1;
    let dropped = host.operators().context("hostile").await["logLinesDropped"].clone();
    let dropped = dropped.as_u64().expect("a number") as usize;
    eventually("each line is written or counted", async || {
        let written = written(&host).len();
        let all = written + dropped;
        (all == LINES)
            .then_some(())
            .ok_or(format!("{written} and {dropped}"))
    })
    .await;
    let written = written(&host).len();
    assert!(
        (A_SECOND..=A_SECOND * (seconds + 1)).contains(&written),
        "{written} lines in {seconds} s"
    );
    let counted = metric(
        &host,
        "innkeeper_log_lines_dropped_total{context=\"hostile\"}",
    )
    .await;
    assert_eq!(counted as usize, dropped);
    assert_eq!(host.output().lines_with(SAID).len(), 1);
    // The neighbour has an allowance of its own, and has used nothing of it.
    let seen = host.operators().context("archive").await;
    assert_eq!(seen["logLinesDropped"], 0);
}

#[tokio::test]
async fn long_lines_are_cut_and_count_by_their_bytes() {
    const BYTES: usize = 64 << 10;
    let settings = settings()
        .await
        .set("context.hostile.limits.log.line", 1_000)
        .set("context.hostile.limits.log.bytes", BYTES as i64);
    let host = TestHost::with(settings).await;
    let begun = Instant::now();
    does(&host, "groups/1000000").await.expect(204);
    for _ in 0..4 {
        does(&host, "lines/100/500000").await.expect(204);
    }
    let seconds = begun.elapsed().as_secs() as usize + 1;
    let lines = eventually("lines are written", async || {
        let lines = written(&host);
        (lines.len() > 10).then_some(lines).ok_or("not yet")
    })
    .await;
    let longest = lines.iter().map(String::len).max().unwrap_or_default();
    assert!(longest < 2_000, "{longest} bytes");
    let all: usize = lines.iter().map(String::len).sum();
    assert!(all <= BYTES * (seconds + 1), "{all} bytes in {seconds} s");
}
