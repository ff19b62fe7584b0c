//! What a context may write to the log, with what is written of its failures. What is more is left out: whoever writes a lot must not fill the disk, nor be in the way of what others have to say.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use parking_lot::Mutex;

use crate::guest::LogGate;
use crate::manifest::LogLimits;
use crate::observe::metrics::{LOG_BYTES_DROPPED, LOG_LINES_DROPPED};

/// About what a line takes that says why an invocation of a context failed, in bytes.
const FAILURE_LINE: usize = 512;
/// How often it is said that lines are left out, while they are.
const PACE: Duration = Duration::from_secs(60);

/// What one context may write to the log: so much a second, and as much at once.
pub struct LogRateLimit {
    context: String,
    limits: LogLimits,
    state: Mutex<State>,
    lines: Counter,
    bytes: Counter,
}

struct State {
    /// What is left.
    lines: f64,
    bytes: f64,
    /// Up to when it has been filled up.
    filled: Instant,
    dropped: u64,
    told: Option<Instant>,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Written,
    Dropped,
    /// Dropped, and that is to be said, with how many were.
    Told(u64),
}

impl LogRateLimit {
    /// What a context may write.
    pub fn new(context: &str, limits: LogLimits) -> Arc<Self> {
        let counter = |name: &'static str| counter!(name, "context" => context.to_owned());
        Arc::new(Self {
            state: Mutex::new(State {
                lines: limits.lines.get().into(),
                bytes: limits.bytes as f64,
                filled: Instant::now(),
                dropped: 0,
                told: None,
            }),
            lines: counter(LOG_LINES_DROPPED),
            bytes: counter(LOG_BYTES_DROPPED),
            context: context.to_owned(),
            limits,
        })
    }

    /// What versions may write, all together, that are asked what they are before they serve anywhere.
    pub fn of_candidates() -> Arc<Self> {
        static CANDIDATES: LazyLock<Arc<LogRateLimit>> =
            LazyLock::new(|| LogRateLimit::new("", LogLimits::default()));
        CANDIDATES.clone()
    }

    /// Whether a line may be written that says why an invocation of the context failed: there may be as many as clients can send requests.
    pub fn admits_failure(&self) -> bool {
        self.admit(FAILURE_LINE)
    }

    /// How many lines were left out since the host started.
    pub fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }

    fn judge(&self, bytes: usize, now: Instant) -> Verdict {
        let (lines, most) = (f64::from(self.limits.lines.get()), self.limits.bytes as f64);
        // A line that is longer than all of it takes all of it.
        let cost = (bytes as f64).min(most);
        let mut state = self.state.lock();
        let passed = now.saturating_duration_since(state.filled).as_secs_f64();
        state.filled = state.filled.max(now);
        state.lines = (state.lines + passed * lines).min(lines);
        state.bytes = (state.bytes + passed * most).min(most);
        if state.lines >= 1.0 && state.bytes >= cost {
            state.lines -= 1.0;
            state.bytes -= cost;
            return Verdict::Written;
        }
        state.dropped += 1;
        let is_told = state.told.is_some_and(|told| now < told + PACE);
        if is_told {
            return Verdict::Dropped;
        }
        state.told = Some(now);
        Verdict::Told(state.dropped)
    }
}

impl LogGate for LogRateLimit {
    fn longest_line(&self) -> usize {
        usize::try_from(self.limits.line).unwrap_or(usize::MAX)
    }

    fn admit(&self, bytes: usize) -> bool {
        let verdict = self.judge(bytes, Instant::now());
        if verdict == Verdict::Written {
            return true;
        }
        self.lines.increment(1);
        self.bytes.increment(bytes as u64);
        if let Verdict::Told(dropped) = verdict {
            tracing::warn!(
                context = self.context,
                dropped,
                "log lines of this context are being dropped, because it writes more than limits.log allows; `innkeeper status` and the metrics count them"
            );
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limit(lines: u32, bytes: u64) -> Arc<LogRateLimit> {
        let limits = LogLimits {
            lines: lines.try_into().unwrap(),
            bytes,
            line: 100,
        };
        LogRateLimit::new("room", limits)
    }

    fn written(rate_limit: &LogRateLimit, count: usize, bytes: usize, now: Instant) -> usize {
        let judged = (0..count).map(|_| rate_limit.judge(bytes, now));
        judged
            .filter(|verdict| *verdict == Verdict::Written)
            .count()
    }

    #[test]
    fn so_much_a_second_is_written_and_the_rest_counted() {
        let by_lines = rate_limit(10, 1_000_000);
        let by_bytes = rate_limit(1_000, 1_000);
        let begun = Instant::now();
        assert_eq!(written(&by_lines, 100, 50, begun), 10);
        assert_eq!(by_lines.dropped(), 90);
        let later = begun + Duration::from_millis(500);
        assert_eq!(written(&by_lines, 100, 50, later), 5);
        // What was not used is not saved up for longer.
        let much_later = begun + Duration::from_secs(100);
        assert_eq!(written(&by_lines, 100, 50, much_later), 10);

        assert_eq!(written(&by_bytes, 100, 300, begun), 3);
        assert_eq!(
            written(&by_bytes, 100, 300, begun + Duration::from_secs(1)),
            3
        );
    }

    #[test]
    fn a_line_that_is_longer_than_all_of_it_is_written_when_nothing_else_is() {
        let rate_limit = rate_limit(10, 100);
        let begun = Instant::now();
        assert_eq!(written(&rate_limit, 2, 5_000, begun), 1);
        assert_eq!(
            written(&rate_limit, 2, 5_000, begun + Duration::from_secs(1)),
            1
        );
    }

    #[test]
    fn it_is_said_once_a_minute() {
        let rate_limit = rate_limit(1, 1_000);
        let begun = Instant::now();
        let mut told = Vec::new();
        for tenth in 0..1_000 {
            let now = begun + Duration::from_millis(tenth * 100);
            // More than may be, all the time.
            for _ in 0..2 {
                if let Verdict::Told(dropped) = rate_limit.judge(10, now) {
                    told.push(dropped);
                }
            }
        }
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], 1);
    }
}
