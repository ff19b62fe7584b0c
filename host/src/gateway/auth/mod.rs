//! Who may ask for what: bearer tokens (RFC 6750) that are JSON Web Tokens of one issuer (RFC 7519, RFC 8725), and the routes that ask for one.

mod endpoint;
mod keys;
mod remote_keys;
mod token;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::endpoint::Endpoint;
use self::keys::KeySet;
use self::remote_keys::RemoteKeys;
use self::token::Refusal;
use super::problem::Problem;
use crate::core::{InvalidIdentity, VerifiedIdentity};
use crate::manifest::{GatewayAuthSettings, KeySource, Requirement};
use crate::tls::TlsError;

/// How often the keys' file is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// When a client may come again whose token could not be checked.
const RETRY: Duration = Duration::from_secs(5);
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// Tells good tokens from others.
pub struct Authenticator {
    settings: GatewayAuthSettings,
    source: Source,
    /// None while they could not be fetched yet.
    keys: ArcSwap<KeySet>,
    /// Whether operators were told that the issuer makes tokens that cannot be used here.
    unusable_told: AtomicBool,
}

/// Where the issuer's keys come from.
enum Source {
    File(PathBuf),
    Url(Box<RemoteKeys>),
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
    /// The settings do not say where they are.
    #[error("gateway.auth.{key}: {reason}")]
    Source {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The authorities that its certificate may come from cannot be read.
    #[error("gateway.auth.jwks_ca_file: {0}")]
    Authorities(#[source] TlsError),
}

impl Authenticator {
    /// With the keys that the file holds; those of a URL are fetched by [`reload`](Self::reload). Blocks.
    ///
    /// # Errors
    ///
    /// When the file holds none, or they can be fetched from nowhere.
    pub fn read(settings: GatewayAuthSettings) -> Result<Self, AuthError> {
        let source = settings.key_source();
        let (source, keys) = match source
            .map_err(|(key, reason)| AuthError::Source { key, reason })?
        {
            KeySource::File(file) => {
                let keys = KeySet::read(&file, &settings.algorithms)?;
                (Source::File(file), keys)
            }
            KeySource::Url {
                url,
                authorities,
                refresh,
            } => {
                let endpoint = Endpoint::new(url, authorities).map_err(AuthError::Authorities)?;
                let remote = RemoteKeys::new(endpoint, refresh);
                (Source::Url(Box::new(remote)), KeySet::default())
            }
        };
        Ok(Self {
            settings,
            source,
            keys: ArcSwap::from_pointee(keys),
            unusable_told: AtomicBool::new(false),
        })
    }

    /// Lets through a request whose token allows all that is required, and says who has sent it. Keys are waited for until the deadline at most.
    pub(super) async fn authorize(
        &self,
        required: &[Requirement],
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<VerifiedIdentity, Problem> {
        let token = bearer(headers)?;
        let mut verified = self.verify(token);
        if let (Err(Refusal::Key), Source::Url(remote)) = (&verified, &self.source) {
            remote.fetched(deadline).await;
            verified = self.verify(token);
        }
        let identity = match verified {
            Ok(identity) => identity,
            Err(Refusal::Key) if self.keys.load().is_empty() => return Err(without_keys()),
            Err(Refusal::Identity(reason)) => return Err(self.unusable(reason)),
            Err(refusal) => return Err(invalid(&refusal)),
        };
        let mut missing = required.iter();
        match missing.find(|required| !identity.has_scope(&required.scope)) {
            None => Ok(identity),
            Some(_) => Err(insufficient(required)),
        }
    }

    /// A good token that says too little or too much. Its client can do nothing about it, so operators are told, once.
    fn unusable(&self, reason: InvalidIdentity) -> Problem {
        if !self.unusable_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a good token of the issuer of [gateway.auth] cannot be used: {reason}; this is told once"
            );
        }
        match reason {
            InvalidIdentity::Subject => invalid(&Refusal::Identity(reason)),
            InvalidIdentity::TooLarge => too_large(reason),
        }
    }

    fn verify(&self, token: &str) -> Result<VerifiedIdentity, Refusal> {
        token::verify(token, &self.keys.load(), &self.settings, SystemTime::now())
    }

    /// Keeps the keys as the issuer has them, until `stop`. What is wrong with them is said once, and changes nothing.
    pub(super) async fn reload(self: Arc<Self>, stop: CancellationToken) {
        match &self.source {
            Source::File(file) => self.read_again(file, stop).await,
            Source::Url(remote) => {
                let algorithms = &self.settings.algorithms;
                remote.keep_fresh(&self.keys, algorithms, &stop).await;
            }
        }
    }

    async fn read_again(&self, file: &Path, stop: CancellationToken) {
        let mut complaint = String::new();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (file, algorithms) = (file.to_owned(), self.settings.algorithms.clone());
            let reading = move || KeySet::read(&file, &algorithms);
            let Ok(read) = tokio::task::spawn_blocking(reading).await else {
                continue;
            };
            match read {
                Ok(keys) => {
                    complaint.clear();
                    exchange(&self.keys, keys);
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

/// Puts keys in the place of others, if they are.
fn exchange(keys: &ArcSwap<KeySet>, new: KeySet) {
    if new != **keys.load() {
        keys.store(Arc::new(new));
        tracing::info!(target: "innkeeper::audit", "the keys of [gateway.auth] have changed");
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

/// It is good, so another one would be no better.
fn too_large(reason: InvalidIdentity) -> Problem {
    let detail = format!("the token cannot be used here: {reason}");
    let status = StatusCode::FORBIDDEN;
    Problem::of_kind(status, "identity-too-large", "Identity too large", detail)
}

/// Nobody can tell yet whether it is good.
fn without_keys() -> Problem {
    let detail = "the keys that tokens are checked with could not be fetched yet";
    Problem::of_kind(
        StatusCode::SERVICE_UNAVAILABLE,
        "token-keys-unavailable",
        "Token keys unavailable",
        detail,
    )
    .retry_after(RETRY)
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
