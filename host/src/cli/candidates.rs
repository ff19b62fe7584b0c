//! What the command line can be completed by besides commands and flags: names of the app here, for which no host is asked.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap_complete::CompletionCandidate;

use super::app_flags::AppFlags;
use crate::manifest::Manifest;

/// The flag that names the app's manifest, and the variable that does.
const FLAG: &str = "--app";
const VARIABLE: &str = "INNKEEPER_APP";

/// The contexts of the app.
pub(super) fn contexts() -> Vec<CompletionCandidate> {
    let contexts = manifest().contexts.into_keys();
    let contexts = contexts.map(|context| CompletionCandidate::new(context.as_str()));
    contexts.collect()
}

/// The sagas of the app.
pub(super) fn sagas() -> Vec<CompletionCandidate> {
    let sagas = manifest().sagas.into_keys();
    sagas.map(CompletionCandidate::new).collect()
}

/// The manifest that the command line means, as far as it is written. One that cannot be read has no names.
fn manifest() -> Manifest {
    let named = named(std::env::args_os());
    let file = named.or_else(|| std::env::var_os(VARIABLE));
    let file = file.map_or_else(|| PathBuf::from(AppFlags::DEFAULT), PathBuf::from);
    Manifest::load(&file).unwrap_or_default()
}

/// The manifest that is named by a flag.
fn named(arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == FLAG {
            return arguments.next();
        }
        let text = argument.to_str().and_then(|text| text.strip_prefix(FLAG));
        if let Some(file) = text.and_then(|text| text.strip_prefix('=')) {
            return Some(OsStr::new(file).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_the_one_that_a_flag_names() {
        let named = |line: &str| {
            let named = named(line.split(' ').map(OsString::from))?;
            Some(named.into_string().unwrap())
        };
        assert_eq!(
            named("innkeeper status --app a.toml ro").as_deref(),
            Some("a.toml")
        );
        assert_eq!(
            named("innkeeper status --app=b.toml ro").as_deref(),
            Some("b.toml")
        );
        assert_eq!(named("innkeeper push --app-name stay"), None);
        assert_eq!(named("innkeeper status --app"), None);
    }
}
