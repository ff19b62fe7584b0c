//! Which keys units of work collide on most: those that many of them change, one after the other.

use parking_lot::Mutex;

use super::Space;

/// How many keys are watched. What collides more rarely than the least of them takes its place, and its count: so a count is never too small, and too big by
/// what the least had at most.
const WATCHED: usize = 32;

/// A key that units of work collided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contended {
    /// The space of the key.
    pub space: Space,
    /// The key.
    pub key: Vec<u8>,
    /// How often a unit of work had to be run again because of it, about, since the host started.
    pub conflicts: u64,
}

/// The keys that units of work of a context collided on most.
#[derive(Default)]
pub(super) struct Contention(Mutex<Vec<Contended>>);

impl Contention {
    /// Notes a collision.
    pub fn note(&self, space: Space, key: &[u8]) {
        let mut watched = self.0.lock();
        if let Some(known) = watched
            .iter_mut()
            .find(|known| known.space == space && known.key == key)
        {
            known.conflicts += 1;
            return;
        }
        let mut new = Contended {
            space,
            key: key.to_vec(),
            conflicts: 1,
        };
        if watched.len() < WATCHED {
            watched.push(new);
        } else if let Some(least) = watched.iter_mut().min_by_key(|known| known.conflicts) {
            new.conflicts += least.conflicts;
            *least = new;
        }
    }

    /// So many of them, the worst first.
    pub fn worst(&self, count: usize) -> Vec<Contended> {
        let mut worst = self.0.lock().clone();
        worst.sort_by_key(|contended| std::cmp::Reverse(contended.conflicts));
        worst.truncate(count);
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_key_is_found_among_many_that_are_not() {
        let contention = Contention::default();
        for round in 0..1_000_u32 {
            contention.note(Space::State(0), &round.to_be_bytes());
            contention.note(Space::State(0), b"total");
        }
        let worst = contention.worst(3);
        assert_eq!(worst.len(), 3);
        assert_eq!(worst[0].key, b"total");
        assert!((1_000..=1_032).contains(&worst[0].conflicts), "{worst:?}");
        assert!(contention.worst(usize::MAX).len() <= WATCHED);
    }
}
