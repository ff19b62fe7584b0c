//! Tokens are read again while the host runs: one that is taken out of the manifest, or whose file is, is good for nothing a moment later.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::state::State;
use super::token::Token;
use super::tokens::Tokens;
use crate::core::Timestamp;
use crate::manifest::{Manifest, TokenSettings};

/// How often they are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Where tokens come from.
#[derive(Clone)]
pub struct TokenSources {
    /// The manifest's file; none where it was made in memory.
    pub manifest: Option<PathBuf>,
    /// The further tokens that it named at the start.
    pub named: BTreeMap<String, TokenSettings>,
    /// The main token.
    pub operator: Token,
    /// The data directory, where it keeps the main token.
    pub directory: Option<PathBuf>,
}

/// What was read last, and what was complained about.
#[derive(Clone)]
struct Reading {
    sources: TokenSources,
    text: Option<String>,
    complaints: Vec<String>,
}

/// Reads them again, until `stop`.
pub(super) async fn reload(state: Arc<State>, sources: TokenSources, stop: CancellationToken) {
    let mut reading = Reading {
        sources,
        text: None,
        complaints: Vec::new(),
    };
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut then = Timestamp::from(SystemTime::now());
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let mut looked = reading.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let tokens = looked.look();
            (looked, tokens)
        });
        let tokens = match looking.await {
            Ok((looked, tokens)) => {
                reading = looked;
                tokens
            }
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                tracing::error!(%error, "the operators' tokens could not be read again");
                continue;
            }
        };
        let now = Timestamp::from(SystemTime::now());
        let is_as_before = tokens.is_as(now, &state.tokens.borrow(), then);
        if !is_as_before {
            // Sessions whose token is not among them end by that.
            state.tokens.send_replace(tokens);
            tracing::info!(target: "innkeeper::audit", "the operators' tokens have changed");
        }
        then = now;
    }
}

impl Reading {
    /// All tokens as they are now. What is wrong with them is said once.
    fn look(&mut self) -> Tokens {
        let mut complaints = Vec::new();
        if let Some(file) = self.sources.manifest.clone() {
            self.look_into(&file, &mut complaints);
        }
        if let Some(directory) = &self.sources.directory {
            match Token::read(&Token::file(directory)) {
                Ok(text) => self.sources.operator = Token::new(text),
                Err(error) => complaints.push(format!(
                    "the main token was not changed, because its file cannot be read: {error}"
                )),
            }
        }
        let TokenSources {
            named, operator, ..
        } = &self.sources;
        let (tokens, missing) = Tokens::read_again(named, operator.clone());
        complaints.extend(missing.iter().map(ToString::to_string));
        for complaint in &complaints {
            if !self.complaints.contains(complaint) {
                tracing::warn!("{complaint}");
            }
        }
        self.complaints = complaints;
        tokens
    }

    /// Which further tokens the manifest names by now. One that cannot be read leaves them as they were.
    fn look_into(&mut self, file: &Path, complaints: &mut Vec<String>) {
        let read = fs::read_to_string(file).map_err(|error| error.to_string());
        if let (Ok(text), Some(before)) = (&read, &self.text)
            && text == before
        {
            return;
        }
        let manifest = read.and_then(|text| {
            let read = Manifest::read(file, &text, std::env::vars_os());
            Ok((text, read.map_err(|error| error.to_string())?))
        });
        match manifest {
            Ok((text, manifest)) => {
                self.sources.named = manifest.admin.tokens;
                self.text = Some(text);
            }
            Err(error) => {
                complaints.push(format!("the operators' tokens were not changed: {error}"));
            }
        }
    }
}
