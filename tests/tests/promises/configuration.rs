//! Configuration is read live: a changed value reaches the next invocation.

use http::Method;
use innkeeper_tests::{Reply, Settings, Stay, TestHost, eventually, send};
use serde_json::json;

const LIMIT: &str = "context.reservation.config.max_reservation_per_person";

async fn book(stay: &Stay, guest: u64) -> Reply {
    let room = stay.room("for a guest").await;
    stay.client()
        .post("/reservations", json!({"roomId": room, "guestId": guest}))
        .await
}

#[tokio::test]
async fn a_guest_has_at_most_so_many_reservations() {
    let host = TestHost::with(Settings::of_the_app().await.set(LIMIT, 2)).await;
    let stay = host.stay();
    let first = book(&stay, 7).await.expect(201).number("rsvId");
    book(&stay, 7).await.expect(201);
    book(&stay, 7).await.expect_problem(409);
    book(&stay, 8).await.expect(201);
    // Without a guest there is no limit.
    let room = stay.room("for anybody").await;
    stay.book(room).await.expect(201);
    stay.cancel(first).await.expect(200);
    stay.shows(
        &format!("/reservations/{first}"),
        json!({"status": "cancelled"}),
    )
    .await;
    book(&stay, 7).await.expect(201);
    host.at_rest().await;
}

#[tokio::test]
async fn concurrent_bookings_do_not_exceed_the_limit() {
    let host = TestHost::with(Settings::of_the_app().await.set(LIMIT, 3)).await;
    let stay = host.stay();
    let replies = futures::future::join_all((0..30).map(|_| book(&stay, 7))).await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 201).count(),
        3
    );
    assert_eq!(host.at_rest().await.reservations.len(), 3);
}

#[tokio::test]
async fn a_changed_manifest_reaches_the_next_invocation() {
    let settings = Settings::of_the_app().await.set(LIMIT, 1);
    let mut host = TestHost::with(settings.clone()).await;
    let stay = host.stay();
    book(&stay, 7).await.expect(201);
    book(&stay, 7).await.expect_problem(409);
    host.rewrite(settings.clone().set(LIMIT, 3));
    eventually("the new limit holds", async || {
        accepted(book(&stay, 7).await)
    })
    .await;
    host.rewrite(settings.set(LIMIT, 1));
    eventually("the old limit holds again", async || {
        refused(book(&stay, 7).await)
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_none_of_its_type_is_said_and_serves_nobody_until_it_is_mended() {
    let settings = Settings::of_the_app().await.set(LIMIT, 1);
    let mut host = TestHost::with(settings.clone()).await;
    let stay = host.stay();
    book(&stay, 7).await.expect(201);
    host.rewrite(settings.clone().set(LIMIT, "one or two"));
    eventually("nobody is admitted by a limit that is none", async || {
        let reply = book(&stay, 8).await;
        (reply.status >= 500).then_some(()).ok_or(reply.text)
    })
    .await;
    eventually("it says which value", async || {
        let said = host.output().lines_with("max_reservation_per_person");
        let is_said = said.iter().any(|line| line.contains("cannot be used"));
        is_said.then_some(()).ok_or(said.join("\n"))
    })
    .await;
    host.rewrite(settings.set(LIMIT, 2));
    eventually("a limit holds again", async || {
        accepted(book(&stay, 7).await)
    })
    .await;
    book(&stay, 7).await.expect_problem(409);
}

#[tokio::test]
async fn a_changed_directory_reaches_the_next_invocation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("max_reservation_per_person");
    std::fs::write(&file, "1\n").unwrap();
    let path = directory.path().to_str().unwrap();
    let settings = Settings::of_the_app()
        .await
        .set("context.reservation.config_directory", path);
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    book(&stay, 7).await.expect(201);
    book(&stay, 7).await.expect_problem(409);
    std::fs::write(&file, "2").unwrap();
    eventually("the new limit holds", async || {
        accepted(book(&stay, 7).await)
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    // What the directory does not say, the manifest does: ten.
    eventually("the manifest's limit holds", async || {
        accepted(book(&stay, 7).await)
    })
    .await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_any_more_changes_nothing() {
    let settings = Settings::of_the_app().await.set(LIMIT, 1);
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    book(&stay, 7).await.expect(201);
    std::fs::write(host.home().join("innkeeper.toml"), "[context.reservation\n").unwrap();
    eventually("the host says that it cannot read it", async || {
        let said = host.output().lines_with("innkeeper.toml");
        if said
            .iter()
            .any(|line| line.contains("WARN") || line.contains("ERROR"))
        {
            Ok(())
        } else {
            Err("nothing")
        }
    })
    .await;
    book(&stay, 7).await.expect_problem(409);
}

#[tokio::test]
async fn a_variable_overrides_the_manifest() {
    let settings = Settings::of_the_app().await.set(LIMIT, 5);
    let name = "INNKEEPER_CONTEXT__RESERVATION__CONFIG__MAX_RESERVATION_PER_PERSON";
    let host = innkeeper_tests::Opening::new(settings)
        .variable(name, "1")
        .open()
        .await;
    let stay = host.stay();
    book(&stay, 7).await.expect(201);
    book(&stay, 7).await.expect_problem(409);
    let reply = send(stay.client().request(Method::GET, "/reservations")).await;
    assert_eq!(reply.number("total"), 1);
}

fn accepted(reply: Reply) -> Result<(), String> {
    if reply.status == 201 {
        Ok(())
    } else {
        Err(reply.text)
    }
}

fn refused(reply: Reply) -> Result<(), String> {
    if reply.status == 409 {
        Ok(())
    } else {
        Err(reply.text)
    }
}
