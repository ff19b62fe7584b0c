//! `[registry."<host>"]`: how a registry of components is spoken to.

use std::path::PathBuf;

use serde::Deserialize;

use super::oci_reference::is_registry;

/// `[registry."<host>"]`: how a registry is spoken to that is not spoken to as all others are. Its name is the host, with its port where that is not the usual
/// one, as references have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// Whether plain HTTP is spoken there, also with a password.
    pub plain_http: bool,
    /// Certificates (PEM) of the authorities that its certificate may come from; the system's when absent.
    pub ca_file: Option<PathBuf>,
    /// Registries that have the same repositories: they are asked first, one after another. What is pushed goes to none of them.
    pub mirrors: Vec<String>,
}

/// What is wrong with the settings of a registry of this name, and where.
pub(super) fn check(
    name: &str,
    settings: &RegistrySettings,
) -> Result<(), (Option<&'static str>, String)> {
    if !is_registry(name) {
        let message = format!(
            "`{name}` is not a registry; write its host, and its port where that is not the usual one, for example [registry.\"registry.example:5000\"]"
        );
        return Err((None, message));
    }
    if let Some(mirror) = settings.mirrors.iter().find(|mirror| !is_registry(mirror)) {
        let message = format!(
            "`{mirror}` is not a registry; write its host, and its port where that is not the usual one, for example `mirror.example:5000`"
        );
        return Err((Some("mirrors"), message));
    }
    if settings.plain_http && settings.ca_file.is_some() {
        let message = "is for TLS, which is not spoken with `plain_http`; keep one of them";
        return Err((Some("ca_file"), message.to_owned()));
    }
    Ok(())
}
