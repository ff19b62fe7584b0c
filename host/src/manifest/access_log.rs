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
    /// Which share of the requests is told, of [`AccessLogSettings::ALL`]. Those that the server failed are told always.
    #[serde(deserialize_with = "scalar::millionths")]
    pub sample: u32,
    /// Whether what stands behind the `?` is told.
    pub query: bool,
}

impl AccessLogSettings {
    /// All requests. A share is counted in millionths: of very many requests, one of thousands may be enough.
    pub const ALL: u32 = 1_000_000;
}

/// What is wrong, and with which key: something else is said of lines than how they look, so there are none. Where that is meant, `format` says so.
pub(super) fn check(
    settings: &AccessLogSettings,
    says_format: bool,
) -> Result<(), (&'static str, String)> {
    let usual = AccessLogSettings::default();
    let said = [
        ("file", settings.file != usual.file),
        ("sample", settings.sample != usual.sample),
        ("query", settings.query != usual.query),
    ];
    match said.into_iter().find(|(_, is_said)| *is_said) {
        Some((key, _)) if !says_format => {
            let message = "has no effect while nothing says how a line looks; set `format` to `json` or `common`, or to `off` where there is to be no access log";
            Err((key, message.to_owned()))
        }
        _ => Ok(()),
    }
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
            sample: Self::ALL,
            query: false,
        }
    }
}
