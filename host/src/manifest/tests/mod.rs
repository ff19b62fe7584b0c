mod follows;
mod random;
mod reading;
mod rollout;
mod shapes;
mod tokens;
mod values;
mod variables;

use std::{ffi::OsString, path::Path};

use super::Manifest;

/// Reads a manifest from a text and variables.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<Manifest, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Manifest::read(Path::new("app/innkeeper.toml"), text, variables)
        .map_err(|error| error.to_string())
}

/// Each of these texts is refused with this message.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        let expected = format!("app/innkeeper.toml:{message}");
        assert_eq!(
            read(text, &[]).err().as_deref(),
            Some(expected.as_str()),
            "{text}"
        );
    }
}
