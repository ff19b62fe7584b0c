//! Operators' further tokens, and how often they may upload.

use std::path::Path;

use super::{super::*, read, refused};

/// The sha-256 hash of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

#[test]
fn tokens_are_known_by_their_files_and_hashes() {
    let text = format!(
        "[admin.tokens.ci]\nrole = 'deploy'\nsha256 = '{HASH}'\n[admin.tokens.board]\nrole = 'read'\nfile = 'secrets/board'"
    );
    let variables = [
        ("INNKEEPER_ADMIN__TOKENS__NIGHT_SHIFT__ROLE", "admin"),
        ("INNKEEPER_ADMIN__TOKENS__NIGHT_SHIFT__FILE", "/run/token"),
    ];
    let tokens = read(&text, &variables).unwrap().admin.tokens;
    assert!(
        tokens
            .keys()
            .map(String::as_str)
            .eq(["board", "ci", "night-shift"])
    );
    assert_eq!(tokens["ci"].role, Role::Deploy);
    assert_eq!(tokens["ci"].sha256.map(hex::encode).as_deref(), Some(HASH));
    assert_eq!(tokens["board"].role, Role::Read);
    assert_eq!(
        tokens["board"].file.as_deref(),
        Some(Path::new("app/secrets/board"))
    );
    assert_eq!(tokens["night-shift"].role, Role::Admin);
    assert_eq!(
        tokens["night-shift"].file.as_deref(),
        Some(Path::new("/run/token"))
    );
    assert!(Role::Read < Role::Deploy && Role::Deploy < Role::Admin);
}

#[test]
fn the_main_token_may_be_known_by_its_hash_only() {
    let admin = read(&format!("[admin]\ntoken_sha256 = '{HASH}'"), &[]);
    let hash = admin.unwrap().admin.token_sha256;
    assert_eq!(hash.map(hex::encode).as_deref(), Some(HASH));
    refused(&[(
        &format!("[admin]\ntoken = 'secret'\ntoken_sha256 = '{HASH}'"),
        "3:1: admin.token_sha256: the main token is set twice, also as `token`; keep one of them",
    )]);
}

#[test]
fn a_token_has_its_time() {
    let expires = |time: &str| {
        format!("[admin.tokens.ci]\nrole = 'deploy'\nsha256 = '{HASH}'\nexpires = '{time}'")
    };
    for time in ["2027-01-31T00:00:00Z", "2027-01-31T00:00:00.000Z"] {
        let token = read(&expires(time), &[]).unwrap().admin.tokens["ci"].expires;
        assert_eq!(token.unwrap().to_string(), "2027-01-31T00:00:00.000Z");
    }
    refused(&[(
        &expires("soon"),
        "4:11: admin.tokens.ci.expires: `soon` is not a time; write it in UTC, for example `2027-01-31T00:00:00Z`",
    )]);
}

#[test]
fn impossible_tokens_are_refused() {
    refused(&[
        (
            "[admin.tokens.CI]\nrole = 'deploy'\nfile = 'x'",
            "1:15: admin.tokens.CI: `CI` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[admin.tokens.operator]\nrole = 'read'\nfile = 'x'",
            "1:15: admin.tokens.operator: `operator` is reserved for the main token, `admin.token`; choose another name",
        ),
        (
            "[admin.tokens.local]\nrole = 'read'\nfile = 'x'",
            "1:15: admin.tokens.local: `local` is reserved for requests without a token; choose another name",
        ),
        (
            "[admin.tokens.ci]\nfile = 'x'",
            "1:1: admin.tokens.ci: the key `role` is missing",
        ),
        (
            "[admin.tokens.ci]\nrole = 'write'\nfile = 'x'",
            "2:8: admin.tokens.ci.role: `write` is not a valid value; valid values are `admin`, `deploy`, `read`",
        ),
        (
            "[admin.tokens.ci]\nrole = 'read'",
            "1:15: admin.tokens.ci: needs the token itself: `file`, a file that holds it, or `sha256`, the hash of its text",
        ),
        (
            &format!("[admin.tokens.ci]\nrole = 'read'\nfile = 'x'\nsha256 = '{HASH}'"),
            "4:1: admin.tokens.ci.sha256: the token is set twice, also as `file`; keep one of them",
        ),
        (
            "[admin.tokens.ci]\nrole = 'read'\nsha256 = 'open-sesame'",
            "3:10: admin.tokens.ci.sha256: must be 64 hexadecimal digits; `printf %s \"$TOKEN\" | sha256sum` prints those of a token",
        ),
        (
            "[admin.upload_limit]\nburst = 0",
            "2:9: admin.upload_limit.burst: must be a whole number from 1 to 4294967295, not 0",
        ),
    ]);
}

#[test]
fn uploads_have_a_limit_with_defaults_of_its_own() {
    let limit = |text| read(text, &[]).unwrap().admin.upload_limit;
    let numbers = |limit: RateLimit| (limit.requests_per_second.get(), limit.burst.get());
    assert_eq!(numbers(limit("")), (20, 40));
    assert_eq!(numbers(limit("[admin.upload_limit]\nburst = 3")), (20, 3));
    assert_eq!(
        numbers(limit("[admin.upload_limit]\nrequests_per_second = 1")),
        (1, 40)
    );
}
