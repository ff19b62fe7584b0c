//! What a large commit costs others: whoever commits little waits for one of them, and not for all that wait.

use super::*;

/// Few of the largest commits that a context may make, handed over at once. Somebody else commits little, one after the other: between two of the large ones there is one
/// of the small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_commits_little_waits_for_one_of_them_and_not_for_all() {
    const LARGE: usize = 8;
    const KEYS: usize = 5_000;
    let (_data, store) = sled_store();
    let committer = Committer::start(store, Options::default()).unwrap();
    let small = committer.open("small", Durability::Flush).unwrap();
    let large = committer.open("large", Durability::Flush).unwrap();
    let committing = (0..LARGE).map(|round| {
        let writes = (0..KEYS).map(|key| put(&format!("rows/{round}/{key:08}"), "some value"));
        let (large, unit) = (large.clone(), blind(&large, "large", writes.collect()));
        tokio::spawn(async move { large.commit(unit).await.unwrap() })
    });
    let committing: Vec<_> = committing.collect();
    let mut between = 0;
    while !committing.iter().all(tokio::task::JoinHandle::is_finished) {
        let unit = blind(&small, "small", vec![put("rows/1", "one")]);
        small.commit(unit).await.unwrap();
        between += 1;
    }
    // The first may be under way before anybody else comes, and who has just been answered may be late for the next.
    assert!(between >= LARGE / 2, "{between} of {LARGE}");
}
