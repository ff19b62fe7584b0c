//! The innkeeper binary.

use std::process::ExitCode;

/// What one thread allocates and another frees costs less with it than with the allocator of the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    innkeeper::cli::main()
}
