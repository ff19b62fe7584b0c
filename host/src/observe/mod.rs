//! What the host tells about itself: logs, metrics, and the thread of cause through all of it.

pub mod correlation;
pub mod log;
pub mod metrics;
pub(crate) mod redaction;
pub(crate) mod sensitive;
pub mod shown;
pub mod story;
mod trace_context;

pub use self::{correlation::Correlation, metrics::ContextMetrics, trace_context::TraceContext};
