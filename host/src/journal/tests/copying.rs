//! A copy that is made while the journals are written to is what they were at one instant.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Two contexts that are always changed one after the other, with the same number: at any instant the second is at most one behind.
#[test]
fn a_copy_is_of_one_instant() {
    let data = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SledStore::open(data.path(), 8 << 20).unwrap());
    let committer = Committer::start(store, Options::default()).unwrap();
    let [first, second] =
        ["first", "second"].map(|name| committer.open(name, Durability::Relaxed).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicBool::new(false));
    let writing = {
        let (first, second) = (first.clone(), second.clone());
        let (stop, begun) = (stop.clone(), begun.clone());
        runtime.spawn(async move {
            let mut number = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                let text = number.to_string();
                for ledger in [&first, &second] {
                    let mut writes = vec![
                        put("number", &text),
                        put(&format!("key {}", number % 50), &text.repeat(50)),
                        Write {
                            value: None,
                            ..put(&format!("key {}", (number + 25) % 50), "")
                        },
                    ];
                    if number.is_multiple_of(20) {
                        // It is made in steps.
                        let rows = 0..1_200;
                        writes.extend(rows.map(|row| put(&format!("rows/{row}"), &text)));
                    }
                    let mut unit = blind(ledger, &text, writes);
                    unit.events = vec![event(&text, &text)];
                    let drawn = ledger.next_sequence("numbers").unwrap();
                    ledger
                        .secure_sequences(&[("numbers".to_owned(), drawn)])
                        .unwrap();
                    ledger.commit(unit).await.unwrap();
                }
                begun.store(number > 500, Ordering::Relaxed);
            }
        })
    };
    while !begun.load(Ordering::Relaxed) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let mut writer = CopyWriter::create(target.path(), 8 << 20).unwrap();
    let mut largest = 0;
    copy(&committer, &mut |part| {
        match part {
            Part::Context { name, .. } => writer.context(&name)?,
            Part::Keys(keys) => {
                let bytes = keys
                    .iter()
                    .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
                largest = largest.max(bytes.sum::<usize>());
                writer.keys(keys)?;
            }
            Part::Ends(ends) => writer.ends(ends),
            other => panic!("{other:?}"),
        }
        Ok(())
    })
    .unwrap();
    // It still commits.
    let before = first.applied();
    let begun = std::time::Instant::now();
    while first.applied() < before + 100 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(writing).unwrap();
    writer.finish().unwrap();
    assert!(largest < 2 << 20, "parts are bounded: {largest}");

    for verified in verify(target.path(), 8 << 20, &mut |_, _| {}).unwrap() {
        assert!(verified.findings.is_empty(), "{verified:?}");
        assert!(verified.newest >= 500, "{verified:?}");
    }
    let copied = SledStore::open(target.path(), 8 << 20).unwrap();
    let number = |name: &str| {
        let journal = copied.open(name).unwrap();
        let value = journal.get(STATE, b"number").unwrap().unwrap();
        let number: u64 = String::from_utf8(value).unwrap().parse().unwrap();
        assert_eq!(number, journal.newest().unwrap().position);
        assert!(journal.sequence("numbers").unwrap() + 1 >= number);
        number
    };
    let (first, second) = (number("first"), number("second"));
    assert!(
        first == second || first == second + 1,
        "{first} and {second}"
    );
}

#[test]
fn a_copy_that_is_not_whole_is_none() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = CopyWriter::create(data.path(), 8 << 20).unwrap();
    writer.context("room").unwrap();
    assert!(writer.finish().is_err());
    let error = SledStore::open(data.path(), 8 << 20).err().unwrap();
    assert!(error.to_string().contains("watermark"), "{error}");
}
