//! Components that the manifest names in a registry.

use innkeeper_tests::registry::Registry;
use innkeeper_tests::{Settings, TestHost, artifacts, command, eventually};
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
async fn a_host_starts_with_a_backup_where_no_registry_answers() {
    let (mut registry, author) = (Registry::start().await, Author::new());
    let bytes = artifacts::edited("room", "in a backup").await;
    let reference = registry.reference("inn/room:1");
    author.push(&bytes, &reference).await;
    let settings = with_room_at(Settings::of_the_app().await, &registry, &reference);
    let mut host = TestHost::with(settings).await;
    let backup = host.home().join("backup");
    let directory = backup.to_str().expect("paths are UTF-8");
    let address = host.operators().client().base().to_owned();
    let token = "only-for-tests-0123456789abcdef";
    let arguments = [
        "backup",
        directory,
        "--admin",
        &address,
        "--admin-token",
        token,
    ];
    let said = command(&arguments).await;
    assert!(said.is_well, "{said:?}");
    registry.kill_9();
    host.close().await;
    std::fs::remove_dir_all(host.data()).expect("there are data");
    std::fs::rename(&backup, host.data()).expect("there is a backup");
    host.reopen().await;
    let serving = host.operators().serving("room").await;
    assert_eq!(serving, artifacts::digest(&bytes));
    let room = host.operators().context("room").await;
    assert!(room["notices"].is_null(), "{room}");
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
async fn what_could_not_be_fetched_at_the_start_is_tried_again_and_serves_when_it_has_come() {
    let (mut registry, author) = (Registry::start().await, Author::new());
    let bytes = artifacts::edited("idler", "late").await;
    let reference = registry.reference("inn/idler:1");
    author.push(&bytes, &reference).await;
    registry.kill_9();
    let mut host = TestHost::open().await;
    host.close().await;
    let settings = host.settings().registry(&registry.host(), plain());
    host.rewrite(settings.component_at("idler", &reference));
    host.try_reopen(&[]).await.expect("it starts");
    let address = host.operators().client().base().to_owned();
    let said = command(&["status", "idler", "--admin", &address]).await;
    let (reason, next) = ("cannot be reached", "it is tried again within");
    assert!(
        said.out.contains(reason) && said.out.contains(next),
        "{said:?}"
    );
    registry.restart().await;
    let digest = artifacts::digest(&bytes);
    eventually("it serves", async || {
        let idler = host.operators().context("idler").await;
        match idler["version"]["digest"] == digest.as_str() {
            true => Ok(()),
            false => Err(idler.to_string()),
        }
    })
    .await;
    let idler = host.operators().context("idler").await;
    assert!(idler["notices"].is_null(), "{idler}");
    // It is what the manifest names: the next start has nothing to bring.
    host.close().await;
    registry.kill_9();
    host.try_reopen(&[]).await.expect("it starts");
    assert_eq!(host.operators().serving("idler").await, digest);
}

#[tokio::test]
async fn a_tag_is_no_word_of_the_manifest_where_signatures_are_asked_for() {
    let (registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let bytes = artifacts::edited("room", "under a tag").await;
    let reference = registry.reference("inn/room:1");
    let pinned = author.push(&bytes, &reference).await;
    let mut host = TestHost::with(strict(&signer).await).await;
    let shipped = host.operators().serving("room").await;
    let settings = with_room_at(host.settings(), &registry, &reference);
    host.close().await;
    host.rewrite(settings.clone());
    host.try_reopen(&[]).await.expect("it starts");
    let notices = host.operators().context("room").await["notices"].to_string();
    assert!(notices.contains("not signed"), "{notices}");
    // What the manifest named itself before serves on.
    assert_eq!(host.operators().serving("room").await, shipped);
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

#[tokio::test]
async fn what_a_digest_names_serves_on_without_a_signature_when_its_copy_is_lost_and_nobody_answers()
 {
    let (mut registry, author, signer) = (Registry::start().await, Author::new(), Signer::new());
    let bytes = artifacts::edited("room", "pinned and served").await;
    let pinned = author.push(&bytes, &registry.reference("inn/room:1")).await;
    let newer = artifacts::edited("room", "never fetched").await;
    let never = author.push(&newer, &registry.reference("inn/room:2")).await;
    let settings = strict(&signer).await;
    let mut host = TestHost::with(with_room_at(settings.clone(), &registry, &pinned)).await;
    let served = artifacts::digest(&bytes);
    assert_eq!(host.operators().serving("room").await, served);
    host.close().await;
    registry.kill_9();
    std::fs::remove_dir_all(host.data().join("registry")).expect("there are copies");
    host.try_reopen(&[]).await.expect("it starts");
    assert_eq!(host.operators().serving("room").await, served);
    // The manifest names another one that cannot be fetched.
    host.close().await;
    host.rewrite(with_room_at(settings, &registry, &never));
    host.try_reopen(&[]).await.expect("it starts");
    assert_eq!(host.operators().serving("room").await, served);
    let notices = host.operators().context("room").await["notices"].to_string();
    assert!(notices.contains("cannot be reached"), "{notices}");
    // When it can, it serves, and what was before is the manifest's word no more.
    registry.restart().await;
    host.close().await;
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&newer)
    );
    let back = host.operators().rollback("room").await;
    assert_eq!(back.expect_problem(422).body["gate"], "signature");
}

#[tokio::test]
async fn a_copy_that_is_damaged_is_fetched_again_as_it_was_wherever_the_tag_is_now() {
    let (registry, author) = (Registry::start().await, Author::new());
    let bytes = artifacts::edited("room", "as it was").await;
    let reference = registry.reference("inn/room:1");
    author.push(&bytes, &reference).await;
    let settings = with_room_at(Settings::of_the_app().await, &registry, &reference);
    let mut host = TestHost::with(settings).await;
    let newer = artifacts::edited("room", "where the tag is now").await;
    author.push(&newer, &reference).await;
    host.close().await;
    let copy = host.data().join("registry/room.wasm");
    std::fs::write(&copy, "damaged").expect("it can be written");
    host.reopen().await;
    assert_eq!(
        host.operators().serving("room").await,
        artifacts::digest(&bytes)
    );
    assert_eq!(std::fs::read(&copy).expect("it is there"), bytes);
}

#[tokio::test]
async fn a_signature_that_is_not_good_any_more_is_looked_for_again() {
    let (registry, author) = (Registry::start().await, Author::new());
    let (old, new) = (Signer::new(), Signer::new());
    let bytes = artifacts::edited("room", "signed twice").await;
    let reference = registry.reference("inn/room:1");
    author
        .push_signed(
            &bytes,
            &reference,
            Some(("room", &old.sign("room", &bytes))),
        )
        .await;
    let settings = with_room_at(strict(&old).await, &registry, &reference);
    let mut host = TestHost::with(settings.clone()).await;
    let served = artifacts::digest(&bytes);
    assert_eq!(host.operators().serving("room").await, served);
    host.close().await;
    author
        .push_signed(
            &bytes,
            &reference,
            Some(("room", &new.sign("room", &bytes))),
        )
        .await;
    let settings = settings
        .set("rollout.keys.desk", new.public.as_str())
        .set("rollout.revoked_keys.lost", old.public.as_str());
    host.reopen_with(settings).await;
    assert_eq!(host.operators().serving("room").await, served);
}
