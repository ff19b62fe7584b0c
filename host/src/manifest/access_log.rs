//! `[gateway.access_log]`: a line for each request at the public port.

use std::path::PathBuf;

use serde::Deserialize;

use super::scalar;

/// `[gateway.access_log]`: a line for each request at the public port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLogSettings {
    /// How a line looks.
    pub format: AccessLogFormat,
    /// Where lines are written; standard output when absent.
    pub file: Option<PathBuf>,
    /// Which share of the requests is told, in thousandths. Those that the server failed are told always.
    #[serde(deserialize_with = "scalar::thousandths")]
    pub sample: u32,
    /// Whether what stands behind the `?` is told.
    pub query: bool,
}

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogFormat {
    /// There are no lines.
    #[default]
    Off,
    /// The Common Log Format of NCSA and Apache.
    Common,
    /// A JSON object, with the names of OpenTelemetry's semantic conventions.
    Json,
}

impl Default for AccessLogSettings {
    fn default() -> Self {
        Self {
            format: AccessLogFormat::Off,
            file: None,
            sample: 1_000,
            query: false,
        }
    }
}
