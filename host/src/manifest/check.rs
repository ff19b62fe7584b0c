//! What no single setting can get wrong: settings that contradict each other.

use http::{HeaderName, Method, Uri};

use super::log_filter::parse_log_filter;
use super::{
    CALLS, ContextSettings, Cors, GATEWAY, HOST_SOURCE, HostSettings, Limits, Manifest, NATS,
    NatsSettings, SagaSettings, access_log, admin, autoscale, document::Node, fault::Fault,
    follows, gateway_auth, healing, registry, rollout, schedule,
};
use crate::core::{check_name, human_duration};
use crate::journal::LARGEST_COMMIT;

/// What the head of an answer may be limited to.
const SMALLEST_HEAD: u64 = 2 << 10;
const BIGGEST_HEAD: u64 = 256 << 10;

/// Refuses a manifest that cannot work. `document` knows where each setting was written.
pub(super) fn check(manifest: &Manifest, document: &Node) -> Result<(), Fault> {
    let place = |path: &[&str], message: String| {
        let fault = Fault::new(message).at(document.place_of(path));
        path.iter()
            .rev()
            .fold(fault, |fault, key| fault.within(key))
    };
    let (public, operators) = (manifest.gateway.listen, manifest.admin.listen);
    if public == operators && public.port() != 0 {
        return Err(place(
            &["admin", "listen"],
            format!("`{operators}` is already the gateway's address; choose another port"),
        ));
    }
    admin::check(&manifest.admin).map_err(|(key, message)| place(&["admin", key], message))?;
    for (name, token) in &manifest.admin.tokens {
        admin::check_token(name, token).map_err(|(key, message)| {
            let path = ["admin", "tokens", name.as_str()];
            let path: Vec<&str> = path.into_iter().chain(key).collect();
            place(&path, message)
        })?;
    }
    rollout::check(&manifest.rollout).map_err(|(keys, message)| {
        let path: Vec<&str> = std::iter::once("rollout").chain(keys).collect();
        place(&path, message)
    })?;
    for (name, settings) in &manifest.registries {
        registry::check(name, settings).map_err(|(key, message)| {
            let path: Vec<&str> = ["registry", name].into_iter().chain(key).collect();
            place(&path, message)
        })?;
    }
    let level = &manifest.log.level;
    parse_log_filter(level).map_err(|error| place(&["log", "level"], error.to_string()))?;
    let codings = &manifest.gateway.compression;
    if (1..codings.len()).any(|place| codings[..place].contains(&codings[place])) {
        let message = "names a coding twice; keep the first place of each".to_owned();
        return Err(place(&["gateway", "compression"], message));
    }
    let says_format = document.has(&["gateway", "access_log", "format"]);
    access_log::check(&manifest.gateway.access_log, says_format)
        .map_err(|(key, message)| place(&["gateway", "access_log", key], message))?;
    if let Some(auth) = &manifest.gateway.auth {
        gateway_auth::check(auth)
            .map_err(|(key, message)| place(&["gateway", "auth", key], message))?;
    }
    if let Some(cors) = &manifest.gateway.cors {
        check_cors(cors).map_err(|(key, message)| place(&["gateway", "cors", key], message))?;
    }
    if let Some(nats) = &manifest.nats {
        check_nats(nats).map_err(|(key, message)| place(&["nats", key], message))?;
    }
    for (name, context) in &manifest.contexts {
        if name == HOST_SOURCE {
            let message =
                format!("`{name}` is reserved for the host; choose another name for the context");
            return Err(place(&["context", name], message));
        }
        if name == CALLS {
            let message = format!(
                "`{name}` is reserved for calls over NATS (`<app>.{CALLS}.<context>...`); choose another name for the context"
            );
            return Err(place(&["context", name], message));
        }
        if [GATEWAY, NATS].contains(&&**name) {
            let message = format!(
                "`{name}` is what callers from outside are called where it is told who calls whom; choose another name for the context"
            );
            return Err(place(&["context", name], message));
        }
        context
            .circuit_breaker
            .check()
            .map_err(|(key, message)| place(&["context", name, "circuit_breaker", key], message))?;
        healing::check(&context.healing)
            .map_err(|(key, message)| place(&["context", name, "healing", key], message))?;
        for (route, settings) in &context.routes {
            let path = ["context", name, "routes", route];
            gateway_auth::check_route(route).map_err(|message| place(&path, message))?;
            if settings.require.is_some() && manifest.gateway.auth.is_none() {
                let message = "needs [gateway.auth], which says whose tokens are good".to_owned();
                return Err(place(&path, message));
            }
        }
        check_context(name, context).map_err(|(keys, message)| {
            let path: Vec<&str> = ["context", name]
                .into_iter()
                .chain(keys.iter().copied())
                .collect();
            place(&path, message)
        })?;
        for (schedule, settings) in &context.schedule {
            schedule::check(schedule, settings).map_err(|(key, message)| {
                let path = ["context", name, "schedule", schedule];
                let path: Vec<&str> = path.into_iter().chain(key).collect();
                place(&path, message)
            })?;
        }
    }
    for (name, context) in &manifest.contexts {
        let checked = context.autoscale.iter().try_for_each(autoscale::check);
        checked.map_err(|(keys, message)| {
            let path = ["context", name, "autoscale"].into_iter();
            let path: Vec<&str> = path.chain(keys.iter().copied()).collect();
            place(&path, message)
        })?;
    }
    if let Some(instances) = manifest.host.instances
        && instances < HostSettings::FEWEST_INSTANCES
    {
        let least = HostSettings::FEWEST_INSTANCES;
        return Err(place(
            &["host", "instances"],
            format!("must be at least {least}, so that calls can nest"),
        ));
    }
    autoscale::check_minima(manifest)
        .map_err(|(name, message)| place(&["context", name, "autoscale", "min"], message))?;
    check_retention(manifest)
        .map_err(|message| place(&["journal", "result_retention"], message))?;
    follows::check(manifest).map_err(|(context, subject, key, message)| {
        let path = ["context", &context, "follows", "nats", &subject];
        let path: Vec<&str> = path.into_iter().chain(key).collect();
        place(&path, message)
    })?;
    for (name, saga) in &manifest.sagas {
        check_name(name).map_err(|error| place(&["saga", name], error.to_string()))?;
        check_saga(manifest, saga)
            .map_err(|(key, message)| place(&["saga", name, key], message))?;
    }
    Ok(())
}

/// Results must be there as long as whoever has called may ask for them again.
fn check_retention(manifest: &Manifest) -> Result<(), String> {
    let longest = manifest.contexts.iter().map(|(name, context)| {
        let attempts = context.follow.attempts.get();
        let tries = context.limits.deadline.saturating_mul(attempts);
        let pauses = context.follow.max_backoff.saturating_mul(attempts - 1);
        (tries.saturating_add(pauses), name)
    });
    match longest.max() {
        Some((least, name)) if manifest.journal.result_retention < least => Err(format!(
            "must be at least {}, because context `{name}` may retry an event for that long (limits.deadline, follow.attempts, follow.max_backoff)",
            human_duration(least)
        )),
        _ => Ok(()),
    }
}

fn check_cors(cors: &Cors) -> Result<(), (&'static str, String)> {
    if cors.origins.is_empty() {
        return Err((
            "origins",
            "must name an origin; `*` alone means any".to_owned(),
        ));
    }
    let any = cors.origins.iter().any(|origin| origin == "*");
    if any && cors.origins.len() > 1 {
        return Err((
            "origins",
            "`*` already means any origin; leave out the others".to_owned(),
        ));
    }
    if any && cors.credentials {
        return Err((
            "credentials",
            "browsers refuse credentials with the origin `*`; name the origins".to_owned(),
        ));
    }
    if cors.credentials && cors.headers.iter().any(|header| header == "*") {
        return Err((
            "headers",
            "browsers take `*` for a name where there are credentials; name the headers".to_owned(),
        ));
    }
    for origin in cors.origins.iter().filter(|_| !any) {
        if !is_origin(origin) {
            return Err((
                "origins",
                format!(
                    "`{origin}` is not an origin as browsers send it; write scheme and host in small letters, and the port unless it is the scheme's own, for example `https://stay.example`"
                ),
            ));
        }
    }
    const METHODS: [Method; 6] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    if let Some(unknown) = cors
        .methods
        .iter()
        .find(|method| !METHODS.iter().any(|known| known == method.as_str()))
    {
        let valid = METHODS.map(|method| format!("`{method}`")).join(", ");
        return Err((
            "methods",
            format!("`{unknown}` is not a valid value; valid values are {valid}"),
        ));
    }
    if let Some(header) = cors
        .headers
        .iter()
        .find(|header| HeaderName::from_bytes(header.as_bytes()).is_err())
    {
        return Err(("headers", format!("`{header}` is not a valid header name")));
    }
    Ok(())
}

/// Whether it is what a browser sends as `Origin`: scheme and authority in lower case, no port where that goes without saying, and nothing else.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return false;
    };
    let default_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let is_said = default_port.is_some() && authority.port_u16() == default_port;
    format!("{scheme}://{authority}") == text
        && text == text.to_ascii_lowercase()
        && !is_said
        && !authority.as_str().contains('@')
}

fn check_nats(nats: &NatsSettings) -> Result<(), (&'static str, String)> {
    let ways = [
        ("credentials_file", nats.credentials_file.is_some()),
        ("user", nats.user.is_some()),
        ("token_file", nats.token_file.is_some()),
    ];
    let mut given = ways.iter().filter(|(_, is_given)| *is_given);
    if let (Some((one, _)), Some((other, _))) = (given.next(), given.next()) {
        return Err((
            other,
            format!("`{one}` is set, too; keep one way to authenticate with the server"),
        ));
    }
    if nats.password_file.is_some() && nats.user.is_none() {
        return Err((
            "password_file",
            "needs `user`, whose password it is".to_owned(),
        ));
    }
    if nats.certificate_file.is_some() != nats.key_file.is_some() {
        return Err((
            "certificate_file",
            "a certificate needs its key, and a key its certificate: set `certificate_file` and `key_file`".to_owned(),
        ));
    }
    Ok(())
}

fn check_context(
    name: &str,
    context: &ContextSettings,
) -> Result<(), (&'static [&'static str], String)> {
    match (&context.package, &context.component) {
        (Some(_), Some(_)) => {
            return Err((
                &["component"],
                "`package` is set, too; keep one of them".to_owned(),
            ));
        }
        (None, None) => {
            let message = format!(
                "needs a source: `package`, a directory with a cargo package, for example `components/{name}`, or `component`, a built .wasm file or a reference `oci://...`"
            );
            return Err((&[], message));
        }
        _ => {}
    }
    let secrets = &context.config.secrets;
    if let Some(key) = context.show.iter().find(|key| secrets.contains_key(*key)) {
        let message = format!(
            "`{key}` is a secret from a file, which is never shown; remove it here, or write its value in the manifest"
        );
        return Err((&["show"], message));
    }
    let limits = &context.limits;
    if limits.request > limits.memory {
        return Err((
            &["limits", "request"],
            format!(
                "is more than limits.memory ({} bytes), so it would not fit into a guest",
                limits.memory
            ),
        ));
    }
    if limits.response > limits.memory {
        return Err((
            &["limits", "response"],
            format!(
                "is more than limits.memory ({} bytes), so it would not fit into a guest",
                limits.memory
            ),
        ));
    }
    if !(SMALLEST_HEAD..=BIGGEST_HEAD).contains(&limits.response_head) {
        return Err((
            &["limits", "response_head"],
            "must be from 2KiB (the host's own fields need 1KiB) to 256KiB".to_owned(),
        ));
    }
    check_commit(limits)?;
    let follow = &context.follow;
    if follow.initial_backoff > follow.max_backoff {
        let message = format!(
            "must be at least initial_backoff ({})",
            human_duration(follow.initial_backoff)
        );
        return Err((&["follow", "max_backoff"], message));
    }
    Ok(())
}

/// What has to fit into one commit, together with what the host notes of it.
fn check_commit(limits: &Limits) -> Result<(), (&'static [&'static str], String)> {
    const REST: usize = 1 << 20;
    let most = (LARGEST_COMMIT - REST) as u64;
    let kept: [(&'static [&'static str], u64, &str); 3] = [
        (
            &["limits", "request"],
            limits.request,
            "a request is stored before its first call to another context",
        ),
        (
            &["limits", "staged"],
            limits.staged,
            "everything that an invocation stages becomes one commit",
        ),
        (
            &["limits", "response"],
            limits.staged.saturating_add(limits.response),
            "a response is stored under its Idempotency-Key in the same commit as what was staged (limits.staged)",
        ),
    ];
    match kept.into_iter().find(|(_, bytes, _)| *bytes > most) {
        None => Ok(()),
        Some((path, bytes, why)) => Err((
            path,
            format!("allows {bytes} bytes, but a commit has room for {most}: {why}"),
        )),
    }
}

fn check_saga(manifest: &Manifest, saga: &SagaSettings) -> Result<(), (&'static str, String)> {
    let starts = std::iter::once(("starts", &saga.starts));
    let completes = saga.completes.iter().map(|event| ("completes", event));
    let compensates = saga.compensates.iter().map(|event| ("compensates", event));
    for (key, event) in starts.chain(completes).chain(compensates) {
        if !manifest.contexts.contains_key(&event.context) {
            let names: Vec<_> = manifest
                .contexts
                .keys()
                .map(|name| format!("`{name}`"))
                .collect();
            let message = if names.is_empty() {
                format!(
                    "`{event}` is of context `{}`, but the manifest has no contexts",
                    event.context
                )
            } else {
                format!(
                    "`{event}` is of the unknown context `{}`; the contexts are {}",
                    event.context,
                    names.join(", ")
                )
            };
            return Err((key, message));
        }
    }
    if saga.completes.is_empty() {
        return Err(("completes", "must name an event".to_owned()));
    }
    if saga.completes.contains(&saga.starts) || saga.compensates.contains(&saga.starts) {
        return Err((
            "starts",
            format!("`{}` also completes the saga", saga.starts),
        ));
    }
    if let Some(event) = saga
        .completes
        .iter()
        .find(|event| saga.compensates.contains(event))
    {
        return Err(("compensates", format!("`{event}` is also in `completes`")));
    }
    Ok(())
}
