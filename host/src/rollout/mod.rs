//! Rollouts: from a component's bytes to what serves, and back.
//!
//! ```text
//! upload --> gates --> (migration) --> ramp --> swap --> watch
//!              |            |            |                 |
//!           rejected     rejected     rejected        quarantined, and what served before takes over again
//! ```

mod abort_decision;
mod active_version;
mod addition;
mod analysis;
mod boot;
mod compatibility;
pub(crate) mod compile;
mod component_store;
mod deployer;
mod describe;
mod drain;
mod gates;
mod healing;
mod health;
mod history;
mod initial_wiring;
mod interrupted_rollout;
mod late_component;
mod load;
mod migration;
mod missing_dependencies;
mod operator_command;
mod pipeline;
mod post_promotion_watch;
mod progress;
mod ramp;
pub mod rebuild;
mod refusal;
mod reload;
mod retention;
mod rollback;
mod rollouts;
mod schema;
pub mod signature;
mod signature_check;
mod standard;
mod start;
mod startup_probe;
mod statistics;
mod swap;
mod upload;
mod version_state;

pub use self::{
    addition::{Joined, join},
    analysis::Evidence,
    boot::{Boot, BootError, Occasion, Shipped, boot},
    compile::{CompileError, CompileLimits, CompilePriority, Compiler},
    component_store::ComponentStore,
    deployer::Deployer,
    healing::{start as start_healing, start_for as start_healing_for},
    health::{Condition, Health, HealthState, LastState, Seen},
    history::{Entry, Step as HistoryStep, history},
    initial_wiring::{Strictness, open},
    late_component::{LateError, bring_late},
    load::load,
    missing_dependencies::missing_dependencies,
    operator_command::{CommandError, OperatorCommand, execute_command},
    progress::{Outcome, Progress, Rollout, Stage, Step, Watched},
    refusal::{Gate, Refusal},
    retention::missing_components,
    rollback::{RollbackError, RolledBack, SHORTEST_DIGEST, rollback},
    rollouts::Rollouts,
    signature_check::{Floor, FloorError, floor, set_floor},
    start::{UploadError, begin, too_big, verdict},
    upload::Upload,
    version_state::State,
};
