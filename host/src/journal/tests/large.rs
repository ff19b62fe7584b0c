//! What a large commit costs others: readers wait while its batch is written, and whoever commits waits for all of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// The longest that a reader, and one who commits, have waited beside commits of so many keys of another context; and how long such a commit took.
async fn waits(keys: usize) -> [Duration; 3] {
    let (_data, store) = sled_store();
    let committer = Committer::start(store, Options::default()).unwrap();
    let small = committer.open("small", Durability::Relaxed).unwrap();
    let large = committer.open("large", Durability::Relaxed).unwrap();
    small
        .commit(blind(&small, "first", vec![put("rows/1", "one")]))
        .await
        .unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let reading = {
        let (small, is_over) = (small.clone(), is_over.clone());
        thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                small.get(STATE, b"rows/1").unwrap();
                longest = longest.max(begun.elapsed());
                thread::sleep(Duration::from_micros(100));
            }
            longest
        })
    };
    let committing = {
        let (small, is_over) = (small.clone(), is_over.clone());
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let unit = blind(&small, "small", vec![put("rows/1", "two")]);
                small.commit(unit).await.unwrap();
                longest = longest.max(begun.elapsed());
            }
            longest
        })
    };
    let mut took = Duration::ZERO;
    for round in 0..3 {
        let writes = (0..keys).map(|key| put(&format!("rows/{round}/{key:08}"), "some value"));
        let unit = blind(&large, "large", writes.collect());
        let begun = Instant::now();
        large.commit(unit).await.unwrap();
        took = took.max(begun.elapsed());
    }
    is_over.store(true, Ordering::Relaxed);
    [reading.join().unwrap(), committing.await.unwrap(), took]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measured() {
    for keys in [100, 1_000, 5_000, 20_000, 40_000] {
        eprintln!("{keys}: {:?}", waits(keys).await);
    }
}
