//! Why a command did not do what it was asked.

use std::io;
use std::process::ExitCode;

use super::audit::AuditError;
use super::key_file::KeyFileError;
use super::sign::SignError;
use crate::admin::AdminError;
use crate::app::{DataError, StartError};
use crate::build;
use crate::core::{VersionDigest, counted};
use crate::gateway::{AccessLogError, AuthError, GatewayError};
use crate::journal;
use crate::manifest::ManifestError;
use crate::observe::log::LogError;
use crate::observe::metrics::MetricsError;
use crate::observe::sanitize::shown;
use crate::observe::telemetry::TelemetryError;
use crate::registry::RegistryError;
use crate::rollout::compile::work::WorkError;
use crate::rollout::signature::SignatureError;
use crate::tls::TlsError;

/// The widest that is shown of what a host says.
const SAID: usize = 4000;

/// Why a command failed: one line, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The command line or the manifest asks for something impossible.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("there is no innkeeper.toml here: {}make an app with `innkeeper new lobby`", match .above {
        Some(file) => format!("`--app {}` names the nearest; or ", file.display()),
        None => "change to the directory of an app, name its manifest with --app, or ".to_owned(),
    })]
    NoApp { above: Option<std::path::PathBuf> },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error(
        "{}; restore a backup, or `innkeeper journal repair --accept-loss` goes on without what is lost", counted(*.findings, "finding")
    )]
    Unsound { findings: u64 },
    #[error("the app cannot be served here: {} above what to do", match .stops { 1 => "1 check says".to_owned(), several => format!("{several} checks say") })]
    Unfit { stops: usize },
    #[error("the copy is not complete: {0}; it cannot be used, remove it and try again")]
    Incomplete(String),
    #[error(
        "the backup lacks what is damaged or missing on the host: the {} of version {}; deploy the same again, which mends it, and take another backup",
        match .versions.len() { 1 => "component", _ => "components" },
        .versions.iter().map(|version| format!("{version:.12}")).collect::<Vec<_>>().join(", ")
    )]
    Lacking { versions: Vec<VersionDigest> },
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Build(#[from] build::Error),
    #[error("{}", .0.line())]
    Compile(#[from] WorkError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Certificates(#[from] TlsError),
    #[error(transparent)]
    Keys(#[from] AuthError),
    #[error(transparent)]
    AccessLog(#[from] AccessLogError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(
        "the threads of the runtime cannot start: {0}; check the limits on threads (`ulimit -u`)"
    )]
    Runtime(io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Whoever read the output has gone, as `head` does; that is no error.
    #[error("nobody reads the output any more")]
    NobodyReads,
    #[error(
        "no host answers at {address}: start one with `innkeeper up`, or name its operators' port with --admin"
    )]
    NobodyThere { address: String },
    #[error("the host at {address} closed the connection before it answered; see its log")]
    Lost { address: String },
    #[error("no TLS with the host at {address}: {reason}")]
    Tls { address: String, reason: String },
    #[error(
        "the host at {address} does not know the token in {}: that is of another data directory, or older; name the host's directory with --data, or its token with --admin-token", file.display()
    )]
    UnknownToken {
        address: String,
        file: std::path::PathBuf,
    },
    #[error("the host at {address} did not answer in time; see its log, or ask again")]
    Slow { address: String },
    #[error("{address} is not an operators' port of this version: {}", shown(.reason, SAID))]
    NotUnderstood { address: String, reason: String },
    #[error("{}", shown(.detail, SAID))]
    Refused { status: u16, detail: String },
    #[error("{} failed again; `innkeeper dead-letters` shows why", counted(*.failed, "dead letter"))]
    FailedAgain { failed: u64 },
    #[error("the rebuild of {context} failed, and the old state serves: {}", shown(.reason, SAID))]
    Rebuild { context: String, reason: String },
    #[error("{context}: the version does not serve: {}", shown(.reason, SAID))]
    Rollout { context: String, reason: String },
    #[error("{context}: the version was not watched to the end: {reason}")]
    Unwatched { context: String, reason: String },
    #[error("{}: {source}", file.display())]
    File {
        file: std::path::PathBuf,
        source: io::Error,
    },
    #[error("the app cannot be started anew ({0}); start it again with `innkeeper up`")]
    Restart(io::Error),
    #[error("{0}")]
    Tests(String),
    #[error("interrupted")]
    Interrupted,
    #[error("some work did not finish in time; it is resumed at the next start")]
    CutShort,
}

impl Failure {
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_)
            | Self::Manifest(_)
            | Self::NoApp { .. }
            | Self::Log(LogError::Level(_))
            | Self::Telemetry(_) => ExitCode::from(2),
            Self::Build(error) if error.is_usage() => ExitCode::from(2),
            // What was asked for is none, whoever finds out.
            Self::Refused { status: 400, .. } => ExitCode::from(2),
            Self::Compile(error) => ExitCode::from(error.exit_code()),
            _ => ExitCode::FAILURE,
        }
    }

    /// Whether it may be over when the host is back.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NobodyThere { .. } | Self::Lost { .. } | Self::Slow { .. } => true,
            Self::Refused { status, .. } => *status == 503,
            _ => false,
        }
    }
}

impl From<io::Error> for Failure {
    /// For what is written to standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Output(error),
        }
    }
}
