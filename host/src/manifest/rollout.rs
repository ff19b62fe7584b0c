//! `[rollout]` and `[context.<name>.rollout]`: what may be uploaded, and how it comes to serve.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use http::HeaderName;
use serde::{Deserialize, Deserializer, de::Error};

use super::scalar;
use crate::core::{check_name, memory};

/// `[rollout]`: what may be uploaded, to whichever context.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadSettings {
    /// Whether a component must be signed with one of `keys`.
    pub require_signature: bool,
    /// Whether the components that the manifest itself names must be, too: with the signature in the file of the same name with `.sig` behind it.
    pub require_shipped_signature: bool,
    /// How big a component may be, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub max_size: u64,
    /// How much processor time compiling one may take, in whole seconds. On a busy machine it may last ten times as long, and two minutes at least.
    #[serde(deserialize_with = "scalar::seconds")]
    pub compile_time: Duration,
    /// How much memory compiling one may take, in bytes. Without it: a quarter of what the host's control group has, or the machine, and 2 GiB at most.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub compile_memory: Option<u64>,
    /// Whose signatures are good: public keys (ed25519), by the names of who has the private ones.
    #[serde(deserialize_with = "keys")]
    pub keys: BTreeMap<String, VerifyingKey>,
    /// Whose signatures are not good any more, whatever `keys` says.
    #[serde(deserialize_with = "keys")]
    pub revoked_keys: BTreeMap<String, VerifyingKey>,
}

impl Default for UploadSettings {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            require_signature: false,
            require_shipped_signature: false,
            max_size: 64 * MIB,
            compile_time: Duration::from_secs(120),
            compile_memory: None,
            keys: BTreeMap::new(),
            revoked_keys: BTreeMap::new(),
        }
    }
}

impl UploadSettings {
    /// How much memory compiling one may take, in bytes.
    pub fn compile_memory(&self) -> u64 {
        const MOST: u64 = 2 << 30;
        // Half of what there is is for invocations, and the process itself needs some, too.
        let quarter = || (memory::of_the_machine() / 4).min(MOST);
        self.compile_memory.unwrap_or_else(quarter)
    }
}

/// `[context.<name>.rollout]`: how a new version comes to serve.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutSettings {
    /// Which share of the work the new version gets, step by step.
    pub ramp: Ramp,
    /// How long a step takes.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub step: Duration,
    /// What decides which version a request goes to.
    pub key: RampKey,
    /// How many invocations of a version say that it does well, when they do not fail; fewer are too little.
    #[serde(deserialize_with = "scalar::positive")]
    pub min_requests: NonZeroU32,
    /// What becomes of a step of the ramp in which the version has done too little. Failures are never too little.
    pub on_too_little: OnTooLittle,
    /// How much longer a step may take, or the watch, when its time is over and nothing is sure.
    #[serde(deserialize_with = "scalar::duration")]
    pub max_hold: Duration,
    /// How many percentage points more of it may fail than of the old version's.
    #[serde(deserialize_with = "scalar::percent_or_zero")]
    pub max_errors: u8,
    /// How long its p99 may become, as a percentage of the old version's; 0 never looks at it.
    #[serde(deserialize_with = "latency")]
    pub max_latency: u32,
    /// A p99 below this is never too long.
    #[serde(deserialize_with = "scalar::duration")]
    pub latency_floor: Duration,
    /// How long it is watched once all goes to it, to be rolled back by itself; not at all when 0.
    #[serde(deserialize_with = "scalar::duration")]
    pub watch: Duration,
    /// How long what began on the old version may take to end there.
    #[serde(deserialize_with = "scalar::duration")]
    pub drain: Duration,
    /// How many old versions are kept.
    #[serde(deserialize_with = "scalar::positive")]
    pub keep: NonZeroU32,
}

impl Default for RolloutSettings {
    fn default() -> Self {
        Self {
            ramp: Ramp::default(),
            step: Duration::from_secs(10),
            key: RampKey::default(),
            min_requests: NonZeroU32::MIN.saturating_add(19),
            on_too_little: OnTooLittle::default(),
            max_hold: Duration::from_secs(5 * 60),
            max_errors: 1,
            max_latency: 150,
            latency_floor: Duration::from_millis(5),
            watch: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            keep: NonZeroU32::MIN.saturating_add(4),
        }
    }
}

impl RolloutSettings {
    /// The same for a version whose p99 may be so many times that of the one before it. Where the manifest allows more, or never looks, that stays.
    #[must_use]
    pub fn expecting_slower(&self, times: Option<u32>) -> Self {
        let mut settings = self.clone();
        if let Some(times) = times.filter(|_| settings.max_latency != 0) {
            settings.max_latency = settings.max_latency.max(times.saturating_mul(100));
        }
        settings
    }
}

/// What becomes of a step of the ramp in which a version has done too little to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTooLittle {
    /// It goes on until there is enough, for `max_hold` at most; then the ramp is aborted.
    #[default]
    Hold,
    /// The version gets the next share.
    Promote,
}

/// The shares of the work that a new version gets one after another, in percent: rising, and the last one is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp(Vec<u8>);

impl Ramp {
    /// A ramp of these percentages, if they rise from at least 1 to 100.
    fn new(percents: Vec<u8>) -> Option<Self> {
        let rises = percents.is_sorted_by(|one, next| one < next);
        let is_ramp = rises && percents.first() > Some(&0) && percents.last() == Some(&100);
        is_ramp.then_some(Self(percents))
    }

    /// The percentages.
    pub fn percents(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Ramp {
    type Err = String;

    /// Reads percentages with commas between them, as a command line has them.
    fn from_str(text: &str) -> Result<Self, String> {
        let percents = text.split(',').map(|part| part.trim().parse());
        let percents: Result<Vec<u8>, _> = percents.collect();
        let wrong = || {
            format!(
                "`{text}` is not a ramp; write rising percentages that end with 100, for example `5,25,100`"
            )
        };
        Self::new(percents.map_err(|_| wrong())?).ok_or_else(wrong)
    }
}

impl Default for Ramp {
    fn default() -> Self {
        Self(vec![100])
    }
}

impl<'de> Deserialize<'de> for Ramp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percents = scalar::percents(deserializer)?;
        Self::new(percents).ok_or_else(|| {
            D::Error::custom(
                "must rise from step to step and end with 100, for example `[1, 10, 50, 100]`",
            )
        })
    }
}

/// What decides which version a request goes to while two serve: what has the same key goes to the same one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum RampKey {
    /// Its path.
    #[default]
    Path,
    /// Its correlation id.
    CorrelationId,
    /// A header of this name, which is in lower case.
    Header(String),
}

impl FromStr for RampKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a key of requests; write `path`, `correlation-id`, or `header:` and a header's name, for example `header:x-guest`"
            )
        };
        match text {
            "path" => Ok(Self::Path),
            "correlation-id" => Ok(Self::CorrelationId),
            _ => {
                let name = text.strip_prefix("header:").ok_or_else(wrong)?;
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
                Ok(Self::Header(name.as_str().to_owned()))
            }
        }
    }
}

impl TryFrom<String> for RampKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for RampKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::CorrelationId => f.write_str("correlation-id"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

fn latency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match scalar::number(deserializer)? {
        1..=100 => Err(D::Error::custom(
            "must be at least 101 (percent of the old version's), or 0 to disable the check",
        )),
        percent => Ok(percent),
    }
}

fn keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, VerifyingKey>, D::Error> {
    struct Key(VerifyingKey);

    impl<'de> Deserialize<'de> for Key {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            public_key(&text).map(Self).ok_or_else(|| {
                // The text is not repeated: it may be a private key.
                D::Error::custom(
                    "not a public key: write the 32 bytes of one (ed25519) in base64; `innkeeper sign --new-key FILE` makes a pair and prints it",
                )
            })
        }
    }

    let keys = BTreeMap::<String, Key>::deserialize(deserializer)?;
    Ok(keys
        .into_iter()
        .map(|(name, Key(key))| (name, key))
        .collect())
}

/// A public key that only its private one can sign for.
fn public_key(text: &str) -> Option<VerifyingKey> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let key = VerifyingKey::from_bytes(bytes.as_slice().try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

/// Refuses settings that cannot work: the path below `rollout`, and what is wrong.
pub(super) fn check(uploads: &UploadSettings) -> Result<(), (Vec<&str>, String)> {
    for (table, keys) in [
        ("keys", &uploads.keys),
        ("revoked_keys", &uploads.revoked_keys),
    ] {
        for name in keys.keys() {
            check_name(name).map_err(|error| (vec![table, name], error.to_string()))?;
        }
    }
    if uploads.require_shipped_signature && !uploads.require_signature {
        let message = "needs `require_signature` as well; otherwise uploads need no signature";
        return Err((vec!["require_shipped_signature"], message.to_owned()));
    }
    if uploads.require_signature && uploads.keys.is_empty() {
        let message = "needs at least one public key in [rollout.keys]; `innkeeper sign --new-key FILE` makes a pair";
        return Err((vec!["require_signature"], message.to_owned()));
    }
    Ok(())
}
