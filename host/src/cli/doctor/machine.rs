//! What the machine has for the app: compilers, ports, and what a process may use of it.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::finding::Finding;
use crate::build::Builder;
use crate::cli::components;
use crate::cli::descriptors::{self, Shares};
use crate::core::memory;
use crate::manifest::Manifest;

const MIB: u64 = 1 << 20;
/// What a small app needs with all that it holds (docs/operations.md), in bytes.
const LITTLE_MEMORY: u64 = 256 * MIB;
/// When this was written, in seconds since the Unix epoch: no clock that is right says an earlier time.
const WRITTEN: Duration = Duration::from_secs(1_790_000_000);

/// What builds contexts. It must be there when one of the app's is built with it.
pub(super) async fn builders(manifest: &Manifest, is_there: bool) -> Vec<Finding> {
    let sources = components::sources(manifest);
    let (mut needed, mut findings) = (BTreeMap::new(), Vec::new());
    for source in &sources {
        match Builder::of(source) {
            // Where it is built may choose its compiler.
            Ok(builder) => {
                needed.entry(builder).or_insert(source.package.as_path());
            }
            Err(error) => findings.push(Finding::stops("packages", error.to_string())),
        }
    }
    for builder in Builder::ALL {
        let name = builder.name();
        let package = needed.get(&builder).copied();
        let found = builder
            .find(package.unwrap_or(manifest.root_or_here()))
            .await;
        findings.push(match (found, package.is_some()) {
            (Ok(version), _) => Finding::ok(name, version),
            (Err(error), true) => Finding::stops(name, error.to_string()),
            // Whoever has no app yet begins with this one.
            (Err(error), false) if !is_there && builder == Builder::Rust => {
                Finding::warning(name, error.to_string())
            }
            (Err(error), false) => Finding::ok(name, format!("not needed here: {error}")),
        });
    }
    findings
}

/// The ports that the app listens on. While its host runs, they are in use by that.
pub(super) fn ports(manifest: &Manifest, runs: bool) -> Vec<Finding> {
    let port = |name, address, flag| match TcpListener::bind(address) {
        Ok(_) => Finding::ok(name, format!("{address} is free")),
        Err(error) if runs && error.kind() == io::ErrorKind::AddrInUse => {
            Finding::ok(name, format!("{address} is in use, and a host runs here"))
        }
        Err(error) => {
            let what = format!("cannot listen on {address}: {error}");
            Finding::stops(name, what).advice(what_of(address, &error, flag))
        }
    };
    vec![
        port("gateway", manifest.gateway.listen, "--listen"),
        port("operators", manifest.admin.listen, "--admin"),
    ]
}

fn what_of(address: SocketAddr, error: &io::Error, flag: &str) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "end what listens there (`ss -ltnp 'sport = :{port}'` shows it), or choose another address with {flag}"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("choose a port from 1024 on with {flag}: those below are for root")
        }
        _ => format!("choose an address of this machine with {flag}"),
    }
}

/// What a process may use.
pub(super) fn resources(manifest: &Manifest) -> Vec<Finding> {
    vec![descriptors(manifest), memory(), sandbox(), clock(now())]
}

fn descriptors(manifest: &Manifest) -> Finding {
    let wanted = manifest.gateway.max_connections;
    let Shares { limit, clients, .. } = descriptors::share_out(wanted);
    let name = "descriptors";
    match clients < wanted {
        false => Finding::ok(name, format!("enough for {wanted} connections at once")),
        true => Finding::warning(
            name,
            format!("{limit} are enough for {clients} connections at once instead of {wanted}"),
        )
        .advice("raise the limit (`ulimit -n`), or lower gateway.max_connections"),
    }
}

fn memory() -> Finding {
    let bytes = memory::of_the_machine();
    let what = format!("{} MiB for this process", bytes / MIB);
    match bytes < LITTLE_MEMORY {
        false => Finding::ok("memory", what),
        true => Finding::warning("memory", what).advice(format!(
            "a small app needs {} MiB: raise the limit of its control group",
            LITTLE_MEMORY / MIB
        )),
    }
}

/// Whether what is uploaded can be shut in when it is looked at.
fn sandbox() -> Finding {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let has_it = actions.is_ok_and(|actions| actions.split_whitespace().any(|one| one == "errno"));
    match has_it {
        true => Finding::ok("sandbox", "the kernel has seccomp"),
        false => Finding::warning(
            "sandbox",
            "the kernel has no seccomp: what is uploaded is looked at in a process with limits, and nothing else holds it",
        )
        .advice("deploy only what you trust here (rollout.require_signature)"),
    }
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

fn clock(now: Duration) -> Finding {
    match now < WRITTEN {
        false => Finding::ok("clock", "it says a time that can be"),
        true => Finding::stops(
            "clock",
            "it says a time before this Innkeeper was made, so tokens, certificates and schedules are taken for others than they are",
        )
        .advice("set it (`timedatectl set-ntp true`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::State;

    #[test]
    fn a_port_in_use_stops_unless_the_host_of_the_app_has_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut manifest = Manifest::default();
        manifest.gateway.listen = taken.local_addr().unwrap();
        manifest.admin.listen.set_port(0);
        let [gateway, operators] = &ports(&manifest, false)[..] else {
            panic!("two ports");
        };
        assert_eq!((gateway.state, operators.state), (State::Stops, State::Ok));
        assert!(gateway.to_string().contains("--listen"), "{gateway}");
        assert_eq!(ports(&manifest, true)[0].state, State::Ok);
    }

    #[test]
    fn a_clock_that_was_never_set_stops() {
        assert_eq!(clock(Duration::from_secs(1)).state, State::Stops);
        assert_eq!(clock(now()).state, State::Ok);
    }
}
