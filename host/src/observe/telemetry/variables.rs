//! What the standard variables say. What cannot be followed is taken for not said, as the specification asks, and told in the log.

use std::cell::RefCell;
use std::fmt::Display;
use std::time::Duration;

/// The value of a variable, unless it is empty.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable and what it says.
pub(super) type Said = (String, String);

/// The environment, and what of it is not followed.
pub(super) struct Environment<'a> {
    variables: Variables<'a>,
    ignored: RefCell<Vec<String>>,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// What is spoken with a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `http/protobuf`.
    Http,
    /// `grpc`.
    Grpc,
}

impl<'a> Environment<'a> {
    pub(super) fn new(variables: Variables<'a>) -> Self {
        Self {
            variables,
            ignored: RefCell::default(),
        }
    }

    /// What a variable says; none where it says nothing.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }

    /// A variable, by its name.
    pub(super) fn named(&self, name: &str) -> Option<Said> {
        self.value(name).map(|value| (name.to_owned(), value))
    }

    /// What is said of a signal's exporter, or else of all exporters: `OTEL_EXPORTER_OTLP_TRACES_...`, or `OTEL_EXPORTER_OTLP_...`.
    pub(super) fn of_exporter(&self, signal: Signal, what: &str) -> Option<Said> {
        let own = signal.name().to_uppercase();
        let own = self.named(&format!("OTEL_EXPORTER_OTLP_{own}_{what}"));
        own.or_else(|| self.named(&format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    /// What is said, as `read` reads it; none where nothing is, or what is not `wanted`.
    pub(super) fn read<T>(
        &self,
        said: Option<Said>,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (variable, value) = said?;
        let found = read(value.trim());
        if found.is_none() {
            self.ignore(format!(
                "{variable} is `{value}`, which is not followed; {wanted}"
            ));
        }
        found
    }

    /// A time in milliseconds, more than none.
    pub(super) fn milliseconds(&self, said: Option<Said>, otherwise: u64) -> Duration {
        let wanted = "write milliseconds, for example 60000";
        let read = self.read(said, wanted, |value| {
            value.parse::<u32>().ok().filter(|number| *number > 0)
        });
        Duration::from_millis(read.map_or(otherwise, u64::from))
    }

    /// A number, more than none.
    pub(super) fn count(&self, name: &str, otherwise: usize) -> usize {
        let wanted = "write a number that is more than 0, for example 512";
        let read = self.read(self.named(name), wanted, |value| {
            value.parse::<u32>().ok().filter(|number| *number > 0)
        });
        read.map_or(otherwise, |number| number as usize)
    }

    /// Whether something is so; not, where nothing is said of it.
    pub(super) fn is_true(&self, said: Option<Said>) -> bool {
        let read = self.read(said, "write `true` or `false`", |value| {
            match value.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            }
        });
        read.unwrap_or_default()
    }

    /// What is spoken with a signal's collector.
    pub(super) fn protocol(&self, signal: Signal) -> Protocol {
        let said = self.of_exporter(signal, "PROTOCOL");
        let read = self.read(
            said,
            "write `http/protobuf` or `grpc`",
            |value| match value {
                "http/protobuf" => Some(Protocol::Http),
                "grpc" => Some(Protocol::Grpc),
                _ => None,
            },
        );
        read.unwrap_or(Protocol::Http)
    }

    /// Whether what is sent to a signal's collector is compressed, by gzip.
    pub(super) fn compressed(&self, signal: Signal) -> bool {
        let said = self.of_exporter(signal, "COMPRESSION");
        let read = self.read(said, "write `gzip` or `none`", |value| {
            match value.to_ascii_lowercase().as_str() {
                "gzip" => Some(true),
                "none" => Some(false),
                _ => None,
            }
        });
        read.unwrap_or_default()
    }

    /// Tells, once, that something is not followed.
    pub(super) fn ignore(&self, what: impl Display) {
        let (what, mut ignored) = (what.to_string(), self.ignored.borrow_mut());
        if !ignored.contains(&what) {
            ignored.push(what);
        }
    }

    /// What was not followed.
    pub(super) fn ignored(&self) -> Vec<String> {
        self.ignored.borrow().clone()
    }
}

impl Signal {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_once_and_taken_for_not_said() {
        let variables = |name: &str| match name {
            "COUNT" | "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("0".to_owned()),
            "OTEL_EXPORTER_OTLP_INSECURE" => Some("yes".to_owned()),
            "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/json".to_owned()),
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION" => Some("zstd".to_owned()),
            _ => None,
        };
        let environment = Environment::new(&variables);
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let of = |what| environment.of_exporter(signal, what);
            let timeout = environment.milliseconds(of("TIMEOUT"), 7);
            assert_eq!(timeout, Duration::from_millis(7));
            assert!(!environment.is_true(of("INSECURE")));
            assert_eq!(environment.protocol(signal), Protocol::Http);
            assert!(!environment.compressed(signal));
        }
        assert_eq!(environment.count("COUNT", 5), 5);
        assert_eq!(environment.count("ANOTHER", 5), 5);
        let ignored = environment.ignored();
        for variable in [
            "OTEL_EXPORTER_OTLP_TIMEOUT is `0`",
            "OTEL_EXPORTER_OTLP_INSECURE is `yes`",
            "OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`",
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION is `zstd`",
            "COUNT is `0`",
        ] {
            let told = ignored.iter().filter(|told| told.starts_with(variable));
            assert_eq!(told.count(), 1, "{variable}: {ignored:?}");
        }
        assert_eq!(ignored.len(), 5);
    }

    #[test]
    fn what_can_be_read_is_followed_and_not_told() {
        let variables = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_TIMEOUT" => Some(" 20 ".to_owned()),
            "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT" => Some("30".to_owned()),
            "OTEL_EXPORTER_OTLP_INSECURE" => Some("True".to_owned()),
            "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".to_owned()),
            _ => None,
        };
        let environment = Environment::new(&variables);
        let timeout = |signal| {
            let said = environment.of_exporter(signal, "TIMEOUT");
            environment.milliseconds(said, 7)
        };
        assert_eq!(timeout(Signal::Traces), Duration::from_millis(20));
        assert_eq!(timeout(Signal::Logs), Duration::from_millis(30));
        assert!(environment.is_true(environment.named("OTEL_EXPORTER_OTLP_INSECURE")));
        assert!(environment.compressed(Signal::Traces));
        assert!(environment.ignored().is_empty());
    }
}
