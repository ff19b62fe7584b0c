//! `[nats]`: the events on NATS.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::scalar;

/// The word of NATS subjects that calls from outside are sent at; no context can have this name.
pub const CALLS: &str = "call";

/// `[nats]`: where events are published, and how the host connects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// The servers, separated by commas: `nats://a:4222,tls://b:4222`. Secrets do not belong here.
    #[serde(deserialize_with = "scalar::servers")]
    pub url: String,
    /// The stream that the events are kept in; the app's name when absent.
    #[serde(deserialize_with = "scalar::stream")]
    pub stream: Option<String>,
    /// What subjects begin with; the app's name when absent.
    #[serde(deserialize_with = "scalar::subject")]
    pub subject_prefix: Option<String>,
    /// How long a stream that the host creates keeps an event; for ever when absent.
    #[serde(deserialize_with = "scalar::optional_duration")]
    pub max_age: Option<Duration>,
    /// How big a stream that the host creates may become before it drops its oldest events; without a limit when absent.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub max_bytes: Option<u64>,
    /// On how many servers of a cluster a stream that the host creates is kept.
    #[serde(deserialize_with = "scalar::positive")]
    pub replicas: NonZeroU32,
    /// How large a message may be, with its headers, in bytes: the server's `max_payload`. A guest that emits a larger event is told so.
    #[serde(deserialize_with = "scalar::size")]
    pub max_payload: u64,
    /// With how many events still to be published the host says that it is not ready; NATS is no reason when absent.
    #[serde(deserialize_with = "scalar::optional_number")]
    pub unready_when_behind: Option<u32>,
    /// A file with the credentials that the server's operator made (`.creds`).
    pub credentials_file: Option<PathBuf>,
    /// The user; its password is in `password_file` or in `INNKEEPER_NATS_PASSWORD`.
    pub user: Option<String>,
    /// A file with the user's password.
    pub password_file: Option<PathBuf>,
    /// A file with a token; `INNKEEPER_NATS_TOKEN` is another way to give it.
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) of the authorities that the server's certificate may come from; the system's when absent.
    pub ca_file: Option<PathBuf>,
    /// The host's own certificate (PEM), for servers that ask for one.
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            stream: None,
            subject_prefix: None,
            max_age: None,
            max_bytes: None,
            replicas: NonZeroU32::MIN,
            max_payload: 1024 * 1024,
            unready_when_behind: None,
            credentials_file: None,
            user: None,
            password_file: None,
            token_file: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
        }
    }
}

impl NatsSettings {
    /// The files that it names, to be taken relative to the manifest.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [
            &mut self.credentials_file,
            &mut self.password_file,
            &mut self.token_file,
            &mut self.ca_file,
            &mut self.certificate_file,
            &mut self.key_file,
        ]
        .into_iter()
        .flatten()
    }
}
