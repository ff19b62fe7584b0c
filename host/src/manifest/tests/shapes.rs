//! Keys that there are not, and values of another kind.

use super::refused;

#[test]
fn unknown_keys_are_refused_with_the_valid_ones() {
    refused(&[
        (
            "[contexts.room]",
            "1:2: unknown key `contexts`; valid keys are `admin`, `app`, `context`, `gateway`, `host`, `journal`, `log`, `nats`, `registry`, `rollout`, `saga`; did you mean `context`?",
        ),
        (
            "[app]\nnom = 'stay'",
            "2:1: app: unknown key `nom`; valid keys are `name`",
        ),
        (
            "\n[gateway]\n  port = 80",
            "3:3: gateway: unknown key `port`; valid keys are `access_log`, `auth`, `body_timeout`, `compression`, `cors`, `drain`, `header_timeout`, `listen`, `max_connections`, \
             `openapi`, `rate_limit`, `tls`, `trusted_proxies`, `version_header`, `write_timeout`",
        ),
        (
            "[gateway.cors]\norigin = '*'",
            "2:1: gateway.cors: unknown key `origin`; valid keys are `credentials`, `headers`, `max_age`, `methods`, `origins`; did you mean `origins`?",
        ),
        (
            "gateway = { rate_limit = { rate = 1 } }",
            "1:28: gateway.rate_limit: unknown key `rate`; valid keys are `burst`, `requests_per_second`",
        ),
        (
            "[admin]\nport = 1",
            "2:1: admin: unknown key `port`; valid keys are `listen`, `tls`, `token`, `token_sha256`, `tokens`, `upload_limit`",
        ),
        (
            "[admin.tokens.ci]\nrole = 'deploy'\ntoken = 'secret'",
            "3:1: admin.tokens.ci: unknown key `token`; valid keys are `expires`, `file`, `role`, `sha256`",
        ),
        (
            "[admin.upload_limit]\nrate = 1",
            "2:1: admin.upload_limit: unknown key `rate`; valid keys are `burst`, `requests_per_second`",
        ),
        (
            "[rollout]\nkey = 'x'",
            "2:1: rollout: unknown key `key`; valid keys are `compile_memory`, `compile_time`, `keys`, `max_size`, `require_shipped_signature`, \
             `require_signature`, `revoked_keys`; did you mean `keys`?",
        ),
        (
            "[journal]\nengin = 'sled'",
            "2:1: journal: unknown key `engin`; valid keys are `cache`, `directory`, `disk_free_limit`, `durability`, `engine`, `result_retention`; did you mean `engine`?",
        ),
        (
            "[log]\nfile = 'x'",
            "2:1: log: unknown key `file`; valid keys are `format`, `level`",
        ),
        (
            "[context.room]\npackage = 'room'\nlimit = {}",
            "3:1: context.room: unknown key `limit`; valid keys are `allow_outbound`, `autoscale`, `circuit_breaker`, `component`, `config`, `config_directory`, `durability`, `fault`, `follow`, \
             `follows`, `healing`, `journal`, `limits`, `liveness_probe`, `package`, `quota`, `readiness_probe`, `rollout`, `routes`, `schedule`, `sensitive`, `show`, `startup_probe`; did you mean `limits`?",
        ),
        (
            "[context.room.rollout]\nsteps = 1",
            "2:1: context.room.rollout: unknown key `steps`; valid keys are `drain`, `keep`, `key`, `latency_floor`, `max_errors`, `max_hold`, `max_latency`, \
             `min_requests`, `on_too_little`, `ramp`, `step`, `watch`; did you mean `step`?",
        ),
        (
            "[context.room.startup_probe]\ndelay = '1s'",
            "2:1: context.room.startup_probe: unknown key `delay`; valid keys are `failure_threshold`, `initial_delay`, `period`, `timeout`",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\ndeadlin = '1s'",
            "4:1: context.room.limits: unknown key `deadlin`; valid keys are `answers`, `attempts`, `call_depth`, `commit`, `cpu`, `cpu_weight`, `deadline`, `log`, `memory`, `outbound`, `read`, `request`, `response`, `response_head`, `staged`, `stuck_after`, `undo_attempts`; did you mean `deadline`?",
        ),
        (
            "[context.room]\npackage = 'room'\nlimits.deadlin = '1s'",
            "3:8: context.room.limits: unknown key `deadlin`; valid keys are `answers`, `attempts`, `call_depth`, `commit`, `cpu`, `cpu_weight`, `deadline`, `log`, `memory`, `outbound`, `read`, `request`, `response`, `response_head`, `staged`, `stuck_after`, `undo_attempts`; did you mean `deadline`?",
        ),
        (
            "[context.room.limits.commit]\nkey = 1",
            "2:1: context.room.limits.commit: unknown key `key`; valid keys are `events`, `keys`, `numbers`, `timer_delay`, `timers`; did you mean `keys`?",
        ),
        (
            "[context.room.limits.log]\nrate = 1",
            "2:1: context.room.limits.log: unknown key `rate`; valid keys are `bytes`, `line`, `lines`",
        ),
        (
            "[context.room.quota]\nbyte = 1",
            "2:1: context.room.quota: unknown key `byte`; valid keys are `bytes`, `commits`, `dead_letters`, `keys`, `sequences`, `timers`; did you mean `bytes`?",
        ),
        (
            "[context.room.circuit_breaker]\nmax_request = 1",
            "2:1: context.room.circuit_breaker: unknown key `max_request`; valid keys are `base_ejection_time`, `consecutive_errors`, `interval`, \
             `max_connections`, `max_ejection_percent`, `max_pending_requests`, `max_requests`, `max_requests_per_connection`; did you mean `max_requests`?",
        ),
        (
            "[context.room.fault]\nabort = { percent = 5, code = 503 }",
            "2:24: context.room.fault.abort: unknown key `code`; valid keys are `percent`, `status`",
        ),
        (
            "[context.room.follow]\nattempt = 1",
            "2:1: context.room.follow: unknown key `attempt`; valid keys are `attempts`, `initial_backoff`, `max_backoff`, `on_dead_letter`; did you mean `attempts`?",
        ),
        (
            "[saga.booking]\nstart = 'room.Held'",
            "2:1: saga.booking: unknown key `start`; valid keys are `compensates`, `completes`, `key`, `starts`, `timeout`; did you mean `starts`?",
        ),
    ]);
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    refused(&[
        (
            "app = 'stay'",
            "1:7: app: must be a table, not the text \"stay\"",
        ),
        ("app = []", "1:7: app: must be a table, not a list"),
        ("[app]\nname = 5", "2:8: app.name: must be a string, not 5"),
        (
            "[app]\nname = 1979-05-27",
            "2:8: app.name: must be a string, not 1979-05-27",
        ),
        (
            "[gateway]\ndrain = 5",
            "2:9: gateway.drain: must be a duration in quotes, for example `\"500ms\"`, `\"2s\"` or `\"1m30s\"`, not 5",
        ),
        (
            "[gateway]\nmax_connections = '5'",
            "2:19: gateway.max_connections: must be a whole number from 1 to 4294967295, not the text \"5\"",
        ),
        (
            "[gateway]\nmax_connections = 1.5",
            "2:19: gateway.max_connections: must be a whole number from 1 to 4294967295, not 1.5",
        ),
        (
            "[gateway.cors]\norigins = 'x'",
            "2:11: gateway.cors.origins: must be a list, not the text \"x\"",
        ),
        (
            "[gateway.cors]\norigins = ['x', 5]",
            "2:17: gateway.cors.origins: must be a string, not 5",
        ),
        (
            "[gateway.cors]\ncredentials = 'yes'",
            "2:15: gateway.cors.credentials: must be a boolean, not the text \"yes\"",
        ),
        (
            "[journal]\ncache = true",
            "2:9: journal.cache: must be a size, for example `\"64MiB\"` or a number of bytes, not true",
        ),
        (
            "[journal]\nengine = 5",
            "2:10: journal.engine: must be one of `memory`, `sled`, not 5",
        ),
        (
            "[journal]\nengine = {}",
            "2:10: journal.engine: must be one of `memory`, `sled`, not a table",
        ),
        (
            "[context.room]\npackage = 'room'\nconfig.rate = 0.5",
            "3:15: context.room.config.rate: must be a text, a whole number, a boolean, or `{ file = \"…\" }` for a secret, not 0.5",
        ),
        (
            "[context.room.config]\nnested = { a = 1 }",
            "2:12: context.room.config.nested: unknown key `a`; valid keys are `file`",
        ),
        ("context = 1", "1:11: context: must be a table, not 1"),
        (
            "[context]\nroom = 'room.wasm'",
            "2:8: context.room: must be a table, not the text \"room.wasm\"",
        ),
    ]);
}
