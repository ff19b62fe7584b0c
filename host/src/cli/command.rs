//! Which commands there are.

use clap::{Parser, Subcommand};

use super::failure::Failure;
use super::{
    audit, autoscale, backup, build, compile, completions, dead_letters, deploy, describe, docs,
    doctor, events, fault, graph, journal, man, manifest, nats, new, pull, push, rebuild, rollback,
    rollout, sagas, serve, sign, status, story, test, up, upgrade, versions,
};

/// A host for bounded contexts that run as WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "innkeeper",
    version,
    about,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Begin with:
  innkeeper new lobby        make an app
  innkeeper up               build and serve the app in this directory
  innkeeper events --follow  watch what happens in it"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Up(up::Up),
    Serve(serve::Serve),
    Build(build::Build),
    New(new::New),
    Test(test::Test),
    Upgrade(upgrade::Upgrade),
    Manifest(manifest::Manifest),
    Doctor(doctor::Doctor),
    Status(status::Status),
    Graph(graph::Graph),
    Fault(fault::Fault),
    Autoscale(autoscale::Autoscale),
    Describe(describe::Describe),
    Docs(docs::Docs),
    Events(events::Events),
    Story(story::Story),
    Sagas(sagas::Sagas),
    DeadLetters(dead_letters::DeadLetters),
    Nats(nats::Nats),
    Rebuild(rebuild::Rebuild),
    Versions(versions::Versions),
    Deploy(deploy::Deploy),
    Rollout(rollout::Rollout),
    Rollback(rollback::Rollback),
    Audit(audit::Audit),
    Backup(backup::Backup),
    Journal(journal::Journal),
    #[command(hide = true)]
    Compile(compile::Compile),
    #[command(hide = true)]
    Wrap(compile::Wrap),
    Sign(sign::Sign),
    Push(push::Push),
    Pull(pull::Pull),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Up(command) => command.run().await,
            Self::Serve(command) => command.run().await,
            Self::Build(command) => command.run().await,
            Self::New(command) => command.run().await,
            Self::Test(command) => command.run().await,
            Self::Upgrade(command) => command.run().await,
            Self::Manifest(command) => command.run().await,
            Self::Doctor(command) => command.run().await,
            Self::Status(command) => command.run().await,
            Self::Graph(command) => command.run().await,
            Self::Fault(command) => command.run().await,
            Self::Autoscale(command) => command.run().await,
            Self::Describe(command) => command.run().await,
            Self::Docs(command) => command.run().await,
            Self::Events(command) => command.run().await,
            Self::Story(command) => command.run().await,
            Self::Sagas(command) => command.run().await,
            Self::DeadLetters(command) => command.run().await,
            Self::Nats(command) => command.run().await,
            Self::Rebuild(command) => command.run().await,
            Self::Versions(command) => command.run().await,
            Self::Deploy(command) => command.run().await,
            Self::Rollout(command) => command.run().await,
            Self::Rollback(command) => command.run().await,
            Self::Audit(command) => command.run().await,
            Self::Backup(command) => command.run().await,
            Self::Journal(command) => command.run().await,
            Self::Compile(command) => command.run().await,
            Self::Wrap(command) => command.run(),
            Self::Sign(command) => command.run().await,
            Self::Push(command) => command.run().await,
            Self::Pull(command) => command.run().await,
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run().await,
        }
    }
}
