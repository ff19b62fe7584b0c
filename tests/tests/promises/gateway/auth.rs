//! Routes that ask for a token.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use innkeeper_tests::{Reply, Settings, TestHost, eventually, send};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::parrot;

/// Somebody who signs tokens, and the file with the keys.
struct Issuer {
    home: TempDir,
    key: Ed25519KeyPair,
    id: &'static str,
}

impl Issuer {
    fn new() -> Self {
        let issuer = Self {
            home: TempDir::new().expect("a temporary directory can be made"),
            key: Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a key"),
            id: "first",
        };
        issuer.publish();
        issuer
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("jwks.json")
    }

    fn publish(&self) {
        let key = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": key});
        self.write(&json!({"keys": [key]}).to_string());
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).expect("a file can be written");
    }

    fn rotate(&mut self) {
        self.key = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).expect("a key");
        self.id = "second";
    }

    fn token(&self, changes: &[(&str, Value)]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let later = now.expect("a clock") + Duration::from_secs(600);
        let mut claims = json!({
            "iss": "https://login.example",
            "aud": "stay",
            "exp": later.as_secs(),
            "scope": "look",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": "EdDSA", "kid": self.id}));
        let message = format!("{header}.{}", part(&claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

async fn asking(issuer: &Issuer) -> Settings {
    let file = issuer.file();
    parrot()
        .await
        .set("gateway.auth.issuer", "https://login.example")
        .set("gateway.auth.audience", "stay")
        .set("gateway.auth.algorithms", vec!["EdDSA", "RS256"])
        .set("gateway.auth.jwks_file", file.to_str().expect("UTF-8"))
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
    issuer.rotate();
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
