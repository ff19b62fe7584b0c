//! After a crash in the middle of a batch, or of a commit that is made in steps, the journal is as before it or as after it.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

/// How much of a page a disk may have written.
const SECTOR: usize = 512;

/// Copies a directory with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn commit(random: &mut StdRng, position: u64, writes: usize, length: usize) -> Commit {
    let mut write = |_| {
        let value = random.random_bool(0.8).then(|| {
            let byte = random.random();
            vec![byte; random.random_range(0..=length)]
        });
        let key = format!("key {}", random.random_range(0..500)).into_bytes();
        Write {
            space: STATE,
            key,
            value,
        }
    };
    let writes = (0..writes).map(&mut write).collect();
    let mut event = |index| {
        event(
            &format!("{position}.{index}"),
            &format!("room {}", random.random_range(0..40)),
        )
    };
    let events = (0..position % 3).map(&mut event).collect();
    Commit {
        position,
        header: header(&position.to_string()),
        writes,
        events,
    }
}

/// A journal's file before and after its last batch, and what the journal showed.
struct Images {
    rest: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
    shown_before: Picture,
    shown_after: Picture,
}

fn file(data: &Path) -> PathBuf {
    data.join("journal").join("db")
}

fn shown(data: &Path) -> Picture {
    let store = SledStore::open(data, 8 << 20).unwrap();
    picture(&*store.open("room").unwrap())
}

/// Appends batches until one is as wanted, by the lengths of the file before and after it.
fn images(
    data: &Path,
    commits: usize,
    length: usize,
    wanted: impl Fn(usize, usize) -> bool,
) -> Images {
    let append = |journal: &dyn Journal, random: &mut StdRng, next: u64| {
        let positions = next..next + commits as u64;
        let batch = positions.map(|position| commit(random, position, 5, length));
        let batch: Vec<_> = batch.collect();
        journal.append(&batch, journal.newest().unwrap()).unwrap();
    };
    images_of(data, append, wanted)
}

/// The same of what is appended in another way, behind what is there.
fn images_of(
    data: &Path,
    append: impl Fn(&dyn Journal, &mut StdRng, u64),
    wanted: impl Fn(usize, usize) -> bool,
) -> Images {
    let mut random = StdRng::seed_from_u64(7);
    let (live, rest) = (data.join("live"), data.join("rest"));
    let store = SledStore::open(&live, 8 << 20).unwrap();
    let journal = store.open("room").unwrap();
    let (mut after, mut shown_after) = (Vec::new(), picture(&*journal));
    loop {
        let (before, shown_before) = (after, shown_after);
        append(&*journal, &mut random, shown_before.last + 1);
        store.flush().unwrap();
        (after, shown_after) = (fs::read(file(&live)).unwrap(), picture(&*journal));
        if wanted(before.len(), after.len()) {
            copy(&live, &rest);
            return Images {
                rest,
                before,
                after,
                shown_before,
                shown_after,
            };
        }
    }
}

impl Images {
    /// Opens a journal whose file was caught between the two, and tells whether it shows the last batch.
    fn recover(&self, what: &str, image: &[u8]) -> bool {
        let data = tempfile::tempdir().unwrap();
        copy(&self.rest, data.path());
        fs::write(file(data.path()), image).unwrap();
        let shown = shown(data.path());
        let (before, after) = (shown == self.shown_before, shown == self.shown_after);
        assert!(
            before || after,
            "{what}: {} commits, of {} before and {} after",
            shown.last,
            self.shown_before.last,
            self.shown_after.last
        );
        after
    }

    fn differing(&self) -> Vec<usize> {
        let differs = |at: &usize| self.before.get(*at) != self.after.get(*at);
        (0..self.after.len()).filter(differs).collect()
    }

    /// Up to a byte as after the batch, from there as before.
    fn cut(&self, at: usize) -> Vec<u8> {
        let rest = self.before.get(at..).unwrap_or_default();
        [&self.after[..at], rest].concat()
    }

    /// The same, in a file that has got its new length.
    fn holed(&self, at: usize) -> Vec<u8> {
        let mut image = self.cut(at);
        image.resize(self.after.len(), 0);
        image
    }

    /// Some sectors as before and some as after.
    fn scattered(&self, random: &mut StdRng) -> Vec<u8> {
        let mut image = self.holed(self.before.len().min(self.after.len()));
        for (old, new) in image.chunks_mut(SECTOR).zip(self.after.chunks(SECTOR)) {
            if random.random() {
                old.copy_from_slice(new);
            }
        }
        image
    }

    fn check(&self, cuts: usize) {
        let differing = self.differing();
        let mut random = StdRng::seed_from_u64(11);
        assert!(self.recover("whole", &self.after));
        assert!(!self.recover("nothing", &self.before));
        for cut in 0..cuts {
            // Spread over the batch; the first and the last byte are among them.
            let at = differing[cut * (differing.len() - 1) / (cuts - 1)];
            self.recover(&format!("cut at {at}"), &self.cut(at));
            self.recover(&format!("holed at {at}"), &self.holed(at));
            self.recover("scattered", &self.scattered(&mut random));
        }
    }
}

#[test]
fn after_a_cut_in_a_small_batch() {
    let data = tempfile::tempdir().unwrap();
    images(data.path(), 4, 200, |before, _| before > 100_000).check(30);
}

#[test]
fn after_a_cut_in_a_batch_over_two_segments() {
    let data = tempfile::tempdir().unwrap();
    let over_two = |before, after| before < sled::SEGMENT && after > sled::SEGMENT;
    images(data.path(), 60, 8_000, over_two).check(6);
}

#[test]
fn after_a_cut_in_a_commit_that_is_made_in_steps() {
    let data = tempfile::tempdir().unwrap();
    let append = |journal: &dyn Journal, random: &mut StdRng, next: u64| {
        let large = commit(random, next, 700, 400);
        let newest = append_in_steps(journal, large, usize::MAX);
        assert_eq!(newest, Some(next));
    };
    images_of(data.path(), append, |before, _| before > 400_000).check(40);
}
