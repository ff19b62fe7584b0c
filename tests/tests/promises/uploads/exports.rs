//! What a component exports by a bare name is nobody's to call, and harms nobody.

use innkeeper_tests::{TestHost, artifacts};

use super::idler;

/// A component that also exports one of its instances by a bare name, as toolchains of JavaScript export `exports#init`: the last one, whose functions it makes itself.
fn with_bare_export(component: &[u8]) -> Vec<u8> {
    const EXPORTS: u8 = 11;
    const INSTANCE: u8 = 5;
    const NAME: &[u8] = b"exports";
    let engine = wasmtime::Engine::default();
    let exporting = |number: u8| {
        // A plain name, the instance's place, and no other type than it has.
        let mut section = vec![1, 0, NAME.len() as u8];
        section.extend(NAME);
        section.extend([INSTANCE, number, 0]);
        let mut component = component.to_vec();
        component.extend([EXPORTS, section.len() as u8]);
        component.extend(section);
        component
    };
    let is_valid = |bytes: &Vec<u8>| wasmtime::component::Component::new(&engine, bytes).is_ok();
    let mut candidates = (0..100).rev().map(exporting);
    candidates.find(is_valid).expect("it has an instance")
}

#[tokio::test]
async fn what_is_exported_by_a_bare_name_is_let_pass() {
    let host = TestHost::with(idler().await).await;
    let edition = artifacts::edited("idler", "bare").await;
    // It is of the contract, so its functions are none that another context could call.
    let reply = host
        .operators()
        .deploy("idler", with_bare_export(&edition), "");
    reply.await.expect(201);
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
        let reply = host.operators().deploy("idler", component, "dry-run=true");
        let reply = reply.await.expect_problem(422);
        assert!(reply.text.contains(said), "{}", reply.text);
    }
}
