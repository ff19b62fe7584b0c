//! What is wrong with a registry, or in it.

use std::net::TcpListener;

use innkeeper_tests::registry::{Registry, Starting};
use innkeeper_tests::{Authority, TestHost, artifacts};

use super::{Author, one_line};

/// A digest that nothing has.
const NOTHING: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000ff";

#[tokio::test]
async fn what_is_tampered_with_missing_or_not_reached_is_one_line_and_the_old_version_serves() {
    let (mut registry, author) = (Registry::start().await, Author::new());
    let host = TestHost::open().await;
    let shipped = host.operators().serving("room").await;
    let bytes = artifacts::edited("room", "tampered with").await;
    let pinned = author.push(&bytes, &registry.reference("inn/room:1")).await;
    let (_, manifest) = pinned.split_once("@sha256:").expect("a digest");

    let said = author
        .deploy(&host, "room", &registry.reference("inn/room:2"))
        .await;
    one_line(&said, &["has no inn/room:2"]);
    let wrong = registry.reference(&format!("inn/room@{NOTHING}"));
    one_line(
        &author.deploy(&host, "room", &wrong).await,
        &["has no", NOTHING],
    );

    // As long as the old one, so that nothing but its digest tells.
    let mut tampered = bytes.clone();
    *tampered.last_mut().expect("it has bytes") ^= 1;
    let layer = registry.file_of(&artifacts::digest(&bytes));
    std::fs::write(&layer, &tampered).expect("it can be written");
    let said = author.deploy(&host, "room", &pinned).await;
    one_line(
        &said,
        &["something else than the component", "nothing of it is used"],
    );
    std::fs::write(&layer, &bytes[..100]).expect("it can be written");
    let said = author.deploy(&host, "room", &pinned).await;
    one_line(&said, &["something else than the component"]);
    std::fs::write(&layer, &bytes).expect("it can be written");
    let file = registry.file_of(manifest);
    let text = std::fs::read_to_string(&file).expect("it can be read");
    std::fs::write(
        &file,
        text.replace("room", "moor").replace("pushed", "dehsup"),
    )
    .expect("it can be written");
    let said = author.deploy(&host, "room", &pinned).await;
    one_line(&said, &["something else than the manifest"]);
    let nowhere = author.path("nowhere.wasm");
    one_line(
        &author.command(&["pull", &pinned, &nowhere]).await,
        &["the manifest"],
    );
    assert!(!std::path::Path::new(&nowhere).exists());

    registry.kill_9();
    let said = author.deploy(&host, "room", &pinned).await;
    one_line(&said, &[&registry.host(), "cannot be reached"]);
    let said = author
        .command(&[
            "push",
            &author.path("pushed.wasm"),
            &registry.reference("a:1"),
        ])
        .await;
    one_line(&said, &[&registry.host(), "cannot be reached"]);
    assert_eq!(host.operators().serving("room").await, shipped);
}

#[tokio::test]
async fn what_is_not_a_component_is_not_taken_for_one() {
    let (registry, author) = (Registry::start().await, Author::new());
    let text = author.write("text.wasm", b"no component");
    let said = author
        .command(&["push", &text, &registry.reference("inn/text:1")])
        .await;
    one_line(&said, &["text.wasm", "not a component"]);
    for wrong in ["inn/room@", "inn/room:1@"] {
        let reference = registry.reference(&format!("{wrong}{NOTHING}"));
        let said = author.command(&["push", &text, &reference]).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("write a tag and no digest"), "{said:?}");
    }
    let said = author
        .command(&["pull", &registry.reference("inn/room")])
        .await;
    assert!(
        said.code == Some(2) && said.err.contains("write a tag"),
        "{said:?}"
    );
    // What is larger than the host takes is not even fetched.
    let bytes = artifacts::edited("room", "large").await;
    let pinned = author.push(&bytes, &registry.reference("inn/room:1")).await;
    let manifest = format!(
        "[rollout]\nmax_size = 1000\n[registry.'{}']\nplain_http = true\n",
        registry.host()
    );
    let careful = Author::with_manifest(&manifest);
    let said = careful.command(&["pull", &pinned]).await;
    one_line(&said, &["1000 are allowed", "rollout.max_size"]);
}

#[tokio::test]
async fn who_speaks_otherwise_is_told_so() {
    let bytes = artifacts::edited("room", "over TLS").await;
    let plain = Registry::start().await;
    let mut author = Author::new();
    let pinned = author.push(&bytes, &plain.reference("inn/room:1")).await;
    // Nobody speaks plain HTTP unless that is said.
    author.flags.clear();
    let said = author.command(&["pull", &pinned]).await;
    one_line(&said, &["no TLS", "plain_http"]);

    let authority = Authority::new("for a registry");
    let secret = Starting::default().over_tls(&authority).start().await;
    let reference = secret.reference("inn/room:1");
    let file = author.write("room.wasm", &bytes);
    let said = author.command(&["push", &file, &reference]).await;
    one_line(&said, &["no TLS", "ca_file"]);
    let manifest = format!(
        "[registry.'{}']\nca_file = '{}'\n",
        secret.host(),
        authority.file().display()
    );
    let knowing = Author::with_manifest(&manifest);
    let pinned = knowing.push(&bytes, &reference).await;
    let pulled = knowing.path("pulled.wasm");
    let said = knowing.command(&["pull", &pinned, &pulled]).await;
    assert!(said.is_well, "{said:?}");
    assert_eq!(std::fs::read(&pulled).expect("it was written"), bytes);
}

#[tokio::test]
async fn a_registry_that_says_nothing_is_not_waited_for_without_end() {
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let host = silent.local_addr().expect("an address").to_string();
    let author = Author::new();
    let said = author
        .command(&["pull", &format!("oci://{host}/inn/room:1")])
        .await;
    one_line(&said, &[&host, "did not answer within"]);
}
