//! What may come to serve: what somebody has signed whose key is trusted, for this context, and nothing that is too old; whichever way it comes.

use std::time::SystemTime;

use http::Method;
use innkeeper::core::{Timestamp, VersionDigest};
use innkeeper::rollout::signature::{Signature, Subject, Validity, new_key, public_key};
use innkeeper_tests::{Reply, Settings, TestHost, artifacts, command, eventually, send};

/// Somebody with a private key: makes signatures of bytes for a context.
pub struct Signer {
    /// The public key.
    pub public: String,
    sign: Box<Sign>,
}

/// Signs bytes for an app and a context.
type Sign = dyn Fn(&str, &str, &[u8], Validity) -> String;

impl Signer {
    /// One whom nobody knows yet.
    pub fn new() -> Self {
        let key = new_key();
        Self {
            public: public_key(&key),
            sign: Box::new(move |app, context, bytes, validity| {
                let digest = VersionDigest::of(bytes);
                let subject = Subject {
                    app,
                    context,
                    digest,
                };
                Signature::new(&key, subject, validity).to_string()
            }),
        }
    }

    /// A signature for a context of the app, made now.
    pub fn sign(&self, context: &str, bytes: &[u8]) -> String {
        (self.sign)("stay", context, bytes, made(now()))
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

fn made(signed: Timestamp) -> Validity {
    Validity {
        signed,
        not_before: None,
        expires: None,
    }
}

/// The app, which takes nothing but what this one has signed.
pub async fn strict(signer: &Signer) -> Settings {
    Settings::of_the_app()
        .await
        .set("rollout.require_signature", true)
        .set("rollout.keys.desk", signer.public.as_str())
}

async fn deploy(host: &TestHost, context: &str, bytes: &[u8], signature: Option<&str>) -> Reply {
    deploy_so(host, context, bytes, signature, "").await
}

/// The same; `how` is a query such as `ramp=5,100`.
async fn deploy_so(
    host: &TestHost,
    context: &str,
    bytes: &[u8],
    signature: Option<&str>,
    how: &str,
) -> Reply {
    let path = format!("/v1/contexts/{context}/versions?{how}");
    let mut request = host.operators().request(Method::POST, &path);
    if let Some(signature) = signature {
        request = request.header("innkeeper-signature", signature);
    }
    let request = request.header("content-type", "application/wasm");
    send(request.body(bytes.to_vec())).await
}

async fn rollback(host: &TestHost, context: &str, query: &str) -> Reply {
    let path = format!("/v1/contexts/{context}/rollback?{query}");
    host.operators().send(Method::POST, &path).await
}

#[track_caller]
fn refused_at(gate: &str, reply: Reply) {
    let reply = reply.expect_problem(422);
    assert_eq!(reply.body["gate"], gate, "{}", reply.text);
}

#[tokio::test]
async fn what_is_not_signed_serves_no_longer_after_a_restart_and_is_not_gone_back_to() {
    let mut host = TestHost::open().await;
    let shipped = host.operators().serving("room").await;
    let unsigned = artifacts::edited("room", "unsigned").await;
    deploy(&host, "room", &unsigned, None).await.expect(201);
    host.close().await;
    let signer = Signer::new();
    host.reopen_with(strict(&signer).await).await;
    // What the manifest itself names goes on in its place, and it is told why.
    let operators = host.operators();
    assert_eq!(operators.serving("room").await, shipped);
    let notices = operators.context("room").await["notices"].to_string();
    assert!(
        notices.contains("signature") && notices.contains("not signed"),
        "{notices}"
    );
    refused_at("signature", rollback(&host, "room", "to=2").await);
    refused_at("signature", deploy(&host, "room", &unsigned, None).await);
    assert_eq!(operators.serving("room").await, shipped);
    // The same bytes, signed, come to serve, and serve on.
    let signature = signer.sign("room", &unsigned);
    deploy(&host, "room", &unsigned, Some(&signature))
        .await
        .expect(201);
    host.kill_9();
    host.reopen().await;
    let digest = artifacts::digest(&unsigned);
    assert_eq!(host.operators().serving("room").await, digest);
    host.operators().rollback("room").await.expect(200);
    rollback(&host, "room", "to=2").await.expect(200);
    assert_eq!(host.operators().serving("room").await, digest);
}

#[tokio::test]
async fn a_signature_is_good_for_one_app_one_context_and_its_time() {
    let signer = Signer::new();
    let host = TestHost::with(strict(&signer).await).await;
    let bytes = artifacts::edited("room", "signed").await;
    let (before, after) = (Timestamp(now().0 - 60_000), Timestamp(now().0 + 600_000));
    let in_its_time = |validity| (signer.sign)("stay", "room", &bytes, validity);
    for signature in [
        signer.sign("message", &bytes),
        (signer.sign)("inn", "room", &bytes, made(now())),
        signer.sign("room", b"something else"),
        Signer::new().sign("room", &bytes),
        in_its_time(made(after)),
        in_its_time(Validity {
            not_before: Some(after),
            ..made(before)
        }),
        in_its_time(Validity {
            expires: Some(before),
            ..made(before)
        }),
        "nonsense".to_owned(),
    ] {
        refused_at(
            "signature",
            deploy(&host, "room", &bytes, Some(&signature)).await,
        );
    }
    // Made for the room, it is good there, and nowhere else.
    let signature = signer.sign("room", &bytes);
    refused_at(
        "signature",
        deploy(&host, "message", &bytes, Some(&signature)).await,
    );
    deploy(&host, "room", &bytes, Some(&signature))
        .await
        .expect(201);
    let signer = &host.operators().versions("room").await[0]["signer"];
    assert_eq!(signer, "desk");
}

#[tokio::test]
async fn what_a_revoked_key_has_signed_serves_no_longer() {
    let (old, new) = (Signer::new(), Signer::new());
    let mut host = TestHost::with(strict(&old).await).await;
    let shipped = host.operators().serving("room").await;
    let bytes = artifacts::edited("room", "by the old key").await;
    let signature = old.sign("room", &bytes);
    deploy(&host, "room", &bytes, Some(&signature))
        .await
        .expect(201);
    host.close().await;
    // Under another name it is revoked all the same.
    let settings = strict(&old)
        .await
        .set("rollout.keys.new-desk", new.public.as_str())
        .set("rollout.revoked_keys.lost", old.public.as_str());
    host.reopen_with(settings).await;
    assert_eq!(host.operators().serving("room").await, shipped);
    let refused = deploy(&host, "room", &bytes, Some(&signature)).await;
    assert!(refused.text.contains("`lost`"), "{}", refused.text);
    refused_at("signature", refused);
    refused_at("signature", rollback(&host, "room", "to=2").await);
    let signature = new.sign("room", &bytes);
    deploy(&host, "room", &bytes, Some(&signature))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_floor_keeps_older_versions_out() {
    let signer = Signer::new();
    let mut host = TestHost::with(strict(&signer).await).await;
    let [never, second, third] = ["never seen", "second", "third"];
    let bytes = async |name| artifacts::edited("room", name).await;
    let (never, second, third) = (bytes(never).await, bytes(second).await, bytes(third).await);
    let by_minutes = |minutes: u64| Timestamp(now().0 - 60_000 * minutes);
    let sign = |bytes: &[u8], at| (signer.sign)("stay", "room", bytes, made(at));
    let older = sign(&never, by_minutes(30));
    let old = sign(&second, by_minutes(20));
    let young = sign(&third, by_minutes(10));
    deploy(&host, "room", &second, Some(&old)).await.expect(201);
    let floor = "/v1/contexts/room/floor?version=";
    let set = async |host: &TestHost, number: u32| {
        let path = format!("{floor}{number}");
        host.operators().send(Method::PUT, &path).await
    };
    set(&host, 3).await.expect_problem(404);
    deploy(&host, "room", &third, Some(&young))
        .await
        .expect(201);
    host.operators().rollback("room").await.expect(200);
    // What serves is older.
    set(&host, 3).await.expect_problem(409);
    rollback(&host, "room", "to=3").await.expect(200);
    set(&host, 3).await.expect(200);
    let refuses_older = async |host: &TestHost| {
        refused_at("floor", rollback(host, "room", "to=2").await);
        refused_at("floor", rollback(host, "room", "").await);
        refused_at("floor", deploy(host, "room", &second, Some(&old)).await);
        // Signed before the oldest, though this host never had it.
        refused_at("floor", deploy(host, "room", &never, Some(&older)).await);
    };
    refuses_older(&host).await;
    host.kill_9();
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&third)
    );
    refuses_older(&host).await;
    let listed = host.operators().get("/v1/contexts/room/versions").await;
    assert_eq!(listed["floor"]["version"], 3);
    // The same by the command.
    let base = host.operators().client().base().to_owned();
    let token = host.operators().token().to_owned();
    let arguments = [
        "versions",
        "room",
        "--floor",
        "0",
        "--admin",
        &base,
        "--admin-token",
        &token,
    ];
    let said = command(&arguments).await;
    assert!(
        said.is_well && said.out.contains("all versions of room are allowed"),
        "{said:?}"
    );
    rollback(&host, "room", "to=2").await.expect(200);
}

async fn set_floor(host: &TestHost, number: u32) -> Reply {
    let path = format!("/v1/contexts/room/floor?version={number}");
    host.operators().send(Method::PUT, &path).await
}

/// Two versions after the one of the manifest, signed twenty and ten minutes ago; the newer one serves.
async fn two_more(host: &TestHost, signer: &Signer) -> [(Vec<u8>, String); 2] {
    let mut brought = Vec::new();
    for (name, minutes) in [("second", 20), ("third", 10)] {
        let bytes = artifacts::edited("room", name).await;
        let signature = signed_before(signer, &bytes, minutes);
        deploy(host, "room", &bytes, Some(&signature))
            .await
            .expect(201);
        brought.push((bytes, signature));
    }
    brought.try_into().expect("two were brought")
}

fn signed_before(signer: &Signer, bytes: &[u8], minutes: u64) -> String {
    let time = Timestamp(now().0 - 60_000 * minutes);
    (signer.sign)("stay", "room", bytes, made(time))
}

#[tokio::test]
async fn a_floor_that_is_lowered_knows_when_its_version_was_signed() {
    let signer = Signer::new();
    let host = TestHost::with(strict(&signer).await).await;
    two_more(&host, &signer).await;
    set_floor(&host, 3).await.expect(200);
    set_floor(&host, 2).await.expect(200);
    let never = artifacts::edited("room", "never seen").await;
    let older = signed_before(&signer, &never, 30);
    refused_at("floor", deploy(&host, "room", &never, Some(&older)).await);
    let younger = signed_before(&signer, &never, 15);
    deploy(&host, "room", &never, Some(&younger))
        .await
        .expect(201);
}

#[tokio::test]
async fn nothing_that_serves_is_below_a_floor() {
    let signer = Signer::new();
    let mut host = TestHost::with(strict(&signer).await).await;
    let [(second, old), (third, _)] = two_more(&host, &signer).await;
    let third = artifacts::digest(&third);
    // It has a part of the work.
    deploy_so(&host, "room", &second, Some(&old), "ramp=50,100&step=600s")
        .await
        .expect(202);
    set_floor(&host, 3).await.expect_problem(409);
    host.operators().rollback("room").await.expect(200);
    set_floor(&host, 3).await.expect(200);
    refused_at("floor", deploy(&host, "room", &second, Some(&old)).await);
    // Newer by its number, and signed earlier.
    set_floor(&host, 0).await.expect(200);
    let fourth = artifacts::edited("room", "fourth").await;
    let signature = signed_before(&signer, &fourth, 15);
    deploy(&host, "room", &fourth, Some(&signature))
        .await
        .expect(201);
    set_floor(&host, 3).await.expect_problem(409);
    let signature = signed_before(&signer, &fourth, 5);
    deploy(&host, "room", &fourth, Some(&signature))
        .await
        .expect(200);
    set_floor(&host, 3).await.expect(200);
    host.kill_9();
    host.reopen().await;
    let fourth = artifacts::digest(&fourth);
    assert_eq!(host.operators().serving("room").await, fourth);
    host.operators().rollback("room").await.expect(200);
    assert_eq!(host.operators().serving("room").await, third);
}

/// Whichever of the two comes first: what is older than the floor does not serve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_floor_and_a_rollback_do_not_pass_each_other_by() {
    let signer = Signer::new();
    let host = TestHost::with(strict(&signer).await).await;
    let [(second, _), _] = two_more(&host, &signer).await;
    let second = artifacts::digest(&second);
    for round in 0..10 {
        let (back, floor) = match round % 2 {
            0 => tokio::join!(rollback(&host, "room", "to=2"), set_floor(&host, 3)),
            _ => {
                let (floor, back) =
                    tokio::join!(set_floor(&host, 3), rollback(&host, "room", "to=2"));
                (back, floor)
            }
        };
        let serves_second = host.operators().serving("room").await == second;
        match (back.status, floor.status) {
            (200, 409) => assert!(serves_second),
            (422, 200) => assert!(!serves_second),
            _ => panic!(
                "{} {}; {} {}",
                back.status, back.text, floor.status, floor.text
            ),
        }
        set_floor(&host, 0).await.expect(200);
        if serves_second {
            eventually("the other one serves again", async || {
                let reply = rollback(&host, "room", "to=3").await;
                (reply.status == 200).then_some(()).ok_or(reply.text)
            })
            .await;
        }
    }
}

#[tokio::test]
async fn what_expires_while_the_state_is_migrated_does_not_come_to_serve() {
    let signer = Signer::new();
    let settings = Settings::empty()
        .with("ledgerbook", "ledgerbook-one")
        .await
        .set("app.name", "stay")
        .set("rollout.require_signature", true)
        .set("rollout.keys.desk", signer.public.as_str())
        // A version is asked when its state is there, and that long after it.
        .set("context.ledgerbook.startup_probe.initial_delay", "4s");
    let host = TestHost::with(settings).await;
    let shipped = host.operators().serving("ledgerbook").await;
    let file = &artifacts::components().await["ledgerbook-two"];
    let bytes = std::fs::read(file).expect("it was built");
    let soon = Validity {
        expires: Some(Timestamp(now().0 + 3_000)),
        ..made(now())
    };
    let signature = (signer.sign)("stay", "ledgerbook", &bytes, soon);
    let refused = deploy(&host, "ledgerbook", &bytes, Some(&signature)).await;
    assert!(refused.text.contains("expired"), "{}", refused.text);
    refused_at("signature", refused);
    assert_eq!(host.operators().serving("ledgerbook").await, shipped);
    let signature = signer.sign("ledgerbook", &bytes);
    deploy(&host, "ledgerbook", &bytes, Some(&signature))
        .await
        .expect(201);
}
