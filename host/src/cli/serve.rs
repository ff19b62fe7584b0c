//! `innkeeper serve`

use std::sync::Arc;

use clap::Args;

use super::additions;
use super::app_flags::ServeFlags;
use super::components;
use super::failure::Failure;
use super::serving::{self, Listeners, Watch};
use super::shipped::Resolved;
use super::signals::Signals;
use crate::app::{Host, Progress};
use crate::build::Options;

/// Serve the app as it is built
///
/// Prints where it listens on standard output, one line for each port:
///   gateway http://127.0.0.1:8080
///   operators http://127.0.0.1:8081
///
/// SIGTERM or SIGINT lets requests in flight end (`gateway.drain` in the manifest); a second one does not wait.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  innkeeper serve
  innkeeper serve --app stay/innkeeper.toml --data /var/lib/stay --listen 0.0.0.0:8080
  INNKEEPER_LOG=debug innkeeper serve

Every setting of the manifest can be given as a variable, too: INNKEEPER_GATEWAY__DRAIN=10s is `drain` in [gateway]."
)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.flags.load()?;
        let signals = Signals::listen()?;
        let listeners = Listeners::open(&manifest)?;
        let components = components::files(&manifest, &Options::default())?;
        let flags = &self.flags;
        let log = Log(flags.clone());
        let served = serving::serve(manifest, components, flags, listeners, signals, &log);
        served.await.map(drop)
    }
}

/// Tells in the log.
struct Log(ServeFlags);

impl Watch for Log {
    fn step(&self, step: Progress) {
        match step {
            Progress::Opening { directory } => {
                tracing::info!(directory = %directory.display(), "opening the journals");
            }
            Progress::Loading { context } => tracing::debug!(context = context.as_str(), "loading"),
            Progress::Loaded { context, digest } => {
                tracing::info!(context = context.as_str(), %digest, "loaded")
            }
            Progress::Resuming { count } => {
                tracing::info!(count, "resuming what the last stop interrupted");
            }
        }
    }

    fn resolved(&self, resolved: Resolved<'_>) {
        let Resolved {
            context,
            reference,
            obtained,
        } = resolved;
        let (digest, fetched) = (obtained.digest, obtained.is_new);
        tracing::info!(context = context.as_str(), %reference, %digest, fetched, "resolved");
    }

    fn open(&self, host: &Arc<Host>) {
        tracing::info!(contexts = host.contexts().len(), "open");
        additions::take_up(host, self.0.clone());
    }
}
