//! What may be uploaded, and how it comes to serve.

use std::time::Duration;

use super::{super::*, read, refused};

/// A public key, of RFC 8032's first test.
const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

#[test]
fn every_setting_of_a_rollout_is_read() {
    let text = format!(
        r#"
        [rollout]
        require_signature = true
        max_size = "1MiB"
        compile_time = "30s"
        compile_memory = "512MiB"
        [rollout.keys]
        ci = "{KEY}"
        [context.room]
        package = "room"
        [context.room.rollout]
        ramp = [1, 10, 100]
        step = "1m"
        key = "header:X-Guest"
        min_requests = 1
        on_too_little = "promote"
        max_hold = "0s"
        max_errors = 0
        max_latency = 0
        latency_floor = "0s"
        watch = "0s"
        drain = "0s"
        keep = 1
        [context.room.startup_probe]
        initial_delay = "1s"
        period = "10ms"
        timeout = "1m"
        failure_threshold = 1
        "#
    );
    let manifest = read(&text, &[]).unwrap();
    let uploads = &manifest.rollout;
    assert!(uploads.require_signature);
    assert_eq!(
        (uploads.max_size, uploads.compile_memory()),
        (1 << 20, 512 << 20)
    );
    let unsaid = UploadSettings::default().compile_memory();
    assert!(unsaid <= crate::core::memory::of_the_machine() / 4 && unsaid <= 2 << 30);
    assert_eq!(uploads.compile_time, Duration::from_secs(30));
    assert!(uploads.keys.keys().eq(["ci"]));
    let room = &manifest.contexts["room"];
    let rollout = &room.rollout;
    assert_eq!(rollout.ramp.percents(), [1, 10, 100]);
    assert_eq!(rollout.step, Duration::from_secs(60));
    assert_eq!(rollout.key, RampKey::Header("x-guest".to_owned()));
    assert_eq!(rollout.key.to_string(), "header:x-guest");
    assert_eq!((rollout.min_requests.get(), rollout.keep.get()), (1, 1));
    assert_eq!((rollout.max_errors, rollout.max_latency), (0, 0));
    assert_eq!(rollout.on_too_little, OnTooLittle::Promote);
    let times = [
        rollout.latency_floor,
        rollout.watch,
        rollout.drain,
        rollout.max_hold,
    ];
    assert_eq!(times, [Duration::ZERO; 4]);
    let probe = &room.startup_probe;
    assert_eq!(probe.initial_delay, Duration::from_secs(1));
    assert_eq!(probe.period, Duration::from_millis(10));
    assert_eq!(probe.timeout, Duration::from_secs(60));
    assert_eq!(probe.failure_threshold.get(), 1);
}

#[test]
fn variables_say_it_too() {
    let variables = [
        ("INNKEEPER_ROLLOUT__KEYS__BUILD_SERVER", KEY),
        ("INNKEEPER_CONTEXT__ROOM__ROLLOUT__RAMP", "5, 50,100"),
        ("INNKEEPER_CONTEXT__ROOM__ROLLOUT__KEY", "correlation-id"),
        ("INNKEEPER_CONTEXT__ROOM__ROLLOUT__MAX_ERRORS", "100"),
    ];
    let manifest = read("[context.room]\npackage = 'room'", &variables).unwrap();
    assert!(manifest.rollout.keys.keys().eq(["build-server"]));
    let rollout = &manifest.contexts["room"].rollout;
    assert_eq!(rollout.ramp.percents(), [5, 50, 100]);
    assert_eq!(rollout.key, RampKey::CorrelationId);
    assert_eq!(rollout.max_errors, 100);
}

#[test]
fn impossible_uploads_are_refused() {
    let no_key = "not a public key: write the 32 bytes of one (ed25519) in base64; `innkeeper sign --new-key FILE` makes a pair and prints it";
    let zero = "A".repeat(43);
    refused(&[
        (
            "[rollout]\nrequire_signature = true",
            "2:1: rollout.require_signature: needs at least one public key in [rollout.keys]; `innkeeper sign --new-key FILE` makes a pair",
        ),
        (
            "[rollout.keys]\nci = 'secret'",
            &format!("2:6: rollout.keys.ci: {no_key}"),
        ),
        (
            "[rollout.keys]\nci = 'c2hvcnQ='",
            &format!("2:6: rollout.keys.ci: {no_key}"),
        ),
        // Anybody could sign for this one.
        (
            &format!("[rollout.keys]\nci = '{zero}='"),
            &format!("2:6: rollout.keys.ci: {no_key}"),
        ),
        (
            &format!("[rollout.keys]\nCI = '{KEY}'"),
            "2:1: rollout.keys.CI: `CI` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[rollout]\nmax_size = 0",
            "2:12: rollout.max_size: must be more than 0 bytes",
        ),
        (
            "[rollout]\ncompile_time = '0s'",
            "2:16: rollout.compile_time: must be whole seconds, and at least 1s",
        ),
        (
            "[rollout]\ncompile_time = '1500ms'",
            "2:16: rollout.compile_time: must be whole seconds, and at least 1s",
        ),
    ]);
}

#[test]
fn impossible_ramps_are_refused() {
    let rise = "must rise from step to step and end with 100, for example `[1, 10, 50, 100]`";
    for ramp in ["[]", "[50]", "[50, 50, 100]", "[60, 50, 100]", "[100, 100]"] {
        let text = format!("[context.room.rollout]\nramp = {ramp}");
        refused(&[(&text, &format!("2:8: context.room.rollout.ramp: {rise}"))]);
    }
    refused(&[
        (
            "[context.room.rollout]\nramp = [0, 100]",
            "2:9: context.room.rollout.ramp: must be a whole number from 1 to 100, not 0",
        ),
        (
            "[context.room.rollout]\nramp = [50, 101]",
            "2:13: context.room.rollout.ramp: must be a whole number from 1 to 100, not 101",
        ),
        (
            "[context.room.rollout]\nramp = 100",
            "2:8: context.room.rollout.ramp: must be a list, not 100",
        ),
        (
            "[context.room.rollout]\nkey = 'cookie'",
            "2:7: context.room.rollout.key: `cookie` is not a key of requests; write `path`, `correlation-id`, or `header:` and a header's name, for example \
             `header:x-guest`",
        ),
        (
            "[context.room.rollout]\nkey = 'header:a b'",
            "2:7: context.room.rollout.key: `header:a b` is not a key of requests; write `path`, `correlation-id`, or `header:` and a header's name, for \
             example `header:x-guest`",
        ),
        (
            "[context.room.rollout]\nmax_errors = 101",
            "2:14: context.room.rollout.max_errors: must be a whole number from 0 to 100, not 101",
        ),
        (
            "[context.room.rollout]\nmax_latency = 100",
            "2:15: context.room.rollout.max_latency: must be at least 101 (percent of the old version's), or 0 to disable the check",
        ),
        (
            "[context.room.rollout]\nmin_requests = 0",
            "2:16: context.room.rollout.min_requests: must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            "[context.room.rollout]\nkeep = 0",
            "2:8: context.room.rollout.keep: must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            "[context.room.rollout]\nstep = '0s'",
            "2:8: context.room.rollout.step: must be longer than 0",
        ),
        (
            "[context.room.startup_probe]\nperiod = '0s'",
            "2:10: context.room.startup_probe.period: must be longer than 0",
        ),
        (
            "[context.room.startup_probe]\nfailure_threshold = 0",
            "2:21: context.room.startup_probe.failure_threshold: must be a whole number from 1 to 4294967295, not 0",
        ),
    ]);
}
