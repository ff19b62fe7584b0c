//! `innkeeper deploy`

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::progress::Progress;
use super::sse::Parser;
use crate::admin::view::Rollout;
use crate::manifest::{Ramp, parse_duration};
use crate::observe::shown::{CELL, SENTENCE, shown};

/// How long sending a component may take.
const SENDING: Duration = Duration::from_secs(180);
/// How long to wait before asking again how it goes.
const PAUSE: Duration = Duration::from_millis(300);

/// Bring a version of a context, and watch it pass its gates and take over
///
/// The file is a component (`innkeeper build` makes them), or a module that wit-bindgen made. A version that does not pass a gate, or does worse than the
/// one before it while it is ramped up, leaves things as they were; the exit code is 1 then.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper deploy room components/target/innkeeper/room.wasm
  innkeeper deploy room room.wasm --ramp 5,25,100 --step 10s --label 'reviews have stars'
  innkeeper deploy room room.wasm --dry-run

A signature in <FILE>.sig is sent along; `innkeeper sign` makes it. `innkeeper rollback room` takes a version back.")]
pub(super) struct Deploy {
    /// The context
    context: String,
    /// The component
    file: PathBuf,
    /// Which part of the work it gets step by step, in percent [default: as the manifest says]
    #[arg(long, value_name = "PERCENTS", value_parser = ramp)]
    ramp: Option<String>,
    /// How long each step takes [default: as the manifest says]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    step: Option<String>,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// A file with a signature of it [default: <FILE>.sig, if there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Only pass the gates: keep nothing, serve nothing
    #[arg(long)]
    dry_run: bool,
    /// Take it although it was quarantined
    #[arg(long)]
    force: bool,
    /// Begin, and do not wait for the end; `innkeeper versions <CONTEXT>` shows what became of it
    #[arg(long)]
    no_wait: bool,
    /// Print the rollout as JSON at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Deploy {
    pub async fn run(self) -> Result<(), Failure> {
        let bytes = read(&self.file).await?;
        let mut headers = vec![
            ("content-type", "application/wasm".to_owned()),
            ("prefer", "respond-async".to_owned()),
        ];
        if let Some(signature) = self.signature().await? {
            headers.push(("innkeeper-signature", signature));
        }
        let path = self.path();
        let progress = Progress::new();
        let (context, no_wait, json) = (self.context, self.no_wait, self.json);
        let client = self.operator.client()?;
        progress.step(format_args!("sending {} bytes", bytes.len()));
        let begun: Rollout = client.send_bytes(&path, &headers, bytes, SENDING).await?;
        let rollout = match no_wait || begun.is_over() {
            true => begun,
            false => follow(&client, &context, &begun, &progress).await?,
        };
        progress.clear();
        if json {
            output::json(&rollout)?;
        }
        tell(rollout, json)
    }

    fn path(&self) -> String {
        let mut query = vec![
            format!("dry-run={}", self.dry_run),
            format!("force={}", self.force),
        ];
        let given = [
            ("ramp", &self.ramp),
            ("step", &self.step),
            ("label", &self.label),
        ];
        for (name, value) in given {
            query.extend(
                value
                    .iter()
                    .map(|value| format!("{name}={}", encoded(value))),
            );
        }
        let context = encoded(&self.context);
        format!("/v1/contexts/{context}/versions?{}", query.join("&"))
    }

    async fn signature(&self) -> Result<Option<String>, Failure> {
        let (file, is_wanted) = match &self.signature {
            Some(file) => (file.clone(), true),
            None => (self.file.with_added_extension("sig"), false),
        };
        match tokio::fs::read_to_string(&file).await {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if !is_wanted && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Failure::File { file, source }),
        }
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = tokio::fs::read(file).await;
    read.map_err(|source| Failure::File {
        file: file.to_owned(),
        source,
    })
}

/// Shows each step as it is done, until there is no more.
async fn follow(
    client: &Client,
    context: &str,
    begun: &Rollout,
    progress: &Progress,
) -> Result<Rollout, Failure> {
    let path = format!("/v1/contexts/{}/rollout", encoded(context));
    let mut shown = Shown::default();
    loop {
        let mut stream = client.stream(&path, None).await?;
        let mut parser = Parser::default();
        while let Ok(Some(bytes)) = stream.chunk().await {
            for message in parser.take(&bytes) {
                let Ok(rollout) = serde_json::from_str::<Rollout>(&message.data) else {
                    continue;
                };
                if rollout.id != begun.id {
                    return Err(Failure::Rollout {
                        context: context.to_owned(),
                        reason: format!(
                            "it has ended, and another rollout has begun before its end was seen; `innkeeper versions {context} --history` tells how"
                        ),
                    });
                }
                show(&rollout, &mut shown, progress);
                if rollout.is_over() {
                    return Ok(rollout);
                }
            }
        }
        // The connection is gone: the next one says whether the host is.
        tokio::time::sleep(PAUSE).await;
    }
}

/// What has been shown of a rollout.
#[derive(Default)]
struct Shown {
    steps: usize,
    doing: String,
}

fn show(rollout: &Rollout, so_far: &mut Shown, progress: &Progress) {
    for step in rollout.steps.iter().skip(so_far.steps) {
        let gate = step.gate.map_or("", |gate| gate.name());
        let took = Duration::from_micros(step.micros);
        let what = shown(&step.what, SENTENCE);
        progress.say(format_args!("  {gate:<12} {what} ({took:.1?})"));
    }
    let has_more = rollout.steps.len() > so_far.steps;
    so_far.steps = rollout.steps.len();
    let doing = match (rollout.is_over(), rollout.weight) {
        (true, _) => return,
        (false, 0) => rollout.stage.clone(),
        (false, weight) => format!("{} at {weight} %", rollout.stage),
    };
    // What was said wipes the line away that says what is done.
    if doing != so_far.doing || (has_more && progress.is_terminal()) {
        progress.step(&doing);
        so_far.doing = doing;
    }
}

fn tell(rollout: Rollout, json: bool) -> Result<(), Failure> {
    let Rollout {
        context, number, ..
    } = rollout;
    let done = match rollout.outcome.as_deref() {
        Some("passed") => "has passed its gates; nothing was changed".to_owned(),
        Some("current") => "serves".to_owned(),
        Some("unchanged") => "serves already".to_owned(),
        None => format!("is {}", rollout.stage),
        Some(_) => {
            let reason = rollout.reason.unwrap_or_default();
            let reason = match rollout.gate {
                Some(gate) => format!("refused at the gate `{}`: {reason}", gate.name()),
                None => reason,
            };
            return Err(Failure::Rollout { context, reason });
        }
    };
    if json {
        return Ok(());
    }
    let label = rollout.label;
    let label = label.map(|label| format!(" ({})", shown(&label, CELL)));
    Ok(output::line(format_args!(
        "version {number} of {context}{} {done}",
        label.unwrap_or_default()
    ))?)
}

fn ramp(text: &str) -> Result<String, String> {
    text.parse::<Ramp>().map(|_| text.to_owned())
}

fn duration(text: &str) -> Result<String, String> {
    let found = parse_duration(text).filter(|duration| !duration.is_zero());
    let wrong = || format!("`{text}` is not a duration; write for example 500ms or 10s");
    found.map(|_| text.to_owned()).ok_or_else(wrong)
}
