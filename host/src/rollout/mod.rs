//! Rollouts: from a component's bytes to what serves, and back.
//!
//! ```text
//! upload --> gates --> (migration) --> ramp --> swap --> watch
//!              |            |            |                 |
//!           rejected     rejected     rejected        quarantined, and what served before takes over again
//! ```

mod active_version;
mod analysis;
mod boot;
mod compatibility;
pub(crate) mod compile;
mod control;
mod deployer;
mod describe;
mod executor;
mod gate;
mod gates;
mod history;
mod load;
mod migration;
mod opening;
mod pending;
mod probe;
mod progress;
mod ramp;
pub mod rebuild;
mod retention;
mod rollback;
mod schema;
pub mod signature;
mod statistics;
mod store;
mod swap;
mod trial;
mod trust;
mod unwired;
mod upload;
mod watch;

pub use self::{
    analysis::Evidence,
    boot::{Boot, BootError, boot},
    compile::{CompileError, CompileLimits, Compiler},
    control::{ControlError, Order, control},
    deployer::Deployer,
    gate::{Gate, Refusal},
    history::{Entry, State, Step as HistoryStep, history},
    load::load,
    opening::open,
    progress::{Outcome, Progress, Rollout, Rollouts, Stage, Step, Watched},
    rollback::{RollbackError, RolledBack, rollback},
    store::ComponentStore,
    trust::{Floor, FloorError, floor, set_floor},
    unwired::unwired,
    upload::{Upload, UploadError, begin, too_big, verdict},
};
