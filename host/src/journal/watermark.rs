//! The watermark: how far each journal of a data directory has come, kept outside of the engine. A journal that ends before its mark has lost something.
//!
//! It is written behind each flush, by a thread of its own: no commit waits for it. So it may lag, and never says more than what is on disk. It has two
//! slots. One is written as often as there is news, and seen by whoever opens the directory after this process was killed. About once a second it is
//! synced, and then the other slot is written on: what a machine that loses its power leaves of one is no harm, since the other one is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use super::Error;
use super::format::{FORMAT, Link};

/// Its directory in the data directory.
const DIRECTORY: &str = "watermark";
const SLOTS: [&str; 2] = ["0", "1"];
/// The least time between two writes.
const PACE: Duration = Duration::from_millis(5);
/// The most time that a write stays out of the disk.
const SYNC: Duration = Duration::from_secs(1);
const SEED: u64 = 0x7761_7465_726d_6172;

/// How far a journal has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// A commit that is on disk, as are those before it.
    pub newest: Link,
    /// Up to which commit the journal was found sound when it was opened.
    pub checked: u64,
}

/// The marks of a data directory, by context.
pub(super) type Marks = BTreeMap<String, Mark>;

/// What a data directory says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has no watermark.
    Nothing,
    /// It has one that cannot be read: one that was whole, or the beginning of the first.
    Damaged {
        was_whole: bool,
    },
    Marks(Marks),
}

#[derive(Serialize, Deserialize)]
struct Page {
    /// The higher one counts.
    count: u64,
    marks: Marks,
}

/// What a directory's watermark says.
pub(super) fn read(data: &Path) -> Result<Found, Error> {
    let directory = data.join(DIRECTORY);
    let mut newest: Option<Page> = None;
    let (mut is_damaged, mut was_whole) = (false, false);
    for slot in SLOTS {
        let bytes = match std::fs::read(directory.join(slot)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(|error| unusable(&directory, &error))?,
        };
        // The second one is written when the first one is on disk.
        was_whole |= slot == SLOTS[1] && !bytes.is_empty();
        match decode(&bytes)? {
            Some(page)
                if newest
                    .as_ref()
                    .is_none_or(|newest| newest.count < page.count) =>
            {
                newest = Some(page);
            }
            Some(_) => {}
            None => is_damaged = true,
        }
    }
    Ok(match (newest, is_damaged) {
        (Some(page), _) => Found::Marks(page.marks),
        (None, true) => Found::Damaged { was_whole },
        (None, false) => Found::Nothing,
    })
}

/// Puts a watermark in the place of whatever is there, on disk when this returns.
pub(super) fn write(data: &Path, marks: Marks) -> Result<(), Error> {
    Slots::open(data)?.begin(marks).map(drop)
}

fn encode(page: &Page) -> Result<Vec<u8>, Error> {
    let body = postcard::to_stdvec(page).map_err(|error| Error::Disk {
        reason: format!("the watermark cannot be encoded: {error}"),
    })?;
    let mut bytes = Vec::with_capacity(9 + body.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&checksum(FORMAT, &body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn checksum(format: u8, body: &[u8]) -> u64 {
    XxHash64::oneshot(SEED ^ u64::from(format), body)
}

/// The page that was encoded; none when it is not whole.
fn decode(bytes: &[u8]) -> Result<Option<Page>, Error> {
    let parts = || {
        let (format, rest) = bytes.split_first()?;
        let (checksum, body) = rest.split_first_chunk()?;
        let fits = self::checksum(*format, body) == u64::from_le_bytes(*checksum);
        fits.then_some((*format, body))
    };
    match parts() {
        Some((FORMAT, body)) => Ok(postcard::from_bytes(body).ok()),
        Some((found, _)) => Err(Error::Format {
            found,
            known: FORMAT,
        }),
        None => Ok(None),
    }
}

fn unusable(directory: &Path, error: &io::Error) -> Error {
    Error::Open {
        directory: directory.to_owned(),
        reason: error.to_string(),
    }
}

/// The two files.
struct Slots {
    directory: PathBuf,
    files: [File; 2],
    /// The one that is written; the other one is synced.
    current: usize,
    count: u64,
}

impl Slots {
    fn open(data: &Path) -> Result<Self, Error> {
        let directory = data.join(DIRECTORY);
        let open = || {
            std::fs::create_dir_all(&directory)?;
            let file = |slot| {
                let mut options = std::fs::OpenOptions::new();
                let options = options.read(true).write(true).create(true).truncate(false);
                options.open(directory.join(slot))
            };
            let [first, second] = SLOTS.map(file);
            let files = [first?, second?];
            File::open(&directory)?.sync_all()?;
            File::open(data)?.sync_all()?;
            Ok(files)
        };
        let files = open().map_err(|error| unusable(&directory, &error))?;
        let mut slots = Self {
            directory,
            files,
            current: 0,
            count: 0,
        };
        for (slot, file) in slots.files.iter().enumerate() {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut &*file, &mut bytes)
                .map_err(|error| unusable(&slots.directory, &error))?;
            if let Ok(Some(page)) = decode(&bytes)
                && page.count >= slots.count
            {
                // The newest whole one stays until the other one is on disk.
                (slots.count, slots.current) = (page.count, 1 - slot);
            }
        }
        Ok(slots)
    }

    /// Has marks on disk in one slot, and nothing that contradicts them in the other.
    fn begin(mut self, marks: Marks) -> Result<Self, Error> {
        let both = |slots: &mut Self| {
            for _ in SLOTS {
                slots.put(marks.clone())?;
                slots.sync()?;
            }
            Ok::<_, io::Error>(())
        };
        both(&mut self).map_err(|error| unusable(&self.directory, &error))?;
        Ok(self)
    }

    fn put(&mut self, marks: Marks) -> io::Result<()> {
        self.count += 1;
        let page = Page {
            count: self.count,
            marks,
        };
        let bytes = encode(&page).map_err(io::Error::other)?;
        let [first, second] = &self.files;
        let file = if self.current == 0 { first } else { second };
        file.set_len(bytes.len() as u64)?;
        file.write_all_at(&bytes, 0)
    }

    fn sync(&mut self) -> io::Result<()> {
        let [first, second] = &self.files;
        let file = if self.current == 0 { first } else { second };
        file.sync_data()?;
        self.current = 1 - self.current;
        Ok(())
    }
}

/// Keeps the watermark of a directory that is in use.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Default)]
struct News {
    marks: Marks,
    is_new: bool,
    is_closing: bool,
}

impl Keeper {
    /// Writes the marks as they are, and from now on those that are noted.
    pub fn start(data: &Path, marks: Marks) -> Result<Self, Error> {
        let slots = Slots::open(data)?.begin(marks.clone())?;
        let shared = Arc::new(Shared::default());
        shared.news.lock().marks = marks;
        let writer = Writer {
            slots,
            shared: shared.clone(),
            unsynced_since: None,
            is_failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("innkeeper-watermark".into())
            .spawn(move || writer.run())
            .map_err(|error| Error::Start {
                reason: error.to_string(),
            })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Notes how far a journal is on disk.
    pub fn reached(&self, context: &str, newest: Link) {
        let mut news = self.shared.news.lock();
        match news.marks.get_mut(context) {
            Some(mark) => mark.newest = newest,
            None => {
                let mark = Mark { newest, checked: 0 };
                news.marks.insert(context.to_owned(), mark);
            }
        }
        if !news.is_new {
            news.is_new = true;
            self.shared.changed.notify_one();
        }
    }

    /// Has what was noted on disk, and ends. Blocks.
    pub fn close(&self) {
        self.shared.news.lock().is_closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // It says itself what went wrong.
            let _ended = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

/// What runs in the keeper's thread.
struct Writer {
    slots: Slots,
    shared: Arc<Shared>,
    unsynced_since: Option<Instant>,
    is_failing: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (marks, is_closing) = self.news();
            if let Some(marks) = marks {
                let put = self.slots.put(marks);
                self.judge(put);
                self.unsynced_since.get_or_insert_with(Instant::now);
            }
            if is_closing {
                let closed = self.close();
                return self.judge(closed);
            }
            if self
                .unsynced_since
                .is_some_and(|since| since.elapsed() >= SYNC)
            {
                let synced = self.slots.sync();
                self.judge(synced);
                self.unsynced_since = None;
            }
            std::thread::sleep(PACE);
        }
    }

    /// Has both slots say the same: either may be damaged while nobody is here.
    fn close(&mut self) -> io::Result<()> {
        let marks = self.shared.news.lock().marks.clone();
        for _ in SLOTS {
            self.slots.put(marks.clone())?;
            self.slots.sync()?;
        }
        Ok(())
    }

    /// Waits for news, or until what was written is to be synced.
    fn news(&self) -> (Option<Marks>, bool) {
        let mut news = self.shared.news.lock();
        while !(news.is_new || news.is_closing) {
            match self.unsynced_since {
                Some(since) => {
                    let timeout = self.shared.changed.wait_until(&mut news, since + SYNC);
                    if timeout.timed_out() {
                        break;
                    }
                }
                None => self.shared.changed.wait(&mut news),
            }
        }
        let marks = news.is_new.then(|| news.marks.clone());
        news.is_new = false;
        (marks, news.is_closing)
    }

    fn judge(&mut self, result: io::Result<()>) {
        match result {
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::error!(%error, directory = %self.slots.directory.display(), "the watermark of the journals cannot be written: until it can, losses of newer commits would not be noticed; check free space and the disk's health");
            }
            Err(_) => {}
            Ok(()) => self.is_failing = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(position: u64) -> Link {
        Link {
            position,
            checksum: position * 7,
        }
    }

    fn marked(data: &Path) -> u64 {
        match read(data).unwrap() {
            Found::Marks(marks) => marks["room"].newest.position,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_noted_is_there_after_it_was_closed_or_killed() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(read(data.path()).unwrap(), Found::Nothing);
        let keeper = Keeper::start(data.path(), Marks::new()).unwrap();
        assert_eq!(read(data.path()).unwrap(), Found::Marks(Marks::new()));
        for position in 1..=50 {
            keeper.reached("room", link(position));
        }
        // Without closing it: as after a kill.
        let begun = Instant::now();
        while !matches!(read(data.path()).unwrap(), Found::Marks(marks) if marks.get("room").is_some_and(|mark| mark.newest == link(50)))
        {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(1));
        }
        keeper.reached("room", link(51));
        keeper.close();
        assert_eq!(marked(data.path()), 51);
    }

    #[test]
    fn a_slot_that_is_torn_leaves_the_other_one() {
        let data = tempfile::tempdir().unwrap();
        let marks = |position| {
            Marks::from([(
                "room".to_owned(),
                Mark {
                    newest: link(position),
                    checked: 0,
                },
            )])
        };
        let mut slots = Slots::open(data.path()).unwrap().begin(marks(1)).unwrap();
        slots.put(marks(2)).unwrap();
        slots.sync().unwrap();
        slots.put(marks(3)).unwrap();
        assert_eq!(marked(data.path()), 3);
        let newest = data.path().join(DIRECTORY).join(SLOTS[slots.current]);
        let whole = std::fs::read(&newest).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&newest, &whole[..length]).unwrap();
            assert_eq!(marked(data.path()), 2, "cut at {length}");
        }
        // And the next one is written over the torn one.
        drop(slots);
        write(data.path(), marks(4)).unwrap();
        assert_eq!(marked(data.path()), 4);
        for slot in SLOTS {
            std::fs::write(data.path().join(DIRECTORY).join(slot), b"").unwrap();
        }
        let damaged = Found::Damaged { was_whole: false };
        assert_eq!(read(data.path()).unwrap(), damaged);
    }
}
