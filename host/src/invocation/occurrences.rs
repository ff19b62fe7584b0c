//! What happened to a context lately, as `kubectl describe` lists it: what happens again is counted, not repeated.

use std::collections::VecDeque;

use crate::core::wall_clock;

/// How many of one reason are kept; what is said of it otherwise than by these counts with the oldest of them. So what has much to say pushes out nothing else.
const EACH: usize = 5;
/// For how long, in milliseconds.
const KEPT: u64 = 60 * 60 * 1_000;
/// How long a message may be, in bytes.
const LONGEST: usize = 500;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is.
    Normal,
    /// An operator should know of it.
    Warning,
}

/// Something that happened, perhaps several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Whether that is as it should be.
    pub severity: Severity,
    /// What it is, in a word.
    pub reason: &'static str,
    /// What it is, in a sentence.
    pub message: String,
    /// How often it happened.
    pub count: u32,
    /// When it happened first, in milliseconds since the Unix epoch.
    pub first: u64,
    /// When it happened last.
    pub last: u64,
}

/// What happened to a context within the last hour.
#[derive(Debug, Default)]
pub(crate) struct Occurrences(VecDeque<Occurrence>);

impl Occurrences {
    /// Something happened.
    pub(crate) fn note(&mut self, severity: Severity, reason: &'static str, message: String) {
        self.note_at(wall_clock(), severity, reason, message);
    }

    fn note_at(&mut self, now: u64, severity: Severity, reason: &'static str, mut message: String) {
        message.truncate(message.floor_char_boundary(LONGEST));
        self.forget(now);
        let is_same = |known: &Occurrence| {
            known.severity == severity && known.reason == reason && known.message == message
        };
        let of_reason = |known: &Occurrence| known.severity == severity && known.reason == reason;
        let place = match self.0.iter().position(is_same) {
            Some(place) => Some(place),
            None if self.0.iter().filter(|known| of_reason(known)).count() < EACH => None,
            None => self.0.iter().position(of_reason),
        };
        // It comes last again, as what was said last.
        let known = place.and_then(|place| self.0.remove(place));
        let (count, first) = known.map_or((0, now), |known| (known.count, known.first));
        self.0.push_back(Occurrence {
            severity,
            reason,
            message,
            count: count.saturating_add(1),
            first,
            last: now,
        });
    }

    /// All of them, the last one last.
    pub(crate) fn list(&self) -> Vec<Occurrence> {
        let since = wall_clock().saturating_sub(KEPT);
        let lately = self.0.iter().filter(|occurrence| occurrence.last >= since);
        lately.cloned().collect()
    }

    /// Leaves out what is too long ago.
    fn forget(&mut self, now: u64) {
        let since = now.saturating_sub(KEPT);
        self.0.retain(|occurrence| occurrence.last >= since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_again_is_counted_and_what_is_old_is_forgotten() {
        let mut occurrences = Occurrences::default();
        for _ in 0..3 {
            occurrences.note(Severity::Warning, "Unhealthy", "it is dark".into());
            occurrences.note(Severity::Normal, "Restarted", "it was dark".into());
        }
        let found = occurrences.list();
        let seen: Vec<_> = found.iter().map(|one| (one.reason, one.count)).collect();
        assert_eq!(seen, [("Unhealthy", 3), ("Restarted", 3)]);
        for number in 0..1_000 {
            occurrences.note(Severity::Warning, "Unhealthy", number.to_string());
        }
        // What is said of one reason in ever new words pushes out no other, and is counted all the same.
        let found = occurrences.list();
        let seen: Vec<_> = found.iter().map(|one| one.reason).collect();
        assert_eq!(seen, [&["Restarted"][..], &["Unhealthy"; EACH]].concat());
        assert_eq!(found.last().unwrap().message, "999");
        let unhealthy = found.iter().filter(|one| one.reason == "Unhealthy");
        assert_eq!(unhealthy.map(|one| one.count).sum::<u32>(), 1_003);
        // What is an hour ago begins anew.
        let mut occurrences = Occurrences::default();
        let before = wall_clock() - KEPT - 1;
        occurrences.note_at(before, Severity::Normal, "ScaledUp", "from 1 to 2".into());
        assert!(occurrences.list().is_empty());
        occurrences.note(Severity::Normal, "ScaledUp", "from 1 to 2".into());
        assert_eq!(occurrences.list().last().unwrap().count, 1);
        occurrences.note(Severity::Warning, "Unhealthy", "\u{20ac}".repeat(1_000));
        assert!(occurrences.list().last().unwrap().message.len() <= LONGEST);
    }
}
