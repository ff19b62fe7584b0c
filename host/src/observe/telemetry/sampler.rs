//! Which traces are recorded: decided at the first span, as `OTEL_TRACES_SAMPLER` says.

use std::env;

use crate::core::TraceContext;

/// Decides whether a trace is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    /// Whether what was decided elsewhere holds here, too.
    follows_parent: bool,
    ratio: f64,
}

/// Why traces cannot be sampled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamplerError {
    /// No such sampler.
    #[error(
        "OTEL_TRACES_SAMPLER is `{0}`; write always_on, always_off, traceidratio, or one of them after `parentbased_`"
    )]
    Unknown(String),
    /// No such share.
    #[error(
        "OTEL_TRACES_SAMPLER_ARG is `{0}`; write a number from 0 to 1, the share of traces to record"
    )]
    Ratio(String),
}

impl Sampler {
    pub(super) fn of_environment() -> Result<Self, SamplerError> {
        let name = env::var("OTEL_TRACES_SAMPLER").unwrap_or_default();
        let argument = env::var("OTEL_TRACES_SAMPLER_ARG").unwrap_or_default();
        Self::of(name.trim(), argument.trim())
    }

    fn of(name: &str, argument: &str) -> Result<Self, SamplerError> {
        let (follows_parent, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None if name.is_empty() => (true, "always_on"),
            None => (false, name),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" if argument.is_empty() => 1.0,
            "traceidratio" => {
                let ratio = argument
                    .parse()
                    .ok()
                    .filter(|share| (0.0..=1.0).contains(share));
                ratio.ok_or_else(|| SamplerError::Ratio(argument.to_owned()))?
            }
            _ => return Err(SamplerError::Unknown(name.to_owned())),
        };
        Ok(Self {
            follows_parent,
            ratio,
        })
    }

    pub(super) fn samples(&self, trace: &TraceContext) -> bool {
        if self.follows_parent && trace.is_continued() {
            return trace.sampled();
        }
        // The lower half of the id is random, so all who sample by it agree.
        let [.., a, b, c, d, e, f, g, h] = trace.trace_id_bytes();
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let share = number as f64 / (u64::MAX >> 1) as f64;
        self.ratio >= 1.0 || share < self.ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(sampler: Sampler) -> usize {
        let traces = (0..2_000).map(|_| TraceContext::new());
        traces.filter(|trace| sampler.samples(trace)).count()
    }

    #[test]
    fn the_share_that_is_asked_for_is_recorded() {
        assert_eq!(sampled(Sampler::of("", "").unwrap()), 2_000);
        assert_eq!(sampled(Sampler::of("always_off", "").unwrap()), 0);
        let tenth = sampled(Sampler::of("traceidratio", "0.1").unwrap());
        assert!((100..=320).contains(&tenth), "{tenth}");
    }

    #[test]
    fn what_was_decided_elsewhere_holds_where_it_is_followed() {
        let parent = |flags| {
            let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            TraceContext::parse(&text).unwrap().child()
        };
        let follows = Sampler::of("parentbased_always_off", "").unwrap();
        assert!(follows.samples(&parent("01")));
        assert!(!follows.samples(&parent("00")));
        let ignores = Sampler::of("always_on", "").unwrap();
        assert!(ignores.samples(&parent("00")));
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        assert!(matches!(
            Sampler::of("sometimes", ""),
            Err(SamplerError::Unknown(_))
        ));
        assert!(matches!(
            Sampler::of("traceidratio", "2"),
            Err(SamplerError::Ratio(_))
        ));
    }
}
