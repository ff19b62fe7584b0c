//! `innkeeper dead-letters`

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use serde::Serialize;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::{
    Contexts, DeadLetter, DeadLetters as View, InterruptedRequest, InterruptedRequests, Retried,
    Undo, Undos,
};
use crate::observe::sanitize::{CELL, SENTENCE, shown};

/// How long to wait for all dead letters of a context to be handled.
const RETRY_ALL: Duration = Duration::from_secs(600);
/// How long to wait for one, and the older ones of its subject.
const RETRY: Duration = Duration::from_secs(60);

/// List the events, undos and interrupted requests that were given up on or cannot be ended, have them tried again, or drop them
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  innkeeper dead-letters
  innkeeper dead-letters retry viewpage room.3.1204.0
  innkeeper dead-letters retry viewpage --all
  innkeeper dead-letters drop viewpage room.3.1204.0
  innkeeper dead-letters give-up viewpage room.3.1204.0
  innkeeper dead-letters retry reservation undo-3fa9c1d2e4b5
  innkeeper dead-letters drop reservation request-81c02be7d4f0"
)]
pub(super) struct DeadLetters {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Retry(Retry),
    Drop(Drop),
    GiveUp(GiveUp),
}

/// List the events that contexts gave up on (the default)
#[derive(Args, Debug)]
struct List {
    /// Only those of this context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    /// Print one JSON object for each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Have dead letters handled
///
/// The older ones of the same subject are handled first, so that their order is kept; one that fails again stays, with its new reason.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper dead-letters retry viewpage room.3.1204.0
  innkeeper dead-letters retry viewpage --all")]
struct Retry {
    /// The context that gave up
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The dead letter's id, as the list shows it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Have all of the context's dead letters handled
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Drop a dead letter: its event will not be handled
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper dead-letters drop viewpage room.3.1204.0")]
struct Drop {
    /// The context that gave up
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The dead letter's id, as the list shows it
    id: String,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Give up on an event that is still being tried: it becomes a dead letter now, and those behind it go on
///
/// `innkeeper status <CONTEXT>` shows which events are being tried, why they fail, and when they are tried next.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper dead-letters give-up viewpage room.3.1204.0")]
struct GiveUp {
    /// The context that tries it
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The event's id, as `innkeeper status <CONTEXT>` shows it
    id: String,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl GiveUp {
    async fn run(self) -> Result<(), Failure> {
        let Self {
            context,
            id,
            operator,
        } = self;
        let client = operator.client()?;
        let path = format!(
            "/v1/contexts/{}/retries/{}/give-up",
            encoded(&context),
            encoded(&id)
        );
        client.order(&path, RETRY).await?;
        output::note(format_args!(
            "Next: innkeeper dead-letters retry {context} {id}, or innkeeper dead-letters drop {context} {id}"
        ));
        Ok(())
    }
}

impl DeadLetters {
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            None => self.list.run().await,
            Some(Command::List(command)) => command.run().await,
            Some(Command::Retry(command)) => command.run().await,
            Some(Command::Drop(command)) => command.run().await,
            Some(Command::GiveUp(command)) => command.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let names = match self.context {
            Some(name) => vec![name],
            None => {
                let all: Contexts = client.get("/v1/contexts").await?;
                all.contexts
                    .into_iter()
                    .map(|context| context.name)
                    .collect()
            }
        };
        let mut count = 0;
        for name in names {
            count += list(&client, &name, self.json).await?;
            count += list_undos(&client, &name, self.json).await?;
            count += list_interrupted(&client, &name, self.json).await?;
        }
        match count {
            0 => output::note("no dead letters"),
            _ => output::note("Next: innkeeper dead-letters retry <CONTEXT> <ID>"),
        }
        Ok(())
    }
}

/// Shows the dead letters of a context, and says how many.
async fn list(client: &Client, name: &str, json: bool) -> Result<usize, Failure> {
    let mut after = String::new();
    let mut count = 0;
    loop {
        let path = format!("{}?limit=500{after}", path(name));
        let View { dead_letters, next } = client.get(&path).await?;
        count += dead_letters.len();
        for letter in dead_letters {
            show(name, &letter, json)?;
        }
        match next {
            Some(next) => after = format!("&after={}", encoded(&next)),
            None => return Ok(count),
        }
    }
}

/// Shows the calls of a context that the host could not undo, and says how many.
async fn list_undos(client: &Client, name: &str, json: bool) -> Result<usize, Failure> {
    let Undos { undos } = client.get(&undo_path(name)).await?;
    let stuck = undos.iter().filter_map(|undo| {
        let (reason, since) = (undo.reason.as_ref()?, undo.since?);
        Some((undo, reason, since))
    });
    let mut count = 0;
    for (undo, reason, since) in stuck {
        count += 1;
        if json {
            show_json(name, undo)?;
            continue;
        }
        let Undo {
            id,
            call,
            callee,
            caller,
            failures,
            ..
        } = undo;
        let reason = shown(reason, SENTENCE);
        match (call, callee) {
            (Some(call), Some(callee)) => output::line(format_args!(
                "{name}  {id}  call {call} of {callee} could not be undone, after {failures} attempts, at {since}: {reason}"
            ))?,
            (None, Some(callee)) => output::line(format_args!(
                "{name}  {id}  whatever {caller} has called of {callee} could not be undone, after {failures} attempts, at {since}: {reason}"
            ))?,
            _ => output::line(format_args!(
                "{name}  {id}  a call of {caller} cannot be undone, seen at {since}: {reason}"
            ))?,
        }
    }
    Ok(count)
}

/// Shows the requests of a context that were interrupted and cannot be ended, and says how many.
async fn list_interrupted(client: &Client, name: &str, json: bool) -> Result<usize, Failure> {
    let InterruptedRequests { interrupted } = client.get(&interrupted_path(name)).await?;
    for request in &interrupted {
        if json {
            show_json(name, request)?;
            continue;
        }
        let InterruptedRequest {
            id,
            what,
            began,
            reason,
            ..
        } = request;
        let began = began.map_or_else(String::new, |began| format!(" of {began}"));
        output::line(format_args!(
            "{name}  {id}  {}{began} was interrupted and has not ended: {}",
            shown(what, CELL),
            shown(reason, SENTENCE)
        ))?;
    }
    Ok(interrupted.len())
}

fn show_json(context: &str, value: &impl Serialize) -> Result<(), Failure> {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("context".into(), context.into());
    }
    Ok(output::json(&value)?)
}

fn show(context: &str, letter: &DeadLetter, json: bool) -> Result<(), Failure> {
    if json {
        return show_json(context, letter);
    }
    let attempts = match letter.held_back {
        true => "not tried yet".to_owned(),
        false => format!("after {} attempts", letter.attempts),
    };
    Ok(output::line(format_args!(
        "{context}  {}  {} of {} {}, {attempts}, at {}: {}",
        shown(&letter.id, CELL),
        shown(letter.event.kind(), CELL),
        shown(letter.event.context(), CELL),
        shown(&letter.event.subject, CELL),
        letter.time,
        shown(&letter.reason, SENTENCE)
    ))?)
}

impl Retry {
    async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let other = self.id.as_ref().and_then(|id| {
            let path = path_of_another(&self.context, id)?;
            Some((id, format!("{path}/{}/retry", encoded(id))))
        });
        if let Some((id, path)) = other {
            client.order(&path, RETRY).await?;
            return Ok(output::line(format_args!("{id} will be tried again"))?);
        }
        let retried: Retried = match &self.id {
            Some(id) => {
                let path = format!("{}/{}/retry", path(&self.context), encoded(id));
                client.post(&path, RETRY).await?
            }
            None => {
                output::note("retrying; the host goes on even if you stop waiting");
                let path = format!("{}/retry", path(&self.context));
                client.post(&path, RETRY_ALL).await?
            }
        };
        let Retried {
            handled,
            failed,
            held_back,
        } = retried;
        match self.json {
            true => output::json(&retried)?,
            false => output::line(format_args!(
                "{handled} handled, {failed} failed again, {held_back} held back behind those"
            ))?,
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failure::FailedAgain { failed }),
        }
    }
}

impl Drop {
    async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let path = path_of_another(&self.context, &self.id).unwrap_or_else(|| path(&self.context));
        let path = format!("{path}/{}", encoded(&self.id));
        client.delete(&path).await?;
        Ok(output::line(format_args!("dropped {}", self.id))?)
    }
}

fn path(context: &str) -> String {
    format!("/v1/contexts/{}/dead-letters", encoded(context))
}

fn undo_path(context: &str) -> String {
    format!("/v1/contexts/{}/undos", encoded(context))
}

fn interrupted_path(context: &str) -> String {
    format!("/v1/contexts/{}/interrupted", encoded(context))
}

/// Where those are that an id names which is none of an event.
fn path_of_another(context: &str, id: &str) -> Option<String> {
    // Those of events are places: `room.3.1204.0`.
    if id.contains('.') {
        return None;
    }
    match id.split_once('-')?.0 {
        "undo" => Some(undo_path(context)),
        "request" => Some(interrupted_path(context)),
        _ => None,
    }
}
