//! A signature travels beside its component, and is found again for whom it is.

use innkeeper_tests::registry::Registry;
use innkeeper_tests::{TestHost, artifacts, http_client};

use super::{Author, one_line};
use crate::signatures::{Signer, strict};

#[tokio::test]
async fn what_is_pushed_is_what_is_deployed_by_digest_and_by_tag() {
    let (registry, author) = (Registry::start().await, Author::new());
    let host = TestHost::open().await;
    let bytes = artifacts::edited("room", "from a registry").await;
    let pinned = author.push(&bytes, &registry.reference("inn/room:1")).await;
    let (tagged, digest) = pinned.split_once('@').expect("a digest");
    assert_eq!(tagged, registry.reference("inn/room:1"));
    assert!(digest.starts_with("sha256:"), "{pinned}");
    // The same again is the same.
    assert_eq!(author.push(&bytes, tagged).await, pinned);
    let by_digest = registry.reference(&format!("inn/room@{digest}"));
    let said = author.deploy(&host, "room", &by_digest).await;
    assert!(said.is_well, "{said:?}");
    assert!(said.err.contains(digest), "{said:?}");
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    // A tag is what it is now.
    let newer = artifacts::edited("room", "from a registry, too").await;
    author.push(&newer, tagged).await;
    let said = author.deploy(&host, "room", tagged).await;
    assert!(said.is_well, "{said:?}");
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&newer)
    );
    // And a digest is what it was.
    let file = author.path("pulled.wasm");
    let said = author.command(&["pull", &pinned, &file]).await;
    assert!(said.is_well && said.out.trim() == pinned, "{said:?}");
    assert_eq!(std::fs::read(&file).expect("it was written"), bytes);
}

#[tokio::test]
async fn a_signature_is_found_for_the_context_that_it_is_for() {
    let (registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let host = TestHost::with(strict(&signer).await).await;
    let bytes = artifacts::edited("room", "signed in a registry").await;
    let reference = registry.reference("inn/room:1");
    let good = signer.sign("room", &bytes);
    let pinned = author
        .push_signed(&bytes, &reference, Some(("room", &good)))
        .await;
    // Newer ones for others stand beside it, and not in its way.
    let others = signer.sign("message", &bytes);
    author
        .push_signed(&bytes, &reference, Some(("message", &others)))
        .await;
    let (file, signature) = (author.path("pushed.wasm"), author.path("given.sig"));
    let whom = [
        "--signature",
        &signature,
        "--context",
        "room",
        "--app-name",
        "inn",
    ];
    let arguments = [&["push", &file, &reference], &whom[..]].concat();
    let said = author.command(&arguments).await;
    assert!(said.is_well, "{said:?}");
    // Which app it is the host says, where no manifest is at hand.
    let said = author.deploy(&host, "room", &pinned).await;
    assert!(said.is_well, "{said:?}");
    let versions = host.operators().versions("room").await;
    assert_eq!(versions[0]["signer"], "desk");
    // Fetched to a file, it is beside that.
    assert_eq!(author.pulled_signature(&pinned).await, good);
}

#[tokio::test]
async fn what_nobody_trusted_has_signed_does_not_come_to_serve() {
    let (registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let host = TestHost::with(strict(&signer).await).await;
    let shipped = host.operators().serving("room").await;
    let bytes = artifacts::edited("room", "by whom?").await;
    let unsigned = author.push(&bytes, &registry.reference("inn/room:1")).await;
    let said = author.deploy(&host, "room", &unsigned).await;
    one_line(&said, &["signature", "not signed"]);
    let stranger = Signer::new().sign("room", &bytes);
    let reference = registry.reference("inn/room:2");
    let signed = author
        .push_signed(&bytes, &reference, Some(("room", &stranger)))
        .await;
    let said = author.deploy(&host, "room", &signed).await;
    one_line(&said, &["signature", "by a known key"]);
    assert_eq!(host.operators().serving("room").await, shipped);
}

#[tokio::test]
async fn a_signature_is_pushed_for_somebody_and_only_where_it_is_good() {
    let (registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let bytes = artifacts::edited("room", "for somebody").await;
    let file = author.write("room.wasm", &bytes);
    let reference = registry.reference("inn/room:1");
    let push = ["push", &file, &reference, "--context", "room"];
    author.write("room.wasm.sig", signer.sign("room", &bytes).as_bytes());
    // Of whom is not said, and there is no manifest that says it.
    for arguments in [&push[..3], &push[..]] {
        let said = author.command(arguments).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("--context"), "{said:?}");
    }
    let manifest = format!(
        "[app]\nname = 'stay'\n[rollout.keys]\ndesk = '{}'\n[registry.'{}']\nplain_http = true\n",
        signer.public,
        registry.host()
    );
    let knowing = Author::with_manifest(&manifest);
    let said = knowing.command(&push).await;
    assert!(said.is_well, "{said:?}");
    // The file has changed since it was signed.
    let newer = artifacts::edited("room", "for somebody else").await;
    author.write("room.wasm", &newer);
    one_line(&knowing.command(&push).await, &["by a known key (desk)"]);
    let push = [&push[..], &["--app-name", "stay"]].concat();
    let said = author.command(&push).await;
    assert!(said.is_well, "{said:?}");
    assert!(
        said.err.contains("older than the component's file"),
        "{said:?}"
    );
}

/// Says that what is under a tag is what Spin would have stored, under another one.
async fn store_as_spin_does(registry: &Registry, repository: &str, tag: &str, other: &str) {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let place = |tag: &str| format!("http://{}/v2/{repository}/manifests/{tag}", registry.host());
    let client = http_client().build().expect("a client");
    let found = client
        .get(place(tag))
        .header("accept", MANIFEST)
        .send()
        .await;
    let found = found.expect("it answers").text().await.expect("a manifest");
    let spins = found
        .replace(
            "application/wasm",
            "application/vnd.wasm.content.layer.v1+wasm",
        )
        .replace(
            "application/vnd.wasm.config.v0+json",
            "application/vnd.fermyon.spin.application.v1+config",
        );
    assert_ne!(spins, found);
    let storing = client
        .put(place(other))
        .header("content-type", MANIFEST)
        .body(spins);
    let stored = storing.send().await.expect("it answers");
    assert_eq!(stored.status(), 201);
}

#[tokio::test]
async fn what_spin_has_stored_is_taken_too() {
    let (registry, author) = (Registry::start().await, Author::new());
    let bytes = artifacts::edited("room", "by Spin").await;
    author.push(&bytes, &registry.reference("inn/room:1")).await;
    store_as_spin_does(&registry, "inn/room", "1", "spin").await;
    let file = author.path("room.wasm");
    let said = author
        .command(&["pull", &registry.reference("inn/room:spin"), &file])
        .await;
    assert!(said.is_well, "{said:?}");
    assert_eq!(std::fs::read(&file).expect("it was written"), bytes);
}
