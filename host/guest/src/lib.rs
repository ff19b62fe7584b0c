//! Guests: WebAssembly components, compiled ahead of time, each invocation in a fresh instance.
//!
//! Knows wasmtime, the contract in `wit/` and what WASI is; does not know sockets, journals or contexts. What a guest may ask of its host goes through the
//! [`Services`] that the caller brings.

mod artifact;
mod bindings;
mod code;
mod code_cache;
mod deadline;
mod engine;
mod execution;
mod fault;
mod guest;
mod imports;
mod instance_places;
mod interface;
mod interface_compatibility;
mod introspection;
pub mod json;
mod load_error;
mod log_gate;
mod on_demand_code;
mod outbound_call;
mod outbound_http;
mod outgoing_handler;
mod output;
mod random;
mod runtime;
mod scheduler;
mod services;
mod shape;
mod shorten;
mod standard;
mod store_data;
pub mod value;

pub use artifact::{ArtifactCache, Draft};
pub use bindings::exports::innkeeper::context::document::{
    Annotated, Annotation, Answer as DocumentedAnswer, Body, Documentation, DocumentedRoute, Range,
};
pub use bindings::exports::innkeeper::context::migration::StateSchema as Schema;
pub use bindings::exports::innkeeper::context::policies::PolicyError;
pub use bindings::innkeeper::context::types::{
    Alternative, Compensation, DataType, Description, Event, EventData, Field, Followed, KeyPart,
    Request, Response, Route, Scalar, Table,
};
pub use engine::{CompileEngine, Compiled, Engine};
pub use execution::{Ended, Execution};
pub use fault::{Fault, Refusal};
pub use guest::Guest;
pub use instance_places::{InstanceShare, first_calls};
pub use interface::{Interface, Operation};
pub use interface_compatibility::Difference;
pub use introspection::{Introspection, Question};
pub use load_error::{CONTRACT_VERSION, LoadError};
pub use log_gate::LogGate;
pub use on_demand_code::{LoadedCode, Reload, Reloading};
pub use outbound_call::{OutboundCall, OutboundError, OutboundTimeouts, Sent};
pub use runtime::{EngineOptions, Instances, processors};
pub use scheduler::{Share, ShareOptions};
pub use services::{Answer, IdentityInfo, InvocationInfo, Pending, Reserved, Services, StateEntry};
pub use shape::Signature;
pub use standard::{Incoming, KEYVALUE_TABLE};
