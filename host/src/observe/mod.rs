//! What the host tells about itself: logs and metrics, and what of what others said may be shown.

pub mod log;
pub mod metrics;
pub(crate) mod sensitive;
pub mod shown;

pub use self::metrics::ContextMetrics;
