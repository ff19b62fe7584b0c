use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::Error;
use super::profile::Profile;
use super::toolchain::Toolchain;
use super::workspace::Package;

/// What cargo says where its registry does not answer, or it may not ask.
const UNFETCHED: [&str; 5] = [
    "failed to download",
    "download of config.json failed",
    "failed to query replaced source",
    "attempting to make an HTTP request, but --offline was specified",
    "you're using offline mode (--offline)",
];

/// Builds packages of one workspace, and tells each line that cargo prints.
pub(super) async fn build(
    workspace: &Path,
    target: &Path,
    profile: Profile,
    packages: &[Package],
    line: impl Fn(&str) + Send + Sync,
) -> Result<(), Error> {
    let toolchain = Toolchain::find(workspace).await?;
    let (libraries, components): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| package.is_library);
    if !components.is_empty() {
        run(workspace, target, profile, &toolchain, &line, |command| {
            command.arg("build");
            for package in components {
                command.args(["--package", &package.cargo_id]);
            }
        })
        .await?;
    }
    // Of a package that is a library for others, too, cargo would make both at once, and optimize neither as a whole.
    for package in libraries {
        run(workspace, target, profile, &toolchain, &line, |command| {
            command.args(["rustc", "--lib", "--crate-type", "cdylib", "--package"]);
            command.arg(&package.cargo_id);
        })
        .await?;
    }
    Ok(())
}

async fn run(
    workspace: &Path,
    target: &Path,
    profile: Profile,
    toolchain: &Toolchain,
    line: impl Fn(&str) + Send + Sync,
    arguments: impl FnOnce(&mut Command),
) -> Result<(), Error> {
    let program = program();
    let mut command = Command::new(&program);
    arguments(&mut command);
    command
        .args(profile.arguments())
        .arg("--target-dir")
        .arg(target);
    toolchain.apply(&mut command);
    let cannot_run = |source| Error::Rust {
        program: program.to_string_lossy().into_owned(),
        source,
    };
    let mut child = command
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot_run)?;
    let mut output = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(text)) = lines.next_line().await {
            // Cargo indents what it says of its progress. All else is told once it is known whether it is an error, which tells it then.
            if text.starts_with("   Compiling ") {
                line(&text);
            } else {
                output.push_str(&text);
                output.push('\n');
            }
        }
    }
    let status = child.wait().await.map_err(cannot_run)?;
    if !status.success() {
        let output = output.trim_end().to_owned();
        // What the compiler quotes of a source stands behind a bar.
        let mut told = output.lines().filter(|line| !line.contains(" | "));
        let is_unfetched = told.any(|line| UNFETCHED.iter().any(|said| line.contains(said)));
        return Err(match is_unfetched {
            true => Error::Crates { output },
            false => Error::Compile { output },
        });
    }
    output.lines().for_each(line);
    Ok(())
}

/// Runs the tests of packages of one workspace, for this machine.
pub(super) async fn test(workspace: &Path, packages: &[Package]) -> Result<(), Error> {
    let program = program();
    let mut command = Command::new(&program);
    command.arg("test");
    for package in packages {
        command.args(["--package", &package.cargo_id]);
    }
    let status = command
        .current_dir(workspace)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|source| Error::Rust {
            program: program.to_string_lossy().into_owned(),
            source,
        })?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::Tests),
    }
}

/// What clippy is to look for, and nothing else: that is the author's own affair.
const RERUNS: [&str; 6] = [
    "--",
    "-Aclippy::all",
    "-Dclippy::disallowed_macros",
    "-Dclippy::disallowed_methods",
    "-Dclippy::disallowed_types",
    "-Dstatic_mut_refs",
];

/// Has clippy look for what does not survive a re-run, by the lists in the workspace's clippy.toml. False when there is no clippy.
pub(super) async fn lint(workspace: &Path, packages: &[Package]) -> Result<bool, Error> {
    let program = program();
    let cargo = || {
        let mut command = Command::new(&program);
        command
            .arg("clippy")
            .current_dir(workspace)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    };
    let cannot_run = |source| Error::Rust {
        program: program.to_string_lossy().into_owned(),
        source,
    };
    let mut asking = cargo();
    asking
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !asking.status().await.map_err(cannot_run)?.success() {
        return Ok(false);
    }
    let mut command = cargo();
    command.args(["--no-deps", "--lib"]);
    for package in packages {
        command.args(["--package", &package.cargo_id]);
    }
    let status = command.args(RERUNS).status().await.map_err(cannot_run)?;
    match status.success() {
        true => Ok(true),
        false => Err(Error::Reruns),
    }
}

fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
