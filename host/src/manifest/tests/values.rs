//! Values that cannot be.

use super::refused;

#[test]
fn impossible_values_are_refused() {
    refused(&[
        (
            "[app]\nname = 'Stay'",
            "2:8: app.name: `Stay` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[gateway]\nlisten = 'localhost'",
            "2:10: gateway.listen: `localhost` is not an address; write an IP address and a port, for example `127.0.0.1:8080`",
        ),
        (
            "[gateway]\nmax_connections = 0",
            "2:19: gateway.max_connections: must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            "[gateway]\nheader_timeout = '0s'",
            "2:18: gateway.header_timeout: must be longer than 0",
        ),
        (
            "[gateway]\ndrain = '5 s'",
            "2:9: gateway.drain: `5 s` is not a duration; write for example `500ms`, `2s`, `1m30s` or `24h` (units: us, ms, s, m, h, d)",
        ),
        (
            "[gateway]\ndrain = '-5s'",
            "2:9: gateway.drain: `-5s` is not a duration; write for example `500ms`, `2s`, `1m30s` or `24h` (units: us, ms, s, m, h, d)",
        ),
        (
            "[gateway]\ndrain = '99999999999999999d'",
            "2:9: gateway.drain: `99999999999999999d` is not a duration; write for example `500ms`, `2s`, `1m30s` or `24h` (units: us, ms, s, m, h, d)",
        ),
        (
            "[gateway]\ntrusted_proxies = ['10.0.0.0/8', 'proxy.example']",
            "2:34: gateway.trusted_proxies: `proxy.example` is neither an address nor a network; write for example `127.0.0.1`, `10.0.0.0/8` or `fd00::/8`",
        ),
        (
            "[gateway]\ntrusted_proxies = ['10.1.2.3/8']",
            "2:20: gateway.trusted_proxies: `10.1.2.3/8` names an address within a network; write the network, `10.0.0.0/8`, or the address without `/8`",
        ),
        (
            "[gateway]\ntrusted_proxies = '10.0.0.0/8'",
            "2:19: gateway.trusted_proxies: must be a list, not the text \"10.0.0.0/8\"",
        ),
        (
            "[gateway]\ncompression = ['zip']",
            "2:16: gateway.compression: `zip` is not a valid value; valid values are `br`, `gzip`; did you mean `gzip`?",
        ),
        (
            "[gateway]\ncompression = ['gzip', 'br', 'gzip']",
            "2:1: gateway.compression: names a coding twice; keep the first place of each",
        ),
        (
            "[gateway.tls]\ncertificate_file = 'a.pem'",
            "1:1: gateway.tls: the key `key_file` is missing",
        ),
        (
            "[gateway.tls]\ncertificate_file = 'a.pem'\nkey_file = 'a.key'\nminimum_version = '1.1'",
            "4:19: gateway.tls.minimum_version: `1.1` is not a valid value; valid values are `1.2`, `1.3`; did you mean `1.2`?",
        ),
        (
            "[gateway.tls]\ncertificate_file = 'a.pem'\nkey_file = 'a.key'\nstrict_transport_security = '365d'",
            "4:29: gateway.tls.strict_transport_security: `365d` is not a value of Strict-Transport-Security; write `max-age=` with seconds, and behind it `includeSubDomains` and `preload` if they are meant, for example `max-age=31536000; includeSubDomains`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_file = 'c'\nalgorithms = ['none']",
            "5:15: gateway.auth.algorithms: `none` is not a valid value; valid values are `ES256`, `ES384`, `EdDSA`, `PS256`, `PS384`, `PS512`, `RS256`, `RS384`, `RS512`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_file = 'c'\nalgorithms = []",
            "5:1: gateway.auth.algorithms: must name a way of signing, for example `RS256`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_file = 'c'\njwks_url = 'https://d/e'\nalgorithms = ['ES256']",
            "5:1: gateway.auth.jwks_url: must be left out, or `jwks_file`: there is one set of keys",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_url = 'http://d/e'\nalgorithms = ['ES256']",
            "4:1: gateway.auth.jwks_url: `http://d/e` is not encrypted, so whoever is on the way could sign tokens; write `https://`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_url = 'd'\nalgorithms = ['ES256']",
            "4:1: gateway.auth.jwks_url: `d` is not a URL of keys; write for example `https://login.example/.well-known/jwks.json`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_url = 'https://d'\nalgorithms = ['ES256']\njwks_refresh = '1ms'",
            "6:1: gateway.auth.jwks_refresh: must be at least `1s`",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_url = 'https://user:secret@d/e'\nalgorithms = ['ES256']",
            "4:1: gateway.auth.jwks_url: must name nobody before the host (`user:password@`): keys are public, and this would be sent unasked and logged",
        ),
        (
            "[gateway.auth]\nissuer = 'a'\naudience = 'b'\njwks_url = 'https://d'\nalgorithms = ['ES256']\nclaims = ['email', 'sub']",
            "6:1: gateway.auth.claims: need not name `sub`: guests are told that anyway",
        ),
        (
            "[context.a]\ncomponent = 'a.wasm'\nroutes = ['GET /b/*', 'GET /b',\n 'GET /b']",
            "4:2: context.a.routes: `GET /b` is named twice; keep one",
        ),
        (
            "[context.a]\ncomponent = 'a.wasm'\n[context.a.routes.'GET /b/{c}']\n[context.a.routes.'GET /b/{d}']",
            "4:19: context.a.routes: `GET /b/{d}` and `GET /b/{c}` take the same requests; keep one of them",
        ),
        (
            "[context.a]\ncomponent = 'a.wasm'\n[context.a.routes.'POST /b']\nrequire = ['b']",
            "4:12: context.a.routes.POST /b.require: `b` is not something that a token can be asked for; write `scope:` and a scope, for example `scope:book`",
        ),
        (
            "[context.a]\ncomponent = 'a.wasm'\n[context.a.routes.'POST /b']\nrequire = []",
            "3:19: context.a.routes.POST /b: needs [gateway.auth], which says whose tokens are good",
        ),
        (
            "[context.a]\ncomponent = 'a.wasm'\n[context.a.routes.'post /b']\nrequire = []",
            "3:19: context.a.routes.post /b: `post /b` is not a route; write a method and a path as the context describes them, for example `\"POST /reservations\"`, for a standard component perhaps a path alone, for example `\"/hello\"` or `\"/hello/*\"`, or `\"*\"` for all that are not named",
        ),
        (
            "[gateway.access_log]\nformat = 'combined'",
            "2:10: gateway.access_log.format: `combined` is not a valid value; valid values are `common`, `json`, `off`",
        ),
        (
            "[gateway.access_log]\nsample = 2",
            "2:10: gateway.access_log.sample: must be from 0 to 1",
        ),
        (
            "[gateway.access_log]\nformat = 'json'\nsample = 0.0000004",
            "3:10: gateway.access_log.sample: must be 0, 1, or from 0.000001 to 0.999999",
        ),
        (
            "[gateway.access_log]\nformat = 'json'\nsample = 0.9999996",
            "3:10: gateway.access_log.sample: must be 0, 1, or from 0.000001 to 0.999999",
        ),
        (
            "[gateway.access_log]\nfile = 'access.log'",
            "2:1: gateway.access_log.file: has no effect while nothing says how a line looks; set `format` to `json` or `common`, or to `off` where there is to be no access log",
        ),
        (
            "[gateway.access_log]\nsample = 0.5",
            "2:1: gateway.access_log.sample: has no effect while nothing says how a line looks; set `format` to `json` or `common`, or to `off` where there is to be no access log",
        ),
        (
            "[gateway.access_log]\nquery = true",
            "2:1: gateway.access_log.query: has no effect while nothing says how a line looks; set `format` to `json` or `common`, or to `off` where there is to be no access log",
        ),
        (
            "[gateway.rate_limit]\nburst = -1",
            "2:9: gateway.rate_limit.burst: must be a whole number from 1 to 4294967295, not -1",
        ),
        (
            "[gateway.cors]\norigins = []",
            "2:1: gateway.cors.origins: must name an origin; `*` alone means any",
        ),
        (
            "[gateway.cors]\norigins = ['*', 'https://a.example']",
            "2:1: gateway.cors.origins: `*` already means any origin; leave out the others",
        ),
        (
            "[gateway.cors]\ncredentials = true",
            "2:1: gateway.cors.credentials: browsers refuse credentials with the origin `*`; name the origins",
        ),
        (
            "[gateway.cors]\norigins = ['https://A.example']",
            "2:1: gateway.cors.origins: `https://A.example` is not an origin as browsers send it; write scheme and host in small letters, and the port unless it is the scheme's own, for example `https://stay.example`",
        ),
        (
            "[gateway.cors]\norigins = ['https://b.example:443']",
            "2:1: gateway.cors.origins: `https://b.example:443` is not an origin as browsers send it; write scheme and host in small letters, and the port unless it is the scheme's own, for example `https://stay.example`",
        ),
        (
            "[gateway.cors]\norigins = ['http://b.example:80']",
            "2:1: gateway.cors.origins: `http://b.example:80` is not an origin as browsers send it; write scheme and host in small letters, and the port unless it is the scheme's own, for example `https://stay.example`",
        ),
        (
            "[gateway.cors]\norigins = ['stay.example/']",
            "2:1: gateway.cors.origins: `stay.example/` is not an origin as browsers send it; write scheme and host in small letters, and the port unless it is the scheme's own, for example `https://stay.example`",
        ),
        (
            "[gateway.cors]\nmethods = ['get']",
            "2:1: gateway.cors.methods: `get` is not a valid value; valid values are `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`",
        ),
        (
            "[gateway.cors]\nheaders = ['a b']",
            "2:1: gateway.cors.headers: `a b` is not a valid header name",
        ),
        (
            "[admin]\nlisten = '127.0.0.1:8080'",
            "2:1: admin.listen: `127.0.0.1:8080` is already the gateway's address; choose another port",
        ),
        (
            "[admin]\ntoken = ''",
            "2:9: admin.token: a token consists of visible ASCII characters without spaces, and is not empty",
        ),
        (
            "[journal]\nengine = 'rocks'",
            "2:10: journal.engine: `rocks` is not a valid value; valid values are `memory`, `sled`",
        ),
        (
            "[journal]\ndurability = 'none'",
            "2:14: journal.durability: `none` is not a valid value; valid values are `flush`, `relaxed`",
        ),
        (
            "[journal]\ncache = 0",
            "2:9: journal.cache: must be more than 0 bytes",
        ),
        (
            "[journal]\ncache = -1",
            "2:9: journal.cache: must be more than 0 bytes",
        ),
        (
            "[journal]\ncache = '64mb'",
            "2:9: journal.cache: `64mb` is not a size; write for example `512KiB`, `64MiB`, `1GiB` or a number of bytes (units: B, kB, MB, GB, KiB, MiB, GiB)",
        ),
        (
            "[journal]\ncache = 65535",
            "2:9: journal.cache: must be at least 64KiB",
        ),
        (
            "[log]\nlevel = 'infoo'",
            "2:1: log.level: `infoo` is not a log level; write one (`error`, `warn`, `info`, `debug`, `trace`, `off`) or a list such as \
             `info,innkeeper::events=debug`",
        ),
        (
            "[gateway.cors]\norigins = ['https://a.example']\ncredentials = true\nheaders = ['*']",
            "4:1: gateway.cors.headers: browsers take `*` for a name where there are credentials; name the headers",
        ),
        (
            "[journal]\ncache = 99999999999999999999",
            "2:9: journal.cache: 99999999999999999999 is too large",
        ),
        (
            "[log]\nformat = 'xml'",
            "2:10: log.format: `xml` is not a valid value; valid values are `auto`, `json`, `pretty`",
        ),
        (
            "[log]\nlevel = 'a=b=c'",
            "2:1: log.level: `a=b=c` is not a log level; write one (`error`, `warn`, `info`, `debug`, `trace`, `off`) or a list such as \
             `info,innkeeper::events=debug`",
        ),
    ]);
}

#[test]
fn impossible_contexts_are_refused() {
    refused(&[
        (
            "[context.Room]\npackage = 'room'",
            "1:10: context.Room: `Room` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[context.view_page]\npackage = 'room'",
            "1:10: context.view_page: `view_page` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[context.call]\npackage = 'call'",
            "1:10: context.call: `call` is reserved for calls over NATS (`<app>.call.<context>...`); choose another name for the context",
        ),
        (
            "[context.\"\"]\npackage = 'room'",
            "1:10: context.: `` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[context.innkeeper]\ncomponent = \"a.wasm\"",
            "1:10: context.innkeeper: `innkeeper` is reserved for the host; choose another name for the context",
        ),
        (
            "[context.room]",
            "1:10: context.room: needs a source: `package`, a directory with a cargo package, for example `components/room`, or `component`, a built \
             .wasm file or a reference `oci://...`",
        ),
        (
            "[context.room]\npackage = 'room'\ncomponent = 'room.wasm'",
            "3:1: context.room.component: `package` is set, too; keep one of them",
        ),
        (
            "[context.room]\ncomponent = 'oci://registry.example/inn/room'",
            "2:13: context.room.component: `oci://registry.example/inn/room` names a repository only; write a tag (`:1.2`) or a digest (`@sha256:...`) behind it",
        ),
        (
            "[registry.'https://registry.example']\nplain_http = true",
            "1:11: registry.https://registry.example: `https://registry.example` is not a registry; write its host, and its port where that is not the usual one, for example \
             [registry.\"registry.example:5000\"]",
        ),
        (
            "[registry.'registry.example']\nmirrors = ['http://a']",
            "2:1: registry.registry.example.mirrors: `http://a` is not a registry; write its host, and its port where that is not the usual one, for example \
             `mirror.example:5000`",
        ),
        (
            "[registry.'registry.example']\nplain_http = true\nca_file = 'a.pem'",
            "3:1: registry.registry.example.ca_file: is for TLS, which is not spoken with `plain_http`; keep one of them",
        ),
        (
            "[context.room.limits]\ndeadline = '0ms'",
            "2:12: context.room.limits.deadline: must be longer than 0",
        ),
        (
            "[context.room.limits]\nmemory = 1024",
            "2:10: context.room.limits.memory: must be from 64KiB (one page of WebAssembly) to 4GiB (all that 32 bits can address)",
        ),
        (
            "[context.room.limits]\nstaged = '0MiB'",
            "2:10: context.room.limits.staged: must be more than 0 bytes",
        ),
        (
            "[context.room.limits]\ncall_depth = -1",
            "2:14: context.room.limits.call_depth: must be a whole number from 0 to 100, not -1",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\nrequest = '1GiB'",
            "4:1: context.room.limits.request: is more than limits.memory (67108864 bytes), so it would not fit into a guest",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\nmemory = '1MiB'",
            "3:15: context.room.limits.response: is more than limits.memory (1048576 bytes), so it would not fit into a guest",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\nrequest = '12MiB'",
            "4:1: context.room.limits.request: allows 12582912 bytes, but a commit has room for 11534336: a request is stored before its first call to another context",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\nstaged = '64MiB'",
            "4:1: context.room.limits.staged: allows 67108864 bytes, but a commit has room for 11534336: everything that an invocation stages becomes one commit",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.limits]\nresponse = '8MiB'",
            "4:1: context.room.limits.response: allows 12582912 bytes, but a commit has room for 11534336: a response is stored under its Idempotency-Key in the same \
             commit as what was staged (limits.staged)",
        ),
        (
            "[context.room]\npackage = 'room'\n[journal]\nresult_retention = '1s'",
            "4:1: journal.result_retention: must be at least 6 min 30 s, because context `room` may retry an event for that long (limits.deadline, follow.attempts, \
             follow.max_backoff)",
        ),
        (
            "[context.room]\npackage = 'room'\nfollow = { max_backoff = '10ms' }",
            "3:12: context.room.follow.max_backoff: must be at least initial_backoff (100 ms)",
        ),
        (
            "[context.room]\npackage = 'room'\nfollow = { initial_backoff = '1m' }",
            "3:1: context.room.follow.max_backoff: must be at least initial_backoff (1 min)",
        ),
        (
            "[context.gateway]\npackage = 'gateway'",
            "1:10: context.gateway: `gateway` is what callers from outside are called where it is told who calls whom; choose another name for the context",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.circuit_breaker]\nmax_pending_requests = 0\nmax_requests_per_connection = 1",
            "4:1: context.room.circuit_breaker.max_pending_requests: must be at least 1 where max_requests_per_connection is set: a request waits while its \
             connection is opened",
        ),
        (
            "[context.room.limits.commit]\nkeys = 40_000",
            "2:8: context.room.limits.commit.keys: must be a whole number from 1 to 10000, not 40000",
        ),
        (
            "[context.room.circuit_breaker]\nmax_connections = 0",
            "2:19: context.room.circuit_breaker.max_connections: must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            "[context.room.circuit_breaker]\nmax_ejection_percent = 101",
            "2:24: context.room.circuit_breaker.max_ejection_percent: must be a whole number from 0 to 100, not 101",
        ),
        (
            "[context.room.fault]\ndelay = { percent = 10, fixed = '0s' }",
            "2:33: context.room.fault.delay.fixed: must be longer than 0",
        ),
        (
            "[context.room.fault]\nabort = { percent = 5, status = 200 }",
            "2:33: context.room.fault.abort.status: must be the status of an error, from 400 to 599, for example 503",
        ),
        (
            "[context.room.fault]\nabort = { status = 503 }",
            "2:9: context.room.fault.abort: the key `percent` is missing",
        ),
    ]);
}

#[test]
fn impossible_sagas_are_refused() {
    refused(&[
        (
            "[saga.booking]",
            "1:1: saga.booking: the key `starts` is missing",
        ),
        (
            "[saga.Booking]\nstarts = 'room.Held'\ncompletes = []",
            "1:7: saga.Booking: `Booking` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters",
        ),
        (
            "[saga.booking]\nstarts = 'Held'\ncompletes = []",
            "2:10: saga.booking.starts: `Held` is not an event; write `<context>.<Kind>`, for example `room.RoomRegistered`",
        ),
        (
            "[saga.booking]\nstarts = 'room.Held'\ncompletes = ['room.Booked', 'room.']",
            "3:29: saga.booking.completes: `room.` is not an event; write `<context>.<Kind>`, for example `room.RoomRegistered`",
        ),
        (
            "[saga.booking]\nstarts = 'room.Held'\ncompletes = []",
            "2:1: saga.booking.starts: `room.Held` is of context `room`, but the manifest has no contexts",
        ),
        (
            "[context.room]\npackage = 'r'\n[context.stay]\npackage = 's'\n[saga.booking]\nstarts = 'rom.Held'\ncompletes = []",
            "6:1: saga.booking.starts: `rom.Held` is of the unknown context `rom`; the contexts are `room`, `stay`",
        ),
        (
            "[context.room]\npackage = 'r'\n[saga.booking]\nstarts = 'room.Held'\ncompletes = []",
            "5:1: saga.booking.completes: must name an event",
        ),
        (
            "[context.room]\npackage = 'r'\n[saga.booking]\nstarts = 'room.Held'\ncompletes = ['room.Held']",
            "4:1: saga.booking.starts: `room.Held` also completes the saga",
        ),
        (
            "[context.room]\npackage = 'r'\n[saga.booking]\nstarts = 'room.A'\ncompletes = ['room.B']\ncompensates = ['room.B']",
            "6:1: saga.booking.compensates: `room.B` is also in `completes`",
        ),
        (
            "[saga.booking]\nstarts = 'room.A'\ncompletes = ['room.B']\ntimeout = '0s'",
            "4:11: saga.booking.timeout: must be longer than 0",
        ),
    ]);
}

#[test]
fn impossible_probes_and_remedies_are_refused() {
    refused(&[
        (
            "[context.room.liveness_probe]\nperiod = '0s'",
            "2:10: context.room.liveness_probe.period: must be longer than 0",
        ),
        (
            "[context.room.liveness_probe]\nsuccess_threshold = 2",
            "2:21: context.room.liveness_probe.success_threshold: must be 1: a version that was restarted needs to be alive once; only readiness_probe may ask for more",
        ),
        (
            "[context.room.readiness_probe]\nfailure_threshold = 0",
            "2:21: context.room.readiness_probe.failure_threshold: must be a whole number from 1 to 4294967295, not 0",
        ),
        (
            "[context.room.readiness_probe]\nperiodSeconds = 1",
            "2:1: context.room.readiness_probe: unknown key `periodSeconds`; valid keys are `failure_threshold`, `initial_delay`, `period`, `success_threshold`, `timeout`",
        ),
        (
            "[context.room]\npackage = 'room'\n[context.room.healing]\ninitial_backoff = '10m'",
            "3:15: context.room.healing.max_backoff: must be at least initial_backoff (10 min)",
        ),
        (
            "[host]\nmax_restarting = 0",
            "2:18: host.max_restarting: must be a whole number from 1 to 100, not 0",
        ),
        (
            "[host]\nliveness = ['disk']",
            "2:13: host.liveness: `disk` is not a valid value; valid values are `contexts`, `journal`, `runtime`",
        ),
    ]);
}
