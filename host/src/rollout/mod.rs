//! Rollouts: from a component's bytes to what serves, and back.
//!
//! ```text
//! upload --> gates --> (migration) --> ramp --> swap --> watch
//!              |            |            |                 |
//!           rejected     rejected     rejected        quarantined, and what served before takes over again
//! ```

mod boot;
pub(crate) mod compile;
mod conduct;
mod control;
mod deployer;
mod describe;
mod gate;
mod judge;
mod load;
mod migration;
mod nearest;
mod opening;
mod pending;
mod probe;
mod progress;
mod prove;
pub mod rebuild;
mod register;
mod retention;
mod rollback;
mod schema;
pub mod signature;
mod standing;
mod statistics;
mod store;
mod swap;
mod trial;
mod trust;
mod unwired;
mod upload;
mod watch;
mod wire;

pub use self::{
    boot::{Boot, BootError, boot},
    compile::{CompileError, CompileLimits, Compiler},
    control::{ControlError, Order, control},
    deployer::Deployer,
    gate::{Gate, Refusal},
    judge::Evidence,
    load::load,
    opening::open,
    progress::{Outcome, Progress, Rollout, Rollouts, Stage, Step, Watched},
    register::{Entry, State, Step as HistoryStep, history},
    rollback::{RollbackError, RolledBack, rollback},
    store::ComponentStore,
    trust::{Floor, FloorError, floor, set_floor},
    unwired::unwired,
    upload::{Upload, UploadError, begin, too_big, verdict},
};
