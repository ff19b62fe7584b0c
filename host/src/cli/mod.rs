//! The command line: one file per command.

mod additions;
mod address;
mod app_flags;
mod audit;
mod autoscale;
mod backup;
mod build;
mod candidates;
mod client;
mod command;
mod compile;
mod completions;
mod components;
mod connector;
mod credential;
mod dead_letters;
mod deploy;
mod describe;
mod descriptors;
mod docs;
mod doctor;
mod events;
mod failure;
mod fault;
mod graph;
mod journal;
mod key_file;
mod man;
mod manifest;
mod nats;
mod new;
mod operator_flags;
mod output;
mod progress;
mod pull;
mod push;
mod rebuild;
mod registry_flags;
mod rollback;
mod rollout;
mod sagas;
mod serve;
mod serving;
mod shipped;
mod sign;
mod signals;
mod sought_signatures;
mod sse;
mod status;
mod story;
mod table;
mod test;
mod trust;
mod up;
mod upgrade;
mod usage;
mod versions;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use self::command::{Arguments, Command};
use self::failure::Failure;
use crate::guest;

/// After how many tasks a thread looks at the sockets. Each may be a guest's slice, which takes up to a quarter of a millisecond on average where it does not leave its thread.
const EVENT_INTERVAL: u32 = 16;

/// Does what the command line says.
pub fn main() -> ExitCode {
    if let Some(code) = completions::answer() {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(&error),
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = match &arguments.command {
        // Where memory is limited, no threads begin that could need it at any moment.
        Command::Compile(_) | Command::Wrap(_) => {
            Builder::new_current_thread().enable_all().build()
        }
        // Guests that compute for long leave their threads to the sockets (`guest/src/scheduler`).
        _ => Builder::new_multi_thread()
            .worker_threads(guest::processors())
            .event_interval(EVENT_INTERVAL)
            .enable_all()
            .build(),
    };
    let runtime = runtime.map_err(Failure::Runtime)?;
    let result = runtime.block_on(arguments.command.run());
    // Whatever still blocks a thread must not hold up the exit.
    runtime.shutdown_background();
    result
}
