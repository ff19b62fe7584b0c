//! Who waits for what becomes of units of work.

use super::CommitError;
use super::committer::{Answer, Committed, Flush};

/// Those who wait, with the positions of their commits, and those who have been rejected.
#[derive(Default)]
pub(super) struct Waiting {
    pub flush: Vec<(Answer, u64)>,
    pub applied: Vec<(Answer, u64)>,
    pub rejected: Vec<(Answer, CommitError)>,
}

impl Waiting {
    /// With others who wait for the same.
    pub fn append(&mut self, other: Self) {
        self.flush.extend(other.flush);
        self.applied.extend(other.applied);
        self.rejected.extend(other.rejected);
    }

    /// Answers those who do not wait for the disk, now that all is visible, or is not. Whoever is rejected is told only now, since what it collided with is visible now.
    pub fn tell_applied(&mut self, applied: &Result<(), CommitError>) {
        for (answer, position) in self.applied.drain(..) {
            let committed = Committed {
                position,
                flush: None,
            };
            let _gone = answer.send(applied.clone().map(|()| committed));
        }
        for (answer, rejection) in self.rejected.drain(..) {
            let _gone = answer.send(applied.clone().and(Err(rejection)));
        }
    }

    /// Answers those who wait for the disk.
    pub fn tell_flushed(self, flushed: &Result<(), CommitError>, flush: Flush) {
        for (answer, position) in self.flush {
            let flush = Some(flush);
            let committed = Committed { position, flush };
            let _gone = answer.send(flushed.clone().map(|()| committed));
        }
    }

    /// Tells everybody why nothing more is decided here: what has begun may be completed at the next start.
    pub fn give_up(mut self, reason: &CommitError) {
        let failed = Err(reason.clone());
        self.tell_applied(&failed);
        for (answer, _) in self.flush {
            let _gone = answer.send(Err(reason.clone()));
        }
    }
}
