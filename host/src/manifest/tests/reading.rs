//! What is read, and what is assumed.

use std::time::Duration;

use super::{super::*, read};

#[test]
fn an_empty_manifest_is_the_defaults() {
    let manifest = read("", &[]).unwrap();
    let defaults = Manifest {
        file: manifest.file.clone(),
        journal: JournalSettings {
            directory: PathBuf::from("app/data"),
            ..JournalSettings::default()
        },
        ..Manifest::default()
    };
    assert_eq!(manifest, defaults);
}

#[test]
fn empty_sections_are_the_defaults() {
    let sections = "[app]\n[gateway]\n[gateway.cors]\n[gateway.rate_limit]\n[admin]\n[journal]\n[log]\n[context.room]\npackage = 'room'\n[context.room.limits]\n\
                    [context.room.circuit_breaker]\n[context.room.follow]\n[context.room.config]\n[context.room.rollout]\n[context.room.startup_probe]\n[rollout]\n[rollout.keys]\n\
                    [admin.tokens]\n[admin.upload_limit]\n";
    let manifest = read(sections, &[]).unwrap();
    assert_eq!(manifest.gateway.cors, Some(Cors::default()));
    assert_eq!(manifest.gateway.rate_limit, Some(RateLimit::default()));
    assert_eq!(manifest.gateway.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(manifest.admin.listen, "127.0.0.1:8081".parse().unwrap());
    let room = &manifest.contexts["room"];
    assert_eq!(room.limits, Limits::default());
    assert_eq!(room.circuit_breaker, CircuitBreaker::default());
    assert_eq!(room.follow, Follow::default());
    assert_eq!(room.rollout, RolloutSettings::default());
    assert_eq!(room.startup_probe, StartupProbe::default());
    assert_eq!(manifest.rollout, UploadSettings::default());
    assert_eq!(manifest.admin, AdminSettings::default());
}

#[test]
fn every_setting_is_read() {
    let manifest = read(
        r#"
        [app]
        name = "stay"
        [gateway]
        listen = "[::1]:0"
        max_connections = 7
        header_timeout = "1s"
        body_timeout = "1m30s"
        drain = "0s"
        version_header = true
        openapi = true
        [gateway.cors]
        origins = ["https://stay.example", "http://localhost:3000"]
        methods = ["GET"]
        headers = ["content-type"]
        max_age = "1h"
        credentials = true
        [gateway.rate_limit]
        requests_per_second = 5
        burst = 10
        [admin]
        listen = "0.0.0.0:9000"
        token = "secret"
        [admin.tls]
        certificate_file = "tls/port.pem"
        key_file = "/run/port.key"
        client_ca_file = "tls/clients.pem"
        [journal]
        engine = "memory"
        durability = "relaxed"
        directory = "/var/lib/stay"
        cache = 1048576
        result_retention = "2d"
        [log]
        format = "json"
        level = "warn,innkeeper::events=trace"
        [context.room]
        component = "guests/room.wasm"
        journal = "sled"
        durability = "flush"
        config_directory = "config/room"
        show = ["open", "motto"]
        sensitive = ["email"]
        [context.room.limits]
        memory = "16MiB"
        deadline = "250ms"
        request = "64KiB"
        response = "1MB"
        staged = "8MiB"
        call_depth = 0
        attempts = 3
        [context.room.circuit_breaker]
        max_requests = 1
        max_pending_requests = 0
        consecutive_errors = 0
        interval = "1s"
        base_ejection_time = "100us"
        [context.room.follow]
        attempts = 1
        initial_backoff = "1ms"
        max_backoff = "1ms"
        [context.room.config]
        max_reservation_per_person = 10
        open = true
        motto = "be our guest"
        bank_token = { file = "secrets/bank" }
        [saga.booking]
        starts = "room.Held"
        completes = ["room.Booked"]
        compensates = ["room.Released"]
        timeout = "5s"
        "#,
        &[],
    )
    .unwrap();
    assert_eq!(manifest.app.name, "stay");
    assert_eq!(manifest.gateway.body_timeout, Duration::from_secs(90));
    assert_eq!(manifest.gateway.drain, Duration::ZERO);
    assert!(manifest.gateway.version_header && manifest.gateway.openapi);
    assert_eq!(manifest.gateway.max_connections.get(), 7);
    assert_eq!(
        manifest.gateway.cors.as_ref().map(|cors| cors.credentials),
        Some(true)
    );
    assert_eq!(
        manifest.gateway.rate_limit.map(|limit| limit.burst.get()),
        Some(10)
    );
    assert_eq!(manifest.admin.token.as_deref(), Some("secret"));
    let tls = manifest.admin.tls.as_ref().unwrap();
    assert_eq!(tls.certificate_file, Path::new("app/tls/port.pem"));
    assert_eq!(tls.key_file, Path::new("/run/port.key"));
    assert_eq!(
        tls.client_ca_file.as_deref(),
        Some(Path::new("app/tls/clients.pem"))
    );
    assert_eq!(manifest.journal.engine, Engine::Memory);
    assert_eq!(manifest.journal.durability, Durability::Relaxed);
    assert_eq!(manifest.journal.directory, Path::new("/var/lib/stay"));
    assert_eq!(
        manifest.journal.result_retention,
        Duration::from_secs(172_800)
    );
    assert_eq!(manifest.log.format, LogFormat::Json);
    let room = &manifest.contexts["room"];
    assert_eq!(
        room.component.as_ref().and_then(|source| source.file()),
        Some(Path::new("app/guests/room.wasm"))
    );
    assert_eq!(
        room.config_directory.as_deref(),
        Some(Path::new("app/config/room"))
    );
    assert_eq!(room.journal, Some(Engine::Sled));
    assert_eq!(
        (
            room.limits.memory,
            room.limits.request,
            room.limits.response
        ),
        (16 << 20, 64 << 10, 1_000_000)
    );
    assert_eq!(room.limits.deadline, Duration::from_millis(250));
    assert_eq!(
        room.circuit_breaker.base_ejection_time,
        Duration::from_micros(100)
    );
    let config: Vec<_> = room
        .config
        .values
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        config,
        [
            ("max_reservation_per_person", "10"),
            ("motto", "be our guest"),
            ("open", "true")
        ]
    );
    let secret = &room.config.secrets["bank_token"];
    assert_eq!(secret, Path::new("app/secrets/bank"));
    assert!(room.show.iter().eq(["motto", "open"]) && room.sensitive.iter().eq(["email"]));
    let booking = &manifest.sagas["booking"];
    assert_eq!(booking.starts.to_string(), "room.Held");
    assert_eq!(booking.timeout, Duration::from_secs(5));
}

#[test]
fn the_token_is_not_shown() {
    let manifest = read("[admin]\ntoken = 'secret'", &[]).unwrap();
    assert!(!format!("{manifest:?}").contains("secret"));
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Manifest::load(Path::new("/nowhere/innkeeper.toml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read /nowhere/innkeeper.toml: No such file or directory (os error 2); name the app's manifest with --app"
    );
}
#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    let place = |text: &str| read(text, &[]).err().unwrap_or_default();
    assert!(
        place("[app").starts_with("app/innkeeper.toml:1:5: "),
        "{}",
        place("[app")
    );
    assert!(
        place("[app]\nname = 'ü' x").starts_with("app/innkeeper.toml:2:12: "),
        "{}",
        place("[app]\nname = 'ü' x")
    );
    assert!(
        place("[app]\n[app]\n").starts_with("app/innkeeper.toml:2:2: "),
        "{}",
        place("[app]\n[app]\n")
    );
    assert!(!place("[app").contains('\n'));
}

#[test]
fn the_image_runs_the_app_that_is_developed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let [developed, image] = ["innkeeper.toml", "k8s/innkeeper.toml"]
        .map(|file| Manifest::load(&root.join(file)).unwrap());
    assert!(developed.contexts.keys().eq(image.contexts.keys()));
    assert_eq!(developed.sagas, image.sagas);
}
