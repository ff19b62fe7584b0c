//! What `innkeeper status` says of one context, and how versions are called while they are none yet.

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, artifacts, eventually};
use serde_json::json;
use toml::Table;

/// The value of each line that begins so.
fn values<'a>(said: &'a str, field: &str) -> Vec<&'a str> {
    let lines = said.lines().filter_map(|line| line.strip_prefix(field));
    let lines = lines.filter(|rest| rest.starts_with(' '));
    lines.map(str::trim).collect()
}

#[tokio::test]
async fn status_shows_a_context_in_full() {
    let server = NatsServer::start().await;
    let _updates = server.make_stream("ISBN", "isbn.updates.>").await;
    let mut how = Table::new();
    how.insert("source".into(), "isbn".into());
    how.insert("kind".into(), "TitleChanged".into());
    let mut settings = Settings::empty();
    for context in ["catalog", "loans", "members"] {
        settings = settings.with(context, context).await;
    }
    let settings = settings
        .set("app.name", "library")
        .set("nats.url", server.url())
        .set("context.loans.show", vec!["loan_ms"])
        .set("context.loans.config.loan_ms", 5_000)
        .following("catalog", "isbn.updates.>", how);
    let host = TestHost::with(settings).await;
    let book = json!({"isbn": "1", "title": "Dune", "author": "Herbert", "copies": 1});
    host.gateway().post("/books", book).await.expect(201);

    let said = host.command(&["status", "catalog"]).await.out;
    assert_eq!(values(&said, "context"), ["catalog"], "{said}");
    assert!(values(&said, "version")[0].starts_with('1'), "{said}");
    assert_eq!(values(&said, "state"), ["Running, restarted 0 times"]);
    assert!(values(&said, "invocations")[0].ends_with(" waiting"));
    assert_eq!(values(&said, "dead letters"), ["0"], "{said}");
    assert_eq!(values(&said, "to be undone"), ["0"], "{said}");
    assert!(values(&said, "journal")[0].contains(" commit"), "{said}");
    let subscriptions = values(&said, "subscription");
    assert!(subscriptions[0].contains("isbn isbn.updates.>"), "{said}");
    assert!(values(&said, "offers")[0].starts_with("library:catalog/copies"));
    assert!(values(&said, "route").contains(&"POST /books"), "{said}");
    assert!(values(&said, "publishes").contains(&"BookAdded"), "{said}");
    assert!(values(&said, "follows").contains(&"loans.LoanReturned"));

    let said = host.command(&["status", "loans"]).await.out;
    let uses = values(&said, "uses");
    assert!(
        uses.iter().any(|used| used.ends_with("of members"))
            && uses.iter().any(|used| used.ends_with("of catalog")),
        "{said}"
    );
    assert!(
        values(&said, "config").contains(&"loan_ms = 5000"),
        "{said}"
    );
}

/// Invocations that change one number at the same time meet each other: the key is named.
#[tokio::test]
async fn status_names_a_contended_key() {
    let host = TestHost::with(Settings::empty().with("tally", "tally").await).await;
    let line = eventually("a key is contended", async || {
        // All of them read the row before they write it.
        let adding = (0..20).map(|_| host.gateway().post("/rows/hot", json!({"by": 1})));
        futures::future::join_all(adding).await;
        let said = host.command(&["status", "tally"]).await.out;
        let line = said.lines().find(|line| line.starts_with("contended"));
        line.map(str::to_owned).ok_or(said)
    })
    .await;
    assert!(
        line.contains("rows/") && line.contains(" caused "),
        "{line}"
    );
}

/// A component that only passes the gates has no number yet, and is not called version 0.
#[tokio::test]
async fn a_dry_run_calls_no_component_version_0() {
    let host = TestHost::with(Settings::empty().with("bell", "bell").await).await;
    let file = host.home().join("edition.wasm");
    let edition = artifacts::edited("bell", "tried").await;
    std::fs::write(&file, edition).expect("a file can be written");
    let file = file.to_str().expect("paths are UTF-8");
    let said = host.command(&["deploy", "bell", file, "--dry-run"]).await;
    let all = format!("{}{}", said.out, said.err);
    assert!(
        said.is_well && all.contains("the new component"),
        "{said:?}"
    );
    assert!(!all.contains("version 0"), "{said:?}");
    // Nor is it in what the host says of it.
    let lines = host.output().lines_with("version 0");
    assert!(lines.is_empty(), "{lines:?}");
    let said = host.command(&["deploy", "bell", file]).await;
    let all = format!("{}{}", said.out, said.err);
    assert!(said.is_well && all.contains("version 2"), "{said:?}");
}
