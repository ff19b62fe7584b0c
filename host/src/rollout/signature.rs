//! Who made a component, for whom, and for how long: signatures (ed25519) of statements about it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
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
mod tests {
    use super::*;

    const DIGEST: VersionDigest = VersionDigest::from_bytes([7; 32]);
    const NOW: Timestamp = Timestamp(1_795_341_734_248);
    const ROOM: Subject<'_> = Subject {
        app: "stay",
        context: "room",
        digest: DIGEST,
    };

    fn keys<const N: usize>(keys: [(&str, &SigningKey); N]) -> BTreeMap<String, VerifyingKey> {
        keys.map(|(name, key)| (name.to_owned(), key.verifying_key()))
            .into()
    }

    fn valid() -> Validity {
        Validity {
            signed: NOW,
            not_before: None,
            expires: None,
        }
    }

    fn sign(key: &SigningKey) -> String {
        Signature::new(key, ROOM, valid()).to_string()
    }

    fn verify(
        known: &BTreeMap<String, VerifyingKey>,
        subject: Subject<'_>,
        signature: &str,
    ) -> Result<Signed, SignatureError> {
        let revoked = &BTreeMap::new();
        Keyring { known, revoked }.verify(subject, signature, NOW)
    }

    #[test]
    fn a_signature_is_whose_key_made_it() {
        let (one, other) = (new_key(), new_key());
        let known = keys([("ci", &one), ("laptop", &other)]);
        let signed = verify(&known, ROOM, &sign(&one)).unwrap();
        assert_eq!((signed.signer.as_str(), signed.at), ("ci", NOW));
        let signature = format!("{}\n", sign(&other));
        let signed = verify(&known, ROOM, &signature).unwrap();
        assert_eq!(signed.signer, "laptop");
    }

    #[test]
    fn of_anything_else_or_by_another_key_it_is_not_good() {
        let (one, other) = (new_key(), new_key());
        let known = keys([("ci", &one), ("laptop", &one)]);
        let refused = |subject: Subject<'_>, signature: &str| {
            let error = verify(&known, subject, signature).unwrap_err();
            assert!(matches!(error, SignatureError::Unknown { .. }), "{error}");
            error.to_string()
        };
        let said = refused(ROOM, &sign(&other));
        assert!(
            said.contains(&DIGEST.to_string()) && said.contains("ci, laptop"),
            "{said}"
        );
        let digest = VersionDigest::from_bytes([8; 32]);
        refused(Subject { digest, ..ROOM }, &sign(&one));
        let context = "message";
        refused(Subject { context, ..ROOM }, &sign(&one));
        refused(Subject { app: "inn", ..ROOM }, &sign(&one));
        // What stands behind it is signed, too.
        let signature = sign(&one);
        refused(
            ROOM,
            &format!("{signature}; expires={}", Timestamp(NOW.0 + 60_000)),
        );
        refused(
            ROOM,
            &signature.replace(&NOW.to_string(), &Timestamp(NOW.0 - 1).to_string()),
        );
        let said = verify(&keys([]), ROOM, &signature).unwrap_err();
        assert!(said.to_string().contains("there is none"), "{said}");
    }

    #[test]
    fn it_is_good_for_its_time() {
        let key = new_key();
        let (known, revoked) = (keys([("ci", &key)]), keys([]));
        let keyring = Keyring {
            known: &known,
            revoked: &revoked,
        };
        let at = |milliseconds: i64| Timestamp(NOW.0.saturating_add_signed(milliseconds));
        let validity = Validity {
            signed: NOW,
            not_before: Some(at(10)),
            expires: Some(at(20)),
        };
        let signature = Signature::new(&key, ROOM, validity).to_string();
        let verify = |now: i64| keyring.verify(ROOM, &signature, at(now));
        assert!(matches!(verify(9), Err(SignatureError::NotYet { .. })));
        assert!(verify(10).is_ok() && verify(19).is_ok());
        assert!(matches!(verify(20), Err(SignatureError::Expired { .. })));
        // A clock may be ahead a little, but nobody signs for the future.
        let plain = sign(&key);
        assert!(keyring.verify(ROOM, &plain, at(-60_000)).is_ok());
        let early = keyring.verify(ROOM, &plain, at(-600_000));
        assert!(matches!(early, Err(SignatureError::NotYet { .. })));
    }

    #[test]
    fn a_revoked_key_is_not_known_by_another_name() {
        let key = new_key();
        let (known, revoked) = (keys([("new-ci", &key)]), keys([("ci", &key)]));
        let keyring = Keyring {
            known: &known,
            revoked: &revoked,
        };
        let refused = keyring.verify(ROOM, &sign(&key), NOW).unwrap_err();
        assert!(
            matches!(&refused, SignatureError::Revoked { key } if key == "ci"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_signature_is_told_apart() {
        let known = keys([("ci", &new_key())]);
        let bytes = "A".repeat(86) + "==";
        for text in [
            "",
            "signature",
            "c2hvcnQ=",
            // As former versions signed.
            &bytes,
            &format!("{bytes}; signed=now"),
            &format!("{bytes}; signed={NOW}; signed={NOW}"),
            &format!("{bytes}; signed={NOW}; for=ever"),
        ] {
            let error = verify(&known, ROOM, text).unwrap_err();
            assert!(
                matches!(error, SignatureError::Malformed),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_statement_is_the_same_everywhere() {
        let validity = Validity {
            expires: Some(Timestamp(NOW.0 + 1)),
            ..valid()
        };
        assert_eq!(
            statement(ROOM, validity),
            format!(
                "innkeeper version\napp stay\ncontext room\ncomponent sha256:{DIGEST}\nsigned 2026-11-22T10:02:14.248Z\nnot-before -\nexpires 2026-11-22T10:02:14.249Z\n"
            )
        );
        // The private key of RFC 8032's first test.
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).unwrap();
        let key = SigningKey::from_bytes(&bytes);
        assert_eq!(
            public_key(&key),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        let signature = Signature::new(&key, ROOM, validity);
        assert_eq!(
            signature.to_string().parse::<Signature>().unwrap(),
            signature
        );
    }
}
