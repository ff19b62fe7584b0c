//! `[app]` and `[log]`.

use serde::Deserialize;

use super::scalar;

/// `[app]`: what the contexts make together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// The app's name: the first word of its subjects outside, `<app>.<context>.<Kind>`.
    #[serde(deserialize_with = "scalar::name")]
    pub name: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: "app".to_owned(),
        }
    }
}

/// `[log]`: what is logged, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: a level, or a list such as `info,innkeeper::events=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}
