//! `innkeeper upgrade`

use clap::Args;

use super::app_flags::AppFlags;
use super::failure::Failure;
use super::output;
use crate::build::{Sdk, Step, Upgrade as Plan};
use crate::core::counted;
use crate::guest::CONTRACT_VERSION;

/// Bring the app's copy of the SDK, with the contract in it, to that of this binary
///
/// Each file that changes is named. What an author may change (components/Cargo.toml, components/clippy.toml) is changed only where nobody has; a file of the
/// SDK that was changed by hand is overwritten only with --force. The contexts, the manifest and everything else stay as they are.
///
/// With --sdk the contexts in Rust use the SDK from elsewhere, and the app's copy is removed; --sdk copy makes one again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper upgrade --dry-run
  innkeeper upgrade && innkeeper test
  innkeeper upgrade --sdk ../innkeeper/components/sdk
  innkeeper upgrade --sdk 0.4.0
  innkeeper upgrade --app stay/innkeeper.toml")]
pub(super) struct Upgrade {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Overwrite files of the SDK that were changed by hand, too
    #[arg(long)]
    force: bool,
    /// Where the contexts in Rust have the SDK from: a folder, a version in a registry such as 0.4.0, or `copy` for one of the app's own
    #[arg(long, value_name = "SOURCE")]
    sdk: Option<String>,
    #[command(flatten)]
    app: AppFlags,
}

impl Upgrade {
    pub async fn run(self) -> Result<(), Failure> {
        let Self {
            dry_run,
            force,
            sdk,
            app,
        } = self;
        let app = app.load()?.root_or_here().to_owned();
        let sdk = sdk.map(|sdk| Sdk::read(&sdk));
        let working = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
            let plan = match &sdk {
                Some(sdk) => Plan::to(&app, sdk)?,
                None => Plan::of(&app)?,
            };
            let becomes = match &sdk {
                None | Some(Sdk::Copy) => "is that of this binary",
                Some(_) => "is from where it was asked for",
            };
            for (path, step) in &plan.steps {
                output::line(format_args!("{:<10} {path}", said(*step)))?;
            }
            let changes = plan.steps.iter();
            let changes = changes.filter(|(_, step)| *step != Step::Keep).count();
            if changes == 0 {
                if !dry_run {
                    // What is there is noted, so that the next one knows what was changed by hand.
                    plan.carry_out()?;
                }
                output::note(format_args!(
                    "the SDK {becomes}, for contract {CONTRACT_VERSION}"
                ));
                return Ok(());
            }
            if dry_run {
                output::note(format_args!("{} would change", counted(changes, "file")));
                return Ok(());
            }
            let overwrites = plan.overwrites();
            if let (Some(first), false) = (overwrites.first(), force) {
                return Err(Failure::Usage(format!(
                    "{} of the SDK may have been changed by hand ({first}): keep what you need of that elsewhere, and go on with --force",
                    counted(overwrites.len(), "file")
                )));
            }
            plan.carry_out()?;
            output::note(format_args!(
                "the SDK {becomes} now, for contract {CONTRACT_VERSION}; `innkeeper test` shows what has to follow"
            ));
            Ok(())
        });
        working.await.map_err(|_| Failure::Interrupted)?
    }
}

fn said(step: Step) -> &'static str {
    match step {
        Step::Add => "add",
        Step::Change => "change",
        Step::Remove => "remove",
        Step::Overwrite => "overwrite",
        Step::Discard => "discard",
        Step::Keep => "keep",
    }
}
