//! `innkeeper deploy`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::progress::Progress;
use super::push::signature_beside;
use super::registry_flags::{FETCHING, app_of, largest, registries};
use super::sought_signatures::{Judge, sought};
use super::sse::Parser;
use crate::admin::view::{Contexts, Rollout, Watch};
use crate::core::{VersionDigest, human_duration};
use crate::manifest::{ComponentSource, Manifest, Ramp, parse_duration};
use crate::observe::sanitize::{CELL, SENTENCE, shown};
use crate::registry::{Addressee, Pulled};
use crate::versions::numbered;

/// How long sending a component may take.
const SENDING: Duration = Duration::from_secs(180);
/// How long to wait before asking again how it goes.
const PAUSE: Duration = Duration::from_millis(300);
/// How long a host that went away may take to come back.
const RETURN: Duration = Duration::from_secs(60);

/// Bring a version of a context, and watch it pass its gates and take over
///
/// It is a component (`innkeeper build` makes them), or a module that wit-bindgen made, in a file or in a registry; from there it is fetched here, and the host needs no
/// way to it. A version that does not pass a gate, or does worse than the
/// one before it while it is ramped up, leaves things as they were; the exit code is 1 then. When the host restarts meanwhile, this waits for it, and says what
/// became of the version.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper deploy room components/target/innkeeper/room.wasm
  innkeeper deploy room room.wasm --ramp 5,25,100 --step 10s --label 'reviews have stars'
  innkeeper deploy room room.wasm --until-watched
  innkeeper deploy message message.js.wasm --expect-slower=50
  innkeeper deploy room room.wasm --dry-run
  innkeeper deploy room oci://registry.example/inn/room:1.2
  innkeeper deploy room oci://registry.example/inn/room@sha256:...

A signature in <FILE>.sig, or the newest beside it in the registry, is sent along (the newest good one, where the manifest here has [rollout.keys]); `innkeeper sign` makes it. `innkeeper rollout` pauses, promotes or ends a ramp; `innkeeper rollback room` takes a version back.")]
pub(super) struct Deploy {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The component: a file, or `oci://<registry>/<repository>` with `:<tag>` or `@<digest>`
    #[arg(value_parser = ComponentSource::parse)]
    component: ComponentSource,
    /// Which part of the work it gets step by step, in percent [default: as the manifest says]
    #[arg(long, value_name = "PERCENTS", value_parser = ramp)]
    ramp: Option<String>,
    /// How long each step takes [default: as the manifest says]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    step: Option<String>,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// A file with a signature of it [default: <FILE>.sig, or the one in the registry, if there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Let its p99 be so many times that of the version before it: for one that is known to be slower, such as one in another language
    #[arg(long, value_name = "TIMES", num_args = 0..=1, require_equals = true, default_missing_value = "20", value_parser = clap::value_parser!(u32).range(2..=1000))]
    expect_slower: Option<u32>,
    /// Only pass the gates: keep nothing, serve nothing
    #[arg(long)]
    dry_run: bool,
    /// Take it although it was quarantined
    #[arg(long)]
    force: bool,
    /// Begin, and do not wait for the end; `innkeeper versions <CONTEXT>` shows what became of it
    #[arg(long)]
    no_wait: bool,
    /// Wait until the version has been watched over, too; end with 1 when it is rolled back
    #[arg(long, conflicts_with_all = ["no_wait", "dry_run"])]
    until_watched: bool,
    /// Print the rollout as JSON at the end
    #[arg(long)]
    json: bool,
    /// Speak plain HTTP with the registry, also with a password
    #[arg(long)]
    plain_http: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// What is deployed.
struct Component {
    bytes: Bytes,
    signature: Option<String>,
}

impl Deploy {
    pub async fn run(self) -> Result<(), Failure> {
        let progress = Progress::new();
        let manifest = self.operator.manifest()?;
        let client = self.operator.clone().client()?;
        let component = self.component(manifest.as_ref(), &client, &progress);
        let Component { bytes, signature } = component.await?;
        let mut headers = vec![
            ("content-type", "application/wasm".to_owned()),
            ("prefer", "respond-async".to_owned()),
        ];
        if let Some(signature) = signature {
            headers.push(("innkeeper-signature", signature));
        }
        let path = self.path();
        let (context, no_wait, json) = (self.context, self.no_wait, self.json);
        let until_watched = self.until_watched;
        progress.step(format_args!("sending {} bytes", bytes.len()));
        let begun: Rollout = client.send_bytes(&path, &headers, bytes, SENDING).await?;
        let rollout = match no_wait || is_told(&begun, until_watched) {
            true => begun,
            false => follow(&client, &context, &begun, until_watched, &progress).await?,
        };
        progress.clear();
        if json {
            output::json(&rollout)?;
        }
        tell(rollout, until_watched, json)
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
        if let Some(times) = self.expect_slower {
            query.push(format!("expect-slower={times}"));
        }
        let context = encoded(&self.context);
        format!("/v1/contexts/{context}/versions?{}", query.join("&"))
    }

    /// The component, from wherever it is.
    async fn component(
        &self,
        manifest: Option<&Manifest>,
        client: &Client,
        progress: &Progress,
    ) -> Result<Component, Failure> {
        let named = self.signature.as_deref();
        let reference = match &self.component {
            ComponentSource::File(file) => {
                let bytes = tokio::fs::read(file).await;
                let bytes = bytes.map_err(|source| Failure::File {
                    file: file.clone(),
                    source,
                })?;
                return Ok(Component {
                    bytes: bytes.into(),
                    signature: signature_beside(file, named).await?,
                });
            }
            ComponentSource::Registry(reference) => reference,
        };
        let signature = match named {
            Some(file) => signature_beside(file, named).await?,
            None => None,
        };
        let registries = registries(manifest, reference, self.plain_http);
        let app = match app_of(manifest) {
            Some(app) => Some(app),
            // Where that is not told, neither will a component be taken.
            None => {
                let told: Result<Contexts, _> = client.get("/v1/contexts").await;
                told.ok().map(|contexts| contexts.app)
            }
        };
        let whom = Addressee {
            app,
            context: Some(self.context.clone()),
        };
        let judge = Judge::new(manifest, &whom);
        let sought = sought(manifest, whom);
        progress.step(format_args!("fetching from {}", reference.registry));
        let pulling = registries.pull(reference, largest(manifest), &sought, FETCHING);
        let pulled = pulling.await;
        progress.clear();
        let pulled = pulled?;
        for note in &pulled.notes {
            progress.say(note);
        }
        progress.say(format_args!("{reference} is {}", pulled.digest));
        let is_needed = manifest.is_some_and(|manifest| manifest.rollout.require_signature);
        let found = match (&judge, is_needed) {
            (Some(judge), false) => good(judge, &pulled, progress),
            // Whoever asks for a signature also says why this is none.
            _ => pulled.signature,
        };
        Ok(Component {
            bytes: pulled.component,
            signature: signature.or(found),
        })
    }
}

/// The signature of what was fetched, if it is good. One that is not is not sent where nobody asks for one: it would be refused as a proof.
fn good(judge: &Judge, pulled: &Pulled, progress: &Progress) -> Option<String> {
    let signature = pulled.signature.clone()?;
    match judge.verify(VersionDigest::of(&pulled.component), &signature) {
        Ok(()) => Some(signature),
        Err(error) => {
            progress.say(format_args!("its signature is not sent along: {error}"));
            None
        }
    }
}

/// Whether there is no more to wait for.
fn is_told(rollout: &Rollout, until_watched: bool) -> bool {
    rollout.is_over() && !(until_watched && rollout.is_watched())
}

/// Shows each step as it is done, until there is no more. A host that goes away meanwhile is waited for.
async fn follow(
    client: &Client,
    context: &str,
    begun: &Rollout,
    until_watched: bool,
    progress: &Progress,
) -> Result<Rollout, Failure> {
    let until = if until_watched { "watched" } else { "ended" };
    let path = format!("/v1/contexts/{}/rollout?until={until}", encoded(context));
    let ended = |reason: String| Failure::Rollout {
        context: context.to_owned(),
        reason,
    };
    let mut shown = Shown::default();
    let mut away = None;
    loop {
        let mut stream = match client.stream(&path, None).await {
            Ok(stream) => stream,
            Err(Failure::Refused { status: 404, .. }) => {
                return Err(ended(
                    "the host restarted before it had stored the version; deploy it again".into(),
                ));
            }
            Err(failure) if failure.may_pass() => {
                let since = *away.get_or_insert_with(|| {
                    progress.say("  the host is gone; waiting until it is back");
                    Instant::now()
                });
                if since.elapsed() > RETURN {
                    return Err(ended(format!(
                        "its outcome is unknown: {failure}. When the host is back, `innkeeper versions {context} --history` shows it"
                    )));
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        away = None;
        let mut parser = Parser::default();
        while let Ok(Some(bytes)) = stream.chunk().await {
            for message in parser.take(&bytes) {
                let Ok(rollout) = serde_json::from_str::<Rollout>(&message.data) else {
                    continue;
                };
                if rollout.id != begun.id {
                    return Err(ended(format!(
                        "it has ended, and another rollout started before its end was seen; `innkeeper versions {context} --history` shows how it ended"
                    )));
                }
                show(&rollout, &mut shown, progress);
                if is_told(&rollout, until_watched) {
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
        let took = human_duration(Duration::from_micros(step.micros));
        let what = shown(&step.what, SENTENCE);
        progress.say(format_args!("  {gate:<12} {what} ({took})"));
    }
    let has_more = rollout.steps.len() > so_far.steps;
    so_far.steps = rollout.steps.len();
    let paused = if rollout.paused { ", paused" } else { "" };
    let doing = match (rollout.is_over(), rollout.weight) {
        (true, _) if rollout.is_watched() => "it is serving, and is being watched".to_owned(),
        (true, _) => return,
        (false, 0) => format!("{}{paused}", rollout.stage),
        (false, weight) => format!("{} at {weight} %{paused}", rollout.stage),
    };
    // What was said wipes the line away that says what is done.
    if doing != so_far.doing || (has_more && progress.is_terminal()) {
        progress.step(&doing);
        so_far.doing = doing;
    }
}

fn tell(rollout: Rollout, until_watched: bool, json: bool) -> Result<(), Failure> {
    let Rollout {
        context, number, ..
    } = rollout;
    let done = match rollout.outcome.as_deref() {
        Some("passed") => "has passed its gates; nothing was changed".to_owned(),
        Some("current") if until_watched => watched(&context, rollout.watch)?,
        Some("current") => "serves".to_owned(),
        Some("unchanged") => "is already serving".to_owned(),
        None => format!("is {}", rollout.stage),
        Some(_) => {
            let reason = rollout.reason.unwrap_or_default();
            let reason = match rollout.gate {
                Some(gate) => format!("rejected at the gate `{}`: {reason}", gate.name()),
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
        "{} of {context}{} {done}",
        numbered(number),
        label.unwrap_or_default()
    ))?)
}

/// What the watch over a version has come to.
fn watched(context: &str, watch: Option<Watch>) -> Result<String, Failure> {
    let Some(Watch { state, reason }) = watch else {
        return Ok("is serving; it is not watched (rollout.watch is 0s)".to_owned());
    };
    let reason = reason.unwrap_or_default();
    match state.as_str() {
        "well" => Ok(format!("is serving, and was watched to the end: {reason}")),
        "taken-back" => Err(Failure::Rollout {
            context: context.to_owned(),
            reason,
        }),
        _ => Err(Failure::Unwatched {
            context: context.to_owned(),
            reason,
        }),
    }
}

fn ramp(text: &str) -> Result<String, String> {
    text.parse::<Ramp>().map(|_| text.to_owned())
}

fn duration(text: &str) -> Result<String, String> {
    let found = parse_duration(text).filter(|duration| !duration.is_zero());
    let wrong = || format!("`{text}` is not a duration; write for example 500ms or 10s");
    found.map(|_| text.to_owned()).ok_or_else(wrong)
}
