//! `[admin]`: the operators' port, and who may do what there.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use serde::{Deserialize, Deserializer, de::Error};

use super::{admin_tls::AdminTlsSettings, gateway::RateLimit, scalar};
use crate::core::{Timestamp, check_name};

/// The name of the main token, `admin.token`.
pub const OPERATOR: &str = "operator";
/// The name of whoever looks without a token.
pub const LOCAL: &str = "local";

/// `[admin]`: the operators' port.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSettings {
    /// Where to listen. Port 0 takes a free one.
    #[serde(deserialize_with = "scalar::address")]
    pub listen: SocketAddr,
    /// The bearer token that may do everything. Made and printed at the first start when it is not set.
    #[serde(deserialize_with = "scalar::token")]
    pub token: Option<String>,
    /// The sha-256 hash of that token's text instead, so that the token itself is nowhere near the host.
    #[serde(deserialize_with = "hash")]
    pub token_sha256: Option<[u8; 32]>,
    /// TLS, with which certificates; none when absent.
    pub tls: Option<AdminTlsSettings>,
    /// Further tokens, by the names of who has them.
    pub tokens: BTreeMap<String, TokenSettings>,
    /// How often one of them may upload.
    #[serde(deserialize_with = "upload_limit")]
    pub upload_limit: RateLimit,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token: None,
            token_sha256: None,
            tls: None,
            tokens: BTreeMap::new(),
            upload_limit: UploadLimit::default().into(),
        }
    }
}

impl fmt::Debug for AdminSettings {
    /// Keeps the token out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminSettings")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .field("tokens", &self.tokens)
            .field("upload_limit", &self.upload_limit)
            .finish()
    }
}

/// `[admin.tokens.<name>]`: one more token, and what it is good for. It is never written in the manifest itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// What it is good for.
    pub role: Role,
    /// A file with the token. Either this or `sha256`.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// The sha-256 hash of its text.
    #[serde(default, deserialize_with = "hash")]
    pub sha256: Option<[u8; 32]>,
    /// From this time on it is good for nothing.
    #[serde(default, deserialize_with = "scalar::optional_time")]
    pub expires: Option<Timestamp>,
}

/// What a token is good for. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looking.
    Read,
    /// Bringing versions, and taking them back.
    Deploy,
    /// Everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        })
    }
}

/// A [`RateLimit`] with other defaults.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UploadLimit {
    #[serde(deserialize_with = "scalar::positive")]
    requests_per_second: NonZeroU32,
    #[serde(deserialize_with = "scalar::positive")]
    burst: NonZeroU32,
}

impl Default for UploadLimit {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::MIN.saturating_add(19),
            burst: NonZeroU32::MIN.saturating_add(39),
        }
    }
}

impl From<UploadLimit> for RateLimit {
    fn from(limit: UploadLimit) -> Self {
        Self {
            requests_per_second: limit.requests_per_second,
            burst: limit.burst,
        }
    }
}

fn upload_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RateLimit, D::Error> {
    UploadLimit::deserialize(deserializer).map(RateLimit::from)
}

fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut hash = [0; 32];
    match hex::decode_to_slice(&text, &mut hash) {
        Ok(()) => Ok(Some(hash)),
        // The text is not repeated: it may be the token itself.
        Err(_) => Err(D::Error::custom(
            "must be 64 hexadecimal digits; `printf %s \"$TOKEN\" | sha256sum` prints those of a token",
        )),
    }
}

/// Refuses two main tokens: the setting, and what is wrong.
pub(super) fn check(settings: &AdminSettings) -> Result<(), (&'static str, String)> {
    match (&settings.token, &settings.token_sha256) {
        (Some(_), Some(_)) => Err((
            "token_sha256",
            "the main token is set twice, also as `token`; keep one of them".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Refuses a token that cannot be one: the setting (if it is one), and what is wrong.
pub(super) fn check_token(
    name: &str,
    token: &TokenSettings,
) -> Result<(), (Option<&'static str>, String)> {
    check_name(name).map_err(|error| (None, error.to_string()))?;
    if name == OPERATOR {
        let message =
            format!("`{name}` is reserved for the main token, `admin.token`; choose another name");
        return Err((None, message));
    }
    if name == LOCAL {
        let message =
            format!("`{name}` is reserved for requests without a token; choose another name");
        return Err((None, message));
    }
    match (&token.file, &token.sha256) {
        (Some(_), Some(_)) => Err((
            Some("sha256"),
            "the token is set twice, also as `file`; keep one of them".to_owned(),
        )),
        (None, None) => Err((
            None,
            "needs the token itself: `file`, a file that holds it, or `sha256`, the hash of its text".to_owned(),
        )),
        _ => Ok(()),
    }
}
