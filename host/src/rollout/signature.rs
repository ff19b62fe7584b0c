//! Who made a component, for whom, and for how long: signatures (ed25519) of statements about it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use crate::core::{Timestamp, VersionDigest};

/// How far the clock of who signs may be ahead of the host's.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// What a signature is about. One for another app, context or component is none for this.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The app's name.
    pub app: &'a str,
    /// The context.
    pub context: &'a str,
    /// The component's digest.
    pub digest: VersionDigest,
}

/// When a signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// When it was made.
    pub signed: Timestamp,
    /// Before this time it is not good.
    pub not_before: Option<Timestamp>,
    /// From this time on it is not good any more.
    pub expires: Option<Timestamp>,
}

/// A signature, as it travels: 64 bytes in base64, and behind them the times that were signed with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    validity: Validity,
    bytes: ed25519_dalek::Signature,
}

/// A signature that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whose key made it.
    pub signer: String,
    /// When.
    pub at: Timestamp,
}

/// Whose signatures are good, and whose not any more.
#[derive(Clone, Copy, Debug)]
pub struct Keyring<'a> {
    /// Public keys by the names of who has the private ones.
    pub known: &'a BTreeMap<String, VerifyingKey>,
    /// Those that are not to be trusted any more.
    pub revoked: &'a BTreeMap<String, VerifyingKey>,
}

/// Why a signature is not good.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is none at all.
    #[error(
        "this is not a signature: a signature is 64 bytes (ed25519) in base64, followed by `; signed=<time>`, as `innkeeper sign` writes it; sign the component again with this version of Innkeeper"
    )]
    Malformed,
    /// No known key signed this component for this context.
    #[error(
        "the signature is not one of sha256:{digest} for the context {context} of the app {app} by a known key ({known}): sign this very component with `innkeeper sign --context {context}`, with a key of [rollout.keys]"
    )]
    Unknown {
        /// The component's digest.
        digest: VersionDigest,
        /// The context that it was brought to.
        context: String,
        /// The app.
        app: String,
        /// The names of the keys.
        known: String,
    },
    /// The key was revoked.
    #[error(
        "it is signed with the key `{key}`, which is in [rollout.revoked_keys]; sign it with another"
    )]
    Revoked {
        /// The key's name.
        key: String,
    },
    /// It is not good yet.
    #[error("its signature is not valid before {from}; wait, or check the clocks of both machines")]
    NotYet {
        /// From when on it is.
        from: Timestamp,
    },
    /// It is not good any more.
    #[error("its signature has expired at {at}; sign it again")]
    Expired {
        /// When it expired.
        at: Timestamp,
    },
}

impl Keyring<'_> {
    /// Whose signature this is, if it is a good one of `subject` at the time `now`.
    ///
    /// # Errors
    ///
    /// When it is no signature, not of this, not by a key that is trusted, or not good now.
    pub fn verify(
        &self,
        subject: Subject<'_>,
        signature: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        let signature: Signature = signature.parse()?;
        let Validity {
            signed,
            not_before,
            expires,
        } = signature.validity;
        let statement = statement(subject, signature.validity);
        // The strict way: one signature cannot be made into another, or be good for more than one text.
        let made = |key: &VerifyingKey| {
            let checked = key.verify_strict(statement.as_bytes(), &signature.bytes);
            checked.is_ok()
        };
        // First of all: a key may be known under another name still.
        if let Some((key, _)) = self.revoked.iter().find(|(_, key)| made(key)) {
            return Err(SignatureError::Revoked { key: key.clone() });
        }
        let signer = self.known.iter().find(|(_, key)| made(key));
        let (signer, _) = signer.ok_or_else(|| self.unknown(subject))?;
        let ahead = Timestamp(now.0.saturating_add(SKEW.as_millis() as u64));
        if signed > ahead {
            return Err(SignatureError::NotYet { from: signed });
        }
        match (not_before, expires) {
            (Some(from), _) if now < from => Err(SignatureError::NotYet { from }),
            (_, Some(at)) if now >= at => Err(SignatureError::Expired { at }),
            _ => Ok(Signed {
                signer: signer.clone(),
                at: signed,
            }),
        }
    }

    fn unknown(&self, subject: Subject<'_>) -> SignatureError {
        let names: Vec<&str> = self.known.keys().map(String::as_str).collect();
        SignatureError::Unknown {
            digest: subject.digest,
            context: subject.context.to_owned(),
            app: subject.app.to_owned(),
            known: match names.is_empty() {
                true => "there is none".to_owned(),
                false => names.join(", "),
            },
        }
    }
}

impl Signature {
    /// When it says that it was made.
    pub fn made(&self) -> Timestamp {
        self.validity.signed
    }

    /// Signs a statement.
    pub fn new(key: &SigningKey, subject: Subject<'_>, validity: Validity) -> Self {
        Self {
            bytes: key.sign(statement(subject, validity).as_bytes()),
            validity,
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Validity {
            signed,
            not_before,
            expires,
        } = self.validity;
        let bytes = BASE64_STANDARD.encode(self.bytes.to_bytes());
        write!(formatter, "{bytes}; signed={signed}")?;
        if let Some(time) = not_before {
            write!(formatter, "; not-before={time}")?;
        }
        if let Some(time) = expires {
            write!(formatter, "; expires={time}")?;
        }
        Ok(())
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let parse = || {
            let mut parts = text.trim().split(';').map(str::trim);
            let bytes = BASE64_STANDARD.decode(parts.next()?).ok()?;
            let bytes = ed25519_dalek::Signature::from_slice(&bytes).ok()?;
            let mut times = BTreeMap::new();
            for part in parts {
                let (name, time) = part.split_once('=')?;
                let is_known = ["signed", "not-before", "expires"].contains(&name);
                let is_new = times.insert(name, time.parse().ok()?).is_none();
                if !(is_known && is_new) {
                    return None;
                }
            }
            let validity = Validity {
                signed: *times.get("signed")?,
                not_before: times.get("not-before").copied(),
                expires: times.get("expires").copied(),
            };
            Some(Self { validity, bytes })
        };
        parse().ok_or(SignatureError::Malformed)
    }
}

/// A private key that nobody else has.
pub fn new_key() -> SigningKey {
    SigningKey::from_bytes(&rand::random())
}

/// The public key of a private one, as the manifest has it: base64.
pub fn public_key(key: &SigningKey) -> String {
    BASE64_STANDARD.encode(key.verifying_key().to_bytes())
}

/// What is signed: it says what it is about, so that a signature is never one of anything else. Names hold neither spaces nor ends of lines.
fn statement(subject: Subject<'_>, validity: Validity) -> String {
    let Subject {
        app,
        context,
        digest,
    } = subject;
    let or_always =
        |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    format!(
        "innkeeper version\napp {app}\ncontext {context}\ncomponent sha256:{digest}\nsigned {}\nnot-before {}\nexpires {}\n",
        validity.signed,
        or_always(validity.not_before),
        or_always(validity.expires),
    )
}

#[cfg(test)]
mod tests;
