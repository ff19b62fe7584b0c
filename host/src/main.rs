//! The innkeeper binary.

use std::process::ExitCode;

/// Whoever allocates from many threads, and frees on others, waits less with it than with the system's allocator: `make bench` measures with both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    innkeeper::cli::main()
}
