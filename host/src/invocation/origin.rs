//! Where an invocation comes from.

use std::time::Duration;

use crate::core::{CausationId, CorrelationId, TraceContext, VerifiedIdentity};

/// What caused an invocation.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// The event or invocation that caused this one; none at the root.
    pub causation_id: Option<CausationId>,
    /// The span that the invocation is.
    pub trace: TraceContext,
    /// Who is behind it; none where nobody is known to be.
    pub identity: Option<VerifiedIdentity>,
    /// How much of its deadline is over already.
    pub waited: Duration,
}
