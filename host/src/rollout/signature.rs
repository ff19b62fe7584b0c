//! Who made a component: signatures (ed25519) of its digest.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Why a signature is not good.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is none at all.
    #[error(
        "this is no signature: it is 64 bytes (ed25519) in base64, which `innkeeper sign` writes"
    )]
    Malformed,
    /// No known key signed this component.
    #[error(
        "the signature is not that of sha256:{digest} by a known key ({known}): sign this very component with `innkeeper sign`, with a key of [rollout.keys]"
    )]
    Unknown {
        /// The component's digest.
        digest: String,
        /// The names of the keys.
        known: String,
    },
}

/// Finds whose key signed the component of this digest. The signature is base64, as [`sign`] makes it.
///
/// # Errors
///
/// When it is no signature, or not one of this component by one of these keys.
pub fn verify(
    keys: &BTreeMap<String, VerifyingKey>,
    digest: &str,
    signature: &str,
) -> Result<String, SignatureError> {
    let bytes = BASE64_STANDARD.decode(signature.trim());
    let bytes = bytes.map_err(|_| SignatureError::Malformed)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| SignatureError::Malformed)?;
    let statement = statement(digest);
    // The strict way: one signature cannot be made into another, or be good for more than one text.
    let signed = |key: &VerifyingKey| key.verify_strict(statement.as_bytes(), &signature).is_ok();
    match keys.iter().find(|(_, key)| signed(key)) {
        Some((name, _)) => Ok(name.clone()),
        None => {
            let names: Vec<&str> = keys.keys().map(String::as_str).collect();
            Err(SignatureError::Unknown {
                digest: digest.to_owned(),
                known: match names.is_empty() {
                    true => "there is none".to_owned(),
                    false => names.join(", "),
                },
            })
        }
    }
}

/// Signs the component of this digest: base64.
pub fn sign(key: &SigningKey, digest: &str) -> String {
    BASE64_STANDARD.encode(key.sign(statement(digest).as_bytes()).to_bytes())
}

/// A private key that nobody else has.
pub fn new_key() -> SigningKey {
    SigningKey::from_bytes(&rand::random())
}

/// The public key of a private one, as the manifest has it: base64.
pub fn public_key(key: &SigningKey) -> String {
    BASE64_STANDARD.encode(key.verifying_key().to_bytes())
}

/// What is signed: it says what it is about, so that a signature is never one of anything else.
fn statement(digest: &str) -> String {
    format!("innkeeper component sha256:{digest}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn keys<const N: usize>(keys: [(&str, &SigningKey); N]) -> BTreeMap<String, VerifyingKey> {
        keys.map(|(name, key)| (name.to_owned(), key.verifying_key()))
            .into()
    }

    #[test]
    fn a_signature_is_whose_key_made_it() {
        let (one, other) = (new_key(), new_key());
        let known = keys([("ci", &one), ("laptop", &other)]);
        let signature = sign(&one, DIGEST);
        assert_eq!(verify(&known, DIGEST, &signature).unwrap(), "ci");
        let signature = format!("{}\n", sign(&other, DIGEST));
        assert_eq!(verify(&known, DIGEST, &signature).unwrap(), "laptop");
    }

    #[test]
    fn of_another_component_or_by_another_key_it_is_not_good() {
        let (one, other) = (new_key(), new_key());
        let known = keys([("ci", &one), ("laptop", &one)]);
        let refused = |digest: &str, signature: &str| {
            let error = verify(&known, digest, signature).unwrap_err();
            assert!(matches!(error, SignatureError::Unknown { .. }), "{error}");
            error.to_string()
        };
        let said = refused(DIGEST, &sign(&other, DIGEST));
        assert!(
            said.contains(DIGEST) && said.contains("ci, laptop"),
            "{said}"
        );
        refused(&DIGEST.replace('2', "3"), &sign(&one, DIGEST));
        // The digest alone is not what is signed.
        let bare = BASE64_STANDARD.encode(one.sign(DIGEST.as_bytes()).to_bytes());
        refused(DIGEST, &bare);
        let mut bytes = BASE64_STANDARD.decode(sign(&one, DIGEST)).unwrap();
        bytes[0] ^= 1;
        refused(DIGEST, &BASE64_STANDARD.encode(bytes));
        let said = verify(&keys([]), DIGEST, &sign(&one, DIGEST)).unwrap_err();
        assert!(said.to_string().contains("there is none"), "{said}");
    }

    #[test]
    fn what_is_no_signature_is_told_apart() {
        let known = keys([("ci", &new_key())]);
        for text in ["", "signature", "c2hvcnQ=", &"A".repeat(88)] {
            let error = verify(&known, DIGEST, text).unwrap_err();
            assert!(
                matches!(error, SignatureError::Malformed),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_signature_is_the_same_everywhere() {
        // The private key of RFC 8032's first test.
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).unwrap();
        let key = SigningKey::from_bytes(&bytes);
        assert_eq!(
            public_key(&key),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        assert_eq!(
            sign(&key, DIGEST),
            "x0U+XOqnYLmc61qBshmufCPc86w7oO9Bl9qT1ETNJPYPwcBvTxLN9jxzr9U5tMGuZlEUAmvCGY+6+s1b8Ze4AQ=="
        );
    }
}
