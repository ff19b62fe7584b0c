//! The pipelines that ship Innkeeper and its contexts, run as AWS CodeBuild runs them. What they reach outside of the machine that builds is played where it cannot be
//! had: `docker` and `aws` by programs that do what the real ones do as far as a pipeline sees it, the cluster by an API server of the test's own, with the rules of
//! `k8s/access`, which the real kubectl talks to over TLS. The registry and the host that contexts are deployed to are real.

mod build_machine;
mod buildspec;
mod cluster;
mod component;
mod dist;
mod image;
mod runner;
mod yaml;

use std::path::Path;

/// Whether the machine has a program; a test that needs one which it has not is left out, and says so.
fn has(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&folders).any(|folder| folder.join(program).is_file());
    if !is_there {
        eprintln!("{program} is not installed: left out");
    }
    is_there
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
