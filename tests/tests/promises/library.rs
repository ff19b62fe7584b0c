//! The library, an app that is written on the SDK alone: its saga, queue, timers and projection on a real host.

use innkeeper_tests::{Client, Settings, TestHost, eventually};
use serde_json::{Value, json};

async fn library(loan_ms: i64, limit: i64, is_broken: bool) -> Settings {
    let mut settings = Settings::empty();
    for context in ["catalog", "loans", "members", "notices", "shelf"] {
        settings = settings.with(context, context).await;
    }
    settings
        .set("context.loans.config.loan_ms", loan_ms)
        .set("context.loans.config.queue", true)
        .set("context.members.config.limit", limit)
        .set("context.notices.config.printer_broken", is_broken)
        .set("context.members.show", vec!["limit"])
        .set("context.notices.show", vec!["printer_broken"])
}

async fn shows(client: &Client, path: &str, field: &str, expected: Value) {
    eventually(path, async || {
        let body = client.get(path).await.body;
        match body[field] == expected {
            true => Ok(()),
            false => Err(format!("{field} should be {expected} in {body}")),
        }
    })
    .await;
}

#[tokio::test]
async fn books_are_lent_queued_for_returned_and_asked_back() {
    let mut host = TestHost::with(library(3_600_000, 3, false).await).await;
    let client = host.gateway().clone();
    let new = json!({"isbn": "1", "title": "Dune", "author": "Herbert", "copies": 1});
    let book = client
        .post("/books", new.clone())
        .await
        .expect(201)
        .number("bookId");
    client.post("/books", new).await.expect_problem(409);
    let mut members = Vec::new();
    for name in ["Ada", "Bob"] {
        let member = client.post("/members", json!({"name": name})).await;
        members.push(member.expect(201).number("memberId"));
    }
    let lend = async |member: u64| {
        client
            .post("/loans", json!({"memberId": member, "bookId": book}))
            .await
    };

    // A copy is lent once; who comes later waits, and has the copy that comes back.
    let loan = lend(members[0]).await.expect(201).number("loanId");
    let waits = lend(members[1]).await.expect(202).number("loanId");
    let shelf = format!("/shelf/books/{book}");
    shows(&client, &shelf, "queue", json!([waits])).await;
    client
        .post(&format!("/loans/{loan}/return"), json!({}))
        .await
        .expect(200);
    shows(&client, &format!("/loans/{waits}"), "status", json!("open")).await;
    shows(&client, &shelf, "lent", json!([waits])).await;
    client
        .post(&format!("/loans/{waits}/return"), json!({}))
        .await
        .expect(200);
    shows(&client, &format!("/books/{book}"), "lent", json!(0)).await;
    shows(&client, "/notices", "total", json!(5)).await;

    // Whoever may not borrow gets no copy: what was taken is put back. The limit is read live.
    change(
        &mut host,
        library(1, 0, true).await,
        "members",
        "limit",
        "0",
    )
    .await;
    lend(members[0]).await.expect_problem(403);
    shows(&client, &format!("/books/{book}"), "lent", json!(0)).await;

    // Who is late is suspended; and what could not be written is written after all.
    change(
        &mut host,
        library(1, 3, true).await,
        "members",
        "limit",
        "3",
    )
    .await;
    let late = lend(members[0]).await.expect(201).number("loanId");
    shows(
        &client,
        &format!("/loans/{late}"),
        "status",
        json!("overdue"),
    )
    .await;
    shows(
        &client,
        &format!("/members/{}", members[0]),
        "suspended",
        json!(true),
    )
    .await;
    shows(&client, "/shelf/totals", "overdue", json!(1)).await;
    host.operators().dead_letters("notices", 2).await;
}

/// Changes the settings, and waits until they are read.
async fn change(host: &mut TestHost, settings: Settings, context: &str, key: &str, value: &str) {
    host.rewrite(settings);
    eventually("the configuration is read", async || {
        let shown = host.operators().context(context).await;
        match shown["config"][key].to_string().trim_matches('"') == value {
            true => Ok(()),
            false => Err(shown["config"].to_string()),
        }
    })
    .await;
}
