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
    settings: BTreeMap<String, RegistrySettings>,
    /// By the file that says whose certificates are good.
    connectors: Mutex<BTreeMap<Option<PathBuf>, TlsConnector>>,
}

impl Hosts {
    pub fn new(settings: BTreeMap<String, RegistrySettings>) -> Self {
        Self {
            settings,
            connectors: Mutex::default(),
        }
    }

    /// Who has the same repositories as a registry, and is asked first.
    pub fn mirrors(&self, registry: &str) -> &[String] {
        let settings = self.settings.get(registry);
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
        let settings = self.settings.get(host);
        settings.is_some_and(|settings| settings.plain_http)
    }

    /// How TLS is spoken with a host. What authorities there are is read once.
    pub async fn connector(&self, host: &str) -> Result<TlsConnector, RegistryError> {
        let settings = self.settings.get(host);
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
