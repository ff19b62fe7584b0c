//! Why a registry does not give or take a component.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::core::{ContentDigest, human_duration};
use crate::observe::sanitize::{SENTENCE, shown};
use crate::tls::TlsError;

/// Why a component was not fetched, or not stored. The text says what to do, and holds no password and no query of a URL.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answers there.
    #[error("the registry {host} cannot be reached: {source}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// TLS is not agreed upon.
    #[error(
        "no TLS with the registry {host}: {reason}; name its authority as `ca_file` in [registry.\"{host}\"], or set `plain_http = true` there where it speaks plain HTTP"
    )]
    Tls {
        /// The host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// What the settings name as its authorities are none.
    #[error("registry.\"{host}\".ca_file: {source}")]
    Authorities {
        /// The host.
        host: String,
        /// Why not.
        source: Box<TlsError>,
    },
    /// It took too long.
    #[error("the registry {host} did not answer within {}", human_duration(*.within))]
    Late {
        /// The host.
        host: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// It broke off, or does not speak HTTP.
    #[error("the registry {host} broke off: {}", shown(.reason, SENTENCE))]
    Broken {
        /// The host.
        host: String,
        /// What is known of it.
        reason: String,
    },
    /// There is nothing there by that name.
    #[error("the registry {host} has no {what}")]
    Missing {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// Who asks may not.
    #[error(
        "the registry {host} does not allow it ({status}{}): log in with `docker login {host}`, as somebody who may {doing} {repository}", behind(.said)
    )]
    Denied {
        /// The host.
        host: String,
        /// Its answer.
        status: StatusCode,
        /// What it said.
        said: String,
        /// What was to be done.
        doing: &'static str,
        /// The repository.
        repository: String,
    },
    /// It answered something else than what was asked for.
    #[error("the registry {host} refused {what}: it answered {status}{}", behind(.said))]
    Refused {
        /// The host.
        host: String,
        /// What it was asked.
        what: String,
        /// Its answer.
        status: StatusCode,
        /// What it said.
        said: String,
    },
    /// What came is not what was asked for. Nothing of it is used.
    #[error(
        "the registry {host} gave something else than {what}: it should have the digest {expected}, and has {found}; nothing of it is used"
    )]
    WrongDigest {
        /// The host.
        host: String,
        /// What was asked for.
        what: &'static str,
        /// What it should have been.
        expected: ContentDigest,
        /// What it was.
        found: ContentDigest,
    },
    /// It is too big.
    #[error(
        "the registry {host} sends {what} that is larger than {largest} bytes, which is all that is taken"
    )]
    TooLarge {
        /// The host.
        host: String,
        /// What.
        what: &'static str,
        /// How large it may be.
        largest: u64,
    },
    /// The component is too big.
    #[error(
        "the component has {size} bytes, and {largest} are allowed; raise `rollout.max_size` in the manifest, or make it smaller"
    )]
    ComponentTooLarge {
        /// How big it is, in bytes.
        size: u64,
        /// How big it may be.
        largest: u64,
    },
    /// What came makes no sense.
    #[error("the registry {host} answered nonsense: {}", shown(.reason, SENTENCE))]
    Malformed {
        /// The host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is something else there.
    #[error("{reference} is not a component: {}", shown(.reason, SENTENCE))]
    NoComponent {
        /// What was asked for.
        reference: String,
        /// What it is instead.
        reason: String,
    },
    /// It sends whoever asks to somewhere that nobody may see, or ever further.
    #[error("the registry {host} sends on to {}, which is not followed: {reason}", shown(.to, SENTENCE))]
    Redirect {
        /// The host.
        host: String,
        /// Where to.
        to: String,
        /// Why that is not followed.
        reason: &'static str,
    },
    /// Docker's configuration cannot be used.
    #[error("Docker's configuration {} cannot be used: {reason}", file.display())]
    DockerConfig {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A program that keeps passwords failed.
    #[error("`{program}`, which keeps the password for {host}, failed: {}", shown(.reason, SENTENCE))]
    CredentialHelper {
        /// The program.
        program: String,
        /// The host.
        host: String,
        /// What it said.
        reason: String,
    },
    /// A copy cannot be kept.
    #[error("{}: {source}; a component of a registry is kept there", file.display())]
    Copy {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What a registry said, behind the status.
fn behind(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!(": {}", shown(text, SENTENCE)),
    }
}
