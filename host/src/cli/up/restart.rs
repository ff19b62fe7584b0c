//! Starting anew: the process becomes a new one of the same program, with the same command line, at the same ports.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cli::failure::Failure;
use crate::cli::serving;

/// Becomes a new process of this program. Nothing of this one goes on, so all must have ended before; it returns only when that is not possible.
pub(super) fn start(gateway: SocketAddr, operators: SocketAddr) -> Failure {
    let mut given = std::env::args_os();
    let name = given.next().unwrap_or_else(|| "innkeeper".into());
    let program = serving::this_program().unwrap_or_else(|| name.clone().into());
    let arguments = at_the_same_ports(given, gateway, operators);
    Failure::Restart(Command::new(program).arg0(name).args(arguments).exec())
}

/// The command line with the addresses that were taken, also where it said port 0.
fn at_the_same_ports(
    given: impl IntoIterator<Item = OsString>,
    gateway: SocketAddr,
    operators: SocketAddr,
) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut given = given.into_iter();
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        match text.split_once('=').map_or(&*text, |(flag, _)| flag) {
            "--listen" | "--admin" if text.contains('=') => {}
            "--listen" | "--admin" => drop(given.next()),
            _ => kept.push(argument),
        }
    }
    kept.push(format!("--listen={gateway}").into());
    kept.push(format!("--admin={operators}").into());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_stay_and_so_does_everything_else() {
        let given = [
            "up",
            "--listen",
            "127.0.0.1:0",
            "--watch",
            "--admin=127.0.0.1:0",
            "--admin-token=x",
            "--app",
            "a b.toml",
        ];
        let gateway = SocketAddr::from(([127, 0, 0, 1], 4001));
        let operators = SocketAddr::from(([127, 0, 0, 1], 4002));
        let kept = at_the_same_ports(given.map(OsString::from), gateway, operators);
        assert_eq!(
            kept,
            [
                "up",
                "--watch",
                "--admin-token=x",
                "--app",
                "a b.toml",
                "--listen=127.0.0.1:4001",
                "--admin=127.0.0.1:4002"
            ]
        );
    }
}
