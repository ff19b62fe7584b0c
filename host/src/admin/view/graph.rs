//! Who calls whom, and who follows whom.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Caller, Traffic};
use super::fault::Fault;

/// The app as a graph.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// Who calls whom; what may be called, as the serving versions describe it, and what was.
    pub calls: Vec<Call>,
    /// Who follows whom.
    pub follows: Vec<Follow>,
    /// The contexts in which something is made to go wrong on purpose.
    pub faults: Vec<Faulty>,
}

/// A caller and a callee.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The context that is called.
    pub callee: String,
    /// Who calls it, and how that goes.
    #[serde(flatten)]
    pub caller: Caller,
}

/// A follower and a source.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Follow {
    /// The context that follows.
    pub follower: String,
    /// The context that it follows.
    pub source: String,
    /// The kinds of events that it follows.
    pub kinds: Vec<String>,
    /// How many events it has yet to pass.
    pub behind: u64,
    /// What it has handled in the last minute.
    pub traffic: Traffic,
}

/// A context in which something is made to go wrong on purpose.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Faulty {
    /// The context.
    pub context: String,
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
}
