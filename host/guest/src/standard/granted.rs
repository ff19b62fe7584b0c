//! What of `wasi:` a component may import at all.

use crate::load_error::LoadError;
use crate::shorten::shortened;

/// How the versions of what is stable in WASI 0.2 begin.
const ZERO_TWO: &str = "0.2.";
/// How the name of the interface begins that is entered by a web request.
pub(crate) const INCOMING_HANDLER: &str = "wasi:http/incoming-handler@0.2.";
/// How the name of the interface begins by which requests go outside.
pub(crate) const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.";

/// Packages with the interfaces that there are, and how the versions begin that are understood.
const PROVIDED: &[(&str, &[&str], &str)] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
        ZERO_TWO,
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"], ZERO_TWO),
    ("wasi:filesystem", &["types", "preopens"], ZERO_TWO),
    ("wasi:http", &["types", "outgoing-handler"], ZERO_TWO),
    ("wasi:io", &["error", "poll", "streams"], ZERO_TWO),
    (
        "wasi:random",
        &["random", "insecure", "insecure-seed"],
        ZERO_TWO,
    ),
    (
        "wasi:sockets",
        &[
            "network",
            "instance-network",
            "ip-name-lookup",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
        ZERO_TWO,
    ),
    ("wasi:config", &["store"], "0.2.0-rc.1"),
    ("wasi:logging", &["logging"], "0.1.0-draft"),
    (
        "wasi:keyvalue",
        &["store", "atomics", "batch"],
        "0.2.0-draft",
    ),
];

/// Refuses an import of `wasi:` that there is not, or not in this version.
pub(crate) fn check(import: &str) -> Result<(), LoadError> {
    if !import.starts_with("wasi:") || is_provided(import) {
        return Ok(());
    }
    Err(LoadError::NotGranted(shortened(import)))
}

fn is_provided(import: &str) -> bool {
    let named = import
        .split_once('/')
        .and_then(|(package, rest)| Some((package, rest.split_once('@')?)));
    let Some((package, (interface, version))) = named else {
        return false;
    };
    PROVIDED.iter().any(|(provided, interfaces, versions)| {
        *provided == package
            && interfaces.contains(&interface)
            // A draft is a version of its own, one with a dot at its end any that begins so.
            && match versions.ends_with('.') {
                true => version.starts_with(versions),
                false => version == *versions,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_known_by_package_interface_and_version() {
        for (import, provided) in [
            ("wasi:http/types@0.2.0", true),
            ("wasi:http/types@0.2.10", true),
            ("wasi:http/types@0.3.0", false),
            ("wasi:http/incoming-handler@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/store@0.2.0-draft2", false),
            ("wasi:keyvalue/watcher@0.2.0-draft", false),
            ("wasi:blobstore/blobstore@0.2.0-draft", false),
            ("wasi:clocks/timezone@0.2.0", false),
            ("wasi:http", false),
            ("stay:room/rooms@0.1.0", true),
        ] {
            assert_eq!(check(import).is_ok(), provided, "{import}");
        }
    }
}
