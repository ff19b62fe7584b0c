//! The cluster that a pipeline updates: an API server of the test's own, over TLS, which kubectl talks to. It has the one StatefulSet as `k8s/` makes it, lets the account do
//! what `k8s/access` says and nothing else, and plays the controller that brings an update about. It is no `kube-apiserver`: that is in no registry of packages. What
//! it judges by the admission policy is tried by `scripts/lint-policy.py`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use innkeeper_tests::{Authority, TlsListener, artifacts};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{read, yaml};

/// Where the StatefulSets of the app are.
const SETS: &str = "/apis/apps/v1/namespaces/stay/statefulsets";
/// How long a request without an answer may take.
const QUIET: Duration = Duration::from_secs(120);

/// What becomes of an update.
#[derive(Clone, Copy, PartialEq)]
pub enum Update {
    /// The new pod gets ready.
    Succeeds,
    /// It does not.
    NeverReady,
    /// Somebody deletes the StatefulSet meanwhile.
    Deleted,
}

/// A running API server.
pub struct Cluster {
    authority: Authority,
    address: SocketAddr,
    known: Arc<Known>,
    serving: JoinHandle<()>,
}

struct Known {
    token: String,
    role: Value,
    update: Update,
    set: Mutex<Value>,
    asked: Mutex<Vec<String>>,
}

impl Cluster {
    /// One in which the account `deployer` has this token.
    pub async fn start(token: &str, update: Update) -> Self {
        let authority = Authority::new("kubernetes");
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("an address");
        let listener = TlsListener {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(authority.server("kubernetes"))),
        };
        let known = Arc::new(Known {
            token: token.to_owned(),
            role: role(),
            update,
            set: Mutex::new(set()),
            asked: Mutex::default(),
        });
        let routes = Router::new().fallback(answer).with_state(known.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self {
            authority,
            address,
            known,
            serving,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its certificate authority.
    pub fn authority(&self) -> String {
        read(&self.authority.file())
    }

    /// The image of the StatefulSet.
    pub fn image(&self) -> String {
        let set = self.known.set.lock();
        let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().unwrap_or_default().to_owned()
    }

    /// What it was asked by somebody with the token, and let them do.
    pub fn asked(&self) -> Vec<String> {
        self.known.asked.lock().clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the role of the pipeline's account allows.
fn role() -> Value {
    let file = artifacts::repository().join("k8s/access/deployer.yaml");
    let mut objects = yaml::documents(&read(&file)).into_iter();
    let role = objects.find(|object| object["kind"] == "Role");
    role.expect("a role")["rules"].clone()
}

/// The StatefulSet as an administrator applies it, up to date. Rendered once for all clusters.
fn set() -> Value {
    static SET: LazyLock<Value> = LazyLock::new(rendered);
    SET.clone()
}

fn rendered() -> Value {
    let rendered = Command::new("kubectl")
        .args(["kustomize", "k8s"])
        .current_dir(artifacts::repository())
        .output()
        .expect("kubectl runs");
    let text = String::from_utf8(rendered.stdout).expect("it is UTF-8");
    let mut objects = yaml::documents(&text).into_iter();
    let mut set = objects
        .find(|object| object["kind"] == "StatefulSet")
        .expect("a StatefulSet");
    set["metadata"]["uid"] = "00000000-0000-0000-0000-000000000001".into();
    set["metadata"]["resourceVersion"] = "1".into();
    set["metadata"]["generation"] = 1.into();
    settle(&mut set, true);
    set
}

/// Has the controller see the StatefulSet as it is.
fn settle(set: &mut Value, is_ready: bool) {
    let generation = set["metadata"]["generation"].clone();
    let revision = format!("innkeeper-{generation}");
    set["status"] = json!({
        "observedGeneration": generation,
        "replicas": 1,
        "readyReplicas": i32::from(is_ready),
        "availableReplicas": i32::from(is_ready),
        "currentReplicas": 1,
        "updatedReplicas": 1,
        "currentRevision": revision,
        "updateRevision": revision,
    });
    bump(set);
}

fn bump(set: &mut Value) {
    let version = set["metadata"]["resourceVersion"].as_str();
    let version: u64 = version
        .and_then(|text| text.parse().ok())
        .expect("a number");
    set["metadata"]["resourceVersion"] = (version + 1).to_string().into();
}

async fn answer(
    State(known): State<Arc<Known>>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let token = parts.headers.get("authorization");
    if token.is_none_or(|token| token.as_bytes() != format!("Bearer {}", known.token).as_bytes()) {
        return status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized");
    }
    let path = parts.uri.path();
    // What there is may be read by everybody whom the cluster knows.
    if let Some(found) = discovered(path) {
        return axum::Json(found).into_response();
    }
    let name = path.strip_prefix(SETS).map(|name| name.trim_matches('/'));
    let name = name.filter(|name| !name.is_empty());
    let selected = query
        .get("fieldSelector")
        .and_then(|selector| selector.strip_prefix("metadata.name="));
    let verb = match (&parts.method, name) {
        (&Method::GET, Some(_)) => "get",
        (&Method::GET, None) if query.contains_key("watch") => "watch",
        (&Method::GET, None) => "list",
        (&Method::PATCH, Some(_)) => "patch",
        _ => "other",
    };
    let whose = name.or(selected);
    if !path.starts_with(SETS) || !known.allows(verb, whose) {
        let message = format!(
            "{path} is forbidden: User \"system:serviceaccount:stay-deploy:deployer\" cannot {verb} it"
        );
        return status(StatusCode::FORBIDDEN, "Forbidden", &message);
    }
    known.asked.lock().push(format!("{verb} {path}"));
    match verb {
        "get" => axum::Json(known.set.lock().clone()).into_response(),
        "list" => {
            let set = known.set.lock().clone();
            let version = set["metadata"]["resourceVersion"].clone();
            axum::Json(json!({
                "apiVersion": "apps/v1",
                "kind": "StatefulSetList",
                "metadata": {"resourceVersion": version},
                "items": [set],
            }))
            .into_response()
        }
        "watch" => known.watched(),
        _ => {
            let kind = parts
                .headers
                .get("content-type")
                .map(|kind| kind.as_bytes());
            assert_eq!(kind, Some(&b"application/strategic-merge-patch+json"[..]));
            let patch = axum::body::to_bytes(body, 1 << 20).await.expect("a patch");
            let patch = serde_json::from_slice(&patch).expect("it is JSON");
            let mut set = known.set.lock();
            merge(&mut set, &patch);
            let generation = set["metadata"]["generation"].as_u64().expect("a number");
            set["metadata"]["generation"] = (generation + 1).into();
            bump(&mut set);
            axum::Json(set.clone()).into_response()
        }
    }
}

impl Known {
    /// Whether a rule of the role allows it.
    fn allows(&self, verb: &str, name: Option<&str>) -> bool {
        let rules = self.role.as_array().into_iter().flatten();
        let has = |list: &Value, what: &str| {
            let list = list.as_array().into_iter().flatten();
            list.clone().any(|one| one == what)
        };
        let mut allowing = rules.filter(|rule| {
            has(&rule["apiGroups"], "apps")
                && has(&rule["resources"], "statefulsets")
                && has(&rule["verbs"], verb)
                && name.is_some_and(|name| has(&rule["resourceNames"], name))
        });
        allowing.next().is_some()
    }

    /// What becomes of the StatefulSet, as it does.
    fn watched(&self) -> Response {
        let mut set = self.set.lock();
        let kind = match self.update {
            Update::Deleted => "DELETED",
            Update::Succeeds | Update::NeverReady => {
                settle(&mut set, self.update == Update::Succeeds);
                "MODIFIED"
            }
        };
        let event = format!("{}\n", json!({"type": kind, "object": *set}));
        let rest = futures::stream::once(tokio::time::sleep(QUIET));
        let rest = futures::StreamExt::map(rest, |()| Ok::<_, Infallible>(String::new()));
        let first = futures::stream::once(async move { Ok(event) });
        let stream = futures::StreamExt::chain(first, rest);
        let mut response = Body::from_stream(stream).into_response();
        let json = axum::http::HeaderValue::from_static("application/json");
        response.headers_mut().insert("content-type", json);
        response
    }
}

/// What kubectl asks to learn what there is.
fn discovered(path: &str) -> Option<Value> {
    let group = json!({"groupVersion": "apps/v1", "version": "v1"});
    Some(match path {
        "/version" => json!({"major": "1", "minor": "32", "gitVersion": "v1.32.0"}),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": []}),
        "/apis" => json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [{"name": "apps", "versions": [group], "preferredVersion": group}],
        }),
        "/apis/apps/v1" => json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": "apps/v1",
            "resources": [{
                "name": "statefulsets",
                "singularName": "statefulset",
                "namespaced": true,
                "kind": "StatefulSet",
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
                "shortNames": ["sts"],
            }],
        }),
        _ => return None,
    })
}

/// A strategic merge patch, as far as containers need one: objects are merged, and lists of what has names by these.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            // The order of a list is said beside it.
            let members = patch.iter().filter(|(name, _)| !name.starts_with('$'));
            for (name, member) in members {
                merge(into.entry(name.clone()).or_insert(Value::Null), member);
            }
        }
        (Value::Array(into), Value::Array(patch))
            if patch.iter().all(|one| one["name"].is_string()) =>
        {
            for one in patch {
                match into.iter_mut().find(|known| known["name"] == one["name"]) {
                    Some(known) => merge(known, one),
                    None => into.push(one.clone()),
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn status(code: StatusCode, reason: &str, message: &str) -> Response {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.as_u16(),
    });
    (code, axum::Json(status)).into_response()
}
