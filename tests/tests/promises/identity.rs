//! Who is behind a request is known to all that comes of it, and nobody else is taken for him.

use http::Method;
use innkeeper_tests::{Issuer, Reply, Settings, TestHost, eventually, send};
use serde_json::{Value, json};

/// The routes that ask for a token.
const ASKING: [(&str, &str); 6] = [
    ("parrot", "GET /who/asks"),
    ("parrot", "GET /echo/{thing}"),
    ("parrot", "POST /head/{count}/{length}"),
    ("bell", "POST /bells/{bell}/rings"),
    ("first", "POST /first"),
    ("second", "POST /second"),
];

async fn settings(issuer: &Issuer) -> Settings {
    let mut settings = Settings::empty().set("gateway.auth.claims", vec!["email", "rooms"]);
    for (name, component) in [
        ("parrot", "parrot"),
        ("bell", "bell"),
        ("first", "player-first"),
        ("second", "player-second"),
        ("third", "player-third"),
    ] {
        settings = settings.with(name, component).await;
    }
    for (context, route) in ASKING {
        let key = format!("context.{context}.routes.{route}.require");
        settings = settings.set(&key, Vec::<String>::new());
    }
    issuer.trusted_by(settings)
}

/// Somebody with a token.
struct Guest<'a> {
    host: &'a TestHost,
    token: String,
}

impl<'a> Guest<'a> {
    fn new(host: &'a TestHost, issuer: &Issuer, name: &str) -> Self {
        let email = format!("{name}@inn.example");
        let claims = [
            ("sub", json!(name)),
            ("email", json!(email)),
            ("rooms", json!([1, 2])),
            ("photo", json!("large")),
        ];
        Self {
            host,
            token: issuer.token(&claims),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.host.gateway().request(method, path);
        request.bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }
}

/// Who has rung a bell, when it was heard so often.
async fn ringers(host: &TestHost, bell: u64, count: usize) -> Value {
    eventually("the bell is heard", async || {
        let heard = host.gateway().get(&format!("/bells/{bell}")).await;
        let ringers = heard.body["ringers"].clone();
        match ringers.as_array() {
            Some(found) if found.len() == count => Ok(ringers),
            _ => Err(heard.text),
        }
    })
    .await
}

/// Who was behind a player's runs, and behind their undoing, when there are so many and all that is to be undone is.
async fn played(host: &TestHost, player: &str, count: usize) -> Vec<(String, String)> {
    eventually("the program has come to its end", async || {
        // In this order: what is undone between the two looks is seen by the second.
        let pending = host.operators().pending().await;
        let runs = host.gateway().all(&format!("/{player}/runs")).await;
        if runs.len() != count || !pending.is_empty() {
            return Err(format!("{runs:?} {pending:?}"));
        }
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let runs = runs.iter();
        Ok(runs
            .map(|run| (text(&run["by"]), text(&run["undoneBy"])))
            .collect())
    })
    .await
}

fn both(by: &str, undone_by: &str) -> (String, String) {
    (by.to_owned(), undone_by.to_owned())
}

#[tokio::test]
async fn who_asks_is_behind_all_that_comes_of_it_and_nobody_else_is() {
    let issuer = Issuer::new();
    let host = TestHost::with(settings(&issuer).await).await;
    let [alice, bob] = ["alice", "bob"].map(|name| Guest::new(&host, &issuer, name));

    // A guest is told who it is, and what the manifest names, but not the token.
    let told = alice.get("/who/asks").await.expect(200).body;
    assert_eq!(
        told,
        json!({
            "issuer": "https://login.example",
            "subject": "alice",
            "scopes": ["look"],
            "claims": [["email", "\"alice@inn.example\""], ["rooms", "[1,2]"]],
        })
    );
    let heard = alice.get("/echo/1").await.expect(200);
    assert!(!heard.text.contains("authorization"), "{}", heard.text);

    // What was answered to one is not answered to another, though their requests are the same by now.
    for (guest, name) in [(&bob, "bob"), (&alice, "alice"), (&bob, "bob")] {
        assert_eq!(guest.get("/who/asks").await.body["subject"], name);
    }

    // No header says who it is, and no token where none is asked for.
    let forged = alice.request(Method::GET, "/who");
    let forged = forged.header("x-innkeeper-identity", "alice");
    let forged = forged.header("baggage", "identity=alice,sub=alice");
    assert_eq!(send(forged).await.expect(200).body, Value::Null);

    // Each has idempotency keys of his own.
    let once = async |guest: &Guest<'_>| {
        let request = guest.request(Method::POST, "/head/1/1");
        send(request.header("idempotency-key", "the-same"))
            .await
            .expect(200);
    };
    for guest in [&alice, &alice, &bob, &bob] {
        once(guest).await;
    }
    assert_eq!(host.gateway().all("/heard").await.len(), 2);

    // Events and timers are his whose request has told or set them.
    for (guest, number, after) in [(&alice, 1, 400), (&bob, 2, 0), (&alice, 3, 0)] {
        let path = format!("/bells/{number}/rings");
        let ring = json!({"number": number, "afterMs": after});
        guest.post(&path, &ring).await.expect(200);
    }
    assert_eq!(ringers(&host, 2, 1).await, json!(["bob"]));
    assert_eq!(ringers(&host, 3, 1).await, json!(["alice"]));
    assert_eq!(ringers(&host, 1, 1).await, json!(["alice"]));
    let peal = host.gateway().post("/peals", json!({"count": 4})).await;
    peal.expect(204);
    assert_eq!(ringers(&host, 4, 1).await, json!([""]));

    // A story says who it was, and nothing else of him.
    let told = alice.request(Method::POST, "/bells/5/rings");
    let told = told.header("x-correlation-id", "whose");
    let told = told.json(&json!({"number": 5}));
    send(told).await.expect(200);
    assert_eq!(ringers(&host, 5, 1).await, json!(["alice"]));
    let story = host.operators().get("/v1/stories/whose").await;
    let root = &story["invocations"][0];
    let follower = &root["events"][0]["children"][0];
    assert_eq!(
        [&root["by"], &follower["by"]],
        ["alice", "alice"],
        "{story}"
    );
    assert!(!story.to_string().contains("inn.example"), "{story}");

    // Calls of calls are his, and what undoes them.
    let calls =
        |to: &str, program: Value| json!({"call": {"to": to, "how": "play", "program": program}});
    let through = calls("second", json!([calls("third", json!([{"write": 1}]))]));
    let kept = json!({"program": [through]});
    alice.post("/first", &kept).await.expect(200);
    let refused = json!({"program": [through, "refuse"]});
    bob.post("/first", &refused).await.expect_problem(409);
    for player in ["second", "third"] {
        let runs = played(&host, player, 2).await;
        assert_eq!(runs, [both("alice", ""), both("bob", "bob")], "{player}");
    }
}

#[tokio::test]
async fn who_was_behind_it_is_known_after_a_power_cut() {
    let issuer = Issuer::new();
    let settings = settings(&issuer)
        .await
        .set("context.first.limits.deadline", "2s");
    // Nothing ends by itself before the cut.
    let before = settings.clone().set("context.first.limits.deadline", "60s");
    let before = before.set("context.bell.config.deaf", "reject 1");
    let mut host = TestHost::with(before).await;
    let hanging = {
        let alice = Guest::new(&host, &issuer, "alice");
        // An event that is given up on, and a call that is to be undone.
        let ring = json!({"number": 1});
        alice.post("/bells/1/rings", &ring).await.expect(200);
        let call = json!({"call": {"to": "second", "how": "play", "program": [{"write": 1}]}});
        let program = json!({"program": [call, "hang"]});
        let request = alice.request(Method::POST, "/first").json(&program);
        tokio::spawn(request.send())
    };
    let letters = host.operators().dead_letters("bell", 1).await;
    eventually("the call was made", async || {
        let runs = host.gateway().all("/second/runs").await;
        match runs.as_slice() {
            [run] if run["undoneBy"] == "" => Ok(()),
            _ => Err(format!("{runs:?}")),
        }
    })
    .await;
    // A timer that is set just before.
    let ring = json!({"number": 2, "afterMs": 3_000});
    let alice = Guest::new(&host, &issuer, "alice");
    alice.post("/bells/2/rings", &ring).await.expect(200);
    assert_eq!(ringers(&host, 2, 0).await, json!([]));
    host.kill_9();
    let _ended = hanging.await;
    host.reopen_with(settings).await;
    let letter = letters[0]["id"].as_str().expect("an id");
    let retry = format!("/v1/contexts/bell/dead-letters/{letter}/retry");
    let retried = host.operators().send(Method::POST, &retry).await;
    retried.expect(200);
    assert_eq!(ringers(&host, 1, 1).await, json!(["alice"]));
    assert_eq!(played(&host, "second", 1).await, [both("alice", "alice")]);
    assert_eq!(ringers(&host, 2, 1).await, json!(["alice"]));
}
