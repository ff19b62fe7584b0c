//! Why routes make no table.

use crate::core::ContextName;

/// Why the contexts' routes make no table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two contexts want to answer the same.
    #[error(
        "contexts {context} and {owner} both have the route {method} {path} ({owner} as {as_path}); change one of them"
    )]
    Taken {
        /// The context that came second.
        context: ContextName,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The context that came first.
        owner: ContextName,
        /// The path in its words.
        as_path: String,
    },
    /// A context describes a route that there cannot be.
    #[error("context {context} describes the route {method} {path}: {reason}")]
    Invalid {
        /// The context.
        context: ContextName,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The manifest says who may ask for a route that there is not.
    #[error(
        "the manifest says in [context.{context}.routes] who may ask for `{route}`, which the context does not describe{suggestion}"
    )]
    Unknown {
        /// The context.
        context: ContextName,
        /// The route in the manifest's words.
        route: String,
        /// What may have been meant.
        suggestion: String,
    },
    /// It would not be clear which of two routes answers a path.
    #[error(
        "context {context} describes {path}, which cannot be told from another route ({reason}); change one of them"
    )]
    Ambiguous {
        /// The context.
        context: ContextName,
        /// The path.
        path: String,
        /// What the router says.
        reason: matchit::InsertError,
    },
}
