//! Uploads: the bytes of a component, and how they are to be rolled out.

use std::time::Duration;

use super::compile::CompilePriority;
use crate::manifest::Ramp;

/// What somebody brings.
#[derive(Clone, Debug)]
pub struct Upload {
    /// A component, or a module that wit-bindgen made.
    pub bytes: Vec<u8>,
    /// What its author calls it.
    pub label: Option<String>,
    /// A signature of its digest, in base64.
    pub signature: Option<String>,
    /// Which part of the work it gets step by step, when not what the manifest says.
    pub ramp: Option<Ramp>,
    /// How long a step takes, likewise.
    pub step: Option<Duration>,
    /// How many times as long as the version before it its p99 may be, where that is expected: in another language, for example. Without it, as the manifest says.
    pub expect_slower: Option<u32>,
    /// Whether it only passes the gates.
    pub dry_run: bool,
    /// Whether it may be one that was quarantined.
    pub force: bool,
    /// The name of who brings it.
    pub by: String,
    /// Whether it is the component that the manifest names, and the host itself brings it.
    pub is_shipped: bool,
    /// Whether compiling it comes after what serves.
    pub priority: CompilePriority,
}

impl Upload {
    /// The component that the manifest names, as the host brings it by itself.
    pub(super) fn shipped(bytes: Vec<u8>, signature: Option<String>) -> Self {
        Self {
            bytes,
            label: None,
            signature,
            ramp: None,
            step: None,
            expect_slower: None,
            dry_run: false,
            force: false,
            by: "host".into(),
            is_shipped: true,
            priority: CompilePriority::Background,
        }
    }
}
