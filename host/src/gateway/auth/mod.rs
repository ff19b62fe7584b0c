//! Who may ask for what: bearer tokens (RFC 6750) that are JSON Web Tokens of one issuer (RFC 7519, RFC 8725), and the routes that ask for one.

mod keys;
mod token;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::keys::KeySet;
use self::token::Refusal;
use super::problem::Problem;
use crate::manifest::{GatewayAuthSettings, Requirement};

/// How often the keys' file is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// Tells good tokens from others.
pub struct Authenticator {
    settings: GatewayAuthSettings,
    keys: ArcSwap<KeySet>,
}

/// The issuer's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}; [gateway.auth] needs the keys in it", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} cannot be used as a JWK Set: {reason}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Authenticator {
    /// With the keys that the file holds. Blocks.
    ///
    /// # Errors
    ///
    /// When it holds none.
    pub fn read(settings: GatewayAuthSettings) -> Result<Self, AuthError> {
        let keys = KeySet::read(&settings)?;
        Ok(Self {
            settings,
            keys: ArcSwap::from_pointee(keys),
        })
    }

    /// Lets through a request whose token allows all that is required.
    pub(super) fn authorize(
        &self,
        required: &[Requirement],
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let token = bearer(headers)?;
        let identity = token::verify(token, &self.keys.load(), &self.settings, SystemTime::now())
            .map_err(|refusal| invalid(&refusal))?;
        let mut missing = required.iter();
        match missing.find(|required| !identity.has_scope(&required.scope)) {
            None => Ok(()),
            Some(_) => Err(insufficient(required)),
        }
    }

    /// Reads the keys again, until `stop`. What is wrong with them is said once, and changes nothing.
    pub(super) async fn reload(self: Arc<Self>, stop: CancellationToken) {
        let mut complaint = String::new();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let settings = self.settings.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || KeySet::read(&settings)).await
            else {
                continue;
            };
            match read {
                Ok(keys) => {
                    complaint.clear();
                    if keys != **self.keys.load() {
                        self.keys.store(Arc::new(keys));
                        tracing::info!(target: "innkeeper::audit", "the keys of [gateway.auth] have changed");
                    }
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != complaint {
                        tracing::warn!("the keys of [gateway.auth] stay as they were: {error}");
                        complaint = error;
                    }
                }
            }
        }
    }
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), next) = (values.next(), values.next()) else {
        return Err(absent());
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(absent());
    }
    let token = token.trim_matches(' ');
    match next.is_some() || token.is_empty() || token.contains(' ') || token.len() > LONGEST {
        true => Err(malformed()),
        false => Ok(token),
    }
}

/// RFC 6750 3.1: who has not said anything is not told what is wrong with it.
fn absent() -> Problem {
    let detail = "this route needs a bearer token";
    challenge(Problem::new(StatusCode::UNAUTHORIZED, detail), "Bearer")
}

fn malformed() -> Problem {
    let detail = "Authorization must be sent once, as `Bearer` and a token";
    let problem = Problem::new(StatusCode::BAD_REQUEST, detail);
    challenge(problem, "Bearer error=\"invalid_request\"")
}

fn invalid(refusal: &Refusal) -> Problem {
    let status = StatusCode::UNAUTHORIZED;
    let problem = Problem::of_kind(
        status,
        "invalid-token",
        "Invalid token",
        refusal.to_string(),
    );
    challenge(
        problem,
        &format!("Bearer error=\"invalid_token\", error_description=\"{refusal}\""),
    )
}

fn insufficient(required: &[Requirement]) -> Problem {
    let scopes: Vec<&str> = required
        .iter()
        .map(|required| required.scope.as_str())
        .collect();
    let scopes = scopes.join(" ");
    let detail = format!("the token must have the scope `{scopes}`");
    let status = StatusCode::FORBIDDEN;
    let problem = Problem::of_kind(status, "insufficient-scope", "Insufficient scope", detail);
    challenge(
        problem,
        &format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\""),
    )
}

fn challenge(problem: Problem, how: &str) -> Problem {
    match HeaderValue::from_str(how) {
        Ok(how) => problem.with_header(header::WWW_AUTHENTICATE, how),
        Err(_) => problem,
    }
}
