//! How registries tell what refers to a manifest: each in its way. Debian's `docker-registry` knows one of them only, so here is one that knows them all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use innkeeper::core::ContentDigest;
use innkeeper_tests::{TestHost, artifacts};
use serde_json::{Value, json};

use super::server::Server;
use super::{Author, one_line};
use crate::signatures::{Signer, strict};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Whatever is asked for is in this repository.
const REPOSITORY: &str = "/v2/inn/room/";

/// How a registry tells what refers to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As OCI 1.1 has it, one to a page.
    Told,
    /// It cannot, and sends whoever asks to a page for people, as GitHub's did.
    PageForPeople,
    /// It cannot, and takes the tag of the index for the manifest itself, as GitLab's does.
    TagIsDigest,
}

/// What a registry has.
struct Shelf {
    way: Way,
    blobs: BTreeMap<String, Bytes>,
    manifests: BTreeMap<String, Bytes>,
    /// The digests of manifests, the oldest first.
    order: Vec<String>,
}

type Shared = Arc<Mutex<Shelf>>;

/// A registry in this process.
struct Modern {
    server: Server,
    shelf: Shared,
}

impl Modern {
    async fn start(way: Way) -> Self {
        let shelf = Shared::new(Mutex::new(Shelf {
            way,
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            order: Vec::new(),
        }));
        let routes = Router::new().fallback(answer).with_state(shelf.clone());
        let server = Server::start(routes).await;
        Self { server, shelf }
    }

    fn reference(&self) -> String {
        format!("oci://{}/inn/room:1", self.server.host)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().expect("nobody has panicked with it")
    }

    /// Somebody who has a manifest that knows a key.
    fn knowing(&self, signer: &Signer) -> Author {
        Author::with_manifest(&format!(
            "[app]\nname = 'stay'\n[rollout]\nrequire_signature = true\n[rollout.keys]\ndesk = '{}'\n[registry.'{}']\nplain_http = true\n",
            signer.public, self.server.host
        ))
    }
}

impl Shelf {
    /// What refers to a manifest.
    fn referrers(&self, subject: &str) -> Vec<Value> {
        let all = self.order.iter().filter_map(|digest| {
            let bytes = self.manifests.get(digest)?;
            let manifest: Value = serde_json::from_slice(bytes).ok()?;
            (manifest["subject"]["digest"] == subject).then(|| {
                json!({
                    "mediaType": MANIFEST, "digest": digest, "size": bytes.len(),
                    "artifactType": manifest["artifactType"], "annotations": manifest["annotations"],
                })
            })
        });
        all.collect()
    }

    fn give(&self, key: &str) -> Option<&Bytes> {
        let digest = key.replacen('-', ":", 1);
        let by_tag = self.manifests.get(key);
        by_tag.or_else(|| {
            self.manifests
                .get(&digest)
                .filter(|_| self.way == Way::TagIsDigest)
        })
    }

    fn store(&mut self, key: &str, bytes: Bytes) -> Response {
        let manifest: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        let digest = ContentDigest::of(&bytes).to_string();
        if self
            .manifests
            .insert(digest.clone(), bytes.clone())
            .is_none()
        {
            self.order.push(digest);
        }
        self.manifests.insert(key.to_owned(), bytes);
        let mut headers = HeaderMap::new();
        if let (Way::Told, Some(subject)) = (self.way, manifest["subject"]["digest"].as_str()) {
            headers.insert("oci-subject", subject.parse().expect("a digest"));
        }
        (StatusCode::CREATED, headers).into_response()
    }

    fn tell(&self, subject: &str, query: &str) -> Response {
        match self.way {
            Way::PageForPeople => {
                (StatusCode::SEE_OTHER, [("location", "/people")]).into_response()
            }
            Way::TagIsDigest => StatusCode::NOT_FOUND.into_response(),
            Way::Told => {
                let page = query.rsplit_once("page=").map(|(_, page)| page.parse());
                let page: usize = page.map_or(0, |page| page.expect("a number"));
                let all = self.referrers(subject);
                let next = format!(
                    "<{REPOSITORY}referrers/{subject}?page={}>; rel=\"next\"",
                    page + 1
                );
                let mut headers = HeaderMap::new();
                headers.insert("content-type", INDEX.parse().expect("a type"));
                if page + 1 < all.len() {
                    headers.insert("link", next.parse().expect("a link"));
                }
                let some: Vec<_> = all.get(page).into_iter().collect();
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": some});
                (headers, index.to_string()).into_response()
            }
        }
    }
}

async fn answer(State(shelf): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.expect("it comes whole");
    let query = head.uri.query().unwrap_or_default();
    let asked = head.uri.path().strip_prefix(REPOSITORY);
    let Some((kind, key)) = asked.and_then(|asked| asked.split_once('/')) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let given = |found: Option<&Bytes>| match found {
        Some(bytes) => Body::from(bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    let mut shelf = shelf.lock().expect("nobody has panicked with it");
    match (head.method.as_str(), kind) {
        ("HEAD" | "GET", "blobs") => given(shelf.blobs.get(key)),
        ("POST", "blobs") => {
            let place = format!("{REPOSITORY}blobs/uploads/1");
            (StatusCode::ACCEPTED, [("location", place)]).into_response()
        }
        ("PUT", "blobs") => {
            let digest = ContentDigest::of(&body).to_string();
            assert_eq!(query, format!("digest={digest}"));
            shelf.blobs.insert(digest, body);
            StatusCode::CREATED.into_response()
        }
        ("GET", "manifests") => given(shelf.give(key)),
        ("PUT", "manifests") => shelf.store(key, body),
        ("GET", "referrers") => shelf.tell(key, query),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

#[tokio::test]
async fn the_good_signature_is_found_however_a_registry_tells_of_it_and_whatever_stands_beside_it()
{
    let signer = Signer::new();
    let host = TestHost::with(strict(&signer).await).await;
    for way in [Way::Told, Way::PageForPeople, Way::TagIsDigest] {
        let (registry, author) = (Modern::start(way).await, Author::new());
        let bytes = artifacts::edited("room", &format!("{way:?}")).await;
        let reference = registry.reference();
        let good = signer.sign("room", &bytes);
        let pinned = author
            .push_signed(&bytes, &reference, Some(("room", &good)))
            .await;
        // Newer ones stand before it: a stranger's, one whose text is gone, and what nobody here can read.
        for _ in 0..2 {
            let stranger = Signer::new().sign("room", &bytes);
            author
                .push_signed(&bytes, &reference, Some(("room", &stranger)))
                .await;
            let lost = ContentDigest::of(stranger.as_bytes()).to_string();
            registry.shelf().blobs.remove(&lost);
        }
        let stranger = Signer::new().sign("room", &bytes);
        author
            .push_signed(&bytes, &reference, Some(("room", &stranger)))
            .await;
        let (_, digest) = pinned.split_once('@').expect("a digest");
        let tag = digest.replace(':', "-");
        if way != Way::Told {
            let mut shelf = registry.shelf();
            let index = shelf.manifests.get(&tag).expect("an index");
            let mut index: Value = serde_json::from_slice(index).expect("JSON");
            let other = json!({"mediaType": MANIFEST, "digest": "sha512:00", "size": 1});
            let listed = index["manifests"].as_array_mut().expect("a list");
            assert_eq!(listed.len(), 4, "{way:?}");
            listed.push(other);
            shelf.manifests.insert(tag, index.to_string().into());
        }
        let knowing = registry.knowing(&signer);
        let said = knowing.deploy(&host, "room", &pinned).await;
        assert!(said.is_well, "{way:?}: {said:?}");
        let serving = host.operators().serving("room").await;
        assert_eq!(serving, artifacts::digest(&bytes), "{way:?}");
        // Who knows no keys sends the newest that there is.
        let beside = author.pulled_signature(&pinned).await;
        assert_eq!(beside, stranger, "{way:?}");
    }
}

#[tokio::test]
async fn a_signature_that_nobody_can_read_does_not_keep_a_component_from_being_fetched() {
    let signer = Signer::new();
    let host = TestHost::open().await;
    for way in [Way::Told, Way::PageForPeople, Way::TagIsDigest] {
        let (registry, author) = (Modern::start(way).await, Author::new());
        let bytes = artifacts::edited("room", &format!("unread {way:?}")).await;
        let unsigned = author.push(&bytes, &registry.reference()).await;
        let file = author.path("pulled.wasm");
        let said = author.command(&["pull", &unsigned, &file]).await;
        assert!(
            said.is_well && !said.err.contains("could be read"),
            "{way:?}: {said:?}"
        );
        let signature = signer.sign("room", &bytes);
        let pinned = author
            .push_signed(&bytes, &registry.reference(), Some(("room", &signature)))
            .await;
        let lost = ContentDigest::of(signature.as_bytes()).to_string();
        registry.shelf().blobs.remove(&lost);
        let said = author.deploy(&host, "room", &pinned).await;
        assert!(said.is_well, "{way:?}: {said:?}");
        assert!(
            said.err.contains("no signature could be read"),
            "{way:?}: {said:?}"
        );
        let serving = host.operators().serving("room").await;
        assert_eq!(serving, artifacts::digest(&bytes), "{way:?}");
    }
}

#[tokio::test]
async fn more_than_was_promised_is_not_taken() {
    let (registry, author) = (Modern::start(Way::Told).await, Author::new());
    let bytes = artifacts::edited("room", "larger than it says").await;
    let pinned = author.push(&bytes, &registry.reference()).await;
    let larger = Bytes::from([&bytes[..], &[0; 1000]].concat());
    let digest = ContentDigest::of(&bytes).to_string();
    registry.shelf().blobs.insert(digest, larger);
    let said = author.command(&["pull", &pinned]).await;
    one_line(&said, &["the component", "larger than"]);
}
