//! What waits to be committed. Each context has a line of its own, and the lines take turns: what one context has much of holds up nobody else's. What is large is committed in
//! steps; meanwhile its line waits, and the others go on.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::committer::{PauseRequest, Submission, Task};
use super::{CommitError, unit};

/// What one group may take: in units of work, changes of the engine and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub units: usize,
    pub changes: usize,
    pub bytes: usize,
}

/// What a line gives at its turn. Whatever costs more is large.
pub(super) const TURN: usize = 1_024;

/// Who is told when everything before is decided.
pub(super) type Barrier = oneshot::Sender<Result<(), CommitError>>;

/// A unit of work that waits, with its number.
pub(super) type Numbered = (u64, Submission);

/// What is to be committed next.
pub(super) enum Next {
    /// A group of what is small, of all lines; it can be empty.
    Group(Vec<Numbered>),
    /// What is large, in steps. Until it is [done](Backlog::done) nothing of its line, and nothing else that is large, comes.
    Large(Submission),
}

/// Units of work that wait to be committed, and who waits for them.
#[derive(Default)]
pub(super) struct Backlog {
    /// By ledger.
    lines: Vec<VecDeque<Numbered>>,
    /// The ledgers whose next unit is small, in the order of their turns.
    light: VecDeque<usize>,
    /// Those whose next unit is large.
    heavy: VecDeque<usize>,
    was_heavy: bool,
    /// The number and the ledger of the large one that is being committed.
    large: Option<(u64, usize)>,
    /// How many units have come.
    count: u64,
    /// With how many units had come before.
    barriers: VecDeque<(u64, Barrier)>,
    pauses: Vec<PauseRequest>,
}

impl Backlog {
    pub fn push(&mut self, task: Task) {
        match task {
            Task::Commit(submission) => self.line_up(*submission),
            Task::Barrier(barrier) => self.barriers.push_back((self.count, barrier)),
            Task::Pause(request) => self.pauses.push(request),
        }
    }

    pub fn is_empty(&self) -> bool {
        let nothing = self.light.is_empty() && self.heavy.is_empty() && self.large.is_none();
        nothing && self.barriers.is_empty() && self.pauses.is_empty()
    }

    /// Small units of all lines, or a large one. They take turns, too.
    pub fn take(&mut self, room: Room) -> Next {
        // Whoever wants a pause waits for one that has begun, and for no other.
        let may_begin = self.large.is_none() && self.pauses.is_empty();
        let is_heavy = may_begin && (self.light.is_empty() || !self.was_heavy);
        match is_heavy.then(|| self.take_large()).flatten() {
            Some(large) => Next::Large(large),
            None => {
                self.was_heavy = false;
                Next::Group(self.take_small(room))
            }
        }
    }

    /// The large one has been committed, or will not be: its line goes on.
    pub fn done(&mut self) {
        if let Some((_, ledger)) = self.large.take() {
            // There is a group before the next one: whoever has waited for this one to read what it has changed begins then.
            self.was_heavy = true;
            self.queue_up(ledger);
        }
    }

    /// Puts back what was taken and cannot be decided in this group, in its order.
    pub fn put_back(&mut self, undecided: Vec<Numbered>) {
        for numbered in undecided.into_iter().rev() {
            let ledger = numbered.1.ledger;
            if let Some(line) = self.lines.get_mut(ledger) {
                line.push_front(numbered);
                if line.len() == 1 {
                    self.queue_up(ledger);
                }
            }
        }
    }

    /// Those for whom everything that came before is decided, now that what was taken is.
    pub fn reached(&mut self) -> Vec<Barrier> {
        let waiting = self.light.iter().chain(&self.heavy);
        let oldest = waiting.filter_map(|ledger| Some(self.lines.get(*ledger)?.front()?.0));
        let large = self.large.map(|(number, _)| number);
        let oldest = oldest.chain(large).min().unwrap_or(u64::MAX);
        let mut reached = Vec::new();
        while let Some((_, barrier)) = self.barriers.pop_front_if(|(count, _)| *count <= oldest) {
            reached.push(barrier);
        }
        reached
    }

    /// Tells everybody who waits that nothing comes of it.
    pub fn give_up(&mut self, reason: &CommitError) {
        for (_, submission) in self.lines.iter_mut().flat_map(std::mem::take) {
            let _gone = submission.answer.send(Err(reason.clone()));
        }
        for (_, barrier) in std::mem::take(&mut self.barriers) {
            let _gone = barrier.send(Err(reason.clone()));
        }
        self.light.clear();
        self.heavy.clear();
        self.large = None;
        self.pauses.clear();
    }

    /// Those who want the committer to pause: none while something is half committed.
    pub fn pauses(&mut self) -> Vec<PauseRequest> {
        match self.large {
            None => std::mem::take(&mut self.pauses),
            Some(_) => Vec::new(),
        }
    }

    fn line_up(&mut self, submission: Submission) {
        let ledger = submission.ledger;
        if self.lines.len() <= ledger {
            self.lines.resize_with(ledger + 1, VecDeque::new);
        }
        let number = self.count;
        self.count += 1;
        if let Some(line) = self.lines.get_mut(ledger) {
            line.push_back((number, submission));
            let is_held = self.large.is_some_and(|(_, held)| held == ledger);
            if line.len() == 1 && !is_held {
                self.queue_up(ledger);
            }
        }
    }

    /// Puts a line at the end of those that it belongs to.
    fn queue_up(&mut self, ledger: usize) {
        match self.next_cost(ledger) {
            None => {}
            Some(..=TURN) => self.light.push_back(ledger),
            Some(_) => self.heavy.push_back(ledger),
        }
    }

    fn next_cost(&self, ledger: usize) -> Option<usize> {
        let (_, next) = self.lines.get(ledger)?.front()?;
        Some(unit::cost(next.changes(), next.size()))
    }

    fn pop(&mut self, ledger: usize) -> Option<Numbered> {
        self.lines.get_mut(ledger)?.pop_front()
    }

    fn take_large(&mut self) -> Option<Submission> {
        let ledger = self.heavy.pop_front()?;
        let (number, large) = self.pop(ledger)?;
        self.large = Some((number, ledger));
        self.was_heavy = true;
        Some(large)
    }

    fn take_small(&mut self, room: Room) -> Vec<Numbered> {
        let mut group: Vec<Numbered> = Vec::new();
        let (mut changes, mut bytes) = (0, 0);
        while let Some(ledger) = self.light.pop_front() {
            let mut spent = 0;
            while let Some(cost @ ..=TURN) = self.next_cost(ledger) {
                spent += cost;
                if spent > TURN {
                    break;
                }
                let Some((_, next)) = self.lines.get(ledger).and_then(VecDeque::front) else {
                    break;
                };
                changes += next.changes();
                bytes += next.size();
                let is_full =
                    group.len() >= room.units || changes > room.changes || bytes > room.bytes;
                if is_full && !group.is_empty() {
                    self.light.push_front(ledger);
                    return group;
                }
                group.extend(self.pop(ledger));
            }
            self.queue_up(ledger);
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::super::committer::Place;
    use super::super::{Durability, Space, Unit, Write};
    use super::*;

    const ROOM: Room = Room {
        units: 1_024,
        changes: 4_096,
        bytes: 4 << 20,
    };

    /// A unit of work of a context that changes so many keys.
    fn task(ledger: usize, keys: usize) -> Task {
        let write = |number: usize| Write {
            space: Space::State(0),
            key: number.to_be_bytes().to_vec(),
            value: Some(Vec::new()),
        };
        let unit = Unit::bookkeeping("test", 0, (0..keys).map(write).collect());
        Task::Commit(Box::new(Submission {
            merges: Vec::new(),
            ledger,
            unit,
            durability: Durability::Flush,
            quota: None,
            answer: oneshot::channel().0,
            _place: Place::take(&Arc::new(AtomicUsize::new(0)), 1).unwrap(),
        }))
    }

    /// Of whom what comes next is, with how many keys each. A large one is done at once.
    fn group(backlog: &mut Backlog) -> Vec<(usize, usize)> {
        let seen = |submission: &Submission| (submission.ledger, submission.unit.writes.len());
        match backlog.take(ROOM) {
            Next::Large(submission) => {
                backlog.done();
                vec![seen(&submission)]
            }
            Next::Group(group) => group.iter().map(|(_, next)| seen(next)).collect(),
        }
    }

    fn of(group: &[(usize, usize)], ledger: usize) -> usize {
        group.iter().filter(|(of, _)| *of == ledger).count()
    }

    #[test]
    fn who_has_much_does_not_hold_up_who_has_little() {
        let mut backlog = Backlog::default();
        (0..5_000).for_each(|_| backlog.push(task(0, 4)));
        (0..3).for_each(|_| backlog.push(task(1, 4)));
        let first = group(&mut backlog);
        assert_eq!(of(&first, 1), 3);
        assert!(of(&first, 0) > 100, "there is room for more");
        let mut all = of(&first, 0);
        while !backlog.is_empty() {
            let next = group(&mut backlog);
            assert!(!next.is_empty());
            all += of(&next, 0);
        }
        assert_eq!(all, 5_000);
    }

    #[test]
    fn what_is_large_comes_alone_and_what_is_small_between() {
        let mut backlog = Backlog::default();
        for ledger in 0..3 {
            (0..4).for_each(|_| backlog.push(task(ledger, 5_000)));
        }
        backlog.push(task(7, 2));
        assert_eq!(group(&mut backlog), [(0, 5_000)]);
        assert_eq!(group(&mut backlog), [(7, 2)], "after one of them");
        assert_eq!(group(&mut backlog), [(1, 5_000)], "they take turns");
        backlog.push(task(7, 2));
        assert_eq!(group(&mut backlog), [(7, 2)]);
        for _ in 0..10 {
            let next = group(&mut backlog);
            assert!(matches!(next.as_slice(), [(_, 5_000)]), "{next:?}");
        }
        assert!(backlog.is_empty());
    }

    #[test]
    fn while_something_large_is_committed_only_its_context_waits() {
        let mut backlog = Backlog::default();
        for ledger in 0..2 {
            backlog.push(task(ledger, 5_000));
            backlog.push(task(ledger, 1));
        }
        let Next::Large(large) = backlog.take(ROOM) else {
            panic!("it is large");
        };
        assert_eq!(large.ledger, 0);
        backlog.push(task(2, 1));
        backlog.push(Task::Barrier(oneshot::channel().0));
        assert_eq!(group(&mut backlog), [(2, 1)], "no other large one either");
        assert_eq!(group(&mut backlog), []);
        assert!(!backlog.is_empty(), "there is something to go on with");
        assert_eq!(backlog.reached().len(), 0);
        backlog.done();
        assert_eq!(group(&mut backlog), [(0, 1)], "before the next large one");
        assert_eq!(group(&mut backlog), [(1, 5_000)]);
        assert_eq!(group(&mut backlog), [(1, 1)]);
        assert_eq!(backlog.reached().len(), 1);
        assert!(backlog.is_empty());
    }

    #[test]
    fn each_context_keeps_its_order() {
        let mut backlog = Backlog::default();
        let sizes = [3, 2_000, 1, 900, 900, 4, 5_000, 2];
        for size in sizes {
            backlog.push(task(0, size));
            backlog.push(task(1, size));
        }
        let mut taken = Vec::new();
        while !backlog.is_empty() {
            taken.extend(group(&mut backlog));
        }
        for ledger in [0, 1] {
            let of_ledger = taken.iter().filter(|(of, _)| *of == ledger);
            let of_ledger: Vec<_> = of_ledger.map(|(_, size)| *size).collect();
            assert_eq!(of_ledger, sizes);
        }
    }

    #[test]
    fn what_is_put_back_comes_first_again() {
        let mut backlog = Backlog::default();
        (1..4).for_each(|size| backlog.push(task(0, size)));
        let Next::Group(mut taken) = backlog.take(ROOM) else {
            panic!("they are small");
        };
        backlog.push(task(0, 4));
        let undecided = taken.split_off(1);
        backlog.put_back(undecided);
        backlog.push(Task::Barrier(oneshot::channel().0));
        assert_eq!(backlog.reached().len(), 0);
        assert_eq!(group(&mut backlog), [(0, 2), (0, 3), (0, 4)]);
        assert_eq!(backlog.reached().len(), 1);
        assert!(backlog.is_empty());
    }

    #[test]
    fn who_waits_at_the_end_is_told() {
        let mut backlog = Backlog::default();
        let (barrier, mut reached) = oneshot::channel();
        (0..3).for_each(|ledger| backlog.push(task(ledger, 5_000 * ledger)));
        backlog.push(Task::Barrier(barrier));
        backlog.give_up(&CommitError::Closed);
        assert!(backlog.is_empty());
        assert_eq!(reached.try_recv(), Ok(Err(CommitError::Closed)));
        assert_eq!(group(&mut backlog), []);
    }

    #[test]
    fn a_barrier_is_reached_when_all_before_it_is_taken() {
        let mut backlog = Backlog::default();
        let barrier = |backlog: &mut Backlog| backlog.push(Task::Barrier(oneshot::channel().0));
        barrier(&mut backlog);
        assert_eq!(backlog.reached().len(), 1);
        backlog.push(task(0, 5_000));
        backlog.push(task(1, 5_000));
        barrier(&mut backlog);
        backlog.push(task(2, 5_000));
        barrier(&mut backlog);
        let reached: Vec<_> = std::iter::from_fn(|| {
            let taken = group(&mut backlog);
            (!taken.is_empty()).then(|| backlog.reached().len())
        })
        .collect();
        assert_eq!(reached, [0, 1, 1]);
    }
}
