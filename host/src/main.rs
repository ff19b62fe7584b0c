//! The innkeeper binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    innkeeper::cli::main()
}
