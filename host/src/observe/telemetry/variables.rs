//! What the standard variables say of a signal's exporter.

use std::time::Duration;

/// What the environment says: the value of a variable, unless it is empty.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable and what it says.
pub(super) type Said = (String, String);

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

/// A variable says what nobody can follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is `{value}`; {wanted}")]
pub struct VariableError {
    /// The variable.
    variable: String,
    /// What it says.
    value: String,
    /// What it may say.
    wanted: &'static str,
}

impl VariableError {
    pub(super) fn new((variable, value): Said, wanted: &'static str) -> Self {
        Self {
            variable,
            value,
            wanted,
        }
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

    /// What is said of its exporter, or else of all exporters: `OTEL_EXPORTER_OTLP_TRACES_...`, or `OTEL_EXPORTER_OTLP_...`.
    pub(super) fn exporter(self, variables: Variables<'_>, what: &str) -> Option<Said> {
        let own = self.name().to_uppercase();
        let own = format!("OTEL_EXPORTER_OTLP_{own}_{what}");
        named(variables, &own).or_else(|| named(variables, &format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    /// What is spoken with its collector.
    ///
    /// # Errors
    ///
    /// When it is asked for what is not spoken.
    pub(super) fn protocol(self, variables: Variables<'_>) -> Result<Protocol, VariableError> {
        match self.exporter(variables, "PROTOCOL") {
            None => Ok(Protocol::Http),
            Some((_, value)) if value == "http/protobuf" => Ok(Protocol::Http),
            Some((_, value)) if value == "grpc" => Ok(Protocol::Grpc),
            Some(said) => Err(VariableError::new(said, "write `http/protobuf` or `grpc`")),
        }
    }
}

/// A variable, by its name.
pub(super) fn named(variables: Variables<'_>, name: &str) -> Option<Said> {
    variables(name).map(|value| (name.to_owned(), value))
}

/// A time in milliseconds, more than none.
///
/// # Errors
///
/// When it is no such time.
pub(super) fn milliseconds(said: Option<Said>, otherwise: u64) -> Result<Duration, VariableError> {
    let Some(said) = said else {
        return Ok(Duration::from_millis(otherwise));
    };
    match said.1.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(Duration::from_millis(number.into())),
        _ => Err(VariableError::new(
            said,
            "write milliseconds, for example 60000",
        )),
    }
}
