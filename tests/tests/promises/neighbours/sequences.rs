//! Sequences: what a failed request drew leaves nothing but a gap, names are few, and a number costs the same however many there are.

use std::path::Path;
use std::time::{Duration, Instant};

use innkeeper_tests::{Opening, TestHost};

use super::{does, neighbour_works, settings, used};

/// The bytes of the files in a directory.
fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[tokio::test]
async fn what_failing_requests_draw_leaves_nothing_on_disk() {
    let host = TestHost::with(settings().await).await;
    does(&host, "numbers/1").await.expect(200);
    let journal = host.data().join("journal");
    let (before, commits) = (size(&journal), used(&host, "hostile", "commits").await);
    for round in 0..60 {
        let trick = format!("sequences/{}/100", round * 100);
        does(&host, &trick).await.expect(409);
    }
    does(&host, "lost-numbers/50000").await.expect(409);
    let grown = size(&journal).saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes");
    assert_eq!(used(&host, "hostile", "commits").await, commits);
    // Its own, and no other.
    assert_eq!(used(&host, "hostile", "sequences").await, 1);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn names_are_few_and_those_that_are_there_go_on() {
    let settings = settings().await.set("context.hostile.quota.sequences", 20);
    let mut host = TestHost::with(settings).await;
    does(&host, "kept-sequences/0/15").await.expect(204);
    // There is room for some of them: none is kept.
    does(&host, "kept-sequences/10/11")
        .await
        .expect_problem(507);
    assert_eq!(used(&host, "hostile", "sequences").await, 15);
    does(&host, "kept-sequences/0/20").await.expect(204);
    // Neither more names, nor more of them at once.
    for trick in ["kept-sequences/20/1", "sequences/20/1", "numbers/1"] {
        let reply = does(&host, trick).await.expect_problem(507);
        assert_eq!(reply.body["type"], "urn:innkeeper:problem:quota-exceeded");
    }
    does(&host, "kept-sequences/0/20").await.expect(204);
    host.kill_9();
    host.reopen().await;
    assert_eq!(used(&host, "hostile", "sequences").await, 20);
    does(&host, "kept-sequences/0/20").await.expect(204);
    does(&host, "kept-sequences/20/1").await.expect_problem(507);
    neighbour_works(&host).await;
}

#[tokio::test]
async fn a_number_that_was_kept_never_comes_again_whatever_fails() {
    let mut host = TestHost::with(settings().await).await;
    let mut newest = 0;
    for round in 0..40_u32 {
        let count = 1 + round * 7 % 90;
        if round % 3 == 0 {
            let lost = format!("lost-numbers/{}", count * 3);
            does(&host, &lost).await.expect(409);
        }
        let kept = does(&host, &format!("numbers/{count}")).await.expect(200);
        let number = kept.body.as_u64().expect("a number");
        assert!(
            number >= newest + u64::from(count),
            "{number} after {newest}"
        );
        newest = number;
        if round % 10 == 9 {
            host.kill_9();
            host.reopen().await;
        }
    }
}

#[tokio::test]
async fn drawing_costs_the_same_for_each_number() {
    let host = Opening::new(settings().await).alone().open().await;
    let takes = async |count: u32| {
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            does(&host, &format!("numbers/{count}")).await.expect(200);
            fastest = fastest.min(begun.elapsed());
        }
        fastest
    };
    let (few, many) = (takes(5_000).await, takes(50_000).await);
    eprintln!("5,000 numbers: {few:?}; 50,000: {many:?}");
    assert!(
        many < few * 30 + Duration::from_millis(100),
        "{few:?} grew to {many:?}"
    );
}
