//! A host with some contexts, that can be stopped and started again on the same data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use innkeeper::app::{Host, Options};
use innkeeper::build::{self, Source};
use innkeeper::core::message::Request;
use innkeeper::core::{ContextName, InvocationId, TraceContext, random_id, wall_clock};
use innkeeper::guest::EngineOptions;
use innkeeper::invocation::Context;
use innkeeper::invocation::{self, Origin};
use innkeeper::journal::{Cause, Ending, Event, Header, ReadSet, Unit};
use innkeeper::manifest::Manifest;
use innkeeper::rollout::Shipped;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// How long a test waits for what should happen soon.
const SOON: Duration = Duration::from_secs(60);

/// The contexts that the tests use, and where they come from.
const PACKAGES: [(&str, &str); 6] = [
    ("bell", "tests/components/bell"),
    ("payment", "components/payment"),
    ("porter", "tests/components/porter"),
    ("room", "components/room"),
    ("steward", "tests/components/steward"),
    ("viewpage", "components/viewpage"),
];

/// A host and its data.
pub struct TestHost {
    pub host: Arc<Host>,
    contexts: Arc<BTreeMap<ContextName, Arc<Context>>>,
    manifest: String,
    data: TempDir,
}

impl TestHost {
    /// With a manifest in which each context names its component by its name in capitals, such as `BELL`.
    pub async fn open(manifest: &str) -> Self {
        let data = TempDir::new().unwrap();
        let host = start(manifest, data.path()).await;
        Self {
            contexts: host.contexts(),
            host,
            manifest: manifest.to_owned(),
            data,
        }
    }

    /// Stops it, and starts it on the same data.
    pub async fn reopen(self) -> Self {
        let manifest = self.manifest.clone();
        self.reopen_with(&manifest).await
    }

    /// The same with another manifest.
    pub async fn reopen_with(self, manifest: &str) -> Self {
        self.host.stop().await;
        let Self {
            host,
            data,
            contexts,
            ..
        } = self;
        drop(contexts);
        // The journal's directory is locked until the last of it is gone.
        let last = Arc::downgrade(&host.invoker);
        drop(host);
        eventually(async || {
            last.upgrade()
                .is_none()
                .then_some(())
                .ok_or("the host lives on")
        })
        .await;
        let host = start(manifest, data.path()).await;
        Self {
            contexts: host.contexts(),
            host,
            manifest: manifest.to_owned(),
            data,
        }
    }

    pub fn context(&self, name: &str) -> &Arc<Context> {
        &self.contexts[name]
    }

    /// Answers a request of a context: its status and its body. The route has one placeholder or none.
    pub async fn ask(
        &self,
        context: &str,
        method: &str,
        route: &str,
        id: u64,
        body: Value,
    ) -> (u16, Value) {
        self.ask_as(context, method, route, id, body, "c").await
    }

    /// The same under a correlation id.
    pub async fn ask_as(
        &self,
        context: &str,
        method: &str,
        route: &str,
        id: u64,
        body: Value,
        correlation_id: &str,
    ) -> (u16, Value) {
        let request = Request {
            method: method.to_owned(),
            route: route.to_owned(),
            path: route.to_owned(),
            parameters: vec![("id".to_owned(), id.to_string())],
            raw_query: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: body.to_string().into_bytes().into(),
        };
        let origin = Origin {
            correlation_id: correlation_id.parse().unwrap(),
            causation_id: None,
            trace: TraceContext::new(),
            identity: None,
            waited: Duration::ZERO,
        };
        let answer = invocation::web(
            &self.host.invoker,
            self.context(context),
            request,
            origin,
            None,
        )
        .await;
        let response = answer.unwrap().response;
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.status, body)
    }

    /// Has a context publish events, as if its guest had.
    pub async fn publish(&self, context: &str, events: Vec<Event>) {
        let ledger = &self.context(context).ledger;
        let unit = Unit {
            began: ledger.applied(),
            reads: ReadSet::default(),
            header: Header {
                invocation: InvocationId::random(),
                cause: Cause::Host {
                    purpose: "test".into(),
                },
                ending: Ending::Committed,
                attempt: 1,
                correlation_id: "c".parse().ok(),
                causation_id: None,
                version: None,
                time: wall_clock(),
                status: None,
                by: None,
            },
            writes: Vec::new(),
            events,
        };
        ledger.commit(unit).await.unwrap();
    }
}

/// What room says about a room when it is changed for the `revision`th time.
pub fn room_event(room: u64, revision: u64) -> Event {
    let data = json!({
        "roomId": room,
        "desc": format!("room {room}, revision {revision}"),
        "status": "available",
        "reviewCnt": 0,
        "lastAction": if revision == 1 { "register" } else { "modify" },
        "rsvId": null,
        "revision": revision,
    });
    Event {
        id: random_id().into(),
        kind: if revision == 1 {
            "RoomRegistered"
        } else {
            "RoomModified"
        }
        .into(),
        subject: room.to_string(),
        time: wall_clock(),
        data: data.to_string().into_bytes(),
        correlation_id: "c".parse().unwrap(),
        causation_id: None,
        trace: None,
        identity: None,
    }
}

/// Waits until something is so, and gives it.
pub async fn eventually<T, E: std::fmt::Display>(look: impl AsyncFn() -> Result<T, E>) -> T {
    let give_up = tokio::time::Instant::now() + SOON;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(missing) if tokio::time::Instant::now() > give_up => {
                panic!("not so after {SOON:?}: {missing}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn start(manifest: &str, data: &Path) -> Arc<Host> {
    let components = components().await;
    let mut text = manifest.to_owned();
    for (name, file) in components {
        let named = format!("component = \"{}\"", file.display());
        text = text.replace(&format!("component = {}", name.to_uppercase()), &named);
    }
    let mut manifest = Manifest::read(&data.join("innkeeper.toml"), &text, []).unwrap();
    manifest.journal.directory = data.join("data");
    let options = Options {
        components: manifest
            .contexts
            .iter()
            .filter_map(|(name, context)| {
                let file = context.component.as_ref()?.file()?;
                Some((name.clone(), Shipped::File(file.to_owned())))
            })
            .collect(),
        engine: EngineOptions {
            instances: 64,
            memory: 1 << 28,
            ..EngineOptions::default()
        },
        ..Options::default()
    };
    Host::start(manifest, options, |_| {}).await.unwrap()
}

async fn components() -> &'static BTreeMap<String, PathBuf> {
    static COMPONENTS: OnceCell<BTreeMap<String, PathBuf>> = OnceCell::const_new();
    let build = || async {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let sources = PACKAGES.map(|(name, package)| Source {
            name: name.parse().unwrap(),
            package: repository.join(package),
        });
        let options = build::Options {
            target_directory: Some(repository.join("components/target")),
            ..build::Options::default()
        };
        let built = build::build(&sources, &options, |_| {}).await.unwrap();
        built
            .into_iter()
            .map(|built| (built.name.to_string(), built.path))
            .collect()
    };
    COMPONENTS.get_or_init(build).await
}
