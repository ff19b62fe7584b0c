mod conflicts;

use serde_json::json;

use super::*;
use crate::prelude::*;
use crate::{cancel, emit_after, invocation};

crate::events! {
    /// A bell is to ring.
    pub BellDue: Bell,
    /// A bell has rung.
    pub BellRung: Bell,
}

/// A bell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bell {
    id: u64,
}

impl Subject for Bell {
    fn subject(&self) -> String {
        self.id.to_string()
    }
}

const RINGS: Table<u64, u64> = Table::new("rings");
const TIMERS: Table<u64, String> = Table::new("timers");

mod tower {
    use super::*;

    fn set(Path(delay): Path<u64>) -> Answer {
        let bell = Bell {
            id: RINGS.next_id(),
        };
        TIMERS.put(bell.id, &emit_after::<BellDue>(delay, &bell)?)?;
        Response::created("/", &bell.id)
    }

    fn stop(Path(id): Path<u64>) -> Answer {
        Response::ok(&cancel(&TIMERS.find(id)?))
    }

    fn show(Path(id): Path<u64>) -> Answer {
        Response::ok(&RINGS.find(id)?)
    }

    fn ring(bell: Bell) -> Outcome {
        RINGS.put(bell.id, &invocation::now())?;
        emit::<BellRung>(&bell)?;
        Ok(())
    }

    crate::context! {
        summary: "Rings.",
        tables: [RINGS, TIMERS],
        routes: { POST "/bells/{delay}" => set, DELETE "/bells/{id}" => stop, GET "/bells/{id}" => show },
        publishes: [BellDue, BellRung],
        follows: { "tower": BellDue => ring },
    }
}

mod echo {
    use super::*;

    crate::events! {
        /// Somebody has called.
        pub Called: Bell,
    }

    fn answer(bell: Bell) -> Outcome {
        emit::<Called>(&bell)?;
        Ok(())
    }

    crate::context! {
        summary: "Answers itself.",
        publishes: [Called],
        follows: { "echo": Called => answer },
    }
}

mod clerk {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    crate::events! {
        /// In tower.
        pub BellRung: Bell,
    }

    const HEARD: Table<u64, u64> = Table::new("heard");
    const NOTES: Table<u64, u64> = Table::new("notes");

    fn hear(bell: Bell) -> Outcome {
        match bell.id {
            3 => return Err(PolicyError::Reject("it is out of tune".into())),
            4 => return Err(PolicyError::Retry("it is too loud".into())),
            _ => {}
        }
        Ok(HEARD.put(bell.id, &bell.id)?)
    }

    fn heard() -> Answer {
        Response::ok(&HEARD.count())
    }

    /// Counts up, as it should be done.
    fn note() -> Answer {
        let notes = NOTES.get(1)?.unwrap_or_default() + 1;
        NOTES.put(1, &notes)?;
        Response::ok(&notes)
    }

    /// Remembers what no re-run may know.
    fn remember() -> Answer {
        static REMEMBERED: AtomicU64 = AtomicU64::new(0);
        let times = REMEMBERED.fetch_add(1, Ordering::SeqCst);
        NOTES.put(2, &times)?;
        Response::no_content()
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        how: String,
        loud: String,
    }

    fn repeat(Path(text): Path<String>, said: Query<Said>) -> Answer {
        Response::ok(&(text, &said.how, &said.loud))
    }

    /// Does something else the second time.
    fn give_up() -> Answer {
        match invocation::attempt() {
            1 => Response::ok(&1),
            _ => Err(Problem::conflict("It is too late.")),
        }
    }

    crate::context! {
        summary: "Listens.",
        tables: [HEARD, NOTES],
        routes: {
            GET "/heard" => heard,
            GET "/said/{text}" => repeat,
            POST "/notes" => note,
            POST "/remembered" => remember,
            POST "/given-up" => give_up,
        },
        follows: { "tower": BellRung => hear },
    }
}

fn app() -> TestApp {
    TestApp::new()
        .with::<tower::Component>("tower")
        .with::<clerk::Component>("clerk")
}

fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

#[test]
fn timers_fire_when_the_clock_is_moved_and_events_reach_their_followers() {
    let app = app();
    for delay in [3000, 1000, 2000] {
        assert_eq!(
            app.request("POST", &format!("/bells/{delay}"), &[], b"")
                .status,
            201
        );
    }
    app.settle();
    assert_eq!(app.get("/heard").body, json!(0));
    app.advance(seconds(2));
    assert_eq!(
        app.get("/bells/2").body,
        json!(1000),
        "it fired at its time"
    );
    assert_eq!(app.get("/bells/1").status, 404);
    assert_eq!(app.delete("/bells/1").body, json!(true));
    assert_eq!(app.delete("/bells/1").body, json!(false), "once");
    app.advance(seconds(60));
    assert_eq!(app.get("/bells/1").status, 404);
    assert_eq!(app.get("/heard").body, json!(1), "the third is rejected");
    assert_eq!(app.dead_letters()[0].reason, "it is out of tune");
}

#[test]
fn an_event_that_is_not_handled_is_tried_again_and_then_given_up() {
    let app = app();
    app.publish("tower", "BellRung", "4", json!({"id": 4}));
    app.publish("tower", "BellRung", "5", json!({"id": 5}));
    app.publish("tower", "BellRung", "4", json!({"id": 6}));
    app.down("clerk");
    app.settle();
    assert_eq!(app.dead_letters(), []);
    app.up("clerk");
    app.settle();
    assert_eq!(
        app.get("/heard").body,
        json!(1),
        "others are not held up, but what is of the same subject"
    );
    // 100 ms, doubled up to 30 s: eleven pauses.
    app.advance(std::time::Duration::from_millis(111_099));
    assert_eq!(app.dead_letters(), []);
    assert_eq!(app.get("/heard").body, json!(1));
    app.advance(std::time::Duration::from_millis(1));
    assert_eq!(app.dead_letters()[0].reason, "it is too loud");
    assert_eq!(app.get("/heard").body, json!(2), "not for ever");
}

#[test]
#[should_panic(expected = "without an end; the last ones: Called to echo, Called to echo")]
fn what_follows_from_itself_without_an_end_is_found_out() {
    let app = TestApp::new().with::<echo::Component>("echo");
    app.publish("echo", "Called", "1", json!({"id": 1}));
    app.settle();
}

#[test]
fn another_app_begins_with_nothing() {
    for _ in 0..2 {
        let app = app();
        for id in 1..=2 {
            assert_eq!(app.request("POST", "/bells/1000", &[], b"").body, json!(id));
        }
        assert_eq!(app.run("tower", || RINGS.next_id()), 3);
    }
}

#[test]
fn paths_and_queries_are_decoded_as_the_host_does() {
    let app = app();
    let reply = app.get("/s%61id/a%20b+c%2Fd?how=very+loud%2B&loud");
    assert_eq!(reply.body, json!(["a b+c/d", "very loud+", ""]));
    for target in ["/said/%ff?how=&loud", "/said/a?how=%&loud", "/said/é"] {
        assert_eq!(app.get(target).status, 400, "{target}");
    }
}

#[test]
fn what_meets_a_conflict_is_run_again_and_takes_effect_once() {
    let app = app();
    app.conflict("clerk");
    assert_eq!(app.request("POST", "/notes", &[], b"").body, json!(1));
    assert_eq!(app.request("POST", "/notes", &[], b"").body, json!(2));
}

mod guestbook {
    use super::*;
    use crate::invocation::{identity, require_identity};

    crate::events! {
        /// Somebody has signed.
        pub Signed: Bell,
        /// A page is to be turned.
        pub PageDue: Bell,
    }

    const SIGNERS: Table<u64, String> = Table::new("signers");

    fn sign() -> Answer {
        let signer = require_identity()?;
        if !signer.has_scope("sign") {
            return Err(Problem::new(403, "This needs the scope `sign`."));
        }
        let room: Option<u64> = signer.claim("room")?;
        emit::<Signed>(&Bell {
            id: room.unwrap_or_default(),
        })?;
        emit_after::<PageDue>(1_000, &Bell { id: 8 })?;
        Response::created("/", &signer.subject)
    }

    fn note(bell: Bell) -> Outcome {
        let signer = identity().map(|signer| signer.subject);
        Ok(SIGNERS.put(bell.id, &signer.unwrap_or_default())?)
    }

    fn show(Path(id): Path<u64>) -> Answer {
        Response::ok(&SIGNERS.find(id)?)
    }

    crate::context! {
        summary: "Who was here.",
        tables: [SIGNERS],
        routes: { POST "/signatures" => sign, GET "/signatures/{id}" => show },
        publishes: [Signed, PageDue],
        follows: { "guestbook": Signed | PageDue => note },
    }
}

#[test]
fn who_has_signed_in_is_behind_what_comes_of_it() {
    let app = TestApp::new().with::<guestbook::Component>("guestbook");
    assert_eq!(app.post("/signatures", json!({})).status, 401);
    app.sign_in(Identity::of("alice"));
    assert_eq!(app.post("/signatures", json!({})).status, 403);
    let alice = Identity::of("alice").with_scope("sign");
    app.sign_in(alice.with_claim("room", &json!(7)));
    assert_eq!(app.post("/signatures", json!({})).body, json!("alice"));
    // Nobody who comes later is taken for her.
    app.sign_in(Identity::of("bob"));
    app.settle();
    app.advance(std::time::Duration::from_secs(1));
    for id in [7, 8] {
        assert_eq!(app.get(&format!("/signatures/{id}")).body, json!("alice"));
    }
    // What comes from outside is nobody's.
    app.publish("guestbook", "Signed", "9", json!({"id": 9}));
    app.settle();
    assert_eq!(app.get("/signatures/9").body, json!(""));
    let test = TestContext::<guestbook::Component>::new();
    test.sign_in(Identity::of("carol").with_claim("room", &json!("seven")));
    let delivered = test.deliver("guestbook", "Signed", "1", json!({"id": 1}));
    assert!(delivered.is_ok(), "{delivered:?}");
    assert_eq!(test.get("/signatures/1").body, json!("carol"));
}
