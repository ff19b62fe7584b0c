//! Random bytes and new ids follow from the invocation and from a secret of the host.

use http::Method;
use innkeeper::journal::Space;
use innkeeper_tests::{Settings, TestHost, eventually, journal, send};

/// What dicer drew for somebody, each time that it was tried: random bytes, others, a new id, and the id of the invocation.
fn drawn(host: &TestHost, name: &str) -> Vec<String> {
    let wanted = format!("{name} drew ");
    let lines = host.output().lines_with(&wanted);
    let drawn = lines.iter().filter_map(|line| {
        let (_, drawn) = line.split_once(&wanted)?;
        Some(drawn.split_once(';')?.0.to_owned())
    });
    drawn.collect()
}

/// What it drew in the attempts of this process, at least two of them: always the same.
async fn drawn_again(host: &TestHost, name: &str) -> String {
    let all = eventually("it has drawn more than once", async || {
        let all = drawn(host, name);
        (all.len() > 1)
            .then_some(())
            .ok_or_else(|| host.output().tail(5))?;
        Ok::<_, String>(all)
    })
    .await;
    for again in &all {
        assert_eq!(*again, all[0], "{name}");
    }
    all[0].clone()
}

#[tokio::test]
async fn what_is_drawn_again_is_the_same_and_another_hosts_is_another() {
    let settings = Settings::empty()
        .with("dicer", "dicer")
        .await
        .set("context.dicer.follow.attempts", 2_000)
        .set("context.dicer.follow.max_backoff", "100ms");
    let mut host = TestHost::with(settings).await;
    for name in ["anna", "bert"] {
        let path = format!("/wanted/{name}");
        send(host.gateway().request(Method::POST, &path))
            .await
            .expect(204);
    }
    let anna = drawn_again(&host, "anna").await;
    let bert = drawn_again(&host, "bert").await;
    let parts = |drawn: &str| -> Vec<String> {
        let parts = drawn.split(" and ").flat_map(|part| part.split(" in "));
        parts.map(ToOwned::to_owned).collect()
    };
    let (annas, berts) = (parts(&anna), parts(&bert));
    assert_eq!(annas.len(), 4, "{anna}");
    for (one, other) in annas.iter().zip(&berts) {
        assert_ne!(one, other);
    }
    assert_ne!(annas[0], annas[1]);

    host.close().await;
    host.reopen().await;
    assert_eq!(drawn_again(&host, "anna").await, anna);
    let mut told = String::new();
    for path in [
        "/v1/contexts",
        "/v1/contexts/dicer",
        "/v1/hosts",
        "/metrics",
    ] {
        told += &host.operators().send(Method::GET, path).await.text;
    }
    host.close().await;
    told += &host.output().tail(usize::MAX);

    // The same invocation at a host with another secret.
    let record = journal::take_record(&host.data(), "innkeeper", Space::Meta, "id-secret").await;
    let secret = &record[record.len() - 32..];
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!told.contains(&digits) && !told.contains(&format!("{secret:?}")));
    host.reopen().await;
    let others = parts(&drawn_again(&host, "anna").await);
    assert_eq!(others[3], annas[3], "the invocation is the same");
    for place in 0..3 {
        assert_ne!(others[place], annas[place]);
    }
}
