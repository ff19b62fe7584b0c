//! Who computes next: processors are shared fairly between contexts.
//!
//! Guests compute in slices: at every tick of the engine's clock they give their thread back. For each slice an invocation asks for a processor, and when there
//! are fewer than are asked for, the context that has used least goes first (start-time fair queueing, by weight). So a context that computes without end takes
//! what the others leave, and no more than its share when they want theirs.

mod state;

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::RuntimeFlavor;
use tokio::time::Sleep;

use self::state::{Answer, Asking, State, Ticket};

/// What a context may use of the processors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareOptions {
    /// How much it gets beside others, in proportion to theirs.
    pub weight: u32,
    /// How many processors it may use at most on average, whether others want them or not: 0.5 is half of one.
    pub processors: Option<f64>,
}

impl Default for ShareOptions {
    fn default() -> Self {
        Self {
            weight: 100,
            processors: None,
        }
    }
}

/// Gives the processors to the shares; cheap to clone.
#[derive(Clone)]
pub(super) struct Scheduler {
    state: Arc<Mutex<State>>,
    is_fair: bool,
}

/// A context's share of the processors. Its guests compute in its name.
pub struct Share {
    scheduler: Scheduler,
    number: u64,
}

impl Scheduler {
    /// One that is not fair lets everybody compute at once.
    pub(super) fn new(processors: usize, is_fair: bool) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(processors))),
            is_fair,
        }
    }

    pub(super) fn share(&self, options: ShareOptions) -> Share {
        Share {
            number: self.state.lock().add(options, Instant::now()),
            scheduler: self.clone(),
        }
    }
}

impl Share {
    /// How long its guests have computed.
    #[must_use]
    pub fn computed(&self) -> Duration {
        self.scheduler.state.lock().computed(self.number)
    }

    /// Runs what a guest does, whenever it is its turn. By reference, since a future that is handed on is there twice, and these are large.
    pub(super) fn run<'a, F: Future>(
        self: &Arc<Self>,
        future: Pin<&'a mut F>,
    ) -> impl Future<Output = F::Output> + use<'a, F> {
        Scheduled {
            future,
            turns: Turns {
                share: self.clone(),
                standing: Standing::Away,
            },
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.scheduler.state.lock().remove(self.number);
    }
}

/// A future that is polled only when its share has a processor.
struct Scheduled<'a, F> {
    future: Pin<&'a mut F>,
    turns: Turns,
}

impl<F: Future> Future for Scheduled<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.turns.share.scheduler.is_fair {
            return this.future.as_mut().poll(context);
        }
        let Some(slice) = this.turns.begin(context) else {
            return Poll::Pending;
        };
        match slice.leaves_thread {
            true => tokio::task::block_in_place(|| this.future.as_mut().poll(context)),
            false => this.future.as_mut().poll(context),
        }
    }
}

/// An invocation's turns at the processors.
struct Turns {
    share: Arc<Share>,
    standing: Standing,
}

/// Where an invocation stands.
enum Standing {
    /// It asks for nothing.
    Away,
    /// It is in the queue, or was told to come.
    Queued(Ticket),
    /// Its share has used up what it may use; with a ticket it keeps the time for all of the share.
    Resting(Pin<Box<Sleep>>, Option<Ticket>),
}

thread_local! {
    /// Whether this thread has a processor, and how long what was run within its slice has taken. A call runs within the slice of its caller.
    static WITHIN: Cell<Option<Duration>> = const { Cell::new(None) };
}

impl Turns {
    /// A slice, if there is a processor for it now; otherwise the task is woken when there is.
    fn begin(&mut self, context: &mut Context<'_>) -> Option<Slice<'_>> {
        let asking = match &mut self.standing {
            Standing::Away => Asking::First,
            Standing::Queued(ticket) => Asking::Again(*ticket),
            Standing::Resting(sleep, ticket) => {
                if sleep.as_mut().poll(context).is_pending() {
                    return None;
                }
                ticket.map_or(Asking::First, Asking::Rested)
            }
        };
        let outer = WITHIN.get();
        let began = Instant::now();
        let share = self.share.number;
        if outer.is_some() {
            // The processor is there already. A second one could be waited for by everybody who has one.
            self.leave();
            let until = self.share.scheduler.state.lock().ask_within(share, began);
            if let Some(until) = until {
                self.rest(until, None, context);
                return None;
            }
            return Some(self.slice(began, outer, false));
        }
        let mut state = self.share.scheduler.state.lock();
        let (answer, next) = state.ask(share, asking, context.waker(), began);
        let is_long = matches!(answer, Answer::Go) && state.are_slices_long(share);
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
        match answer {
            Answer::Go => Some(self.slice(began, outer, is_long && may_leave_thread())),
            Answer::Wait(ticket) => {
                self.standing = Standing::Queued(ticket);
                None
            }
            Answer::Rest(until, ticket) => {
                self.rest(until, Some(ticket), context);
                None
            }
        }
    }

    fn slice(&mut self, began: Instant, outer: Option<Duration>, leaves_thread: bool) -> Slice<'_> {
        self.standing = Standing::Away;
        WITHIN.set(Some(Duration::ZERO));
        Slice {
            share: &self.share,
            began,
            outer,
            leaves_thread,
        }
    }

    /// Asks for nothing any more.
    fn leave(&mut self) {
        let (share, standing) = (
            &self.share,
            std::mem::replace(&mut self.standing, Standing::Away),
        );
        let next = match standing {
            Standing::Queued(ticket) => share.scheduler.state.lock().leave(share.number, ticket),
            Standing::Resting(_, Some(_)) => {
                share.scheduler.state.lock().leave_resting(share.number)
            }
            Standing::Away | Standing::Resting(_, None) => None,
        };
        if let Some(next) = next {
            next.wake();
        }
    }

    fn rest(&mut self, until: Instant, ticket: Option<Ticket>, context: &mut Context<'_>) {
        let mut sleep = Box::pin(tokio::time::sleep_until(until.into()));
        // It is polled once, so that it wakes the task.
        let is_over = sleep.as_mut().poll(context).is_ready();
        self.standing = Standing::Resting(sleep, ticket);
        if is_over {
            context.waker().wake_by_ref();
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A slice of a processor, until it is dropped.
struct Slice<'a> {
    share: &'a Share,
    began: Instant,
    outer: Option<Duration>,
    /// Whether another thread goes on with the sockets meanwhile: handing them on costs more than a short slice is worth.
    leaves_thread: bool,
}

/// Whether there are threads that others' tasks can be handed on to.
fn may_leave_thread() -> bool {
    let handle = tokio::runtime::Handle::try_current();
    handle.is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let within = WITHIN.replace(self.outer.map(|outer| outer + took));
        let own = took.saturating_sub(within.unwrap_or_default());
        let mut state = self.share.scheduler.state.lock();
        // Whoever calls pays: a context that is called by many must not be late for its own requests.
        let paid = match self.outer {
            None => took,
            Some(_) => Duration::ZERO,
        };
        state.charge(self.share.number, paid, own);
        if self.outer.is_none() {
            let next = state.release(self.share.number, took);
            drop(state);
            if let Some(next) = next {
                next.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests;
