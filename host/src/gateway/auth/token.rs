//! A JSON Web Token, and whether it is good.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::keys::KeySet;
use crate::core::{InvalidIdentity, Statement, VerifiedIdentity};
use crate::manifest::GatewayAuthSettings;

/// Why a token is not good. Said to whoever sent it; none of this repeats what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the token is not a signed JSON Web Token")]
    Malformed,
    #[error("the token is signed in a way that is not taken here")]
    Algorithm,
    #[error("the token is signed with a key that is not known here")]
    Key,
    #[error("the token's signature is not good")]
    Signature,
    #[error("the token needs something that is not understood here (`crit`)")]
    Critical,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not good yet")]
    Early,
    #[error("the token is of another type")]
    Type,
    #[error("the token cannot be used here: {0}")]
    Identity(#[from] InvalidIdentity),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// What is claimed. Claims of another type make a token none: what cannot be read must not count as absent.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: OneOrMany,
    sub: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    scope: Option<String>,
    scp: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Who a token says it is of, if it is good at this time. What it says is looked at only once its signature is known to be good.
pub(super) fn verify(
    token: &str,
    keys: &KeySet,
    settings: &GatewayAuthSettings,
    now: SystemTime,
) -> Result<VerifiedIdentity, Refusal> {
    let (message, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(Refusal::Malformed)?;
    let header: Header = decoded(header)?;
    let mut known = settings.algorithms.iter();
    let algorithm = *known
        .find(|algorithm| algorithm.name() == header.alg)
        .ok_or(Refusal::Algorithm)?;
    if header.crit.is_some() {
        return Err(Refusal::Critical);
    }
    let key = keys.find(header.kid.as_deref(), algorithm);
    let signature = bytes(signature)?;
    let key = key.ok_or(Refusal::Key)?;
    if !key.has_signed(algorithm, message.as_bytes(), &signature) {
        return Err(Refusal::Signature);
    }
    if let Some(expected) = &settings.token_type
        && !is_type(header.typ.as_deref(), expected)
    {
        return Err(Refusal::Type);
    }
    let payload: Map<String, Value> = decoded(payload)?;
    let named = settings.claims.iter().filter_map(|name| {
        let value = payload.get(name)?;
        Some((name.clone(), value.to_string()))
    });
    let named = named.collect();
    let claims = Claims::deserialize(Value::Object(payload)).map_err(|_| Refusal::Malformed)?;
    check(&claims, settings, now)?;
    let words = claims.scope.iter().flat_map(|scope| scope.split(' '));
    let listed = claims.scp.iter().flat_map(OneOrMany::as_slice);
    let listed = listed.flat_map(|scopes| scopes.split(' '));
    let scopes = words.chain(listed).map(str::to_owned).collect();
    Ok(VerifiedIdentity::new(Statement {
        issuer: claims.iss,
        subject: claims.sub.unwrap_or_default(),
        scopes,
        claims: named,
    })?)
}

/// Whether a type is the one that is expected; it may leave out `application/`, and its letters may be of either case (RFC 7515 4.1.9).
fn is_type(found: Option<&str>, expected: &str) -> bool {
    let short = |text: &str| {
        let text = text.to_ascii_lowercase();
        let short = text.strip_prefix("application/").map(str::to_owned);
        short.unwrap_or(text)
    };
    found.is_some_and(|found| short(found) == short(expected))
}

fn check(claims: &Claims, settings: &GatewayAuthSettings, now: SystemTime) -> Result<(), Refusal> {
    if claims.iss != settings.issuer {
        return Err(Refusal::Issuer);
    }
    if !claims.aud.as_slice().contains(&settings.audience) {
        return Err(Refusal::Audience);
    }
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let now = since.unwrap_or(Duration::ZERO).as_secs_f64();
    let leeway = settings.leeway.as_secs_f64();
    if now >= claims.exp + leeway {
        return Err(Refusal::Expired);
    }
    match claims.nbf {
        Some(begin) if begin > now + leeway => Err(Refusal::Early),
        _ => Ok(()),
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| Refusal::Malformed)
}

fn bytes(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests;
