//! What a component exports by a bare name is nobody's to call, and harms nobody.

use innkeeper_tests::{Inn, artifacts};

/// A component that also exports each of its first instances by a bare name, as toolchains of JavaScript export `exports#init`.
fn with_bare_exports(mut component: Vec<u8>, count: u8) -> Vec<u8> {
    const EXPORTS: u8 = 11;
    const INSTANCE: u8 = 5;
    for number in 0..count {
        let name = format!("exports{number}");
        // A plain name, the instance's place, and no other type than it has.
        let mut section = vec![1, 0, name.len() as u8];
        section.extend(name.bytes());
        section.extend([INSTANCE, number, 0]);
        component.extend([EXPORTS, section.len() as u8]);
        component.extend(section);
    }
    component
}

#[tokio::test]
async fn what_is_exported_by_a_bare_name_is_let_pass() {
    let inn = Inn::open().await;
    let room = artifacts::edited("room", "bare").await;
    // Among them are the contract's `state` and `outbox`, whose functions no other context could call.
    let reply = inn
        .operators()
        .deploy("room", with_bare_exports(room, 4), "");
    reply.await.expect(201);
    let room = inn.stay().room("as before").await;
    assert!(room.to_string().contains("as before"), "{room}");
    // A function that is one of a package's interface is held to what callers need.
    let text = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $exports (export "init" (func $f)))
        (export "NAME" (instance $exports)))"#;
    for (name, said) in [
        ("exports", "does not export `innkeeper:context/describe"),
        ("stay:room/exports", "must return `result<T, E>`"),
    ] {
        let component = wat::parse_str(text.replace("NAME", name)).expect("it is text");
        let reply = inn.operators().deploy("room", component, "dry-run=true");
        let reply = reply.await.expect_problem(422);
        assert!(reply.text.contains(said), "{}", reply.text);
    }
}
