//! Components that the manifest names in a registry.

use innkeeper_tests::registry::Registry;
use innkeeper_tests::{Settings, TestHost, artifacts};
use toml::{Table, Value};

use super::Author;
use crate::signatures::{Signer, strict};

/// Plain HTTP.
fn plain() -> Table {
    Table::from_iter([("plain_http".to_owned(), Value::from(true))])
}

fn with_room_at(settings: Settings, registry: &Registry, reference: &str) -> Settings {
    settings
        .registry(&registry.host(), plain())
        .component_at("room", reference)
}

#[tokio::test]
async fn what_the_manifest_names_in_a_registry_serves_also_when_that_is_down_and_stays_what_it_was()
{
    let (mut registry, author) = (Registry::start().await, Author::new());
    let bytes = artifacts::edited("room", "named by the manifest").await;
    let reference = registry.reference("inn/room:1");
    let pinned = author.push(&bytes, &reference).await;
    let (_, digest) = pinned.split_once('@').expect("a digest");
    let settings = with_room_at(Settings::of_the_app().await, &registry, &reference);
    let mut host = TestHost::with(settings.clone()).await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    assert!(
        !host.output().lines_with(digest).is_empty(),
        "it is told what the tag is"
    );

    // The tag moves, the host stays where it is.
    let newer = artifacts::edited("room", "under the same tag").await;
    let newer_pinned = author.push(&newer, &reference).await;
    host.kill_9();
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    registry.kill_9();
    host.kill_9();
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );

    // Another reference that nobody can fetch: what served before serves on, and it is told why.
    host.close().await;
    let (_, newer_digest) = newer_pinned.split_once('@').expect("a digest");
    let other = registry.reference(&format!("inn/room@{newer_digest}"));
    host.reopen_with(with_room_at(settings, &registry, &other))
        .await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    let notices = host.operators().context("room").await["notices"].to_string();
    assert!(
        notices.contains("cannot be reached") && notices.contains(&registry.host()),
        "{notices}"
    );
    host.close().await;
    registry.restart().await;
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&newer)
    );
}

#[tokio::test]
async fn a_context_whose_component_never_came_is_down_and_the_others_serve() {
    let mut registry = Registry::start().await;
    registry.kill_9();
    let reference = registry.reference("inn/idler:1");
    let mut host = TestHost::open().await;
    let room = host.operators().serving("room").await;
    host.close().await;
    let settings = host.settings().registry(&registry.host(), plain());
    host.rewrite(settings.component_at("idler", &reference));
    host.try_reopen(&[]).await.expect("it starts");
    let idler = host.operators().context("idler").await;
    assert!(
        idler["notices"].to_string().contains("cannot be reached"),
        "{idler}"
    );
    assert_eq!(host.operators().serving("room").await, room);
    // With --strict nothing starts then.
    host.close().await;
    let refused = host.try_reopen(&[("INNKEEPER_STRICT", "true")]).await;
    let said = refused.expect_err("it started");
    assert!(said.contains("cannot be reached"), "{said}");
}

#[tokio::test]
async fn a_tag_is_no_word_of_the_manifest_where_signatures_are_asked_for() {
    let (registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let bytes = artifacts::edited("room", "under a tag").await;
    let reference = registry.reference("inn/room:1");
    let pinned = author.push(&bytes, &reference).await;
    let mut host = TestHost::with(strict(&signer).await).await;
    let settings = with_room_at(host.settings(), &registry, &reference);
    host.close().await;
    host.rewrite(settings.clone());
    host.try_reopen(&[]).await.expect("it starts");
    let notices = host.operators().context("room").await["notices"].to_string();
    assert!(notices.contains("not signed"), "{notices}");
    assert_eq!(host.operators().serving("room").await, "");
    // A signature that comes later is found at the next start.
    let signature = signer.sign("room", &bytes);
    let signed = author
        .push_signed(&bytes, &reference, Some(("room", &signature)))
        .await;
    assert_eq!(signed, pinned);
    host.close().await;
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    // A digest is: nobody can put something else in its place.
    let other = artifacts::edited("room", "under a digest").await;
    let pinned = author.push(&other, &registry.reference("inn/room:2")).await;
    host.close().await;
    host.reopen_with(with_room_at(settings, &registry, &pinned))
        .await;
    let bytes = other;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
}
