//! After a restart what served before serves, also where the manifest names what was taken back.

use std::time::Duration;

use innkeeper_tests::artifacts::{components, digest, edited};
use innkeeper_tests::{Opening, Settings, Traffic, eventually, in_a_mood, request};

#[tokio::test]
async fn what_was_taken_back_does_not_come_back_with_a_restart() {
    let home = tempfile::tempdir().unwrap();
    // As a build leaves it: the file that the manifest names is the one that is deployed.
    let built = home.path().join("room.wasm");
    let first = edited("room", "first").await;
    std::fs::write(&built, &first).unwrap();
    let settings = Settings::of_the_app().await.component("room", &built);
    let mut inn = Opening::new(settings).open().await;
    let operators = inn.operators().clone();
    let first = digest(&first);
    assert_eq!(operators.serving("room").await, first);

    let second = edited("room", "second").await;
    std::fs::write(&built, &second).unwrap();
    operators
        .deploy("room", second.clone(), "")
        .await
        .expect(201);
    operators.rollback("room").await.expect(200);
    inn.kill_9();
    inn.reopen().await;
    assert_eq!(inn.operators().serving("room").await, first);

    // What nobody has dealt with yet is newer.
    let third = edited("room", "third").await;
    std::fs::write(&built, &third).unwrap();
    inn.kill_9();
    inn.reopen().await;
    assert_eq!(inn.operators().serving("room").await, digest(&third));
    // So is what comes back because somebody built it again.
    std::fs::write(&built, &second).unwrap();
    inn.kill_9();
    inn.reopen().await;
    assert_eq!(inn.operators().serving("room").await, digest(&second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_harm_stays_out_however_it_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let built = home.path().join("room.wasm");
    let sound = edited("room", "sound").await;
    std::fs::write(&built, &sound).unwrap();
    let settings = Settings::of_the_app().await.component("room", &built);
    let mut inn = Opening::new(settings).alone().open().await;
    inn.stay().room("Beautiful House").await;
    let change = |_| request("PATCH", "/rooms/1", r#"{"desc": "changed"}"#);
    let traffic = Traffic::start(inn.gateway().base(), 4, change);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    let harmful = in_a_mood(moody, "fails");
    let operators = inn.operators().clone();
    operators
        .deploy("room", harmful.clone(), "ramp=100")
        .await
        .expect(201);
    let harmful_digest = digest(&harmful);
    eventually("it is taken back", async || {
        match operators.state_of("room", &harmful_digest).await {
            state if state == "quarantined" => Ok(()),
            state => Err(state),
        }
    })
    .await;
    traffic.stop().await;
    let serving = async |inn: &innkeeper_tests::Inn| inn.operators().serving("room").await;
    eventually("the other serves", async || {
        match serving(&inn).await == digest(&sound) {
            true => Ok(()),
            false => Err("not yet"),
        }
    })
    .await;
    std::fs::write(&built, &harmful).unwrap();
    for _ in 0..2 {
        inn.kill_9();
        inn.reopen().await;
        assert_eq!(serving(&inn).await, digest(&sound));
        let state = inn.operators().state_of("room", &harmful_digest).await;
        assert_eq!(state, "quarantined");
    }
}
