//! `innkeeper up`

use std::net::SocketAddr;

use clap::Args;

use super::app_flags::ServeFlags;
use super::build;
use super::failure::Failure;
use super::progress::Progress;
use super::serving::{self, Listeners, Watch};
use super::signals::Signals;
use crate::app::{self, Host};
use crate::manifest::AdminSettings;

/// Build what is stale, then serve the app
///
/// The same as `innkeeper build` and then `innkeeper serve`; says at the end where to look and what to try.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper up
  innkeeper up --data /tmp/stay --listen 127.0.0.1:0")]
pub(super) struct Up {
    #[command(flatten)]
    flags: ServeFlags,
}

impl Up {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.flags.load()?;
        let progress = Progress::new();
        let mut signals = Signals::listen()?;
        let listeners = Listeners::open(&manifest)?;
        tokio::select! {
            built = build::build_all(&manifest, &progress) => built?,
            _ = signals.next() => return Err(Failure::Interrupted),
        };
        let watch = Newcomer {
            progress,
            gateway: listeners.gateway(),
            operators: listeners.operators(),
        };
        let served = serving::serve(manifest, &self.flags, listeners, signals, &watch).await;
        // An error has a line of its own.
        watch.progress.clear();
        served
    }
}

/// Tells someone who may see all this for the first time.
struct Newcomer {
    progress: Progress,
    gateway: SocketAddr,
    operators: SocketAddr,
}

impl Watch for Newcomer {
    fn step(&self, step: app::Progress) {
        match step {
            app::Progress::Opening { directory } => {
                self.progress
                    .say(format_args!("opening {}", directory.display()));
            }
            app::Progress::Loading { context } => {
                self.progress.step(format_args!("loading {context}"));
            }
            app::Progress::Loaded { context, .. } => {
                self.progress.say(format_args!("  {context:<16} ready"));
            }
            app::Progress::Resuming { count } => {
                let text = "resuming what the last stop interrupted";
                self.progress.say(format_args!("{text}: {count}"));
            }
        }
    }

    fn open(&self, host: &Host) {
        for line in welcome(host, self.gateway, self.operators) {
            self.progress.say(line);
        }
    }
}

/// Where to look, and what to try.
fn welcome(host: &Host, gateway: SocketAddr, operators: SocketAddr) -> Vec<String> {
    let (app, contexts) = (&host.manifest.app.name, host.contexts().len());
    let scheme = serving::scheme(&host.manifest);
    let admin = match operators == AdminSettings::default().listen && scheme == "http" {
        true => String::new(),
        false => format!(" --admin {scheme}://{operators}"),
    };
    let mut lines = vec![
        String::new(),
        format!("{app} is open, with {contexts} contexts. Ctrl-C closes it."),
        String::new(),
        format!("  app         http://{gateway}"),
        format!("  operators   {scheme}://{operators}/v1/contexts"),
        String::new(),
    ];
    if let Some(path) = something_to_see(host) {
        lines.push(format!("Try:   curl -i http://{gateway}{path}"));
    }
    lines.push(format!("Watch: innkeeper events --follow{admin}"));
    lines.push(String::new());
    lines
}

/// A route that can be read without knowing anything.
fn something_to_see(host: &Host) -> Option<String> {
    let versions = host
        .contexts()
        .values()
        .filter_map(|context| context.version());
    let routes = versions.flat_map(|version| version.description.routes.clone());
    routes
        .filter(|route| route.method == "GET" && !route.path.contains('{'))
        .map(|route| route.path)
        .min_by_key(String::len)
}
