//! Where an invocation comes from.

use crate::core::TraceContext;

/// What caused an invocation.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The id that everything with one cause at its root shares.
    pub correlation_id: String,
    /// The event or invocation that caused this one; empty at the root.
    pub causation_id: String,
    /// The span that the invocation is.
    pub trace: TraceContext,
}
