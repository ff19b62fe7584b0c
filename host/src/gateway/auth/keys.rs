//! An issuer's public keys, as a JWK Set holds them (RFC 7517).

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

use super::AuthError;
use crate::manifest::SignatureAlgorithm;

/// The smallest modulus of RSA, in bytes: 2,048 bits (RFC 7518 3.3).
const SMALLEST_MODULUS: usize = 256;

/// The keys of an issuer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(Vec<Key>);

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, where it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A JWK, with the members that are read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads the file. Blocks.
    pub(super) fn read(file: &Path, algorithms: &[SignatureAlgorithm]) -> Result<Self, AuthError> {
        let text = fs::read(file).map_err(|source| AuthError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::parse(&text, algorithms).map_err(|reason| AuthError::Unusable {
            file: file.to_owned(),
            reason,
        })
    }

    /// Whether there are none: they could not be fetched yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that one of these algorithms can use. Others are passed over, as the standard asks.
    pub(super) fn parse(text: &[u8], algorithms: &[SignatureAlgorithm]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct JwkSet {
            keys: Vec<Value>,
        }
        let set: JwkSet = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let keys = set.keys.into_iter().filter_map(Key::read);
        let keys: Vec<Key> = keys
            .filter(|key| algorithms.iter().any(|algorithm| key.is_for(*algorithm)))
            .collect();
        match keys.is_empty() {
            true => Err("it has no public key for one of `algorithms`".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    /// The key that a token names, or the only one that it can mean.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&Key> {
        let mut fitting = self.0.iter().filter(|key| {
            key.is_for(algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }
}

impl Key {
    fn read(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.r#use.as_deref().is_some_and(|r#use| r#use != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let point = |size: usize| {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            // Uncompressed (SEC 1, 2.3.3).
            (x.len() == size && y.len() == size).then(|| [&[4], x.as_slice(), &y].concat())
        };
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                modulus: without_zeros(bytes(&jwk.n)?),
                exponent: without_zeros(bytes(&jwk.e)?),
            },
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&jwk.x)?),
            _ => return None,
        };
        let is_strong = match &material {
            Material::Rsa { modulus, .. } => modulus.len() >= SMALLEST_MODULUS,
            _ => true,
        };
        is_strong.then_some(Self {
            id: jwk.kid,
            algorithm: jwk.alg,
            material,
        })
    }

    /// Whether it may be used so. An algorithm never takes the key of another kind.
    fn is_for(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as A;
        let own = self.algorithm.as_deref();
        let fits = match self.material {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::P256(_) => algorithm == A::ES256,
            Material::P384(_) => algorithm == A::ES384,
            Material::Ed25519(_) => algorithm == A::EdDSA,
        };
        // `Ed25519` is what newer keys call it (RFC 9864).
        fits && own.is_none_or(|own| {
            own == algorithm.name() || (own == "Ed25519" && algorithm == A::EdDSA)
        })
    }

    /// Whether it has signed a message so.
    pub(super) fn has_signed(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let verify = |how: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(how, key).verify(message, signature)
        };
        let verified = match &self.material {
            Material::Rsa { modulus, exponent } => match rsa(algorithm) {
                Some(how) => RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                }
                .verify(how, message, signature),
                None => return false,
            },
            Material::P256(key) => verify(&ECDSA_P256_SHA256_FIXED, key),
            Material::P384(key) => verify(&ECDSA_P384_SHA384_FIXED, key),
            Material::Ed25519(key) => verify(&ED25519, key),
        };
        self.is_for(algorithm) && verified.is_ok()
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    use SignatureAlgorithm as A;
    Some(match algorithm {
        A::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        A::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        A::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        A::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        A::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        A::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        A::ES256 | A::ES384 | A::EdDSA => return None,
    })
}

/// Numbers may be written with zeros before them; the library takes none.
fn without_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}
