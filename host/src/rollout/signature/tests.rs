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
