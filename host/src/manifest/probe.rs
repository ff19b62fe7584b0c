//! `[context.<name>.startup_probe]`, `readiness_probe` and `liveness_probe`: when a version is given up on, gets no work, or is restarted. The words are
//! Kubernetes'.

use std::{fmt, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use super::scalar;

/// `[context.<name>.startup_probe]`: how often, and how long, a version that was just loaded is asked whether it is ready. The words are Kubernetes'.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StartupProbe {
    /// How long it is left alone first.
    #[serde(deserialize_with = "scalar::duration")]
    pub initial_delay: Duration,
    /// The pause between two questions.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub period: Duration,
    /// How long an answer may take.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub timeout: Duration,
    /// How many times it may fail to say that it is ready.
    #[serde(deserialize_with = "scalar::positive")]
    pub failure_threshold: NonZeroU32,
}

impl Default for StartupProbe {
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            period: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            failure_threshold: NonZeroU32::MIN.saturating_add(9),
        }
    }
}

/// `[context.<name>.readiness_probe]`: how often the version that serves is asked whether it can take requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadinessProbe {
    /// How long a version is left alone after it was loaded.
    #[serde(deserialize_with = "scalar::duration")]
    pub initial_delay: Duration,
    /// The pause between two questions.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub period: Duration,
    /// How long an answer may take.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub timeout: Duration,
    /// How many times in a row it must say that it is ready before it gets work again.
    #[serde(deserialize_with = "scalar::positive")]
    pub success_threshold: NonZeroU32,
    /// How many times in a row it may fail to say so before it gets no work.
    #[serde(deserialize_with = "scalar::positive")]
    pub failure_threshold: NonZeroU32,
}

impl Default for ReadinessProbe {
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            period: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            success_threshold: NonZeroU32::MIN,
            failure_threshold: NonZeroU32::MIN.saturating_add(2),
        }
    }
}

/// `[context.<name>.liveness_probe]`: how often the version that serves is asked whether it works.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LivenessProbe {
    /// How long a version is left alone after it was loaded.
    #[serde(deserialize_with = "scalar::duration")]
    pub initial_delay: Duration,
    /// The pause between two questions.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub period: Duration,
    /// How long an answer may take.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub timeout: Duration,
    /// Kubernetes has it for each probe; whoever is restarted has to be alive once.
    #[serde(deserialize_with = "one")]
    pub success_threshold: NonZeroU32,
    /// How many times in a row it may fail to say that it works before it is restarted.
    #[serde(deserialize_with = "scalar::positive")]
    pub failure_threshold: NonZeroU32,
}

impl Default for LivenessProbe {
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            period: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            success_threshold: NonZeroU32::MIN,
            failure_threshold: NonZeroU32::MIN.saturating_add(2),
        }
    }
}

fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    match scalar::positive(deserializer)? {
        NonZeroU32::MIN => Ok(NonZeroU32::MIN),
        _ => Err(D::Error::custom(
            "must be 1: a version that was restarted needs to be alive once; only readiness_probe may ask for more",
        )),
    }
}

/// One probe in a line, as `kubectl describe` has it.
struct Line {
    initial_delay: Duration,
    timeout: Duration,
    period: Duration,
    successes: u32,
    failures: u32,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "delay={} timeout={} period={} #success={} #failure={}",
            Short(self.initial_delay),
            Short(self.timeout),
            Short(self.period),
            self.successes,
            self.failures
        )
    }
}

/// A duration as the manifest writes it, and `kubectl`: `10s`, `500ms`.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (
            self.0.as_secs(),
            self.0.subsec_millis(),
            self.0.subsec_micros(),
        ) {
            (seconds, 0, 0) => write!(f, "{seconds}s"),
            (0, milliseconds, micros) if micros == milliseconds * 1_000 => {
                write!(f, "{milliseconds}ms")
            }
            (seconds, milliseconds, micros) if micros == milliseconds * 1_000 => {
                write!(f, "{seconds}s{milliseconds}ms")
            }
            _ => write!(f, "{}us", self.0.as_micros()),
        }
    }
}

macro_rules! in_a_line {
    ($probe:ty, $successes:expr) => {
        impl fmt::Display for $probe {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let successes: fn(&$probe) -> u32 = $successes;
                let line = Line {
                    initial_delay: self.initial_delay,
                    timeout: self.timeout,
                    period: self.period,
                    successes: successes(self),
                    failures: self.failure_threshold.get(),
                };
                line.fmt(f)
            }
        }
    };
}

in_a_line!(StartupProbe, |_| 1);
in_a_line!(ReadinessProbe, |probe| probe.success_threshold.get());
in_a_line!(LivenessProbe, |probe| probe.success_threshold.get());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_told_in_the_line_of_kubectl() {
        assert_eq!(
            LivenessProbe::default().to_string(),
            "delay=0s timeout=1s period=10s #success=1 #failure=3"
        );
        let probe = StartupProbe {
            initial_delay: Duration::from_millis(1_500),
            period: Duration::from_millis(20),
            ..StartupProbe::default()
        };
        assert_eq!(
            probe.to_string(),
            "delay=1s500ms timeout=5s period=20ms #success=1 #failure=10"
        );
    }
}
