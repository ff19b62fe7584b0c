//! The kinds of events that the host tells of contexts, and what each says in a sentence.

use serde_json::Value;

use super::occurrences::Severity;
use crate::core::counted;

/// What the host tells of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostEventKind {
    /// A circuit breaker opened: calls of one caller are rejected at once.
    CircuitBreakerOpened,
    /// A circuit breaker lets one call try whether the callee works again.
    CircuitBreakerHalfOpened,
    /// A circuit breaker closed: calls go through.
    CircuitBreakerClosed,
    /// An operator, or the manifest, has switched faults on.
    FaultInjectionStarted,
    /// Faults are off again.
    FaultInjectionEnded,
    /// A context has more slots.
    ScaledUp,
    /// A context has fewer slots.
    ScaledDown,
    /// An idle version left the memory.
    Unloaded,
    /// A version that was unloaded is back.
    Loaded,
    /// A version that was unloaded could not be loaded again.
    LoadFailed,
    /// A probe failed as often as its threshold says.
    ProbeFailed,
    /// A context gets no work: it says that it is not ready.
    NotReady,
    /// A context gets work again.
    Ready,
    /// A version was loaded anew, because it was not alive.
    Restarted,
    /// A version that fails again and again waits before it is restarted.
    CrashLoopBackOff,
    /// A version that kept failing was replaced by the one before it.
    HealedByRollback,
}

impl HostEventKind {
    /// What its event tells, in a sentence, and whether that is as it should be; none for what is told with the health of a context.
    pub(super) fn told(self, data: &Value) -> Option<(Severity, String)> {
        let text = |name: &str| match &data[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_there = |name: &str| !data[name].is_null();
        Some(match self {
            Self::CircuitBreakerOpened => {
                let sentence = format!(
                    "calls of {} are rejected for {} ms: version {} failed{}",
                    text("caller"),
                    text("ejectionMs"),
                    text("version"),
                    match data["errors"].as_u64() {
                        None | Some(0) => " again when it was tried".to_owned(),
                        Some(errors) => format!(" {} in a row", counted(errors, "time")),
                    }
                );
                (Severity::Warning, sentence)
            }
            Self::CircuitBreakerHalfOpened => {
                let sentence = format!("one call of {} may try again", text("caller"));
                (Severity::Normal, sentence)
            }
            Self::CircuitBreakerClosed => {
                let sentence = format!("calls of {} go through again", text("caller"));
                (Severity::Normal, sentence)
            }
            Self::FaultInjectionStarted => {
                let delay = is_there("delay").then(|| {
                    let delay = &data["delay"];
                    let fixed = delay["fixed"].as_str().unwrap_or_default();
                    format!("{} % are delayed by {fixed}", delay["percent"])
                });
                let abort = is_there("abort").then(|| {
                    let abort = &data["abort"];
                    format!(
                        "{} % are answered with {}",
                        abort["percent"], abort["status"]
                    )
                });
                let faults: Vec<_> = delay.into_iter().chain(abort).collect();
                let until = match is_there("until") {
                    true => format!(", until {}", text("until")),
                    false => String::new(),
                };
                (Severity::Warning, faults.join(", ") + &until)
            }
            Self::FaultInjectionEnded => (Severity::Normal, text("reason")),
            Self::ScaledUp | Self::ScaledDown => {
                let (from, to, reason) = (text("from"), text("to"), text("reason"));
                (
                    Severity::Normal,
                    format!("slots from {from} to {to}: {reason}"),
                )
            }
            Self::Unloaded | Self::Loaded => (
                Severity::Normal,
                format!("version {}: {}", text("version"), text("reason")),
            ),
            Self::LoadFailed => (
                Severity::Warning,
                format!("version {}: {}", text("version"), text("reason")),
            ),
            Self::ProbeFailed
            | Self::NotReady
            | Self::Ready
            | Self::Restarted
            | Self::CrashLoopBackOff
            | Self::HealedByRollback => return None,
        })
    }

    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::CircuitBreakerOpened,
        Self::CircuitBreakerHalfOpened,
        Self::CircuitBreakerClosed,
        Self::FaultInjectionStarted,
        Self::FaultInjectionEnded,
        Self::ScaledUp,
        Self::ScaledDown,
        Self::Unloaded,
        Self::Loaded,
        Self::LoadFailed,
        Self::ProbeFailed,
        Self::NotReady,
        Self::Ready,
        Self::Restarted,
        Self::CrashLoopBackOff,
        Self::HealedByRollback,
    ];

    /// The kind that its event has.
    pub fn name(self) -> &'static str {
        match self {
            Self::CircuitBreakerOpened => "CircuitBreakerOpened",
            Self::CircuitBreakerHalfOpened => "CircuitBreakerHalfOpened",
            Self::CircuitBreakerClosed => "CircuitBreakerClosed",
            Self::FaultInjectionStarted => "FaultInjectionStarted",
            Self::FaultInjectionEnded => "FaultInjectionEnded",
            Self::ScaledUp => "ScaledUp",
            Self::ScaledDown => "ScaledDown",
            Self::Unloaded => "Unloaded",
            Self::Loaded => "Loaded",
            Self::LoadFailed => "LoadFailed",
            Self::ProbeFailed => "ProbeFailed",
            Self::NotReady => "NotReady",
            Self::Ready => "Ready",
            Self::Restarted => "Restarted",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
            Self::HealedByRollback => "HealedByRollback",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_all_there_and_apart() {
        let names: std::collections::BTreeSet<_> =
            HostEventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), HostEventKind::ALL.len());
    }
}
