//! Units of work that run at once equal the same ones, run one after another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Scan(u8, u8, usize, Direction),
    Count(u8, u8),
    Put(u8),
    Delete(u8),
    Merge(u8, u8),
    Emit(u8),
    Pause,
}

#[derive(Clone, Debug)]
struct Script {
    steps: Vec<Step>,
    /// Whether it drops the future of its commit.
    impatient: bool,
}

/// What a unit of work has read and done, when it has ended well.
#[derive(Debug)]
struct Run {
    began: u64,
    /// None when it changed nothing.
    position: Option<u64>,
    seen: Vec<(Step, Vec<Entry>)>,
    writes: Vec<Write>,
    merges: Vec<Merge>,
}

/// Adds a number to the first eight bytes of whatever is there.
fn add(before: Option<&[u8]>, operand: &[u8]) -> Result<Vec<u8>, String> {
    let number = |bytes: &[u8]| {
        let bytes = bytes.iter().chain([0; 8].iter()).take(8);
        bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let sum = number(before.unwrap_or_default()).wrapping_add(number(operand));
    Ok(sum.to_be_bytes().to_vec())
}

#[derive(Clone, Debug)]
struct Plan {
    /// For each task, its units of work.
    tasks: Vec<Vec<Script>>,
    window: usize,
    group: usize,
    durability: Durability,
}

fn plans() -> impl Strategy<Value = Plan> {
    let key = 0..6_u8;
    let directions = prop_oneof![Just(Direction::Forwards), Just(Direction::Backwards)];
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Get),
        2 => (key.clone(), key.clone(), 1..4_usize, directions).prop_map(|(start, end, limit, direction)| Step::Scan(start, end, limit, direction)),
        1 => (key.clone(), key.clone()).prop_map(|(start, end)| Step::Count(start, end)),
        4 => key.clone().prop_map(Step::Put),
        2 => key.clone().prop_map(Step::Delete),
        4 => (key.clone(), 1..4_u8).prop_map(|(key, operand)| Step::Merge(key, operand)),
        1 => key.prop_map(Step::Emit),
        2 => Just(Step::Pause),
    ];
    let script = (vec(step, 1..8), prop::bool::weighted(0.15))
        .prop_map(|(steps, impatient)| Script { steps, impatient });
    let durability = prop_oneof![Just(Durability::Flush), Just(Durability::Relaxed)];
    let tasks = vec(vec(script, 1..6), 2..20);
    (
        tasks,
        prop_oneof![2..20_usize, Just(65_536)],
        1..16_usize,
        durability,
    )
        .prop_map(|(tasks, window, group, durability)| Plan {
            tasks,
            window,
            group,
            durability,
        })
}

fn read(journal: &dyn Journal, reads: &mut ReadSet, step: &Step) -> Vec<Entry> {
    match step {
        Step::Get(key) => {
            reads.note_key(STATE, &[*key]);
            let value = journal.get(STATE, &[*key]).unwrap();
            value.map(|value| (vec![*key], value)).into_iter().collect()
        }
        Step::Scan(start, end, limit, direction) => {
            let range = KeyRange::new([*start], Some(vec![*end]));
            let found = journal.scan(STATE, &range, *limit, *direction).unwrap();
            reads.note_scan(STATE, &range, *limit, *direction, &found);
            found
        }
        Step::Count(start, end) => {
            let range = KeyRange::new([*start], Some(vec![*end]));
            reads.note_range(STATE, &range);
            let count = journal.count(STATE, &range).unwrap();
            vec![(Vec::new(), count.to_be_bytes().to_vec())]
        }
        _ => Vec::new(),
    }
}

/// Runs a unit of work until it goes through. None when it was dropped and has not become a commit.
async fn run(ledger: &Ledger, name: &str, script: &Script, answered: &AtomicU64) -> Option<Run> {
    loop {
        let before = answered.load(Ordering::SeqCst);
        let began = ledger.applied();
        assert!(
            began >= before,
            "began at {began}, after an answer at {before}"
        );
        let (mut reads, mut seen, mut writes, mut events) =
            (ReadSet::default(), Vec::new(), Vec::new(), Vec::new());
        let mut operands = BTreeMap::<u8, u8>::new();
        for step in &script.steps {
            match step {
                // What is written tells what was read; as a digest, since it is read in turn, and would grow without end.
                Step::Put(key) => {
                    let told = Sha256::digest(format!("{name} {seen:?}"));
                    writes.push((*key, Some(told.to_vec())));
                }
                Step::Delete(key) => writes.push((*key, None)),
                Step::Merge(key, operand) => *operands.entry(*key).or_default() += operand,
                Step::Emit(subject) => events.push(event(name, &subject.to_string())),
                Step::Pause => tokio::task::yield_now().await,
                step => {
                    let found = read(ledger.journal(), &mut reads, step);
                    seen.push((step.clone(), found));
                }
            }
        }
        let writes: Vec<_> = writes
            .into_iter()
            .map(|(key, value)| Write {
                space: STATE,
                key: vec![key],
                value,
            })
            .collect();
        operands.retain(|key, _| !writes.iter().any(|write| write.key == [*key]));
        let merges: Vec<_> = operands
            .into_iter()
            .map(|(key, operand)| Merge {
                space: STATE,
                key: vec![key],
                operand: vec![0, 0, 0, 0, 0, 0, 0, operand],
                operator: add,
            })
            .collect();
        let changes = !writes.is_empty() || !events.is_empty() || !merges.is_empty();
        let ended = if changes {
            let unit = Unit {
                began,
                reads,
                header: header(name),
                writes: writes.clone(),
                events,
            };
            let patience = if script.impatient {
                Duration::ZERO
            } else {
                Duration::from_secs(60)
            };
            let committing = ledger.commit_merging(unit, merges.clone(), None, None);
            match tokio::time::timeout(patience, committing).await {
                Ok(ended) => ended.map(|committed| Some(committed.position)),
                Err(_) => {
                    ledger.barrier().await.unwrap();
                    let commits = ledger.journal().commits(began, usize::MAX).unwrap();
                    let (position, ..) = commits
                        .into_iter()
                        .find(|(_, header, _)| header.invocation == name)?;
                    Ok(Some(position))
                }
            }
        } else {
            ledger.settle(began, &reads).await.map(|()| None)
        };
        match ended {
            Ok(position) => {
                answered.fetch_max(position.unwrap_or(0), Ordering::SeqCst);
                return Some(Run {
                    began,
                    position,
                    seen,
                    writes,
                    merges,
                });
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs a plan, and looks for the order in which its units could have run alone.
fn check(runtime: &tokio::runtime::Runtime, store: Arc<dyn Store>, context: &str, plan: &Plan) {
    let options = Options {
        // About so many writes.
        window: plan.window.saturating_mul(160),
        group: plan.group,
        flush_every: Duration::from_millis(1),
        ..Options::default()
    };
    let committer = Committer::start(store, options).unwrap();
    let ledger = committer.open(context, plan.durability).unwrap();
    let answered = Arc::new(AtomicU64::new(0));
    let mut runs = runtime.block_on(async {
        let tasks = plan
            .tasks
            .iter()
            .cloned()
            .enumerate()
            .map(|(task, scripts)| {
                let (ledger, answered) = (ledger.clone(), answered.clone());
                tokio::spawn(async move {
                    let mut runs = Vec::new();
                    for (number, script) in scripts.iter().enumerate() {
                        runs.extend(
                            run(&ledger, &format!("{task}.{number}"), script, &answered).await,
                        );
                    }
                    runs
                })
            });
        let tasks: Vec<_> = tasks.collect();
        let mut runs = Vec::new();
        for task in tasks {
            runs.extend(task.await.unwrap());
        }
        committer.close().await;
        runs
    });

    // A commit at its position; what changed nothing right after the commit at which it began.
    runs.sort_by_key(|run| {
        run.position
            .map_or((run.began, 1), |position| (position, 0))
    });
    let model = MemoryStore::new().open("model").unwrap();
    let mut last = 0;
    for run in &runs {
        for (step, found) in &run.seen {
            let expected = read(&*model, &mut ReadSet::default(), step);
            assert_eq!(&expected, found, "{step:?} of {run:?} after commit {last}");
        }
        if let Some(position) = run.position {
            assert_eq!(position, last + 1, "positions have no gaps");
            last = position;
            let mut writes = run.writes.clone();
            for merge in &run.merges {
                let before = model.get(merge.space, &merge.key).unwrap();
                writes.push(Write {
                    space: merge.space,
                    key: merge.key.clone(),
                    value: Some(add(before.as_deref(), &merge.operand).unwrap()),
                });
            }
            let commit = Commit {
                position,
                header: header(""),
                writes,
                events: Vec::new(),
            };
            model.append(&[commit], Link::default()).unwrap();
        }
    }
    assert_eq!(last, ledger.flushed());
    assert_eq!(picture(&*model).spaces, picture(ledger.journal()).spaces);
}

fn check_all(store: impl Fn() -> Arc<dyn Store>, count: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_time()
        .build()
        .unwrap();
    let number = AtomicU64::new(0);
    let tried = TestRunner::new(cases(count)).run(&plans(), |plan| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        check(&runtime, store(), &format!("context-{number}"), &plan);
        Ok(())
    });
    tried.unwrap();
}

#[test]
fn in_memory() {
    check_all(|| Arc::new(MemoryStore::new()), 150);
}

#[test]
fn on_disk() {
    let (_data, store) = sled_store();
    check_all(|| store.clone(), 40);
}
