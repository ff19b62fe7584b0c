//! Autoscaling: how many slots each context has, and whether its versions are in memory.
//!
//! ```text
//! load of a second --> recommendation --> stabilization --> policies --> share of the host --> slots
//!                      (decision.rs)      (decision.rs)     (policy.rs)   (share.rs)           (controller.rs)
//! ```
//!
//! What is decided has no clock of its own, and knows nothing of what it decides about.

mod condition;
mod controller;
mod decision;
mod policy;
mod share;
mod status;

pub use self::{
    condition::{Condition, ConditionType},
    controller::{Autoscalers, run},
    status::AutoscalerStatus,
};
