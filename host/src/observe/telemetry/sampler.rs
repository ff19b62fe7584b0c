//! Which traces are recorded: decided at the first span, as `OTEL_TRACES_SAMPLER` says.

use super::variables::Environment;
use crate::core::TraceContext;

/// Decides whether a trace is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    /// Whether what was decided elsewhere holds here, too.
    follows_parent: bool,
    ratio: f64,
}

impl Sampler {
    /// As the variables say; all traces that nobody else has decided on, where they say nothing.
    pub(super) fn of(environment: &Environment<'_>) -> Self {
        let wanted =
            "write always_on, always_off, traceidratio, or one of them after `parentbased_`";
        let named = environment.read(environment.named("OTEL_TRACES_SAMPLER"), wanted, |name| {
            let (follows_parent, kind) = match name.strip_prefix("parentbased_") {
                Some(kind) => (true, kind),
                None => (false, name),
            };
            let is_by_ratio = kind == "traceidratio";
            let ratio = if kind == "always_off" { 0.0 } else { 1.0 };
            let sampler = Self {
                follows_parent,
                ratio,
            };
            let is_known = is_by_ratio || ["always_on", "always_off"].contains(&kind);
            is_known.then_some((sampler, is_by_ratio))
        });
        let (sampler, is_by_ratio) = named.unwrap_or((
            Self {
                follows_parent: true,
                ratio: 1.0,
            },
            false,
        ));
        let argument = environment.named("OTEL_TRACES_SAMPLER_ARG");
        let wanted = "write a number from 0 to 1, the share of traces to record";
        let ratio = environment.read(argument.filter(|_| is_by_ratio), wanted, |share| {
            let share = share.parse().ok();
            share.filter(|share| (0.0..=1.0).contains(share))
        });
        Self {
            ratio: ratio.unwrap_or(sampler.ratio),
            ..sampler
        }
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

    fn of(name: &str, argument: &str) -> (Sampler, usize) {
        let variables = |variable: &str| match variable {
            "OTEL_TRACES_SAMPLER" => Some(name.to_owned()),
            "OTEL_TRACES_SAMPLER_ARG" => Some(argument.to_owned()),
            _ => None,
        };
        let variables = |variable: &str| variables(variable).filter(|value| !value.is_empty());
        let environment = Environment::new(&variables);
        (Sampler::of(&environment), environment.ignored().len())
    }

    fn sampled(sampler: Sampler) -> usize {
        let traces = (0..2_000).map(|_| TraceContext::new());
        traces.filter(|trace| sampler.samples(trace)).count()
    }

    #[test]
    fn the_share_that_is_asked_for_is_recorded() {
        assert_eq!(sampled(of("", "").0), 2_000);
        assert_eq!(sampled(of("always_off", "").0), 0);
        let (sampler, told) = of("traceidratio", "0.1");
        let tenth = sampled(sampler);
        assert!((100..=320).contains(&tenth), "{tenth}");
        assert_eq!(told, 0);
    }

    #[test]
    fn what_was_decided_elsewhere_holds_where_it_is_followed() {
        let parent = |flags| {
            let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            TraceContext::parse(&text).unwrap().child()
        };
        let (follows, _) = of("parentbased_always_off", "");
        assert!(follows.samples(&parent("01")));
        assert!(!follows.samples(&parent("00")));
        let (ignores, _) = of("always_on", "");
        assert!(ignores.samples(&parent("00")));
    }

    #[test]
    fn what_is_no_sampler_is_told_and_taken_for_not_said() {
        let (usual, told) = of("", "");
        assert_eq!(told, 0);
        assert_eq!(of("sometimes", ""), (usual, 1));
        for share in ["2", "-1", "half", "NaN"] {
            let (sampler, told) = of("traceidratio", share);
            assert_eq!((sampler.ratio, told), (1.0, 1), "{share}");
        }
    }
}
