use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;
use crate::manifest::SignatureAlgorithm;

/// A key of RSA and two tokens that it has signed, made with OpenSSL.
const MODULUS: &str = "7Tyf2wAM5eEmoIN63UXDMjjU_QeYi7o9ljB3T-6J_3zySQ_sA46fim__RG3iOhcZpNeTtrrl35-YKjpFnBJmrKeSq8Wnta_1d4H23tkE-7s5Fk33inipOba_mTjDaPyYyEbUbRvRv_RBsywCH9upvXcgyjIqDPg3OBcQFCeBlEmmbojnZyogzcAzF5b7SnDcmlwuvrsqz2MfNnR-TGVnqMeve9p6dYxQ9f7oC7f5WMkdynsohQJrhUhrNuIajdae2bTEH4jZ2ywqJUb9vZ5faUrbBd3meExHPPrue9AkhNH6JQtWNiPAmWqz5HNLgg_BVVoxVzLxF_3UXNAnS1R51w";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoic3RheSIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiZ3Vlc3QiLCJzY29wZSI6ImJvb2sgbG9vayJ9.Ua3O7U98bf_4srb5rlStL4ZmmuU1Oy1zSRPg6kNN4ofU1O6BGcqrsm771CBbuxtpOrKCG_G1iO3XIzdpC71Itjo7creNQyyhCPu81tw2oHb72X6UJMJire5CELaMC9WEGxss4B7n-NsuaFbmG7_EiEgpv5mt6qhUjSjLDgkzjFPgqn89IC1JyglnTFxiij76dEZzT_vCUHMCsCVoftg8U0r2EZhL6Yf4lRKZJnm6G3sK2OWU6d_PZin-YabV9l3-NgbpEqLCukCZmfzDZ_IKUVowL8goXcn76LokIBFcsDBeFRX-yv6dofghHp7IbueggVx4EQKbRpejmayZv35Lmg";
const PS256: &str = "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoic3RheSIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiZ3Vlc3QiLCJzY29wZSI6ImJvb2sgbG9vayJ9.3o5wLlzzfETOMopS5bdHSeRiQ6JU0dXdgq5f_ZjY4KvfkdaW_JmPHtAUujZEfmc59cUj5b1p3PrOqgbsH1zlYBzeJ8KCT4VFt2P_o9-KRBB1QfG1rIAd9j_r1TSgSNbRNivmadrnJci9ekzC7Nlmq3RXNclLmVPG-B8tBZ4OMCsKuhDEMNEyXCFcePQCJU2qiuoB8rwsLgqmQkc0EusqzyE5zFPxkRwTRvEZxAGVeIiTBVS0fE2jAV3MOuSKPI41hjlhAzN4Ilfv_Rki38_MTl7W5d6iV085gMLAaN_wvtjXddQX8S_F8pMssfmXrynzgMwtCjRW3_FcLkOktJv7oA";

const ALL: [SignatureAlgorithm; 4] = [
    SignatureAlgorithm::RS256,
    SignatureAlgorithm::PS256,
    SignatureAlgorithm::ES256,
    SignatureAlgorithm::EdDSA,
];

fn settings(algorithms: &[SignatureAlgorithm]) -> GatewayAuthSettings {
    GatewayAuthSettings {
        issuer: "https://issuer.example".to_owned(),
        audience: "stay".to_owned(),
        algorithms: algorithms.to_vec(),
        jwks_file: Some("jwks.json".into()),
        jwks_url: None,
        jwks_ca_file: None,
        jwks_refresh: Duration::from_secs(300),
        token_type: None,
        claims: vec!["email".to_owned(), "roles".to_owned()],
        leeway: Duration::from_secs(30),
    }
}

/// Somebody who signs.
struct Issuer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    random: SystemRandom,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let way = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
        Self {
            ec: EcdsaKeyPair::from_pkcs8(way, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            random,
        }
    }

    fn jwks(&self) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": text(self.ed.public_key().as_ref())},
            {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
            {"kty": "EC", "kid": "other", "crv": "secp256k1", "x": "", "y": ""},
            {"kty": "later", "kid": "new"},
        ]})
        .to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = match header["alg"].as_str().unwrap() {
            "EdDSA" => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            _ => {
                let signature = self.ec.sign(&self.random, message.as_bytes());
                signature.unwrap().as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

const NOW: u64 = 2_000_000_000;

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "aud": ["other", "stay"], "exp": NOW + 60, "sub": "guest", "scope": "book look"})
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut claims = claims();
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
}

fn verified(issuer: &Issuer, token: &str) -> Result<VerifiedIdentity, Refusal> {
    let keys = KeySet::parse(issuer.jwks().as_bytes(), &ALL).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    verify(token, &keys, &settings(&ALL), now)
}

#[test]
fn good_tokens_are_taken_however_they_are_signed() {
    let issuer = Issuer::new();
    let made = [
        RS256.to_owned(),
        PS256.to_owned(),
        issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims()),
        issuer.sign(
            &json!({"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}),
            &claims(),
        ),
        // Only one key can be meant.
        issuer.sign(&json!({"alg": "EdDSA"}), &claims()),
    ];
    for token in made {
        let identity = verified(&issuer, &token).unwrap();
        assert!(identity.has_scope("book") && identity.has_scope("look"));
        assert!(!identity.has_scope("boo") && !identity.has_scope("book look"));
        // A changed byte anywhere makes it none.
        for place in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let last = token.rfind('.').unwrap();
            // The last digit of Base64 may hold bits that mean nothing, which the decoder refuses anyway.
            assert!(verified(&issuer, &changed).is_err(), "{place} of {last}");
        }
    }
}

#[test]
fn claims_must_be_there_and_of_their_type() {
    let issuer = Issuer::new();
    let outcome = |claims: &Value| {
        let token = issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), claims);
        verified(&issuer, &token).err()
    };
    for (changes, refusal) in [
        (&[][..], None),
        (&[("exp", json!(NOW - 29))], None),
        (&[("exp", json!(NOW - 31))], Some(Refusal::Expired)),
        (&[("nbf", json!(NOW + 29))], None),
        (&[("nbf", json!(NOW + 31))], Some(Refusal::Early)),
        (
            &[("iss", json!("https://issuer.example/"))],
            Some(Refusal::Issuer),
        ),
        (&[("aud", json!("stay2"))], Some(Refusal::Audience)),
        (&[("aud", json!([]))], Some(Refusal::Audience)),
        (&[("aud", json!("stay"))], None),
        (&[("exp", json!("4102444800"))], Some(Refusal::Malformed)),
        (&[("exp", Value::Null)], Some(Refusal::Malformed)),
        (&[("nbf", json!("0"))], Some(Refusal::Malformed)),
        (&[("aud", Value::Null)], Some(Refusal::Malformed)),
        (
            &[("iss", json!(["https://issuer.example"]))],
            Some(Refusal::Malformed),
        ),
        (&[("scope", json!(7))], Some(Refusal::Malformed)),
        (&[("sub", json!(7))], Some(Refusal::Malformed)),
        (
            &[("sub", Value::Null)],
            Some(Refusal::Identity(InvalidIdentity::Subject)),
        ),
        (
            &[("sub", json!("s".repeat(1_025)))],
            Some(Refusal::Identity(InvalidIdentity::Subject)),
        ),
        (
            &[("roles", json!(vec!["role"; 1_000]))],
            Some(Refusal::Identity(InvalidIdentity::TooLarge)),
        ),
        (&[("photo", json!(vec!["role"; 1_000]))], None),
    ] {
        assert_eq!(outcome(&with(changes)), refusal, "{changes:?}");
    }
    let listed = with(&[("scope", Value::Null), ("scp", json!(["book", "x y"]))]);
    let token = issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &listed);
    let identity = verified(&issuer, &token).unwrap();
    assert!(identity.has_scope("book") && identity.has_scope("y") && !identity.has_scope("look"));
}

#[test]
fn who_it_is_is_told_with_the_claims_that_are_named() {
    let issuer = Issuer::new();
    let claims = with(&[
        ("roles", json!(["cook", {"of": "house"}])),
        ("photo", json!("large")),
    ]);
    let token = issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims);
    let identity = verified(&issuer, &token).unwrap();
    assert_eq!(
        (identity.issuer(), identity.subject(), identity.scopes()),
        (
            "https://issuer.example",
            "guest",
            &["book".to_owned(), "look".to_owned()][..]
        )
    );
    let roles = ("roles".to_owned(), r#"["cook",{"of":"house"}]"#.to_owned());
    assert_eq!(identity.claims(), [roles]);
}

#[test]
fn a_token_of_another_type_is_refused_where_that_is_asked_for() {
    let issuer = Issuer::new();
    let keys = KeySet::parse(issuer.jwks().as_bytes(), &ALL).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let mut settings = settings(&ALL);
    settings.token_type = Some("at+jwt".to_owned());
    for (header, expected) in [
        (json!({"typ": "at+jwt"}), Ok(())),
        (json!({"typ": "application/AT+JWT"}), Ok(())),
        (json!({"typ": "JWT"}), Err(Refusal::Type)),
        (json!({}), Err(Refusal::Type)),
    ] {
        let mut header = header;
        header["alg"] = json!("ES256");
        header["kid"] = json!("ec");
        let token = issuer.sign(&header, &claims());
        let outcome = verify(&token, &keys, &settings, now).map(drop);
        assert_eq!(outcome, expected, "{header}");
    }
}

#[test]
fn no_token_chooses_how_it_is_checked() {
    let issuer = Issuer::new();
    let outcome = |header: Value| verified(&issuer, &issuer.sign(&header, &claims())).unwrap_err();
    for (header, refusal) in [
        (json!({"alg": "none"}), Refusal::Algorithm),
        (json!({"alg": "None", "kid": "ec"}), Refusal::Algorithm),
        (json!({"alg": "es256", "kid": "ec"}), Refusal::Algorithm),
        // A public key is no shared secret.
        (json!({"alg": "HS256", "kid": "rsa"}), Refusal::Algorithm),
        (json!({"alg": "HS256", "kid": "shared"}), Refusal::Algorithm),
        (json!({"alg": "ES384", "kid": "ec"}), Refusal::Algorithm),
        (json!({"alg": "RS256", "kid": "ec"}), Refusal::Key),
        (json!({"alg": "ES256", "kid": "ed"}), Refusal::Key),
        (json!({"alg": "ES256", "kid": "unknown"}), Refusal::Key),
        (json!({"alg": "RS256", "kid": "rsa"}), Refusal::Signature),
        (
            json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false}),
            Refusal::Critical,
        ),
        (json!({"alg": "ES256", "kid": 7}), Refusal::Malformed),
    ] {
        assert_eq!(outcome(header.clone()), refusal, "{header}");
    }
    // Keys that a token brings along are not looked at.
    let brought =
        json!({"alg": "ES256", "kid": "mine", "jwk": {"kty": "EC"}, "jku": "https://evil.example"});
    assert_eq!(outcome(brought), Refusal::Key);
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(claims().to_string())
    );
    assert_eq!(verified(&issuer, &unsigned), Err(Refusal::Algorithm));
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "....",
        "\u{e9}.\u{e9}.\u{e9}",
    ] {
        assert_eq!(verified(&issuer, text), Err(Refusal::Malformed), "{text}");
    }
    // What is good for one set of algorithms is not for another.
    let keys = KeySet::parse(issuer.jwks().as_bytes(), &ALL).unwrap();
    let only = settings(&[SignatureAlgorithm::ES256]);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    assert_eq!(verify(RS256, &keys, &only, now), Err(Refusal::Algorithm));
}

#[test]
fn a_set_without_a_usable_key_is_refused() {
    for (text, said) in [
        ("{}", "missing field"),
        ("", "EOF"),
        (r#"{"keys": []}"#, "no public key"),
        (
            r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#,
            "no public key",
        ),
        (
            r#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#,
            "no public key",
        ),
        (
            r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "use": "enc"}]}"#,
            "no public key",
        ),
    ] {
        let error = KeySet::parse(text.as_bytes(), &ALL).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}
