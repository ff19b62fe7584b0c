//! Who may, and who is asked: passwords, tokens, mirrors, and where a registry sends whoever asks.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use innkeeper_tests::registry::{PASSWORD, Registry, Starting, USER};
use innkeeper_tests::{Authority, artifacts};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::server::Server;
use super::{Author, one_line};

/// What `docker login` writes for a registry.
fn log_in(author: &Author, registry: &str, password: &str) {
    let pair = STANDARD.encode(format!("{USER}:{password}"));
    let config = json!({"auths": {registry: {"auth": pair}}});
    let directory = author.path("docker");
    std::fs::create_dir_all(&directory).expect("a directory can be made");
    author.write("docker/config.json", config.to_string().as_bytes());
}

#[tokio::test]
async fn who_has_logged_in_by_docker_is_let_in_and_nobody_else() {
    let registry = Starting::default().for_its_user().start().await;
    let bytes = artifacts::edited("room", "for whom?").await;
    let reference = registry.reference("inn/room:1");
    let author = Author::new();
    let file = author.write("room.wasm", &bytes);
    let said = author.command(&["push", &file, &reference]).await;
    one_line(&said, &["401", "docker login", "push to inn/room"]);
    log_in(&author, &registry.host(), "something else");
    let said = author.command(&["push", &file, &reference]).await;
    one_line(&said, &["401", "docker login"]);
    assert!(!said.err.contains("something else"), "{said:?}");
    log_in(&author, &registry.host(), PASSWORD);
    let pinned = author.push(&bytes, &reference).await;
    let said = author
        .command(&["pull", &pinned, &author.path("pulled.wasm")])
        .await;
    assert!(said.is_well, "{said:?}");
    let said = Author::new().command(&["pull", &pinned]).await;
    one_line(&said, &["401", "pull from inn/room"]);
}

#[tokio::test]
async fn a_program_that_keeps_passwords_is_asked_for_its_registry() {
    let registry = Starting::default().for_its_user().start().await;
    let bytes = artifacts::edited("room", "by a helper").await;
    let reference = registry.reference("inn/room:1");
    let author = Author::new();
    let file = author.write("room.wasm", &bytes);
    for directory in ["docker", "bin"] {
        std::fs::create_dir(author.path(directory)).expect("a directory can be made");
    }
    let config = json!({"credHelpers": {registry.host(): "desk"}, "auths": {registry.host(): {}}});
    author.write("docker/config.json", config.to_string().as_bytes());
    let program = |body: &str| {
        let file = author.write(
            "bin/docker-credential-desk",
            format!("#!/bin/sh\n{body}\n").as_bytes(),
        );
        std::fs::set_permissions(file, Permissions::from_mode(0o700)).expect("it can be run");
    };
    // Such a program is given the host, and says why not on standard output.
    program("echo \"the keys of $(cat) are lost\"; exit 1");
    let said = author.command(&["push", &file, &reference]).await;
    let lost = format!("the keys of {} are lost", registry.host());
    one_line(&said, &["docker-credential-desk", &lost]);
    program("echo 'credentials not found in native keychain'; exit 1");
    let said = author.command(&["push", &file, &reference]).await;
    one_line(&said, &["401", "docker login"]);
    let kept = json!({"ServerURL": registry.host(), "Username": USER, "Secret": PASSWORD});
    program(&format!(
        "[ \"$1\" = get ] && cat >/dev/null && echo '{kept}'"
    ));
    author.push(&bytes, &reference).await;
}

/// Who gives tokens for a registry, to its user only.
struct TokenGiver {
    key: EcdsaKeyPair,
    certificate: String,
}

impl TokenGiver {
    fn new(authority: &Authority) -> Self {
        let certified = authority.certify("tokens");
        let key = PrivatePkcs8KeyDer::from_pem_file(certified.key).expect("a key");
        let certificate = CertificateDer::from_pem_file(certified.certificate);
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(how, key.secret_pkcs8_der(), &SystemRandom::new());
        Self {
            key: key.expect("a key of P-256"),
            certificate: STANDARD.encode(certificate.expect("a certificate")),
        }
    }

    /// A token for what is asked for: `repository:inn/room:pull,push`.
    fn token(&self, scope: &str) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock");
        let parts: Vec<&str> = scope.split(':').collect();
        let [kind, name, actions] = parts[..] else {
            panic!("no scope: {scope}")
        };
        let actions: Vec<&str> = actions.split(',').collect();
        let claims = json!({
            "iss": "tokens", "aud": "registry", "sub": USER, "jti": "1",
            "iat": now.as_secs(), "nbf": (now - Duration::from_secs(60)).as_secs(),
            "exp": (now + Duration::from_secs(300)).as_secs(),
            "access": [{"type": kind, "name": name, "actions": actions}],
        });
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("it can sign"));
        format!("{message}.{signature}")
    }
}

async fn give(
    State(giver): State<Arc<TokenGiver>>,
    Query(wanted): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if headers
        .get("authorization")
        .is_none_or(|shown| shown != expected.as_str())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let wanted = |name: &str| {
        let found = wanted.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(wanted("service"), "registry");
    let token = giver.token(&wanted("scope"));
    axum::Json(json!({"token": token})).into_response()
}

#[tokio::test]
async fn a_token_is_fetched_where_a_registry_wants_one() {
    let authority = Authority::new("for tokens");
    let giver = Arc::new(TokenGiver::new(&authority));
    let routes = Router::new()
        .route("/token", axum::routing::get(give))
        .with_state(giver);
    let tokens = Server::start(routes).await;
    let realm = format!("http://{}/token", tokens.host);
    let how = json!({
        "realm": realm, "service": "registry", "issuer": "tokens",
        "rootcertbundle": authority.file(),
    });
    let registry = Starting::default()
        .with("auth", json!({"token": how}))
        .start()
        .await;
    let bytes = artifacts::edited("room", "for a token").await;
    let reference = registry.reference("inn/room:1");
    let careless = Author::new();
    let file = careless.write("room.wasm", &bytes);
    log_in(&careless, &registry.host(), PASSWORD);
    // Who gives tokens is somebody else, with whom nobody has said to speak plain HTTP.
    let said = careless.command(&["push", &file, &reference]).await;
    one_line(&said, &[&tokens.host, "not encrypted"]);
    let plain = |host: &str| format!("[registry.'{host}']\nplain_http = true\n");
    let manifest = plain(&registry.host()) + &plain(&tokens.host);
    let author = Author::with_manifest(&manifest);
    let said = author.command(&["push", &file, &reference]).await;
    one_line(&said, &["401", "docker login"]);
    log_in(&author, &registry.host(), PASSWORD);
    let pinned = author.push(&bytes, &reference).await;
    let pulled = author.path("pulled.wasm");
    let said = author.command(&["pull", &pinned, &pulled]).await;
    assert!(said.is_well, "{said:?}");
    assert_eq!(std::fs::read(&pulled).expect("it was written"), bytes);
}

#[tokio::test]
async fn a_mirror_is_asked_first_and_only_believed_what_a_digest_says() {
    let (mut registry, mut mirror) = (Registry::start().await, Registry::start().await);
    let bytes = artifacts::edited("room", "mirrored").await;
    let plain = |host: &str| format!("[registry.'{host}']\nplain_http = true\n");
    let mirrors = format!("mirrors = ['{}']\n", mirror.host());
    let manifest = plain(&mirror.host()) + &plain(&registry.host()) + &mirrors;
    let author = Author::with_manifest(&manifest);
    author.push(&bytes, &mirror.reference("inn/room:1")).await;
    // The mirror has it, the registry does not: what is pushed goes to the registry alone.
    let reference = registry.reference("inn/room:1");
    let pulled = author.path("pulled.wasm");
    let said = author.command(&["pull", &reference, &pulled]).await;
    assert!(said.is_well, "{said:?}");
    let pinned = author.push(&bytes, &reference).await;
    let layer = mirror.file_of(&artifacts::digest(&bytes));
    std::fs::write(&layer, b"something else").expect("it can be written");
    let said = author.command(&["pull", &pinned, &pulled]).await;
    assert!(said.is_well, "{said:?}");
    let no_help = format!("the mirror {} does not help", mirror.host());
    assert!(said.err.contains(&no_help), "{said:?}");
    assert_eq!(std::fs::read(&pulled).expect("it was written"), bytes);
    // Where nobody helps, the registry's own reason is told.
    registry.kill_9();
    let said = author.command(&["pull", &pinned, &pulled]).await;
    one_line(&said, &[&registry.host(), "cannot be reached"]);
    mirror.kill_9();
    registry.restart().await;
    let said = author.command(&["pull", &pinned, &pulled]).await;
    assert!(said.is_well, "{said:?}");
}

/// Gives what a registry has stored, and counts who shows a password.
async fn stored(
    State((storage, passwords)): State<(std::path::PathBuf, Arc<AtomicUsize>)>,
    request: Request,
) -> Response {
    if request.headers().contains_key("authorization") {
        passwords.fetch_add(1, Ordering::Relaxed);
    }
    let path = request.uri().path().trim_start_matches('/');
    match std::fs::read(storage.join(path)) {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn where_a_registry_sends_on_to_no_password_goes() {
    // A registry of its own beside it, which has the same storage and sends nobody on.
    let store = Registry::start().await;
    let passwords = Arc::<AtomicUsize>::default();
    let state = (store.storage(), passwords.clone());
    let elsewhere = Server::start(Router::new().fallback(stored).with_state(state)).await;
    let registry = Starting::default()
        .for_its_user()
        .with("storage.filesystem.rootdirectory", json!(store.storage()))
        .with(
            "middleware",
            json!({"storage": [{"name": "redirect", "options": {"baseurl": format!("http://{}", elsewhere.host)}}]}),
        )
        .start()
        .await;
    let bytes = artifacts::edited("room", "elsewhere").await;
    let careless = Author::new();
    log_in(&careless, &registry.host(), PASSWORD);
    let pinned = careless
        .push(&bytes, &registry.reference("inn/room:1"))
        .await;
    let said = careless.command(&["pull", &pinned]).await;
    one_line(&said, &[&elsewhere.host, "not encrypted"]);
    let plain = |host: &str| format!("[registry.'{host}']\nplain_http = true\n");
    let author = Author::with_manifest(&(plain(&registry.host()) + &plain(&elsewhere.host)));
    log_in(&author, &registry.host(), PASSWORD);
    let pulled = author.path("pulled.wasm");
    let said = author.command(&["pull", &pinned, &pulled]).await;
    assert!(said.is_well, "{said:?}");
    assert_eq!(std::fs::read(&pulled).expect("it was written"), bytes);
    assert_eq!(passwords.load(Ordering::Relaxed), 0);
}
