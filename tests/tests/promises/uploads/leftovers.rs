//! What is refused, or was only tried, leaves nothing on disk.

use std::collections::BTreeSet;
use std::path::Path;

use innkeeper_tests::{Opening, TestHost, artifacts, eventually, in_a_mood};

use super::idler;

/// The files below a directory, as they are named from there.
fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            match entry.path() {
                path if path.is_dir() => left.push(path),
                path => {
                    found.insert(path.display().to_string());
                }
            }
        }
    }
    found
}

/// What it keeps of components, and of what they were compiled to.
fn kept(host: &TestHost) -> BTreeSet<String> {
    let mut kept = files(&host.data().join("components"));
    kept.extend(files(&host.data().join("artifacts")));
    kept
}

#[tokio::test]
async fn what_is_tried_or_refused_leaves_nothing() {
    let settings = idler().await;
    let host = Opening::new(settings).own_artifacts().open().await;
    let before = kept(&host);
    assert_eq!(before.len(), 2, "{before:?}");
    let moody = std::fs::read(&artifacts::components().await["room-moody"]).unwrap();
    for number in 0..4 {
        let edition = artifacts::edited("idler", &format!("tried {number}")).await;
        let reply = host.operators().deploy("idler", edition, "dry-run=true");
        reply.await.expect(200);
        let name = format!("refused {number}");
        // Each is refused at another gate: when it is asked, when it is compared, when it has been compiled.
        let refused = match number {
            0 => artifacts::with_section(in_a_mood(moody.clone(), "describe-traps"), &name),
            1 => artifacts::with_section(in_a_mood(moody.clone(), "event-is-misspelt"), &name),
            2 => artifacts::with_section(in_a_mood(moody.clone(), "ready-says-no"), &name),
            _ => artifacts::with_section(b"\0asm\x0d\0\x01\0".to_vec(), &name),
        };
        for how in ["dry-run=true", ""] {
            let reply = host.operators().deploy("idler", refused.clone(), how).await;
            reply.expect_problem(422);
        }
    }
    eventually("nothing is left of them", async || {
        let left: Vec<_> = kept(&host).difference(&before).cloned().collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("{left:?}")),
        }
    })
    .await;
    assert_eq!(kept(&host), before, "and what serves is there");
    // What it was is told all the same.
    let versions = host.operators().versions("idler").await;
    assert_eq!(versions.len(), 5, "{versions:?}");
}

#[tokio::test]
async fn what_is_tried_and_serves_stays() {
    let mut host = Opening::new(idler().await).own_artifacts().open().await;
    let edition = artifacts::edited("idler", "serves").await;
    let operators = host.operators();
    operators
        .deploy("idler", edition.clone(), "dry-run=true")
        .await
        .expect(200);
    operators
        .deploy("idler", edition.clone(), "")
        .await
        .expect(201);
    operators
        .deploy("idler", edition.clone(), "dry-run=true")
        .await
        .expect(200);
    let digest = artifacts::digest(&edition);
    host.close().await;
    host.reopen().await;
    assert_eq!(host.operators().serving("idler").await, digest);
}

/// What one context only tries, another one brings at the same time: what the register says is stored is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_context_tries_and_another_brings_stays() {
    let settings = idler().await.with("other", "idler").await;
    let mut host = Opening::new(settings).own_artifacts().open().await;
    for round in 0..12 {
        let edition = artifacts::edited("idler", &format!("both {round}")).await;
        let operators = host.operators();
        let (tried, brought) = tokio::join!(
            operators.deploy("idler", edition.clone(), "dry-run=true"),
            operators.deploy("other", edition.clone(), ""),
        );
        tried.expect(200);
        brought.expect(201);
    }
    // First what is there, then what is said: what is old may be forgotten at any time, and is then said to be before its bytes go.
    let kept = kept(&host);
    let versions = host.operators().versions("other").await;
    let serving = host.operators().serving("other").await;
    host.close().await;
    let mut stored = 0;
    for version in versions.iter().filter(|version| version["stored"] == true) {
        let digest = version["digest"].as_str().expect("a digest");
        let is_there = kept
            .iter()
            .any(|file| file.ends_with(&format!("{digest}.wasm")));
        assert!(is_there, "{version}: {kept:?}");
        stored += 1;
    }
    assert!(stored >= 5, "{versions:?}");
    host.reopen().await;
    assert_eq!(host.operators().serving("other").await, serving);
}
