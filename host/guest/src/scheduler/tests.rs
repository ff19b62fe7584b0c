use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;

const SLICE: Duration = Duration::from_millis(1);

/// Shares that always want to compute, on a clock that is moved by hand.
struct Machine {
    state: State,
    now: Instant,
    /// How long each has computed.
    computed: BTreeMap<u64, Duration>,
}

impl Machine {
    fn new(processors: usize) -> Self {
        Self {
            state: State::new(processors),
            now: Instant::now(),
            computed: BTreeMap::new(),
        }
    }

    fn share(&mut self, weight: u32, processors: Option<f64>) -> u64 {
        let options = ShareOptions { weight, processors };
        self.state.add(options, self.now)
    }

    /// Lets `wants` ask all the time, each as often at once as it says; slices of a share take as long as `takes` says.
    fn run(&mut self, wants: &[(u64, usize)], takes: impl Fn(u64) -> Duration, time: Duration) {
        let until = self.now + time;
        let mut asking: Vec<(u64, Asking)> = wants
            .iter()
            .flat_map(|(share, times)| vec![(*share, Asking::First); *times])
            .collect();
        let mut running: Vec<(Instant, u64)> = Vec::new();
        let mut resting: Vec<(Instant, u64, Ticket)> = Vec::new();
        while self.now < until {
            let mut waiting = Vec::new();
            let rested = resting.extract_if(.., |(until, ..)| *until <= self.now);
            asking.extend(rested.map(|(_, share, ticket)| (share, Asking::Rested(ticket))));
            for (share, who) in asking.drain(..) {
                let (answer, _) = self.state.ask(share, who, Waker::noop(), self.now);
                match answer {
                    Answer::Go => running.push((self.now + takes(share), share)),
                    Answer::Wait(ticket) => waiting.push((share, Asking::Again(ticket))),
                    Answer::Rest(until, ticket) => resting.push((until, share, ticket)),
                }
            }
            asking = waiting;
            running.sort();
            if running.is_empty() {
                self.now += SLICE;
                continue;
            }
            let (ends, share) = running.remove(0);
            self.now = ends.max(self.now);
            *self.computed.entry(share).or_default() += takes(share);
            self.state.charge(share, takes(share), takes(share));
            self.state.release(share, takes(share));
            asking.push((share, Asking::First));
        }
        for (_, share) in running {
            self.state.release(share, SLICE);
        }
        for (share, who) in asking {
            if let Asking::Again(ticket) = who {
                self.state.leave(share, ticket);
            }
        }
        for (_, share, _) in resting {
            self.state.leave_resting(share);
        }
    }

    fn ratio(&self, one: u64, other: u64) -> f64 {
        self.computed[&one].as_secs_f64() / self.computed[&other].as_secs_f64()
    }
}

#[test]
fn who_asks_more_gets_no_more() {
    let mut machine = Machine::new(2);
    let (many, few) = (machine.share(100, None), machine.share(100, None));
    machine.run(&[(many, 256), (few, 4)], |_| SLICE, Duration::from_secs(2));
    let ratio = machine.ratio(few, many);
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn longer_slices_are_fewer() {
    let mut machine = Machine::new(2);
    let (long, short) = (machine.share(100, None), machine.share(100, None));
    let takes = |share| match share == long {
        true => 10 * SLICE,
        false => SLICE / 20,
    };
    machine.run(&[(long, 16), (short, 16)], takes, Duration::from_secs(4));
    let ratio = machine.ratio(short, long);
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

#[test]
fn weights_are_proportions() {
    let mut machine = Machine::new(1);
    let (heavy, light) = (machine.share(300, None), machine.share(100, None));
    machine.run(&[(heavy, 5), (light, 5)], |_| SLICE, Duration::from_secs(2));
    let ratio = machine.ratio(heavy, light);
    assert!((2.9..3.1).contains(&ratio), "{ratio}");
}

#[test]
fn who_was_idle_is_not_owed_for_it() {
    let mut machine = Machine::new(1);
    let (busy, idle) = (machine.share(100, None), machine.share(100, None));
    machine.run(&[(busy, 8)], |_| SLICE, Duration::from_secs(2));
    machine.computed.clear();
    machine.run(&[(busy, 8), (idle, 8)], |_| SLICE, Duration::from_secs(2));
    let ratio = machine.ratio(idle, busy);
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
    // And neither is who was alone before it.
    machine.computed.clear();
    machine.run(&[(idle, 8)], |_| SLICE, Duration::from_secs(2));
    machine.computed.clear();
    machine.run(&[(busy, 8), (idle, 8)], |_| SLICE, Duration::from_secs(2));
    let ratio = machine.ratio(busy, idle);
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn an_allowance_is_kept_to_and_the_rest_is_the_others() {
    let mut machine = Machine::new(2);
    let (bounded, free) = (machine.share(100, Some(0.25)), machine.share(100, None));
    let time = Duration::from_secs(4);
    machine.run(&[(bounded, 8), (free, 8)], |_| SLICE, time);
    let used = machine.computed[&bounded].as_secs_f64() / time.as_secs_f64();
    assert!((0.23..0.29).contains(&used), "{used}");
    let rest = machine.computed[&free].as_secs_f64() / time.as_secs_f64();
    assert!(rest > 1.65, "{rest}");
}

#[test]
fn who_is_told_to_come_and_does_not_lets_the_next_come() {
    let mut state = State::new(1);
    let share = state.add(ShareOptions::default(), Instant::now());
    let ask = |state: &mut State, asking| {
        let (answer, _) = state.ask(share, asking, Waker::noop(), Instant::now());
        answer
    };
    assert!(matches!(ask(&mut state, Asking::First), Answer::Go));
    let (Answer::Wait(first), Answer::Wait(second)) = (
        ask(&mut state, Asking::First),
        ask(&mut state, Asking::First),
    ) else {
        panic!("there is one processor");
    };
    assert!(
        state.release(share, SLICE).is_some(),
        "the first is told to come"
    );
    assert!(
        state.leave(share, first).is_some(),
        "the second is told to come"
    );
    assert!(matches!(ask(&mut state, Asking::Again(second)), Answer::Go));
    assert!(state.release(share, SLICE).is_none(), "nobody waits");
}

/// Counts how often somebody was told to come.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn of_a_share_that_rests_only_one_is_told_to_come() {
    let mut state = State::new(2);
    let began = Instant::now();
    let options = ShareOptions {
        weight: 100,
        processors: Some(0.1),
    };
    let share = state.add(options, began);
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    let told = || calls.0.swap(0, Ordering::Relaxed);
    let wake = |next: Option<Waker>| next.into_iter().for_each(Waker::wake);
    let mut ask = |asking, now| {
        let (answer, next) = state.ask(share, asking, &waker, now);
        wake(next);
        answer
    };
    assert!(matches!(ask(Asking::First, began), Answer::Go));
    assert!(matches!(ask(Asking::First, began), Answer::Go));
    let mut tickets = Vec::new();
    for _ in 0..100 {
        let Answer::Wait(ticket) = ask(Asking::First, began) else {
            panic!("both processors are taken");
        };
        tickets.push(ticket);
    }
    assert_eq!(told(), 0);
    // What it may use is used up.
    let ends = began + 20 * SLICE;
    for _ in 0..2 {
        state.charge(share, 20 * SLICE, 20 * SLICE);
        wake(state.release(share, SLICE));
    }
    assert_eq!(told(), 2, "one for each processor");
    let mut ask = |asking, now| {
        let (answer, next) = state.ask(share, asking, &waker, now);
        wake(next);
        answer
    };
    let Answer::Rest(until, keeper) = ask(Asking::Again(tickets[0]), ends) else {
        panic!("it has used up what it may use");
    };
    assert!(matches!(
        ask(Asking::Again(tickets[1]), ends),
        Answer::Wait(_)
    ));
    assert!(matches!(ask(Asking::First, ends), Answer::Wait(_)));
    assert_eq!(told(), 0, "all wait for the one that keeps the time");
    let then = until + SLICE;
    assert!(matches!(ask(Asking::Rested(keeper), then), Answer::Go));
    assert_eq!(told(), 1, "for the other processor");
    state.charge(share, 20 * SLICE, 20 * SLICE);
    wake(state.release(share, SLICE));
    assert_eq!(told(), 1);
    // Who keeps the time and goes away is followed by the next.
    let mut ask = |asking, now| {
        let (answer, next) = state.ask(share, asking, &waker, now);
        wake(next);
        answer
    };
    assert!(matches!(
        ask(Asking::Again(tickets[1]), then),
        Answer::Rest(..)
    ));
    wake(state.leave_resting(share));
    assert_eq!(told(), 1);
}

/// Computes for so many slices.
async fn compute(slices: usize, ends: Arc<AtomicBool>) {
    for _ in 0..slices {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        let began = Instant::now();
        while began.elapsed() < SLICE {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_is_woken_and_what_is_dropped_is_forgotten() {
    let scheduler = Scheduler::new(2, true);
    let share = || Arc::new(scheduler.share(ShareOptions::default()));
    let (greedy, modest) = (share(), share());
    let ends = Arc::new(AtomicBool::new(false));
    let spin = |share: &Arc<Share>, slices| {
        let (share, ends) = (share.clone(), ends.clone());
        tokio::spawn(async move { share.run(pin!(compute(slices, ends))).await })
    };
    let spinning: Vec<_> = (0..64).map(|_| spin(&greedy, usize::MAX)).collect();
    for waiting in spinning.iter().take(32) {
        waiting.abort();
    }
    for _ in 0..50 {
        let one = spin(&modest, 3);
        let done = tokio::time::timeout(Duration::from_secs(20), one).await;
        done.expect("its turn comes").unwrap();
    }
    assert!(modest.computed() >= 100 * SLICE, "{:?}", modest.computed());
    ends.store(true, Ordering::Relaxed);
    for one in spinning {
        let _ = one.await;
    }
    let state = scheduler.state.lock();
    assert!(state.is_at_rest(), "nobody computes or waits");
}

#[tokio::test]
async fn who_is_called_owes_nothing_for_it() {
    let scheduler = Scheduler::new(1, true);
    let share = || Arc::new(scheduler.share(ShareOptions::default()));
    let (caller, callee) = (share(), share());
    let never = Arc::new(AtomicBool::new(false));
    let used = |share: &Arc<Share>| scheduler.state.lock().used(share.number);
    let before = used(&callee);
    let call = pin!(compute(5, never.clone()));
    caller.run(pin!(callee.run(call))).await;
    assert_eq!(used(&callee), before);
    assert!(used(&caller) >= before + 5_000_000);
}

#[tokio::test]
async fn what_runs_within_a_slice_is_its_own_and_needs_no_other_processor() {
    let scheduler = Scheduler::new(1, true);
    let share = || Arc::new(scheduler.share(ShareOptions::default()));
    let (caller, callee) = (share(), share());
    let never = Arc::new(AtomicBool::new(false));
    let called = pin!(compute(5, never.clone()));
    let call = callee.run(called);
    caller
        .run(pin!(async {
            compute(1, never.clone()).await;
            call.await;
        }))
        .await;
    assert!(callee.computed() >= 5 * SLICE);
    assert!(caller.computed() < 5 * SLICE, "{:?}", caller.computed());
    assert!(scheduler.state.lock().is_at_rest());
}

#[test]
fn slices_are_long_when_they_were_lately() {
    let mut state = State::new(1);
    let share = state.add(ShareOptions::default(), Instant::now());
    let mut takes = |time: Duration| {
        state.ask(share, Asking::First, Waker::noop(), Instant::now());
        state.release(share, time);
        state.are_slices_long(share)
    };
    assert!(!takes(SLICE), "one may be an accident");
    assert!(takes(SLICE) && takes(SLICE));
    assert!((0..20).any(|_| !takes(Duration::from_micros(20))));
    assert!((0..20).all(|_| !takes(Duration::from_micros(200))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_computes_for_long_leaves_the_thread_to_the_others() {
    let share = Arc::new(Scheduler::new(1, true).share(ShareOptions::default()));
    let ended = Arc::new(AtomicBool::new(false));
    let spinning = tokio::spawn({
        let (share, ended) = (share.clone(), ended.clone());
        async move {
            let spin = std::future::poll_fn(|context| {
                // The last slice takes as long as the others' waiting does.
                let began = Instant::now();
                let least = Duration::from_millis(2);
                let is_long = share.scheduler.state.lock().are_slices_long(share.number);
                let most = Duration::from_secs(20);
                while began.elapsed() < least
                    || is_long && !ended.load(Ordering::Relaxed) && began.elapsed() < most
                {
                    std::thread::yield_now();
                }
                assert!(began.elapsed() < most, "nobody else had a thread");
                context.waker().wake_by_ref();
                match ended.load(Ordering::Relaxed) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            });
            share.run(pin!(spin)).await;
        }
    });
    // There is one thread, and the guest has it until this is done.
    let others = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended.store(true, Ordering::Relaxed);
    });
    others.await.unwrap();
    spinning.await.unwrap();
}
