//! Routes that ask for a token.

use http::Method;
use innkeeper_tests::{Authority, Issuer, KeyServer, Reply, Settings, TestHost, eventually, send};
use serde_json::json;

use super::parrot;

async fn asking(issuer: &Issuer) -> Settings {
    ruled(issuer.trusted_by(parrot().await))
}

fn ruled(settings: Settings) -> Settings {
    settings
        .set(
            "context.parrot.routes.GET /echo.require",
            vec!["scope:look"],
        )
        .set(
            "context.parrot.routes.GET /echo/literal.require",
            vec!["scope:look", "scope:book"],
        )
        .set(
            "context.parrot.routes.GET /echo/{thing}.require",
            Vec::<String>::new(),
        )
}

async fn ask(host: &TestHost, path: &str, token: &str) -> Reply {
    let request = host.gateway().request(Method::GET, path);
    send(request.bearer_auth(token)).await
}

#[tokio::test]
async fn who_has_no_token_that_allows_it_gets_nothing() {
    let issuer = Issuer::new();
    let host = TestHost::with(asking(&issuer).await).await;
    let good = issuer.token(&[]);
    for path in ["/echo", "/echo/1", "/files/a", "/heard"] {
        ask(&host, path, &good).await.expect(200);
    }
    // Nobody is asked where nothing is said.
    host.gateway().get("/files/a").await.expect(200);
    for method in [Method::GET, Method::HEAD] {
        let reply = send(host.gateway().request(method, "/echo")).await;
        assert_eq!(
            (reply.status, reply.header("www-authenticate")),
            (401, "Bearer")
        );
    }
    let reply = ask(&host, "/echo/literal", &good).await.expect_problem(403);
    assert_eq!(
        reply.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"look book\""
    );
    ask(
        &host,
        "/echo/literal",
        &issuer.token(&[("scope", json!("book look"))]),
    )
    .await
    .expect(200);
    let none = issuer.token(&[("scope", json!(""))]);
    ask(&host, "/echo", &none).await.expect_problem(403);
    ask(&host, "/echo/1", &none).await.expect(200);
    let tampered = format!("{good}A");
    for token in [
        issuer.token(&[("exp", json!(1))]),
        issuer.token(&[("aud", json!("other"))]),
        issuer.token(&[("iss", json!("https://evil.example"))]),
        tampered,
        "nonsense".to_owned(),
    ] {
        let reply = ask(&host, "/echo/1", &token).await.expect_problem(401);
        let how = reply.header("www-authenticate");
        assert!(how.starts_with("Bearer error=\"invalid_token\""), "{how}");
        assert!(!reply.text.contains(&token), "{}", reply.text);
    }
    let request = host.gateway().request(Method::GET, "/echo");
    let twice = request.bearer_auth(&good).bearer_auth(&good);
    send(twice).await.expect_problem(400);
}

#[tokio::test]
async fn keys_are_exchanged_without_a_restart() {
    let mut issuer = Issuer::new();
    let host = TestHost::with(asking(&issuer).await).await;
    let before = issuer.token(&[]);
    ask(&host, "/echo", &before).await.expect(200);
    // What is no set of keys changes nothing, and is said.
    issuer.write("{}");
    eventually("it is said", async || {
        match host.output().lines_with("stay as they were").len() {
            0 => Err("it is not"),
            _ => Ok(()),
        }
    })
    .await;
    ask(&host, "/echo", &before).await.expect(200);
    issuer.rotate(2);
    let after = issuer.token(&[]);
    ask(&host, "/echo", &after).await.expect_problem(401);
    issuer.publish();
    eventually("the new key is good", async || {
        match ask(&host, "/echo", &after).await.status {
            200 => Ok(()),
            status => Err(status),
        }
    })
    .await;
    ask(&host, "/echo", &before).await.expect_problem(401);
}

#[tokio::test]
async fn rules_that_cannot_hold_are_refused() {
    let issuer = Issuer::new();
    let settings = asking(&issuer).await;
    let mut host = TestHost::with(settings.clone()).await;
    host.close().await;
    for (key, value, said) in [
        ("gateway.auth.algorithms", vec!["none"], "valid values are"),
        ("gateway.auth.algorithms", vec!["HS256"], "valid values are"),
        (
            "context.parrot.routes.GET /echo.require",
            vec!["look"],
            "for example `scope:book`",
        ),
        (
            "context.parrot.routes.echo.require",
            vec!["scope:a"],
            "`echo` is not a route",
        ),
    ] {
        host.rewrite(settings.clone().set(key, value));
        let line = host.refused().await.err;
        assert!(line.contains(said), "{key}: {line}");
        assert_eq!(line.trim().lines().count(), 1, "{line}");
    }
    issuer.write("{\"keys\": []}");
    host.rewrite(settings.clone());
    let line = host.refused().await.err;
    assert!(line.contains("it has no public key"), "{line}");
    issuer.publish();
    // What a context does not describe is known when it is loaded. It serves nothing then, rather than something to everybody.
    let mistaken = "context.parrot.routes.GET /ecko.require";
    host.rewrite(settings.clone().set(mistaken, vec!["scope:look"]));
    let said = match host.try_reopen(&[]).await {
        Ok(()) => host.output().tail(60),
        Err(said) => said,
    };
    assert!(said.contains("did you mean `GET /echo`?"), "{said}");
}

/// Asks until that is answered so: keys may come late, on a machine that is busy.
async fn answered(host: &TestHost, token: &str, status: u16) {
    eventually("it is answered so", async || {
        match ask(host, "/echo", token).await.status {
            found if found == status => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

async fn said(host: &TestHost, text: &str) {
    eventually("it is said", async || {
        match host.output().lines_with(text).len() {
            0 => Err(host.output().tail(5)),
            _ => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_fetched_and_stay_when_that_fails() {
    let mut issuer = Issuer::new();
    let [authority, stranger] = ["login", "stranger"].map(Authority::new);
    let server = KeyServer::start(&authority, issuer.jwks()).await;
    let trusted = issuer.file().with_file_name("authorities.pem");
    let trust = |authority: &Authority| {
        std::fs::copy(authority.file(), &trusted).expect("a file can be copied");
    };
    trust(&authority);
    let settings = ruled(issuer.named_in(parrot().await))
        .set("gateway.auth.jwks_url", server.url())
        .set(
            "gateway.auth.jwks_ca_file",
            trusted.to_str().expect("UTF-8"),
        );
    let mut host = TestHost::with(settings.clone()).await;
    // The first request waits until they are there.
    answered(&host, &issuer.token(&[]), 200).await;
    assert_eq!(server.asked(), 1);
    // A key that is not known is asked for, by all that name one together, and then for a while by nobody.
    issuer.rotate(2);
    server.offer(issuer.jwks());
    let token = issuer.token(&[]);
    let names = (0..20).map(|number| issuer.signed(&format!("made-up-{number}"), &[]));
    let names: Vec<_> = names.collect();
    let unknown = names.iter().map(|unknown| ask(&host, "/echo", unknown));
    for reply in futures::future::join_all(unknown).await {
        reply.expect_problem(401);
    }
    answered(&host, &token, 200).await;
    assert_eq!(server.asked(), 2);
    // Where they cannot be had, a host begins all the same, and says so.
    server.close();
    host.close().await;
    let often = settings.set("gateway.auth.jwks_refresh", "1s");
    host.reopen_with(often).await;
    host.gateway().get("/files/a").await.expect(200);
    let reply = ask(&host, "/echo", &token).await.expect_problem(503);
    assert_eq!(reply.header("retry-after"), "5");
    said(&host, "cannot be fetched").await;
    server.open(&authority);
    answered(&host, &token, 200).await;
    // What was fetched last stays.
    server.offer("{}".to_owned());
    said(&host, "that were fetched last").await;
    ask(&host, "/echo", &token).await.expect(200);
    // Nobody else's certificate is trusted.
    issuer.rotate(3);
    server.offer(issuer.jwks());
    server.open(&stranger);
    said(&host, "invalid peer certificate").await;
    let asked = server.asked();
    let rotated = issuer.token(&[]);
    ask(&host, "/echo", &rotated).await.expect_problem(401);
    ask(&host, "/echo", &token).await.expect(200);
    assert_eq!(server.asked(), asked);
    // Unless the file says so now.
    trust(&stranger);
    answered(&host, &rotated, 200).await;
}
