//! What a check has found.

use std::fmt;

use serde::Serialize;

/// What that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// All is well.
    Ok,
    /// The app can be served, but not as well as it could.
    Warning,
    /// It cannot.
    Stops,
}

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// The name of the check.
    pub check: &'static str,
    pub state: State,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, what.into())
    }

    pub fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Warning, what.into())
    }

    pub fn stops(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Stops, what.into())
    }

    /// The same, with what to do about it.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    fn new(check: &'static str, state: State, what: String) -> Self {
        let advice = None;
        Self {
            check,
            state,
            what,
            advice,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Stops => "stops",
        };
        let Self { check, what, .. } = self;
        write!(f, "{state:<8} {check:<12} {what}")?;
        match &self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}
