//! Versions: from a component's bytes to what serves, and back.
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
mod describe;
mod gate;
mod judge;
mod load;
mod moving;
mod nearest;
mod opening;
mod origins;
mod pending;
mod probe;
mod progress;
mod prove;
mod register;
mod residency;
mod retention;
mod rollback;
mod schema;
mod scorecard;
mod serving;
pub mod signature;
mod standing;
mod statistics;
mod store;
mod swap;
mod tables;
mod trial;
mod trust;
mod unwired;
mod upload;
mod version;
mod watch;
mod wire;

pub(crate) use self::swap::{Exchange, SwapError, Swapped, exchange};
pub use self::{
    boot::{Boot, BootError, boot},
    compile::{CompileError, CompileLimits, Compiler},
    control::{ControlError, Order, control},
    gate::{Gate, Refusal},
    judge::Evidence,
    load::load,
    opening::open,
    progress::{Outcome, Progress, Rollout, Rollouts, Stage, Step, Watched},
    register::{Entry, State, Step as HistoryStep, history},
    residency::{Drained, Stay},
    rollback::{RollbackError, RolledBack, rollback},
    serving::{Candidate, Serving},
    store::ComponentStore,
    tables::{Table, Tables},
    trust::{Floor, FloorError, Trusted, floor, set_floor},
    unwired::unwired,
    upload::{Upload, UploadError, begin, too_big, verdict},
    version::{Description, Identity, Version},
};
