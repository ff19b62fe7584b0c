//! `innkeeper nats`

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::{RelayDeadLetter, RelayDeadLetters, Republished};

/// How long to wait for the host's relay.
const ANSWER: Duration = Duration::from_secs(30);
const DEAD_LETTERS: &str = "/v1/nats/dead-letters";

/// See to the events that are published on NATS
///
/// An event that cannot be published as it is, for example because it is larger than the server takes, becomes a dead letter of the relay; the others go on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper nats dead-letters
  innkeeper nats retry room.1204.0
  innkeeper nats drop room.1204.0
  innkeeper nats republish --context room --from 1
  innkeeper nats acknowledge pms 'pms.>'")]
pub(super) struct Nats {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    DeadLetters(DeadLetters),
    Retry(Retry),
    Drop(Drop),
    Republish(Republish),
    Acknowledge(Acknowledge),
}

/// List the events that cannot be published as they are
#[derive(Args, Debug)]
struct DeadLetters {
    /// Print one JSON object for each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Publish a dead letter, when what was in its way is put right
#[derive(Args, Debug)]
struct Retry {
    /// The dead letter's id, as the list shows it
    id: String,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Drop a dead letter: its event will not be published
#[derive(Args, Debug)]
struct Drop {
    /// The dead letter's id, as the list shows it
    id: String,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Publish the events of a context again, with the ids that they have
///
/// For a stream that is new, or has lost what it had. Who follows them sees them again, and knows them by their ids.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper nats republish --context room --from 1")]
struct Republish {
    /// The context that published them
    #[arg(long, add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The first commit whose events are published again, from 1
    #[arg(long)]
    from: u64,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Say that you have seen what a followed stream has lost: messages that it dropped before they were read, or that it was set back or replaced
///
/// `innkeeper status` shows it until then, and where `unready_when_lost` is set the host is not ready.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper nats acknowledge pms 'pms.>'")]
struct Acknowledge {
    /// The source, as the status shows it
    source: String,
    /// The followed subject, as the status shows it
    subject: String,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Acknowledge {
    async fn run(self) -> Result<(), Failure> {
        let (source, subject) = (encoded(&self.source), encoded(&self.subject));
        let path = format!("/v1/nats/losses/acknowledge?source={source}&subject={subject}");
        self.operator.client()?.order(&path, ANSWER).await?;
        Ok(output::line(format_args!(
            "acknowledged what {} {} has lost",
            self.source, self.subject
        ))?)
    }
}

impl Nats {
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::DeadLetters(command) => command.run().await,
            Command::Retry(command) => command.run().await,
            Command::Drop(command) => command.run().await,
            Command::Republish(command) => command.run().await,
            Command::Acknowledge(command) => command.run().await,
        }
    }
}

impl DeadLetters {
    async fn run(self) -> Result<(), Failure> {
        let found: RelayDeadLetters = self.operator.client()?.get(DEAD_LETTERS).await?;
        for letter in &found.dead_letters {
            match self.json {
                true => output::json(letter)?,
                false => output::line(shown(letter))?,
            }
        }
        match found.dead_letters.is_empty() {
            true => output::note("every event can be published"),
            false => output::note("Next: innkeeper nats retry <ID>"),
        }
        Ok(())
    }
}

fn shown(letter: &RelayDeadLetter) -> String {
    format!(
        "{}  {} {}, at {}: {}",
        letter.id, letter.kind, letter.subject, letter.time, letter.reason
    )
}

impl Retry {
    async fn run(self) -> Result<(), Failure> {
        let path = format!("{DEAD_LETTERS}/{}/retry", encoded(&self.id));
        self.operator.client()?.order(&path, ANSWER).await?;
        Ok(output::line(format_args!("published {}", self.id))?)
    }
}

impl Drop {
    async fn run(self) -> Result<(), Failure> {
        let path = format!("{DEAD_LETTERS}/{}", encoded(&self.id));
        self.operator.client()?.delete(&path).await?;
        Ok(output::line(format_args!("dropped {}", self.id))?)
    }
}

impl Republish {
    async fn run(self) -> Result<(), Failure> {
        let Self { context, from, .. } = &self;
        let path = format!(
            "/v1/nats/republish?context={}&from={from}",
            encoded(context)
        );
        let client = self.operator.client()?;
        let Republished { events } = client.post(&path, ANSWER).await?;
        Ok(output::line(match events {
            1 => "1 event is being published again".to_owned(),
            events => format!("{events} events are being published again"),
        })?)
    }
}
