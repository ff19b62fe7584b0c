//! How the hosts are spoken to that registries are at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::DEFAULT_VERSIONS;

use super::error::RegistryError;
use crate::manifest::RegistrySettings;
use crate::tls::client_config;

/// Docker's own registry, which is at another host than its name says.
const DOCKER: &str = "docker.io";
const DOCKER_HOST: &str = "registry-1.docker.io";

/// The hosts, and what the settings say of some of them.
pub(super) struct Hosts {
    /// By the host, as [`known_as`] has it.
    settings: BTreeMap<String, RegistrySettings>,
    /// By the file that says whose certificates are good.
    connectors: Mutex<BTreeMap<Option<PathBuf>, TlsConnector>>,
}

impl Hosts {
    pub fn new(settings: BTreeMap<String, RegistrySettings>) -> Self {
        let known = settings.into_iter().map(|(name, settings)| {
            let usual = if settings.plain_http { 80 } else { 443 };
            (known_as(&name, usual), settings)
        });
        Self {
            settings: known.collect(),
            connectors: Mutex::default(),
        }
    }

    /// Who has the same repositories as a registry, and is asked first.
    pub fn mirrors(&self, registry: &str) -> &[String] {
        let usual = if self.is_plain(registry) { 80 } else { 443 };
        let settings = self.settings.get(&known_as(registry, usual));
        settings.map_or(&[], |settings| &settings.mirrors)
    }

    /// The host of a registry.
    pub fn of(registry: &str) -> &str {
        match registry {
            DOCKER => DOCKER_HOST,
            host => host,
        }
    }

    /// Whether plain HTTP is spoken with a host, since the settings say so.
    pub fn is_plain(&self, host: &str) -> bool {
        let settings = self.settings.get(&known_as(host, 80));
        settings.is_some_and(|settings| settings.plain_http)
    }

    /// How TLS is spoken with a host. What authorities there are is read once.
    pub async fn connector(&self, host: &str) -> Result<TlsConnector, RegistryError> {
        let settings = self.settings.get(&known_as(host, 443));
        let file = settings.and_then(|settings| settings.ca_file.clone());
        if let Some(connector) = self.connectors.lock().get(&file) {
            return Ok(connector.clone());
        }
        let authorities = file.clone();
        let reading = tokio::task::spawn_blocking(move || {
            client_config(authorities.as_deref(), DEFAULT_VERSIONS)
        });
        let host = || host.to_owned();
        let read = reading.await.map_err(|error| RegistryError::Broken {
            host: host(),
            reason: error.to_string(),
        })?;
        let config = read.map_err(|source| RegistryError::Authorities {
            host: host(),
            source: Box::new(source),
        })?;
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        self.connectors.lock().insert(file, connector.clone());
        Ok(connector)
    }
}

/// A host as it is known here, however it is written: without the usual port, and not by another name.
fn known_as(host: &str, usual: u16) -> String {
    let name = host.to_ascii_lowercase();
    let name = name.strip_suffix(&format!(":{usual}")).unwrap_or(&name);
    Hosts::of(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_hold_for_their_host_however_it_is_written() {
        let plain = RegistrySettings {
            plain_http: true,
            ..RegistrySettings::default()
        };
        let mirrored = RegistrySettings {
            mirrors: vec!["mirror.example".to_owned()],
            ..RegistrySettings::default()
        };
        let hosts = Hosts::new(BTreeMap::from([
            ("localhost".to_owned(), plain.clone()),
            ("[::1]:5000".to_owned(), plain.clone()),
            ("docker.io".to_owned(), plain),
            ("a.example:443".to_owned(), mirrored),
        ]));
        for host in [
            "localhost",
            "LOCALHOST:80",
            "[::1]:5000",
            "docker.io",
            DOCKER_HOST,
        ] {
            assert!(hosts.is_plain(host), "{host}");
        }
        for host in ["localhost:443", "localhost:5000", "[::1]", "a.example"] {
            assert!(!hosts.is_plain(host), "{host}");
        }
        assert_eq!(hosts.mirrors("A.example"), ["mirror.example"]);
    }
}
