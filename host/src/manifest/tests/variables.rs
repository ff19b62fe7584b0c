//! Settings from the environment.

use std::time::Duration;

use super::{
    super::{ComponentSource, Engine},
    read,
};

#[test]
fn variables_override_the_file() {
    let manifest = read(
        "[context.room]\npackage = 'room'\n[context.room.limits]\ndeadline = '9s'\n[context.room.config]\ncode = 1\nkept = 'x'",
        &[
            ("INNKEEPER_CONTEXT__ROOM__LIMITS__DEADLINE", "2s"),
            ("INNKEEPER_CONTEXT__ROOM__LIMITS__MEMORY", "8388608"),
            ("INNKEEPER_CONTEXT__ROOM__LIMITS__CALL_DEPTH", "3"),
            ("INNKEEPER_CONTEXT__ROOM__CONFIG__CODE", "007"),
            ("INNKEEPER_CONTEXT__VIEW_PAGE__COMPONENT", "view.wasm"),
            ("INNKEEPER_GATEWAY__CORS__ORIGINS", "https://a.example, https://b.example"),
            ("INNKEEPER_GATEWAY__CORS__CREDENTIALS", "true"),
            ("INNKEEPER_JOURNAL__ENGINE", "memory"),
            ("INNKEEPER_ADMIN__TOKEN", "12345"),
        ],
    )
    .unwrap();
    let room = &manifest.contexts["room"];
    assert_eq!(room.limits.deadline, Duration::from_secs(2));
    assert_eq!(room.limits.memory, 8 << 20);
    assert_eq!(room.limits.call_depth, 3);
    assert_eq!(room.config.values["code"], "007");
    assert_eq!(room.config.values["kept"], "x");
    assert_eq!(
        manifest.contexts["view-page"].component,
        Some(ComponentSource::File("app/view.wasm".into()))
    );
    let cors = manifest.gateway.cors.unwrap();
    assert_eq!(cors.origins, ["https://a.example", "https://b.example"]);
    assert!(cors.credentials);
    assert_eq!(manifest.journal.engine, Engine::Memory);
    assert_eq!(manifest.admin.token.as_deref(), Some("12345"));
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        ("INNKEEPER_APP", "elsewhere/innkeeper.toml"),
        ("INNKEEPER_DATA", "/data"),
        ("INNKEEPER_LISTEN", "127.0.0.1:0"),
        ("INNKEEPER_ADMIN", "127.0.0.1:0"),
        ("INNKEEPER_NATS", "nats://127.0.0.1"),
        ("INNKEEPER_ADMIN_TOKEN", "secret"),
        ("INNKEEPER_LOG", "debug"),
        ("INNKEEPER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("OTHER__THING", "1"),
    ];
    assert_eq!(read("", &others), read("", &[]));
}

#[test]
fn wrong_variables_are_refused_by_name() {
    for (name, value, message) in [
        (
            "INNKEEPER_GATWAY__DRAIN",
            "1s",
            "unknown key `gatway`; valid keys are `admin`, `app`, `context`, `gateway`, `host`, `journal`, `log`, `nats`, `registry`, `rollout`, `saga`; did you mean `gateway`?",
        ),
        (
            "INNKEEPER_JOURNAL__CASH",
            "1",
            "journal: unknown key `cash`; valid keys are `cache`, `directory`, `disk_free_limit`, `durability`, `engine`, `result_retention`",
        ),
        (
            "INNKEEPER_GATEWAY__",
            "1",
            "not the name of a setting; write INNKEEPER_<SECTION>__<KEY>, for example INNKEEPER_GATEWAY__DRAIN",
        ),
        (
            "INNKEEPER_GATEWAY__HEADER_TIMEOUT",
            "0s",
            "gateway.header_timeout: must be longer than 0",
        ),
        (
            "INNKEEPER_GATEWAY__MAX_CONNECTIONS",
            "many",
            "gateway.max_connections: must be a whole number from 1 to 4294967295, not the text \"many\"",
        ),
        (
            "INNKEEPER_JOURNAL__ENGINE",
            "rocks",
            "journal.engine: `rocks` is not a valid value; valid values are `memory`, `sled`",
        ),
        (
            "INNKEEPER_GATEWAY__CORS",
            "yes",
            "gateway.cors: must be a table, not the text \"yes\"",
        ),
        (
            "INNKEEPER_APP__NAME__FIRST",
            "a",
            "app.name: must be a string, not a table",
        ),
        (
            "INNKEEPER_CONTEXT__ROOM__LIMITS__DEADLINE",
            "2s",
            "context.room: needs a source: `package`, a directory with a cargo package, for example `components/room`, or `component`, a built .wasm \
             file or a reference `oci://...`",
        ),
    ] {
        assert_eq!(
            read("", &[(name, value)]),
            Err(format!("{name}: {message}"))
        );
    }
}
