//! The memory that the host has for invocations, and who holds how much of it.
//!
//! Whatever an invocation makes the host hold is reserved here first: its request, its guest's memory, what it reads and stages. What cannot be reserved is
//! refused, and the invocation with it; otherwise the system would end the whole process.

mod share;
mod wait_queue;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::share::{Holding, MemoryShare};
use self::wait_queue::WaitQueue;

/// What a machine is taken to have that does not say.
const UNKNOWN: u64 = 2 << 30;

/// A number of bytes that may be held, and how many are.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    held: AtomicU64,
    /// The budget that this is a part of: what is held here is held there, too.
    around: Option<Arc<Budget>>,
    /// Who waits for what is given back; one for a budget and its parts.
    queue: Arc<WaitQueue>,
    setting: &'static str,
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

/// As much is held as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the host holds as much for its invocations as it may, {limit} bytes ([host] {setting}); try again when fewer run, or raise it where the machine has more"
)]
pub struct Exhausted {
    /// How much may be held, in bytes.
    pub limit: u64,
    /// The setting that says so.
    pub setting: &'static str,
}

impl Budget {
    /// So many bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: AtomicU64::new(0),
            around: None,
            queue: Arc::default(),
            setting: "memory",
        })
    }

    /// So many bytes of it for guests.
    pub fn guests(self: &Arc<Self>, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.min(self.limit),
            held: AtomicU64::new(0),
            around: Some(self.clone()),
            queue: self.queue.clone(),
            setting: "guests_memory",
        })
    }

    /// How many bytes may be held.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes are held.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// What a context has of it; beside others, in proportion to its weight.
    pub fn share(self: &Arc<Self>, weight: u32) -> Arc<MemoryShare> {
        MemoryShare::new(self, weight)
    }

    /// A reservation of nothing yet.
    pub fn nothing(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// Reserves some bytes.
    ///
    /// # Errors
    ///
    /// When there are not so many left.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, Exhausted> {
        let mut reservation = self.nothing();
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    fn take(&self, bytes: u64) -> Result<(), Exhausted> {
        // What does not fit is not added for a moment either: others would be refused for it.
        let fits = |held: u64| held.checked_add(bytes).filter(|held| *held <= self.limit);
        let order = Ordering::Relaxed;
        if self.held.fetch_update(order, order, fits).is_err() {
            return Err(self.exhausted());
        }
        let taken = self.around.as_ref().map_or(Ok(()), |all| all.take(bytes));
        if taken.is_err() {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    fn exhausted(&self) -> Exhausted {
        Exhausted {
            limit: self.limit,
            setting: self.setting,
        }
    }

    fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        match &self.around {
            Some(all) => all.give_back(bytes),
            None => self.queue.serve(),
        }
    }

    /// How many bytes may be held besides those that are.
    fn left(&self) -> u64 {
        let around = self.around.as_ref().map_or(u64::MAX, |all| all.left());
        self.limit.saturating_sub(self.held()).min(around)
    }

    /// The most that one could ever hold.
    fn most(&self) -> u64 {
        let around = self.around.as_ref().map_or(u64::MAX, |all| all.most());
        self.limit.min(around)
    }
}

impl Reservation {
    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reserves more.
    ///
    /// # Errors
    ///
    /// When there is not so much left; it stays as it was then.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.budget.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives some of it back; all, when it does not hold so much.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        if bytes > 0 {
            self.bytes -= bytes;
            self.budget.give_back(bytes);
        }
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        if self.bytes > 0 {
            self.budget.give_back(self.bytes);
            self.bytes = 0;
        }
    }

    /// Sees to it that it holds so many bytes, or some more: most grow little by little.
    ///
    /// # Errors
    ///
    /// See [`Reservation::grow`].
    pub fn cover(&mut self, bytes: u64) -> Result<(), Exhausted> {
        const STEP: u64 = 64 << 10;
        match bytes.checked_sub(self.bytes) {
            None | Some(0) => Ok(()),
            Some(missing) => self.grow(missing.next_multiple_of(STEP)),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What this process may use of the machine's memory: what its control group has, or the machine where that has no bound.
pub fn of_the_machine() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total(&text))
        .unwrap_or(UNKNOWN);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    bounds(&groups, Path::new("/sys/fs/cgroup"))
        .into_iter()
        .fold(machine, u64::min)
}

/// The line `MemTotal:  24617012 kB` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The bounds of the control groups that a process is in, and of those around them. In a container the own group is the root of what is mounted.
fn bounds(groups: &str, mounted: &Path) -> Vec<u64> {
    let mut files = vec![
        mounted.join("memory.max"),
        mounted.join("memory/memory.limit_in_bytes"),
    ];
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        let around = own.ancestors().take_while(|path| path.starts_with(&root));
        files.extend(around.map(|directory| directory.join(file)));
    }
    let bound = |file| fs::read_to_string(file).ok()?.trim().parse().ok();
    files.iter().filter_map(bound).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(100_000);
        let mut one = budget.reserve(60_000).unwrap();
        let exhausted = Exhausted {
            limit: 100_000,
            setting: "memory",
        };
        assert_eq!(budget.reserve(50_000).unwrap_err(), exhausted);
        assert_eq!(one.grow(50_000), Err(exhausted));
        assert_eq!((one.bytes(), budget.held()), (60_000, 60_000));
        one.cover(50_000).unwrap();
        assert_eq!(budget.held(), 60_000);
        drop(one);
        assert_eq!(budget.held(), 0);
        let mut other = budget.nothing();
        other.cover(1).unwrap();
        assert_eq!(budget.held(), 64 << 10);
        assert!(budget.reserve(u64::MAX).is_err());
    }

    #[tokio::test]
    async fn what_guests_hold_is_a_part_and_is_waited_for() {
        let all = Budget::new(100);
        let guests = all.guests(60);
        let share = guests.share(100);
        let late = || Instant::now() + std::time::Duration::from_secs(20);
        let mut first = share.nothing();
        first.grow(50).unwrap();
        assert_eq!((all.held(), guests.held()), (50, 50));
        assert_eq!(guests.reserve(20).unwrap_err().setting, "guests_memory");
        let request = all.reserve(45).unwrap();
        assert_eq!(guests.reserve(10).unwrap_err().setting, "memory");
        assert_eq!((all.held(), guests.held()), (95, 50));
        let waiting = tokio::spawn({
            let mut waiting = share.nothing();
            async move { waiting.grow_until(20, late()).await.map(|()| waiting) }
        });
        tokio::task::yield_now().await;
        drop(request);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        let second = waiting.await.unwrap().unwrap();
        assert_eq!((all.held(), guests.held()), (20, 20));
        drop(second);
        assert_eq!((all.held(), guests.held()), (0, 0));
    }

    #[test]
    fn a_machine_says_what_it_has() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:   2048 kB\n"), Some(2 << 20));
        assert!(of_the_machine() > 64 << 20);
    }

    #[test]
    fn the_narrowest_control_group_counts() {
        let mounted = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = mounted.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("pod/memory.max", "1048576\n");
        write("pod/box/memory.max", "max\n");
        write("memory/old/memory.limit_in_bytes", "4096\n");
        let found = |groups| bounds(groups, mounted.path());
        assert_eq!(found("0::/pod/box\n"), [1_048_576]);
        assert_eq!(found("12:cpu,memory:/old\n3:pids:/pod\n"), [4_096]);
        assert!(found("").is_empty());
        write("memory.max", "2048");
        assert_eq!(found("0::/\n"), [2_048, 2_048]);
    }
}
