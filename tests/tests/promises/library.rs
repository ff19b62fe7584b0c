//! The library, an app that is written on the SDK alone: its saga, queue, timers and projection on a real host.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Client, Opening, Settings, TestHost, artifacts, eventually, within};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use toml::Table;

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
        .set("context.loans.show", vec!["loan_ms"])
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

/// A version of loans that is built already.
async fn version(name: &str) -> Vec<u8> {
    std::fs::read(&artifacts::components().await[name]).expect("it was built")
}

/// Members who borrow a book and return it, over and over.
struct Borrowers {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    lent: Arc<AtomicU64>,
}

impl Borrowers {
    fn start(client: &Client, members: &[u64], book: u64) -> Self {
        let (stop, lent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut tasks = JoinSet::new();
        for &member in members {
            let (client, stop, lent) = (client.clone(), stop.clone(), lent.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let new = json!({"memberId": member, "bookId": book});
                    let loan = client.post("/loans", new).await.expect(201);
                    let back = format!("/loans/{}/return", loan.number("loanId"));
                    client.post(&back, json!({})).await.expect(200);
                    lent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { tasks, stop, lent }
    }

    /// Waits until they have borrowed so many more.
    async fn more(&self, count: u64) {
        let before = self.lent.load(Ordering::Relaxed);
        eventually("books are lent", async || {
            let now = self.lent.load(Ordering::Relaxed);
            (now >= before + count).then_some(()).ok_or(now)
        })
        .await;
    }

    /// Every request of theirs was answered, and well; how many loans there were.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        self.lent.load(Ordering::Relaxed)
    }
}

async fn member(client: &Client, name: &str) -> u64 {
    let member = client.post("/members", json!({"name": name})).await;
    member.expect(201).number("memberId")
}

async fn book(client: &Client, isbn: &str, title: &str) -> u64 {
    let new = json!({"isbn": isbn, "title": title, "author": "x", "copies": 1_000});
    let book = client.post("/books", new).await;
    book.expect(201).number("bookId")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_versions_take_over_while_books_are_lent() {
    let settings = library(5_000, 1_000, false).await;
    let mut host = Opening::new(settings).alone().open().await;
    let client = host.gateway().clone();
    let emma = book(&client, "2", "Emma").await;
    let (ada, bob) = (member(&client, "Ada").await, member(&client, "Bob").await);
    let lend = async |member: u64| {
        let new = json!({"memberId": member, "bookId": emma});
        let loan = client.post("/loans", new).await;
        loan.expect(201).number("loanId")
    };
    // Of the first version: one that becomes overdue, and one that is returned, under later ones.
    let late = lend(ada).await;
    let longer = library(3_600_000, 1_000, false).await;
    change(&mut host, longer, "loans", "loan_ms", "3600000").await;
    let kept = lend(bob).await;
    let borrowers = Borrowers::start(&client, &[bob, bob], emma);
    borrowers.more(20).await;

    // The second keeps loans in another shape: they are migrated while they change.
    let operators = host.operators();
    let second = operators
        .deploy("loans", version("loans-two").await, "")
        .await;
    assert!(second.expect(201).text.contains("\"migration\""));
    borrowers.more(20).await;
    client
        .post(&format!("/loans/{kept}/return"), json!({}))
        .await
        .expect(200);
    let refused = operators.rollback("loans").await.expect_problem(422);
    assert!(refused.text.contains("schema"), "{}", refused.text);

    // The third reads what the second does, and the other way round: it is ramped up, rolled back, and brought again.
    let third = version("loans-three").await;
    let ramped = operators
        .deploy("loans", third.clone(), "ramp=50,100&step=120s")
        .await;
    ramped.expect(202);
    assert_eq!(operators.context("loans").await["candidate"]["weight"], 50);
    borrowers.more(40).await;
    operators.rollback("loans").await.expect(200);
    borrowers.more(20).await;
    operators.deploy("loans", third, "").await.expect(201);
    borrowers.more(20).await;
    let lent = borrowers.stop().await;

    let renewed = lend(bob).await;
    let renewed = client
        .post(&format!("/loans/{renewed}/renew"), json!({}))
        .await;
    assert_eq!(renewed.expect(200).number("renewals"), 1);
    let renewals = client.get(&format!("/renewals/{emma}")).await;
    assert_eq!(renewals.expect(200).body, 1);
    // All loans of Bob are found by him, those of the first version among them.
    let borrower = client.get(&format!("/borrowers/{bob}")).await.expect(200);
    assert_eq!(borrower.number("loans"), lent + 2);
    // A timer that the first version set, and one that it set and the second cancelled.
    shows(
        &client,
        &format!("/loans/{late}"),
        "status",
        json!("overdue"),
    )
    .await;
    shows(
        &client,
        &format!("/members/{ada}"),
        "suspended",
        json!(true),
    )
    .await;
    let kept = client.get(&format!("/loans/{kept}")).await.expect(200);
    assert_eq!(kept.body["status"], "returned");

    // The shelf is filled anew from all events that there were, and is what it was.
    host.operators().nothing_pending().await;
    shows(&client, "/shelf/totals", "opened", json!(lent + 3)).await;
    let shelf = async || {
        let mut shown = Vec::new();
        let (book, member) = (
            format!("/shelf/books/{emma}"),
            format!("/shelf/members/{bob}"),
        );
        for path in ["/shelf/totals", &book, &member] {
            shown.push(client.get(path).await.expect(200).body);
        }
        shown
    };
    let before = shelf().await;
    let rebuild = "/v1/contexts/shelf/rebuild";
    host.operators()
        .send(Method::POST, rebuild)
        .await
        .expect(202);
    let rebuilt = within(Duration::from_secs(90), async || {
        let found = host.operators().get(rebuild).await;
        match found["state"].as_str() {
            Some("done") => Ok(()),
            _ => Err(found.to_string()),
        }
    });
    rebuilt.await.expect("the shelf is rebuilt");
    assert_eq!(shelf().await, before);
}

#[tokio::test]
async fn titles_come_from_outside_and_all_loans_go_there() {
    let server = NatsServer::start().await;
    let updates = server.make_stream("ISBN", "isbn.updates.>").await;
    let mut how = Table::new();
    how.insert("source".into(), "isbn".into());
    how.insert("kind".into(), "TitleChanged".into());
    let settings = library(3_600_000, 3, false)
        .await
        .set("app.name", "library")
        .set("nats.url", server.url())
        .following("catalog", "isbn.updates.>", how);
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    let dune = book(client, "1", "Dune").await;
    let ada = member(client, "Ada").await;
    let publish = async |isbn: &str, title: &str| {
        let told = json!({"isbn": isbn, "title": title}).to_string();
        let sent = updates.publish(format!("isbn.updates.{isbn}"), told.into());
        let confirmed = sent.await.expect("the server is there").await;
        confirmed.expect("the server takes it");
    };
    publish("1", "Dune, revised").await;
    publish("9", "Later").await;
    let shelf = format!("/shelf/books/{dune}");
    shows(client, &shelf, "title", json!("Dune, revised")).await;

    // What the catalog does not know yet waits as a dead letter.
    let letters = host.operators().dead_letters("catalog", 1).await;
    assert!(
        letters[0]
            .to_string()
            .contains("ISBN 9 is not in the catalog")
    );
    let nine = book(client, "9", "Nine").await;
    let letter = letters[0]["id"].as_str().expect("a letter has an id");
    let retry = format!("/v1/contexts/catalog/dead-letters/{letter}/retry");
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect(200);
    shows(client, &format!("/books/{nine}"), "title", json!("Later")).await;

    // Each loan is published once, as a CloudEvent that anybody reads.
    let mut loans = BTreeSet::new();
    for _ in 0..3 {
        let new = json!({"memberId": ada, "bookId": dune});
        let loan = client.post("/loans", new).await.expect(201);
        loans.insert(loan.number("loanId").to_string());
    }
    eventually("all loans are published", async || {
        let published = server.read("library").await;
        let opened = published
            .iter()
            .filter(|message| message.header("ce-type").ends_with("LoanOpened"));
        let subjects: Vec<_> = opened.map(|message| message.header("ce-subject")).collect();
        let told: BTreeSet<_> = subjects
            .iter()
            .map(|subject| (*subject).to_owned())
            .collect();
        match subjects.len() == loans.len() && told == loans {
            true => Ok(()),
            false => Err(format!("{subjects:?}, and not {loans:?}")),
        }
    })
    .await;
}

/// A start finds that the time of a saga is over, and that a timer is due which ends it: first the one that was due first.
#[tokio::test]
async fn a_saga_that_a_due_timer_ends_is_not_stuck_after_a_start() {
    let settings = library(300, 3, false)
        .await
        .set("saga.period.starts", "loans.LoanOpened")
        .set("saga.period.completes", vec!["loans.LoanDue"])
        .set("saga.period.timeout", "400ms");
    let mut host = TestHost::with(settings).await;
    let client = host.gateway().clone();
    let dune = book(&client, "1", "Dune").await;
    let ada = member(&client, "Ada").await;
    let new = json!({"memberId": ada, "bookId": dune});
    client.post("/loans", new).await.expect(201);
    host.kill_9();
    host.reopen().await;
    eventually("the saga has ended", async || {
        let found = host.operators().get("/v1/sagas").await;
        match found["sagas"][0]["state"].as_str() {
            Some("completed") => Ok(()),
            _ => Err(found.to_string()),
        }
    })
    .await;
    let stuck = host.output().lines_with("a saga is stuck");
    assert!(stuck.is_empty(), "{stuck:?}");
}
