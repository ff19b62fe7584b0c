//! The innkeeper binary.

use std::process::ExitCode;

/// A fresh instance for every invocation, and the journal's pages, are many short allocations: with this allocator the journal's part of a commit
/// costs about half.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    innkeeper::cli::main()
}
