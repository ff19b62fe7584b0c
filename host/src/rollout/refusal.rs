//! Where a version may be refused, before it gets any work or when it is watched afterwards, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::observe::sanitize::shown;

/// One gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// It is a component, or a module that can be made one, and not too big.
    Component,
    /// Somebody whose key is trusted has signed it for this context.
    Signature,
    /// It is not older than the oldest that may serve.
    Floor,
    /// It has not been quarantined.
    Quarantine,
    /// It compiles in the time and memory that there is for it.
    Compile,
    /// The host or other contexts grant all that it imports.
    Imports,
    /// It exports what the contract asks for, and what it describes.
    Contract,
    /// It says what it is.
    Describe,
    /// It can work with the state that there is, or bring it into its own shape.
    Schema,
    /// No other context answers its routes.
    Routes,
    /// It offers what other contexts import.
    Consumers,
    /// It publishes what others follow, and follows what is published.
    Events,
    /// It says that it is ready.
    Ready,
    /// The state became what it needs.
    Migration,
    /// It does as well as the version before it, with a part of the work.
    Ramp,
    /// It does as well as the version before it, with all of the work.
    Watch,
}

impl Gate {
    /// Those at which a component alone is looked at, apart from the host.
    const APART: [Self; 6] = [
        Self::Component,
        Self::Compile,
        Self::Imports,
        Self::Contract,
        Self::Describe,
        Self::Schema,
    ];

    /// The gate of a name, among those at which a component alone is looked at.
    pub(super) fn apart(name: &str) -> Option<Self> {
        let mut gates = Self::APART.into_iter();
        gates.find(|gate| gate.name() == name)
    }

    /// Its name, as it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Signature => "signature",
            Self::Floor => "floor",
            Self::Quarantine => "quarantine",
            Self::Compile => "compile",
            Self::Imports => "imports",
            Self::Contract => "contract",
            Self::Describe => "describe",
            Self::Schema => "schema",
            Self::Routes => "routes",
            Self::Consumers => "consumers",
            Self::Events => "events",
            Self::Ready => "ready",
            Self::Migration => "migration",
            Self::Ramp => "ramp",
            Self::Watch => "watch",
        }
    }
}

/// The longest that a reason, or what a gate says, is told.
const TOLD: usize = 2_000;

/// What others say, over several lines and at any length, as it is told and kept: in one line, and no longer than anybody reads.
pub(super) fn told(text: &str) -> String {
    // Of a text of megabytes, the beginning is enough to begin with.
    let end = text.floor_char_boundary(4 * TOLD);
    let lines: Vec<_> = text[..end].lines().map(str::trim).collect();
    shown(&lines.join(" "), TOLD).into_owned()
}

/// Why a version did not pass a gate. Says what its author can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rejected at the gate `{}`: {reason}", gate.name())]
pub struct Refusal {
    /// The gate.
    pub gate: Gate,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Refusal {
    /// Refused at a gate. What others say over several lines is told in one.
    pub fn at(gate: Gate, reason: impl ToString) -> Self {
        Self {
            gate,
            reason: told(&reason.to_string()),
        }
    }
}
