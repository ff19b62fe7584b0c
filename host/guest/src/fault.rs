//! How a guest can fail.

use std::time::Duration;

/// What wasmtime says when more is handed over than may be.
const OUT_OF_FUEL: &str = "fuel allocated for hostcalls has been exhausted";
/// How many of a trapped guest's functions are named.
const FRAMES: usize = 5;

/// Why a service refused what the guest asked; carried through the guest to whoever entered it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub Box<dyn std::error::Error + Send + Sync>);

/// An answer to a web request that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidAnswer {
    /// It ended without one.
    #[error("it ended without setting its `response-outparam`")]
    None,
    /// It is an error instead.
    #[error("it answered with the error {0} instead of a response")]
    Error(String),
    /// Its body was given up, or left.
    #[error("it did not finish the body of its response")]
    Unfinished,
    /// The value of a header is no text.
    #[error("the value of its header {0} is not text")]
    NotText(String),
    /// It is too long.
    #[error("the body of its response has more than {limit} bytes")]
    TooLong {
        /// What it may have, in bytes.
        limit: u64,
    },
}

/// Why a guest was refused memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Denied {
    /// It would have had more than it may, in bytes.
    Limit(usize),
    /// The host has none to give.
    Host,
}

/// Why a guest gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It ran longer than it may.
    #[error("the guest did not answer within {} ms", .after.as_millis())]
    Deadline {
        /// How long it had.
        after: Duration,
    },
    /// It trapped: a panic, an unreachable instruction, an access out of bounds.
    #[error("the guest trapped: {message}")]
    Trap {
        /// What kind of trap it was, with the guest's innermost functions where their names are known.
        message: String,
    },
    /// It wanted more memory than its limit, and could not go on without.
    #[error(
        "the guest needs more memory than its limit of {limit} bytes; raise `limits.memory` of its context if that is right"
    )]
    OutOfMemory {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The host has no memory to give, so it could not go on.
    #[error("the host has no memory left for the guest")]
    NoMemory,
    /// It wanted to hand more to the host at once than it may.
    #[error("the guest handed more than {limit} bytes to the host at once")]
    HandedOverTooMuch {
        /// What it may, in bytes.
        limit: usize,
    },
    /// It recursed too deeply.
    #[error("the guest's call stack is exhausted: it recurses too deeply")]
    StackExhausted,
    /// A service that it asked refused.
    #[error("{0}")]
    Refused(Refusal),
    /// Its answer to a web request is none.
    #[error("the guest's response is invalid: {0}")]
    InvalidAnswer(String),
    /// Its answer to a web request is too long.
    #[error("the guest's response has more than {limit} bytes")]
    AnswerTooLong {
        /// What it may have, in bytes.
        limit: u64,
    },
    /// It was entered by an export that it does not have.
    #[error("the guest does not export `{0}`")]
    NotExported(String),
    /// No instance could be made.
    #[error("no instance of the guest could be made: {0}")]
    NoInstance(String),
    /// Its machine code is not in memory, and could not be brought back.
    #[error("the guest could not be loaded: {reason}")]
    NotLoaded {
        /// Why not.
        reason: String,
        /// When it is tried again.
        retry_after: Duration,
    },
}

impl Fault {
    /// What an error of wasmtime means, given whether the guest was refused memory while it ran, and how much it might hand over at once.
    pub(super) fn from_wasmtime(
        error: wasmtime::Error,
        denied_memory: Option<Denied>,
        transfer: usize,
    ) -> Self {
        let error = match error.downcast::<Refusal>() {
            Ok(refusal) => return Self::Refused(refusal),
            Err(error) => error,
        };
        let error = match error.downcast::<InvalidAnswer>() {
            Ok(InvalidAnswer::TooLong { limit }) => return Self::AnswerTooLong { limit },
            Ok(invalid) => return Self::InvalidAnswer(invalid.to_string()),
            Err(error) => error,
        };
        if error
            .downcast_ref::<wasmtime::PoolConcurrencyLimitError>()
            .is_some()
        {
            return Self::NoInstance(error.to_string());
        }
        // The error has no type that others could name.
        if error.root_cause().to_string().contains(OUT_OF_FUEL) {
            return Self::HandedOverTooMuch { limit: transfer };
        }
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::StackOverflow) => Self::StackExhausted,
            _ => match denied_memory {
                Some(Denied::Limit(limit)) => Self::OutOfMemory { limit },
                Some(Denied::Host) => Self::NoMemory,
                None => Self::Trap {
                    message: describe(&error),
                },
            },
        }
    }
}

/// The cause first: an error of wasmtime begins with its backtrace, and the cause comes last.
fn describe(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    let frames = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .map(wasmtime::WasmBacktrace::frames)
        .unwrap_or_default();
    let names: Vec<_> = frames
        .iter()
        .filter_map(wasmtime::FrameInfo::func_name)
        .take(FRAMES)
        .collect();
    match names.is_empty() {
        true => cause,
        false => format!("{cause}, in {}", names.join(", called by ")),
    }
}
