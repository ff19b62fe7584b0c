//! What of `wasi:` a component may import at all.

use crate::load_error::LoadError;
use crate::shorten::shortened;

/// How the versions of what was released as 0.2 begin: a number follows.
const PREVIEW_2: &str = "0.2.";
/// The interface that is entered by a web request.
const INCOMING_HANDLER: &str = "wasi:http/incoming-handler";
/// How the name of the interface begins by which requests go outside.
pub(crate) const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.";
/// How the names of the interfaces begin whose keys are state.
pub(crate) const KEYVALUE: &str = "wasi:keyvalue/";

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
        PREVIEW_2,
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"], PREVIEW_2),
    ("wasi:filesystem", &["types", "preopens"], PREVIEW_2),
    ("wasi:http", &["types", "outgoing-handler"], PREVIEW_2),
    ("wasi:io", &["error", "poll", "streams"], PREVIEW_2),
    (
        "wasi:random",
        &["random", "insecure", "insecure-seed"],
        PREVIEW_2,
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
        PREVIEW_2,
    ),
    ("wasi:config", &["store"], "0.2.0-rc.1"),
    ("wasi:config", &["store"], "0.2.0-draft"),
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
            // A draft is a version of its own.
            && match *versions {
                PREVIEW_2 => is_preview_2(version),
                draft => version == draft,
            }
    })
}

/// Whether an export is what a web request enters.
pub(crate) fn is_incoming_handler(export: &str) -> bool {
    let version = export
        .strip_prefix(INCOMING_HANDLER)
        .and_then(|rest| rest.strip_prefix('@'));
    version.is_some_and(is_preview_2)
}

/// Whether it is `0.2.` and a number. What was proposed before the release is not the same.
fn is_preview_2(version: &str) -> bool {
    let patch = version.strip_prefix(PREVIEW_2);
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
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
            ("wasi:http/types@0.2.", false),
            ("wasi:http/types@0.2.0-rc-2023-11-10", false),
            ("wasi:http/incoming-handler@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/store@0.2.0-draft2", false),
            ("wasi:keyvalue/watcher@0.2.0-draft", false),
            ("wasi:blobstore/blobstore@0.2.0-draft", false),
            ("wasi:config/store@0.2.0-draft", true),
            ("wasi:config/store@0.2.0-rc.1", true),
            ("wasi:config/runtime@0.2.0-draft", false),
            ("wasi:clocks/timezone@0.2.0", false),
            ("wasi:http", false),
            ("stay:room/rooms@0.1.0", true),
        ] {
            assert_eq!(check(import).is_ok(), provided, "{import}");
        }
    }

    #[test]
    fn a_standard_component_is_one_of_the_release() {
        for (export, is_entered) in [
            ("wasi:http/incoming-handler@0.2.0", true),
            ("wasi:http/incoming-handler@0.2.12", true),
            ("wasi:http/incoming-handler@0.2.0-rc-2023-11-10", false),
            ("wasi:http/incoming-handler@0.3.0", false),
            ("wasi:http/incoming-handler", false),
        ] {
            assert_eq!(is_incoming_handler(export), is_entered, "{export}");
        }
    }
}
