//! Logs: lines for people on a terminal, JSON elsewhere. Whoever logs never waits for whoever reads.

mod plain;
mod rate_limit;
mod writer;
#[cfg(test)]
pub(super) mod written;

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, fmt::MakeWriter};

pub use self::rate_limit::LogRateLimit;
pub use self::writer::Flush;
use self::writer::Writer;
use super::telemetry::Telemetry;
use crate::manifest::{InvalidLogFilter, LogFormat, LogSettings, parse_log_filter};

/// Begins to log on standard error. `level` goes before the one in `settings`.
///
/// Logs until the process ends; dropping the result writes what is still waiting.
pub fn start(
    settings: &LogSettings,
    level: Option<&str>,
    telemetry: &Telemetry,
) -> Result<Flush, LogError> {
    let level = level.unwrap_or(&settings.level);
    let filter = parse_log_filter(level)?;
    let stderr = io::stderr();
    let terminal = stderr.is_terminal();
    let format = match settings.format {
        LogFormat::Auto if terminal => LogFormat::Pretty,
        LogFormat::Auto => LogFormat::Json,
        format => format,
    };
    let (writer, flush) = Writer::start(stderr).map_err(LogError::Thread)?;
    tracing::subscriber::set_global_default(subscriber(
        format,
        terminal,
        filter,
        writer,
        telemetry.log_layer(),
    ))
    .map_err(|_| LogError::Twice)?;
    Ok(flush)
}

/// What passes lines on besides writing them.
type Exported = Box<dyn Layer<Layered<EnvFilter, Registry>> + Send + Sync>;

fn subscriber<W>(
    format: LogFormat,
    colours: bool,
    filter: EnvFilter,
    writer: W,
    exported: Option<Exported>,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(filter).with(exported);
    match format {
        LogFormat::Json => Box::new(
            registry.with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_span_list(false)
                    .with_writer(plain::Json(writer)),
            ),
        ),
        LogFormat::Pretty | LogFormat::Auto => {
            let layer = fmt::layer().with_ansi(colours);
            Box::new(registry.with(layer.fmt_fields(plain::fields()).with_writer(writer)))
        }
    }
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error(transparent)]
    Level(#[from] InvalidLogFilter),
    /// Logging has begun already.
    #[error("logging was started before in this process; start it once")]
    Twice,
    /// The thread that writes could not be started.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(io::Error),
}

#[cfg(test)]
mod tests {
    use super::written::Written;
    use super::*;

    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let page = Written::default();
        let writer = page.clone();
        let filter = EnvFilter::builder().parse(level).unwrap();
        tracing::subscriber::with_default(
            subscriber(format, false, filter, move || writer.clone(), None),
            log,
        );
        page.text()
    }

    #[test]
    fn json_lines_are_objects() {
        let log = || {
            let _span = tracing::info_span!("invocation", correlation_id = "c1").entered();
            tracing::warn!(context = "room", "it rains");
        };
        let line: serde_json::Value =
            serde_json::from_str(&logged(LogFormat::Json, "info", log)).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "it rains");
        assert_eq!(line["context"], "room");
        assert_eq!(line["span"]["correlation_id"], "c1");
    }

    #[test]
    fn whatever_is_logged_moves_no_cursor() {
        let hostile = "a\u{1b}[2J\nERROR forged\u{9b}\u{202e}";
        let log = || {
            let _span = tracing::info_span!("call", by = %hostile).entered();
            tracing::warn!(shown = %hostile, debugged = ?hostile, plain = hostile, "{hostile}");
        };
        for format in [LogFormat::Json, LogFormat::Pretty] {
            let text = logged(format, "info", log);
            let line = text.strip_suffix('\n').unwrap();
            assert!(
                line.chars().all(|c| !c.is_control() && c != '\u{202e}'),
                "{text:?}"
            );
        }
        let long = "x".repeat(100_000);
        let text = logged(LogFormat::Pretty, "info", || tracing::info!(%long, "said"));
        assert!(text.len() < 3000, "{}", text.len());
    }

    #[test]
    fn the_level_decides() {
        let log = || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        };
        let text = logged(LogFormat::Pretty, "warn", log);
        assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
    }
}
