//! What the host tells about itself: logs and metrics, and what of what others said may be shown.

pub mod log;
pub(crate) mod masking;
pub mod metrics;
pub mod sanitize;
pub mod telemetry;

pub use self::metrics::ContextMetrics;
