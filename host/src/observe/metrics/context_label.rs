//! The name of a context as a label: it is shared with whoever has it, and not copied.

use metrics::SharedString;

use crate::core::ContextName;

impl From<&ContextName> for SharedString {
    fn from(context: &ContextName) -> Self {
        Self::from_shared(context.into())
    }
}
