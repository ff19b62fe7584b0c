//! `innkeeper sign`

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::app_flags::AppFlags;
use super::candidates;
use super::failure::Failure;
use super::registry_flags::name;
use super::{key_file, output};
use crate::build;
use crate::core::{Timestamp, VersionDigest, check_name};
use crate::manifest::{Manifest, parse_duration, parse_time};
use crate::rollout::signature::{self, Signature, Subject, Validity};

/// How a component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Sign a component, or make a key to sign with
///
/// A host takes the signature of whoever has a key in [rollout.keys] of its manifest; with `require_signature` there, it takes nothing else. What
/// is signed is the component's digest, the app and the context that it is for, and when the signature is good. A core module is made a component first, as the
/// host does it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper sign --new-key ci.key                       make a private key, and print its public one
  innkeeper sign room.wasm --context room --key ci.key  write room.wasm.sig
  innkeeper sign room.wasm --context room --key ci.key --expires-in 90d")]
pub(super) struct Sign {
    /// The component, or a core module, that is signed
    #[arg(value_name = "FILE", required_unless_present = "new_key")]
    component: Option<PathBuf>,
    /// The context that it is for
    #[arg(long, required_unless_present = "new_key", value_parser = name, add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    /// The app's manifest, which says the app's name
    #[arg(long, value_name = "FILE", env = "INNKEEPER_APP", default_value = AppFlags::DEFAULT)]
    app: PathBuf,
    /// The name of the app, where its manifest is not at hand
    #[arg(long, value_name = "NAME", value_parser = name)]
    app_name: Option<String>,
    /// When the signature begins to be good, such as 2026-11-22T10:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    not_before: Option<Timestamp>,
    /// How long it is good, such as 90d [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// The file of the private key: PEM (PKCS #8) with a key of ed25519
    #[arg(long, value_name = "KEYFILE", required_unless_present = "new_key")]
    key: Option<PathBuf>,
    /// Where the signature is written; `-` is standard output [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a private key in this file, which must not be there, and print the line for [rollout.keys]
    #[arg(long, value_name = "KEYFILE", conflicts_with_all = ["component", "key", "output", "context", "app_name", "not_before", "expires_in"])]
    new_key: Option<PathBuf>,
}

/// Why a component is not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error("{} cannot be read: {source}; `innkeeper build` makes components", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} is not a component; name a .wasm file, such as `innkeeper build` prints", file.display())]
    NoComponent { file: PathBuf },
    #[error("the signature cannot be written to {}: {source}; choose another place with --output", file.display())]
    Unwritable { file: PathBuf, source: io::Error },
}

impl Sign {
    pub async fn run(self) -> Result<(), Failure> {
        let working = tokio::task::spawn_blocking(move || self.work());
        working.await.map_err(|_| Failure::Interrupted)?
    }

    fn work(mut self) -> Result<(), Failure> {
        let given = (self.component.take(), self.key.take(), self.context.take());
        match (given, self.new_key.take()) {
            (_, Some(file)) => make_key(&file),
            ((Some(component), Some(key), Some(context)), None) => {
                self.sign(&component, &key, &context)
            }
            // The command line has seen to it.
            _ => Err(Failure::Usage(
                "name a component, --context and --key, or --new-key".to_owned(),
            )),
        }
    }

    fn sign(self, component: &Path, key: &Path, context: &str) -> Result<(), Failure> {
        let key = key_file::read(key)?;
        let digest = digest(component)?;
        let app = match self.app_name {
            Some(app) => app,
            None => Manifest::load(&self.app)?.app.name,
        };
        let signed = Timestamp::from(SystemTime::now());
        let ends = |time: Duration| {
            let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let begins = self.not_before.unwrap_or(signed).0;
            Timestamp(begins.saturating_add(milliseconds))
        };
        let validity = Validity {
            signed,
            not_before: self.not_before,
            expires: self.expires_in.map(ends),
        };
        let subject = Subject {
            app: &app,
            context,
            digest,
        };
        let signature = Signature::new(&key, subject, validity);
        let output = self
            .output
            .unwrap_or_else(|| component.with_added_extension("sig"));
        if output == Path::new("-") {
            return Ok(output::line(signature)?);
        }
        let written = std::fs::write(&output, format!("{signature}\n"));
        written.map_err(|source| SignError::Unwritable {
            file: output.clone(),
            source,
        })?;
        let place = output.display();
        Ok(output::line(format_args!(
            "signed sha256:{digest} for the context {context} of the app {app} in {place}"
        ))?)
    }
}

/// The digest of the component that a host makes of a file.
fn digest(file: &Path) -> Result<VersionDigest, Failure> {
    let bytes = std::fs::read(file).map_err(|source| SignError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let component = build::componentize(&file.display().to_string(), bytes)?;
    if !component.starts_with(COMPONENT) {
        let file = file.to_owned();
        return Err(SignError::NoComponent { file }.into());
    }
    Ok(VersionDigest::of(&component))
}

fn make_key(file: &Path) -> Result<(), Failure> {
    let key = key_file::make(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str());
    let name = name
        .filter(|name| check_name(name).is_ok())
        .unwrap_or("key");
    output::note(format_args!(
        "made the private key {}, for its owner only; below [rollout.keys] in the manifest goes:",
        file.display()
    ));
    let public = signature::public_key(&key);
    Ok(output::line(format_args!("{name} = \"{public}\""))?)
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| "write a time such as 2026-11-22T10:00:00Z".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).filter(|found| !found.is_zero());
    found.ok_or_else(|| "write a duration such as 12h or 90d".to_owned())
}
