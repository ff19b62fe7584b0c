//! What this port tells, in the words of its JSON. The command line reads the same types.

mod autoscaler;
mod caller;
mod cloud_event;
mod commit;
mod context;
mod dead_letter;
mod description;
mod fault;
mod graph;
mod health;
mod interrupted;
mod nats;
mod problem;
mod rebuild;
mod retry;
mod saga;
mod undo;
mod version;

pub use self::autoscaler::{Autoscaler, Autoscalers, Condition};
pub use self::caller::{Breaker, Caller, Rejected, Traffic};
pub use self::cloud_event::CloudEvent;
pub use self::commit::{Commit, Commits};
pub use self::context::{
    Candidate, Contended, Context, ContextDetail, Contexts, Import, Invocations, Positions, Slots,
    Used,
};
pub use self::dead_letter::{DeadLetter, DeadLetters, Retried};
pub use self::description::{Compensation, Description, Followed, Route};
pub use self::fault::{Abort, Delay, Fault};
pub use self::graph::{Call, Faulty, Follow, Graph};
pub use self::health::{Health, HealthCondition, HealthState, LastState, Occurrence};
pub use self::interrupted::{InterruptedRequest, InterruptedRequests, interrupted_id};
pub use self::nats::{
    Nats, RelayDeadLetter, RelayDeadLetters, Republished, StreamLoss, Subscription,
};
pub use self::problem::Problem;
pub use self::rebuild::{Rebuild, State as RebuildState};
pub use self::retry::{Retries, Retry};
pub use self::saga::{Saga, Sagas};
pub use self::undo::{Undo, Undos, undo_id};
pub use self::version::{
    Evidence, Floor, HistoryStep, RolledBack, Rollout, RolloutStep, Serving, Version, Versions,
    Watch,
};

/// An id that may be missing, as it is shown.
pub(crate) fn or_empty(id: Option<&str>) -> String {
    id.unwrap_or_default().to_owned()
}
