//! What is exported, as the standard variables say.

use super::variables::Environment;
use super::{ENDPOINT, LOGS_ENDPOINT, METRICS_ENDPOINT, METRICS_EXPORTER, TRACES_ENDPOINT};

/// What is to be exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub traces: bool,
    pub metrics: bool,
    pub logs: bool,
}

impl Wanted {
    /// As the specification has it, but that nothing is exported unless an endpoint or an exporter is named.
    pub(super) fn of(environment: &Environment<'_>) -> Self {
        let disabled = environment.named("OTEL_SDK_DISABLED");
        if environment.is_true(disabled) {
            return Self::default();
        }
        let wanted = |exporter: &str, endpoint: &str, known: &[&str]| {
            let Some(list) = environment.value(exporter) else {
                return [ENDPOINT, endpoint]
                    .iter()
                    .any(|name| environment.value(name).is_some());
            };
            for unknown in exporters(&list).filter(|name| !known.contains(name)) {
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let known = known.join(" or ");
                environment.ignore(format!(
                    "{exporter} names `{unknown}`, which there is not; write {known}"
                ));
            }
            exporters(&list).any(|name| name == "otlp")
        };
        let own = ["otlp", "none"];
        Self {
            traces: wanted("OTEL_TRACES_EXPORTER", TRACES_ENDPOINT, &own),
            // They can be scraped in any case.
            metrics: wanted(
                METRICS_EXPORTER,
                METRICS_ENDPOINT,
                &["otlp", "prometheus", "none"],
            ),
            logs: wanted("OTEL_LOGS_EXPORTER", LOGS_ENDPOINT, &own),
        }
    }
}

/// The exporters of a list, `otlp,prometheus`.
fn exporters(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }

    /// What is wanted, and how much of it is not followed.
    fn wanted(variables: &[(&str, &str)]) -> (Wanted, usize) {
        let find = |name: &str| find(variables, name);
        let environment = Environment::new(&find);
        (Wanted::of(&environment), environment.ignored().len())
    }

    #[test]
    fn nothing_is_exported_unless_somebody_asks_for_it() {
        assert_eq!(wanted(&[]), (Wanted::default(), 0));
        let disabled = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        assert_eq!(wanted(&disabled), (Wanted::default(), 0));
        let perhaps = [
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_SDK_DISABLED", "maybe"),
        ];
        let (wanted, told) = wanted(&perhaps);
        assert!(wanted.traces && told == 1);
    }

    #[test]
    fn an_endpoint_or_an_exporter_asks_for_it() {
        let all = wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")]);
        assert_eq!(
            all.0,
            Wanted {
                traces: true,
                metrics: true,
                logs: true
            }
        );
        let traces = wanted(&[(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://localhost:4317",
        )]);
        assert_eq!(
            traces.0,
            Wanted {
                traces: true,
                metrics: false,
                logs: false
            }
        );
        let without_logs = wanted(&[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ]);
        assert_eq!(
            without_logs.0,
            Wanted {
                traces: true,
                metrics: false,
                logs: false
            }
        );
    }

    #[test]
    fn an_exporter_that_is_not_known_is_told_and_others_are_taken() {
        for exporter in [
            "OTEL_TRACES_EXPORTER",
            METRICS_EXPORTER,
            "OTEL_LOGS_EXPORTER",
        ] {
            for (list, exports, told) in [
                ("otlp,none", true, 0),
                ("none", false, 0),
                ("console", false, 1),
                ("otlp, console", true, 1),
                ("zipkin,console", false, 2),
            ] {
                let (wanted, ignored) = wanted(&[(exporter, list)]);
                let exported = [wanted.traces, wanted.metrics, wanted.logs];
                let exported = exported.into_iter().any(|is_exported| is_exported);
                assert_eq!((exported, ignored), (exports, told), "{exporter}={list}");
            }
        }
        let scraped = wanted(&[(METRICS_EXPORTER, "prometheus")]);
        assert_eq!(scraped, (Wanted::default(), 0));
    }
}
