//! Load: everything is answered, and memory stays where it is.

use innkeeper_tests::{Opening, Settings, TestHost, flood, request, siege};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_where_it_is() {
    let settings = Settings::of_the_app()
        .await
        .set("journal.durability", "relaxed");
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("looked at").await;
    let base = host.gateway().base().to_owned();
    let look = async |count| {
        let flooded = flood(&base, 16, count, |_| request("GET", "/rooms/1", "")).await;
        assert_eq!(flooded.refusals, 0);
    };
    let write = async |count| {
        let flooded = flood(&base, 16, count, |_| {
            request("PATCH", "/rooms/1", r#"{"desc": "looked at"}"#)
        })
        .await;
        assert_eq!(flooded.refusals, 0);
    };
    look(10_000).await;
    write(2_000).await;
    let before = host.resident();
    look(30_000).await;
    let after_reads = host.resident();
    write(4_000).await;
    let after_writes = host.resident();
    eprintln!("KiB: {before} before, {after_reads} after reads, {after_writes} after writes");
    assert!(
        after_reads < before + before / 10 + 4_096,
        "{before} KiB grew to {after_reads} by reading"
    );
    assert!(
        after_writes < before + 65_536,
        "{before} KiB grew to {after_writes} by writing"
    );
}

/// The course's own load, for as long as a test may take.
#[tokio::test]
async fn the_courses_load_is_answered_completely() {
    let host = Opening::new(Settings::of_the_app().await)
        .alone()
        .open()
        .await;
    let target = format!(
        r#"{}/rooms POST {{"desc": "Beautiful House3"}}"#,
        host.gateway().base()
    );
    let Some(siege) = siege(host.home(), &["-c100", "-t5S", "-r10"], &target).await else {
        return;
    };
    let said = &siege.said;
    assert_eq!(siege.availability, 100.0, "{said}");
    assert_eq!(siege.failed, 0, "{said}");
    assert!(siege.done > 100, "{said}");
    let book = host.at_rest().await;
    // Siege does not count those that its end cut short.
    assert!(
        book.rooms.len() as u64 >= siege.done,
        "{} rooms: {said}",
        book.rooms.len()
    );
}

#[tokio::test]
async fn what_is_too_much_is_turned_away_and_what_is_taken_is_answered() {
    let settings = Settings::of_the_app()
        .await
        .set("context.room.circuit_breaker.max_requests", 1)
        .set("context.room.circuit_breaker.max_pending_requests", 2);
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let replies = futures::future::join_all((0..100).map(|number| {
        stay.client()
            .post("/rooms", serde_json::json!({"desc": number.to_string()}))
    }))
    .await;
    let mut accepted = 0;
    for reply in replies {
        match reply.status {
            201 => accepted += 1,
            _ => assert!(!reply.expect_problem(503).header("retry-after").is_empty()),
        }
    }
    assert!(accepted > 0);
    assert_eq!(host.at_rest().await.rooms.len(), accepted);
}
