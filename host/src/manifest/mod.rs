//! `innkeeper.toml`: what the app is made of, and its settings.

mod access_log;
mod admin;
mod admin_tls;
mod app;
mod autoscale;
mod check;
mod circuit_breaker;
mod component;
mod config;
mod context;
mod deserialize;
mod document;
mod environment;
mod fault;
mod fault_injection;
mod follows;
mod gateway;
mod gateway_auth;
mod gateway_tls;
mod healing;
mod journal;
mod key_source;
mod live;
mod log_filter;
mod nats;
mod network;
mod oci_reference;
mod outbound;
mod probe;
mod quota;
mod reference;
mod registry;
mod rollout;
mod routes;
mod saga;
mod scalar;
mod schedule;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use self::{document::Node, fault::Fault};
use crate::core::ContextName;

pub(crate) use self::key_source::{KeySource, KeyUrl};
pub(crate) use self::log_filter::{InvalidLogFilter, parse_log_filter};
pub(crate) use self::scalar::{check_servers, parse_duration, parse_time};
pub use self::{
    access_log::{AccessLogFormat, AccessLogSettings},
    admin::{AdminSettings, LOCAL, OPERATOR, Role, TokenSettings},
    admin_tls::AdminTlsSettings,
    app::{App, HostSettings, LogFormat, LogSettings},
    autoscale::{Autoscale, PolicyType, ScaleDown, ScaleUp, ScalingPolicy, SelectPolicy},
    circuit_breaker::{CircuitBreaker, GATEWAY, NATS},
    component::ComponentSource,
    config::ContextConfig,
    context::{ContextSettings, Follow, Limits, OnDeadLetter, ReadLimits},
    fault_injection::{Abort, Delay, FaultInjection},
    follows::{FollowedSubject, Follows, Subscription, overlap},
    gateway::{ContentCoding, Cors, GatewaySettings, RateLimit},
    gateway_auth::{GatewayAuthSettings, Requirement, SignatureAlgorithm},
    gateway_tls::{GatewayTlsSettings, TlsVersion},
    healing::{HealingSettings, LivenessCheck, restarts_at_once},
    journal::{Durability, Engine, JournalSettings},
    live::{CurrentManifest, ForTheNextStart},
    nats::{CALLS, NatsSettings},
    network::Network,
    oci_reference::{InvalidReference, OciReference},
    outbound::{AllowedOrigin, OriginHost},
    probe::{LivenessProbe, ReadinessProbe, StartupProbe},
    quota::{CommitLimits, LogLimits, Quota},
    reference::reference,
    registry::RegistrySettings,
    rollout::{OnTooLittle, Ramp, RampKey, RolloutSettings, UploadSettings},
    routes::RouteSettings,
    saga::{EventName, HOST_SOURCE, SagaSettings},
    schedule::{Cron, Missed, Schedule},
};

/// An app, as `innkeeper.toml` and the environment describe it.
///
/// Paths in it are complete: the file's are taken relative to its directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// The file that it was read from; none when it was made in memory.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The app.
    pub app: App,
    /// What the process may use.
    pub host: HostSettings,
    /// The public port.
    pub gateway: GatewaySettings,
    /// The operators' port.
    pub admin: AdminSettings,
    /// What may be uploaded.
    pub rollout: UploadSettings,
    /// How registries are spoken to, by their hosts.
    #[serde(rename = "registry")]
    pub registries: BTreeMap<String, RegistrySettings>,
    /// Where commits are kept.
    pub journal: JournalSettings,
    /// Events on NATS; none when absent.
    pub nats: Option<NatsSettings>,
    /// Logs.
    pub log: LogSettings,
    /// The contexts, by name.
    #[serde(rename = "context")]
    pub contexts: BTreeMap<ContextName, ContextSettings>,
    /// The sagas, by name.
    #[serde(rename = "saga")]
    pub sagas: BTreeMap<String, SagaSettings>,
}

impl Manifest {
    /// Reads `file`, and the settings in the environment, which override it.
    pub fn load(file: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(file).map_err(|source| ManifestError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::read(file, &text, std::env::vars_os())
    }

    /// Reads a manifest from the text of `file` and from `variables`.
    pub fn read(
        file: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ManifestError> {
        let mut manifest = Self::understand(text, variables).map_err(|fault| {
            ManifestError::Invalid(fault.explain(&file.display().to_string(), text))
        })?;
        manifest.file = Some(file.to_owned());
        manifest.complete_paths();
        Ok(manifest)
    }

    fn understand(
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Fault> {
        let mut document = Node::parse(text)?;
        environment::overlay(&mut document, variables)?;
        let manifest = Self::deserialize(document.clone())?;
        check::check(&manifest, &document)?;
        Ok(manifest)
    }

    fn complete_paths(&mut self) {
        let root = self.root().to_owned();
        let complete = |path: &mut PathBuf| *path = root.join(&*path);
        complete(&mut self.journal.directory);
        let nats = self.nats.iter_mut();
        nats.flat_map(NatsSettings::files).for_each(complete);
        let tls = self.admin.tls.iter_mut();
        tls.flat_map(AdminTlsSettings::files).for_each(complete);
        let tls = self.gateway.tls.iter_mut();
        tls.flat_map(GatewayTlsSettings::files).for_each(complete);
        let access_log = self.gateway.access_log.file.iter_mut();
        access_log.for_each(complete);
        let auth = self.gateway.auth.iter_mut();
        auth.flat_map(GatewayAuthSettings::files).for_each(complete);
        let tokens = self.admin.tokens.values_mut();
        tokens
            .filter_map(|token| token.file.as_mut())
            .for_each(complete);
        let registries = self.registries.values_mut();
        registries
            .filter_map(|registry| registry.ca_file.as_mut())
            .for_each(complete);
        for context in self.contexts.values_mut() {
            let ContextSettings {
                package,
                component,
                config_directory,
                config,
                ..
            } = context;
            let component = component.as_mut().and_then(ComponentSource::file_mut);
            [package, config_directory]
                .into_iter()
                .flatten()
                .chain(component)
                .chain(config.secrets.values_mut())
                .for_each(complete);
        }
    }

    /// The same, for programs that are run there.
    pub fn root_or_here(&self) -> &Path {
        match self.root() {
            root if root.as_os_str().is_empty() => Path::new("."),
            root => root,
        }
    }

    /// The directory that the manifest's paths were relative to.
    pub fn root(&self) -> &Path {
        self.file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
    }
}

/// Why there is no manifest. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file could not be read.
    #[error("cannot read {}: {source}; name the app's manifest with --app", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file, or a variable of the environment, says something impossible.
    #[error("{0}")]
    Invalid(String),
}
