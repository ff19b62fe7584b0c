//! `innkeeper up`

mod changes;
mod live_update;
mod restart;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use self::changes::Changes;
use self::live_update::LiveUpdate;
use super::additions;
use super::app_flags::ServeFlags;
use super::components;
use super::failure::Failure;
use super::progress::Progress;
use super::serving::{self, Ended, Listeners, Watch};
use super::shipped::Resolved;
use super::signals::Signals;
use super::{build, output};
use crate::app::{self, Host};
use crate::build::{Error as BuildError, Options, Profile};
use crate::core::counted;
use crate::manifest::{AdminSettings, Manifest};

/// Build what is stale, then serve the app
///
/// The same as `innkeeper build` and then `innkeeper serve`; says at the end where to look and what to try.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper up
  innkeeper up --watch
  innkeeper up --data /tmp/stay --listen 127.0.0.1:0")]
pub(super) struct Up {
    /// Build what is changed while it serves, and swap it in as a new version; a context that is new in the manifest is built and added, and where
    /// anything else of the manifest is changed, start anew. What is built so is there sooner and runs slower: deploy what `innkeeper build` makes
    #[arg(long, env = "INNKEEPER_WATCH")]
    watch: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

impl Up {
    pub async fn run(self) -> Result<(), Failure> {
        let mut manifest = self.flags.load()?;
        let progress = Arc::new(Progress::new());
        let mut signals = Signals::listen()?;
        let listeners = Listeners::open(&manifest)?;
        let options = self.options();
        let changes = tokio::select! {
            built = self.build(&mut manifest, &options, &progress) => built?,
            _ = signals.next() => return Err(Failure::Interrupted),
        };
        let components = components::files(&manifest, &options)?;
        let (gateway, operators) = (listeners.gateway(), listeners.operators());
        let watch = Arc::new(Newcomer {
            progress,
            gateway,
            operators,
            flags: self.flags.clone(),
            watched: Mutex::new(changes.map(|changes| (options, changes))),
            restart: CancellationToken::new(),
        });
        let flags = &self.flags;
        let served = serving::serve(manifest, components, flags, listeners, signals, &*watch).await;
        // An error has a line of its own.
        watch.progress.clear();
        match served? {
            Ended::Asked => Ok(()),
            Ended::Restart => Err(restart::start(gateway, operators)),
        }
    }

    fn options(&self) -> Options {
        let profile = match self.watch {
            true => Profile::Quick,
            false => Profile::Release,
        };
        Options {
            profile,
            ..Options::default()
        }
    }

    /// Builds all; where it is watched what is changed, until it can be built. Answers what has changed since the build began, where it is watched.
    async fn build(
        &self,
        manifest: &mut Manifest,
        options: &Options,
        progress: &Progress,
    ) -> Result<Option<Changes>, Failure> {
        if !self.watch {
            build::build_all(&components::sources(manifest), options, progress).await?;
            return Ok(None);
        }
        loop {
            // What is changed while it is built is seen, too.
            let mut changes = Changes::since_now(manifest, options).await;
            let sources = components::sources(manifest);
            match build::build_all(&sources, options, progress).await {
                Ok(_) => return Ok(Some(changes)),
                Err(Failure::Build(
                    error @ (BuildError::Compile { .. } | BuildError::Crates { .. }),
                )) => output::error(&error),
                Err(failure) => return Err(failure),
            }
            progress.say("waiting for a change");
            changes.next().await;
            match self.flags.load() {
                Ok(changed) => *manifest = changed,
                Err(failure) => output::error(&failure),
            }
        }
    }
}

/// Tells someone who may see all this for the first time.
struct Newcomer {
    progress: Arc<Progress>,
    flags: ServeFlags,
    gateway: SocketAddr,
    operators: SocketAddr,
    /// How what is changed is built, where it is watched.
    watched: Mutex<Option<(Options, Changes)>>,
    /// Cancelled when the app is to be started anew.
    restart: CancellationToken,
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

    fn resolved(&self, resolved: Resolved<'_>) {
        let Resolved {
            context,
            reference,
            obtained,
        } = resolved;
        let digest = obtained.digest;
        self.progress
            .say(format_args!("  {context:<16} {reference} is {digest}"));
    }

    fn open(&self, host: &Arc<Host>) {
        for line in welcome(host, self.gateway, self.operators) {
            self.progress.say(line);
        }
        let watched = self.watched.lock().take();
        let Some((options, changes)) = watched else {
            additions::take_up(host, self.flags.clone());
            return;
        };
        let live_update = LiveUpdate {
            host: host.clone(),
            flags: self.flags.clone(),
            options,
            progress: self.progress.clone(),
        };
        let (restart, shutdown) = (self.restart.clone(), host.shutdown.clone());
        host.tasks.spawn(async move {
            let watching = shutdown.run_until_cancelled(live_update.watch(changes));
            if let Some(()) = watching.await {
                restart.cancel();
            }
        });
    }

    fn restart(&self) -> impl Future<Output = ()> + Send {
        self.restart.cancelled()
    }
}

/// Where to look, and what to try.
fn welcome(host: &Host, gateway: SocketAddr, operators: SocketAddr) -> Vec<String> {
    let manifest = host.manifest();
    let app = &manifest.app.name;
    let contexts = counted(host.contexts().len(), "context");
    let scheme = serving::scheme(manifest.admin.tls.is_some());
    let public = serving::scheme(manifest.gateway.tls.is_some());
    let admin = match operators == AdminSettings::default().listen && scheme == "http" {
        true => String::new(),
        false => format!(" --admin {scheme}://{operators}"),
    };
    let mut lines = vec![
        String::new(),
        format!("{app} is open, with {contexts}. Ctrl-C closes it."),
        String::new(),
        format!("  app         {public}://{gateway}"),
        format!("  operators   {scheme}://{operators}/v1/contexts"),
        String::new(),
    ];
    if let Some(path) = something_to_see(host) {
        lines.push(format!("Try:   curl -i {public}://{gateway}{path}"));
    }
    lines.push(format!("Watch: innkeeper events --follow{admin}"));
    lines.push(String::new());
    lines
}

/// A route that can be read without knowing anything.
fn something_to_see(host: &Host) -> Option<String> {
    let contexts = host.contexts();
    let versions = contexts.values().filter_map(|context| context.version());
    let routes = versions.flat_map(|version| version.description.routes.clone());
    routes
        .filter(|route| route.method == "GET" && !route.path.contains('{'))
        .map(|route| route.path)
        .min_by_key(String::len)
}
