//! How much of a context runs and waits: on average over a time, however short each of it is.

use std::time::Duration;

use tokio::time::Instant;

/// How many invocations run and wait, measured over time.
#[derive(Debug)]
pub(super) struct LoadMeter {
    pub running: u32,
    pub waiting: u32,
    began: Instant,
    changed: Instant,
    /// What each of them has run and waited since it began, together.
    ran: Duration,
    waited: Duration,
}

/// What ran and waited over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// How many ran, on average.
    pub running: f64,
    /// How many waited, on average.
    pub waiting: f64,
    /// How many run and wait at its end.
    pub now: u32,
}

impl LoadMeter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            running: 0,
            waiting: 0,
            began: now,
            changed: now,
            ran: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    /// Counts up to now; to be called before anything changes.
    pub(super) fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.changed);
        self.changed = now;
        self.ran += passed * self.running;
        self.waited += passed * self.waiting;
    }

    /// What ran and waited since this was asked last.
    pub(super) fn take(&mut self, now: Instant) -> Load {
        self.pass(now);
        let passed = now.saturating_duration_since(self.began).as_secs_f64();
        let average = |time: Duration, present: u32| match passed > 0.0 {
            true => time.as_secs_f64() / passed,
            false => f64::from(present),
        };
        let load = Load {
            running: average(self.ran, self.running),
            waiting: average(self.waited, self.waiting),
            now: self.running + self.waiting,
        };
        self.began = now;
        (self.ran, self.waited) = (Duration::ZERO, Duration::ZERO);
        load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_between_two_looks_is_counted() {
        let began = Instant::now();
        let after = |milliseconds| began + Duration::from_millis(milliseconds);
        let mut meter = LoadMeter::new(began);
        let set = |meter: &mut LoadMeter, at, running, waiting| {
            meter.pass(at);
            (meter.running, meter.waiting) = (running, waiting);
        };
        // Two ran for a quarter of a second, and one waited for half of one: nobody is there at its end.
        set(&mut meter, after(100), 2, 0);
        set(&mut meter, after(350), 0, 1);
        set(&mut meter, after(850), 0, 0);
        let load = meter.take(after(1_000));
        let expected = Load {
            running: 0.5,
            waiting: 0.5,
            now: 0,
        };
        assert_eq!(load, expected);
        assert_eq!(meter.take(after(2_000)), Load::default());
        set(&mut meter, after(2_000), 3, 1);
        assert_eq!(meter.take(after(2_000)).now, 4);
    }
}
