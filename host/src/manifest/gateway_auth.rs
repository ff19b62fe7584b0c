//! `[gateway.auth]`: whose tokens the public port takes, and `[context.<name>.routes]`: what they must allow.

use std::{fmt, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::scalar;

/// `[gateway.auth]`: whose bearer tokens (JWT, RFC 9068) the public port takes. The keys are read again while the host runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayAuthSettings {
    /// Who has made them: the claim `iss`.
    pub issuer: String,
    /// Whom they are for: one of the claim `aud`.
    pub audience: String,
    /// How they may be signed.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The issuer's public keys, as a JWK Set (RFC 7517).
    pub jwks_file: PathBuf,
    /// How much the issuer's clock may differ.
    #[serde(default = "half_a_minute", deserialize_with = "scalar::duration")]
    pub leeway: Duration,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// A way of signing (RFC 7518 3.1, RFC 8037): with a private key only, so that who checks a token can make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "these are the standard's names")]
pub enum SignatureAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl SignatureAlgorithm {
    /// What the standard calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// `[context.<name>.routes."<method> <path>"]`: who may ask for a route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// What a token must allow. Any good one will do when it is empty.
    pub require: Vec<Requirement>,
}

/// What a token must allow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Requirement {
    /// The scope that it must have (RFC 6749 3.3).
    pub scope: String,
}

impl TryFrom<String> for Requirement {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_scope = |scope: &str| {
            let mut bytes = scope.bytes();
            !scope.is_empty()
                && bytes.all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        };
        match text.strip_prefix("scope:") {
            Some(scope) if is_scope(scope) => Ok(Self {
                scope: scope.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is not something that a token can be asked for; write `scope:` and a scope, for example `scope:book`"
            )),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scope:{}", self.scope)
    }
}

/// Refuses settings of `[gateway.auth]` that cannot work: the setting, and what is wrong.
pub(super) fn check(settings: &GatewayAuthSettings) -> Result<(), (&'static str, String)> {
    let must = |key, what: &str| Err((key, format!("must {what}")));
    if settings.issuer.is_empty() {
        return must("issuer", "name the issuer, as its tokens do in `iss`");
    }
    if settings.audience.is_empty() {
        return must("audience", "name this app, as tokens for it do in `aud`");
    }
    if settings.algorithms.is_empty() {
        return must("algorithms", "name a way of signing, for example `RS256`");
    }
    Ok(())
}

/// Whether it can be a route: a method, a space and a path; or `*`, all others of a context.
pub(super) fn check_route(text: &str) -> Result<(), String> {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let is_route = text.split_once(' ').is_some_and(|(method, path)| {
        METHODS.contains(&method) && path.starts_with('/') && !path.contains(' ')
    });
    match is_route || text == "*" {
        true => Ok(()),
        false => Err(format!(
            "`{text}` is not a route; write a method and a path as the context describes them, for example `\"POST /reservations\"`, or `\"*\"` for all that are not named"
        )),
    }
}
