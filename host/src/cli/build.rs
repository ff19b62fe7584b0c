//! `innkeeper build`

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde::Serialize;

use super::app_flags::AppFlags;
use super::candidates;
use super::components;
use super::failure::Failure;
use super::output;
use super::progress::Progress;
use crate::build::{self, Built, Options, Source};
use crate::core::counted;

/// Build the app's contexts that come from packages, or one of them
///
/// Cargo decides what is stale, and for contexts in other languages what they have imported does. Each component is written to `target/innkeeper/<context>.wasm` in its workspace, and left alone when it would not
/// change. Cargo's target for guests, wasm32-unknown-unknown, must be installed; for JavaScript Node.js 20 or newer, for Python 3.11 or newer.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper build
  innkeeper build room
  innkeeper build --app stay/innkeeper.toml --json")]
pub(super) struct Build {
    /// Only this context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    #[command(flatten)]
    app: AppFlags,
    /// Print one JSON object for each component
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    context: &'a str,
    component: &'a std::path::Path,
    size: u64,
    changed: bool,
}

impl Build {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.app.load()?;
        let sources = components::chosen(&manifest, self.context.as_deref())?;
        let built = build_all(&sources, &Options::default(), &Progress::new()).await?;
        for Built {
            name,
            path,
            size,
            changed,
        } in &built
        {
            match self.json {
                true => output::json(&Line {
                    context: name,
                    component: path,
                    size: *size,
                    changed: *changed,
                })?,
                false => output::line(path.display())?,
            }
        }
        Ok(())
    }
}

/// Builds what is stale.
pub(super) async fn build_all(
    sources: &[Source],
    options: &Options,
    progress: &Progress,
) -> Result<Vec<Built>, Failure> {
    let built = build::build(sources, options, |step| match step {
        build::Progress::Compiling {
            workspace,
            contexts,
        } => {
            let contexts = counted(contexts, "context");
            // Whoever does it for the first time would like to know how long.
            let note = match workspace.join("target").exists() || options.target_directory.is_some()
            {
                true => "",
                false => ", and all that is needed for that: a minute or two, the first time",
            };
            progress.say(format_args!("building {contexts}{note}"));
        }
        build::Progress::Line(line) => progress.step(line.trim()),
        build::Progress::Ready(built) => {
            let state = if built.changed { "built" } else { "up to date" };
            let size = built.size.div_ceil(1024);
            progress.say(format_args!("  {:<16} {state}, {size} KiB", built.name));
        }
    })
    .await;
    progress.clear();
    Ok(built?)
}
