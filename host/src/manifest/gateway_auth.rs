//! `[gateway.auth]`: whose tokens the public port takes, and `[context.<name>.routes]`: what they must allow.

use std::{fmt, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::key_source::{KeySource, KeyUrl};
use super::scalar;

/// The shortest interval at which keys are fetched.
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);
/// The most claims that guests are told of.
const MOST_CLAIMS: usize = 32;
/// What an identity has besides its claims.
const TOLD_ANYWAY: [&str; 4] = ["iss", "sub", "scope", "scp"];

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
    /// The issuer's public keys, as a JWK Set (RFC 7517), in a file. Either this or `jwks_url`.
    pub jwks_file: Option<PathBuf>,
    /// Where they can be fetched.
    pub jwks_url: Option<String>,
    /// Certificates (PEM) of the authorities that the certificate there may come from; the system's when absent.
    pub jwks_ca_file: Option<PathBuf>,
    /// How often they are fetched.
    #[serde(default = "five_minutes", deserialize_with = "scalar::duration")]
    pub jwks_refresh: Duration,
    /// The type that a token must say it has, its `typ`; any when absent.
    pub token_type: Option<String>,
    /// Which claims guests are told of.
    #[serde(default)]
    pub claims: Vec<String>,
    /// How much the issuer's clock may differ.
    #[serde(default = "half_a_minute", deserialize_with = "scalar::duration")]
    pub leeway: Duration,
}

impl GatewayAuthSettings {
    /// The files that it names, to be taken relative to the manifest.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let files = [&mut self.jwks_file, &mut self.jwks_ca_file];
        files.into_iter().flatten()
    }

    /// Where the issuer's keys come from; or the setting that does not say it, and what is wrong.
    pub(crate) fn key_source(&self) -> Result<KeySource, (&'static str, String)> {
        let must = |key, what: &str| Err((key, format!("must {what}")));
        if self.jwks_refresh < SHORTEST_REFRESH {
            return must("jwks_refresh", "be at least `1s`");
        }
        match (&self.jwks_file, &self.jwks_url) {
            (Some(_), None) if self.jwks_ca_file.is_some() => {
                must("jwks_ca_file", "be left out, as no key is fetched")
            }
            (Some(file), None) => Ok(KeySource::File(file.clone())),
            (None, Some(url)) => Ok(KeySource::Url {
                url: KeyUrl::parse(url).map_err(|reason| ("jwks_url", reason))?,
                authorities: self.jwks_ca_file.clone(),
                refresh: self.jwks_refresh,
            }),
            (Some(_), Some(_)) => must(
                "jwks_url",
                "be left out, or `jwks_file`: there is one set of keys",
            ),
            (None, None) => must(
                "jwks_url",
                "say where the issuer's keys are, or `jwks_file` which file holds them",
            ),
        }
    }
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
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
    settings.key_source()?;
    if settings.token_type.as_ref().is_some_and(String::is_empty) {
        return must("token_type", "name a type, for example `at+jwt`");
    }
    check_claims(&settings.claims).map_err(|reason| ("claims", reason))
}

fn check_claims(claims: &[String]) -> Result<(), String> {
    if claims.len() > MOST_CLAIMS {
        return Err(format!("names more than {MOST_CLAIMS} claims"));
    }
    for (place, claim) in claims.iter().enumerate() {
        if claim.is_empty()
            || claims
                .get(..place)
                .is_some_and(|before| before.contains(claim))
        {
            return Err(format!("names `{claim}` twice, or nothing"));
        }
        if TOLD_ANYWAY.contains(&claim.as_str()) {
            return Err(format!(
                "need not name `{claim}`: guests are told that anyway"
            ));
        }
    }
    Ok(())
}

/// Whether it can be a route: a method, a space and a path; or `*`, all others of a context.
pub(super) fn check_route(text: &str) -> Result<(), String> {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let is_route = text.split_once(' ').is_some_and(|(method, path)| {
        // What stands for all below a path stands at its end.
        let is_within = path.split('/').any(|segment| segment == "*");
        METHODS.contains(&method) && path.starts_with('/') && !path.contains(' ') && !is_within
    });
    match is_route || text == "*" {
        true => Ok(()),
        false => Err(format!(
            "`{text}` is not a route; write a method and a path as the context describes them, for example `\"POST /reservations\"`, for a standard component perhaps a path alone, for example `\"/hello\"` or `\"/hello/*\"`, or `\"*\"` for all that are not named"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_method_and_a_path_that_can_be_one() {
        for (text, is_route) in [
            ("*", true),
            ("GET /rooms/{id}", true),
            ("GET /files/{*path}", true),
            ("GET /files/", true),
            ("get /rooms", false),
            ("GET rooms", false),
            ("GET /files/*/b", false),
            ("/rooms", false),
        ] {
            assert_eq!(check_route(text).is_ok(), is_route, "{text}");
        }
    }
}
