//! What it costs inside, without HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use innkeeper::app::{Host, Options};
use innkeeper::core::message::Request;
use innkeeper::core::{ContextName, TraceContext, VersionDigest};
use innkeeper::guest::{ArtifactCache, Engine, EngineOptions, Instances, Operation, value};
use innkeeper::invocation::{self, CallRequest, Caller, Origin};
use innkeeper::manifest::Manifest;
use innkeeper::rollout::{self, Shipped};
use innkeeper::versions::Identity;
use innkeeper_tests::{artifacts, within};
use tempfile::TempDir;
use wasmtime::component::Val;

use super::table::{Report, rate};

const TIMES: u32 = 20_000;
const EVENTS: u64 = 20_000;
const HOLD: (&str, &str) = ("stay:room/rooms@0.1.0", "hold");

/// An app in this process, with memory for a journal: what the disk costs is in the other table.
struct Inside {
    host: Arc<Host>,
    home: TempDir,
}

/// Measures it all.
pub async fn measure(report: &mut Report) {
    let note = format!(
        "One after the other on one thread, mean of {TIMES}, journal in memory. A fresh instance each time; *default pool* is the pooling allocator as wasmtime \
         configures it. Answers are given again in one row only."
    );
    let table = report.table("Without HTTP", note, &["what", "Innkeeper", "default pool"]);
    let (warm, default) = (
        open(Instances::PooledWarm, 0, true).await,
        open(Instances::PooledDefault, 0, true).await,
    );
    let microseconds = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
    let cost = [
        web(&warm, "bell", "GET", "/silence", "").await,
        web(&default, "bell", "GET", "/silence", "").await,
    ];
    table.row([
        "an invocation that does nothing".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    let cost = [read(&warm).await, read(&default).await];
    table.row([
        "`GET /rooms/1`: one read, answered as JSON".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    // What is left of the cost is what fair shares of the processors cost an invocation.
    let unfair = open(Instances::PooledWarm, 0, false).await;
    table.row([
        "the same, without fair shares of the processors".to_owned(),
        microseconds(read(&unfair).await),
        String::new(),
    ]);
    unfair.host.stop().await;
    let again = open(Instances::PooledWarm, 1 << 20, true).await;
    table.row([
        "`GET /rooms/1`, its answer given again".to_owned(),
        microseconds(read(&again).await),
        String::new(),
    ]);
    again.host.stop().await;
    let cost = [register(&warm).await, register(&default).await];
    table.row([
        "`POST /rooms`: a write and an event, committed".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    let cost = [call(&warm, u64::MAX).await, call(&default, u64::MAX).await];
    table.row([
        "a typed call that answers `err`".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    let cost = [call(&warm, 1).await, call(&default, 1).await];
    table.row([
        "a typed call that answers `ok`, its result kept".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    let cost = [cold(&warm).await, cold(&default).await];
    table.row([
        "a cold start: from the file in the cache to the first answer".to_owned(),
        microseconds(cost[0]),
        microseconds(cost[1]),
    ]);
    let handled = [follow(&warm).await, follow(&default).await];
    table.row([
        format!(
            "events handled a second, of {} that wait",
            rate(EVENTS as f64)
        ),
        rate(handled[0]),
        rate(handled[1]),
    ]);
    warm.host.stop().await;
    default.host.stop().await;
}

async fn open(allocation: Instances, answers: u64, shares_fairly: bool) -> Inside {
    let home = TempDir::new().expect("a temporary directory can be made");
    let text = format!(
        "[journal]\nengine = 'memory'\n[context.room]\nlimits.answers = {answers}\n\
         [context.bell]\nlimits.answers = {answers}\nlimits.staged = '7MiB'\nlimits.deadline = '60s'\n"
    );
    let mut manifest = Manifest::read(
        &home.path().join("innkeeper.toml"),
        &with_components(&text).await,
        [],
    )
    .expect("the manifest is valid");
    manifest.journal.directory = home.path().join("data");
    let components: BTreeMap<ContextName, Shipped> = manifest
        .contexts
        .iter()
        .filter_map(|(name, context)| {
            let file = context.component.as_ref()?.file()?;
            Some((name.clone(), Shipped::File(file.to_owned())))
        })
        .collect();
    let engine = EngineOptions {
        allocation,
        shares_fairly,
        ..EngineOptions::default()
    };
    let options = Options {
        components,
        engine,
        ..Options::default()
    };
    let host = Host::start(manifest, options, |_| {})
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let inside = Inside { host, home };
    register(&inside).await;
    inside
}

async fn with_components(text: &str) -> String {
    let mut text = text.to_owned();
    for name in ["room", "bell"] {
        let path = artifacts::components().await[name].display().to_string();
        let section = format!("[context.{name}]\n");
        text = text.replace(&section, &format!("{section}component = '{path}'\n"));
    }
    text
}

fn request(method: &str, route: &str, parameter: Option<(&str, &str)>, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        route: route.to_owned(),
        path: route.to_owned(),
        parameters: parameter
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        raw_query: None,
        query: Vec::new(),
        headers: vec![
            ("host".to_owned(), "inn".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn origin() -> Origin {
    let trace = TraceContext::new();
    Origin {
        correlation_id: trace.correlation_id(),
        causation_id: None,
        trace,
        identity: None,
        waited: Duration::ZERO,
    }
}

async fn web(inside: &Inside, context: &str, method: &str, route: &str, body: &str) -> Duration {
    repeat(inside, context, &request(method, route, None, body), TIMES).await
}

async fn read(inside: &Inside) -> Duration {
    repeat(
        inside,
        "room",
        &request("GET", "/rooms/{id}", Some(("id", "1")), ""),
        TIMES,
    )
    .await
}

async fn register(inside: &Inside) -> Duration {
    web(
        inside,
        "room",
        "POST",
        "/rooms",
        r#"{"desc": "Beautiful House"}"#,
    )
    .await
}

async fn repeat(inside: &Inside, context: &str, request: &Request, times: u32) -> Duration {
    let context = inside.host.context(context).expect("it is part of the app");
    let begun = Instant::now();
    for _ in 0..times {
        let answer = invocation::web(
            &inside.host.invoker,
            &context,
            request.clone(),
            origin(),
            None,
        )
        .await;
        let answer = answer.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(answer.response.status < 300, "{:?}", answer.response);
    }
    begun.elapsed() / times
}

/// `hold` of a room by reservation 7: `ok` for a room that is there, and the second time on nothing changes but the kept result.
async fn call(inside: &Inside, room: u64) -> Duration {
    let context = inside.host.context("room").expect("it is part of the app");
    let version = context.version().expect("it serves");
    let operation: Arc<Operation> = version.guest.offers()[HOLD.0].operations[HOLD.1].clone();
    let parameters = vec![Val::U64(room), Val::U64(7)];
    let encoded = value::encode(&parameters).expect("numbers can be encoded");
    let caller: ContextName = "bench".parse().expect("it is a name");
    let begun = Instant::now();
    for number in 0..TIMES {
        let origin = origin();
        let request = CallRequest {
            id: format!("{}/{number}", origin.correlation_id).into(),
            operation: operation.clone(),
            parameters: parameters.clone(),
            encoded: encoded.clone(),
            correlation_id: origin.correlation_id,
            causation_id: None,
            trace: origin.trace,
            identity: None,
            deadline: tokio::time::Instant::now() + Duration::from_secs(5),
            call_stack: Arc::default(),
            may_have_run: false,
            caller: Caller::Context(caller.clone()),
            consent: None,
        };
        let answer = invocation::reach(&inside.host.invoker, &context, request)
            .await
            .unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(value::is_err(&answer.answer), room != 1);
    }
    begun.elapsed() / TIMES
}

/// Loads room from the cache and lets it describe itself, each time anew.
async fn cold(inside: &Inside) -> Duration {
    const STARTS: u32 = 50;
    let cache = ArtifactCache::new(inside.home.path().join("data/artifacts"));
    let engine = Engine::new(EngineOptions {
        instances: 64,
        ..EngineOptions::default()
    })
    .expect("an engine can be made");
    let file = artifacts::components().await["room"].clone();
    let context = inside.host.context("room").expect("it is part of the app");
    let (name, settings) = (&context.name, &context.settings);
    let load = async |file: &Path| {
        let bytes = std::fs::read(file).expect("the component was built");
        let identity = Identity {
            digest: VersionDigest::of(&bytes),
            number: 1,
            label: None,
        };
        rollout::load(&engine, &cache, name, settings, identity, Some(bytes))
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    };
    load(&file).await;
    let begun = Instant::now();
    for _ in 0..STARTS {
        load(&file).await;
    }
    begun.elapsed() / STARTS
}

/// Rings many bells with a few requests, each bell once, and waits until all are heard.
async fn follow(inside: &Inside) -> f64 {
    let context = inside.host.context("bell").expect("it is part of the app");
    let handled = || context.ledger.applied();
    // As many as one commit may publish.
    const PEAL: u64 = 1_000;
    let peals = EVENTS / PEAL;
    let before = handled();
    let begun = Instant::now();
    for peal in 0..peals {
        let body = format!(r#"{{"after": {}, "count": {PEAL}}}"#, peal * PEAL);
        repeat(inside, "bell", &request("POST", "/peals", None, &body), 1).await;
    }
    let all_heard = async || {
        if handled() >= before + EVENTS + peals {
            Ok(())
        } else {
            Err(handled())
        }
    };
    within(Duration::from_secs(120), all_heard)
        .await
        .expect("every event is handled");
    EVENTS as f64 / begun.elapsed().as_secs_f64()
}
