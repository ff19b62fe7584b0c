//! `buildspec-component.yml`: a context is built, tested, signed, pushed to a real registry and brought to a running host, which takes it back when it does harm.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use innkeeper_tests::registry::{PASSWORD, Registry, Starting, USER};
use innkeeper_tests::{Client, NewApp, Settings, TestHost, artifacts, try_send};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::build_machine::BuildMachine;
use super::buildspec::{Buildspec, Ran};
use super::{has, read};

const COMMIT: &str = "0c2a97be41d5f3a86e70bb19d4c85f2a63e917d4";
const TOKEN: &str = "token-of-the-pipeline-55a0c1de";
/// How long visitors wait until they come again.
const BETWEEN_VISITS: Duration = Duration::from_millis(10);

/// The app, its host, the registry, and the machine that builds.
struct Pipeline {
    app: NewApp,
    host: TestHost,
    registry: Registry,
    machine: Arc<BuildMachine>,
    key: String,
}

impl Pipeline {
    /// With a context that serves already.
    async fn new() -> Self {
        let app = NewApp::make("shipped").await;
        let registry = Starting::default().for_its_user().start().await;
        let machine = BuildMachine::at(app.directory());
        machine.tell("password", PASSWORD);
        machine.tell("failing", "");
        machine.note_calls_of("innkeeper", artifacts::binary().await);
        let key_file = machine.stand_ins().join("key.pem");
        let key_file = key_file.to_str().expect("paths are UTF-8");
        let made = innkeeper_tests::command(&["sign", "--new-key", key_file]).await;
        assert!(made.is_well, "{made:?}");
        // The line for the manifest.
        let (_, public) = made.out.trim().split_once(" = ").expect("a line of TOML");
        let manifest = app.read("innkeeper.toml");
        app.write(
            "innkeeper.toml",
            &format!(
                "{manifest}\n[rollout.keys]\npipeline = {public}\n\n[registry.\"{}\"]\nplain_http = true\n",
                registry.host()
            ),
        );
        let built = app
            .command_within(&["build", "shipped"], Duration::from_secs(600))
            .await;
        assert!(built.is_well, "{built:?}");
        // What serves is an earlier edition of the same, so that the first change need not be compiled.
        let bytes = std::fs::read(built.out.trim()).expect("it was built");
        let earlier = machine.stand_ins().join("earlier.wasm");
        let bytes = artifacts::with_section(bytes, "earlier");
        std::fs::write(&earlier, bytes).expect("a file can be written");
        let token = machine.stand_ins().join("token");
        std::fs::write(&token, TOKEN).expect("a file can be written");
        let settings = Settings::empty()
            .set("app.name", "shipped")
            .component("shipped", &earlier)
            .set("rollout.require_signature", true)
            .set("rollout.keys.pipeline", public.trim_matches('"'))
            .set("admin.tokens.pipeline.role", "deploy")
            .set("admin.tokens.pipeline.file", token.to_str().expect("UTF-8"))
            // What is measured in a debug build beside other tests is no latency.
            .set("context.shipped.rollout.max_latency", 0)
            .set("context.shipped.rollout.watch", "1s");
        Self {
            host: TestHost::with(settings).await,
            key: read(Path::new(key_file)),
            app,
            registry,
            machine: Arc::new(machine),
        }
    }

    /// Runs it, with these variables besides those that it needs.
    async fn run(&self, more: &[(&str, &str)]) -> Ran {
        let repository = self.registry.reference("inn/shipped");
        let mut variables = vec![
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT.to_owned()),
            ("CONTEXT", "shipped".to_owned()),
            ("REPOSITORY", repository),
            ("SIGNING_KEY", self.key.trim().to_owned()),
            (
                "INNKEEPER_ADMIN",
                self.host.operators().client().base().to_owned(),
            ),
            ("INNKEEPER_ADMIN_TOKEN", TOKEN.to_owned()),
            // The registry is none of ECR, but its password comes the same way.
            ("REGISTRY_USER", USER.to_owned()),
            ("RAMP", "50,100".to_owned()),
            ("STEP", "1s".to_owned()),
        ];
        variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let variables: Vec<_> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(more.map(|(name, value)| (name.to_owned(), value)))
            .collect();
        let of_rust = artifacts::homes_of_rust().map(|(name, home)| {
            let home = home.to_str().expect("paths are UTF-8");
            (name.to_owned(), home.to_owned())
        });
        let variables = [&of_rust[..], &variables].concat();
        let machine = self.machine.clone();
        let running = tokio::task::spawn_blocking(move || {
            let spec = read(&artifacts::repository().join("buildspec-component.yml"));
            let variables = variables.iter();
            let variables: Vec<_> = variables
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            Buildspec::parse(&spec).run(&machine, &variables)
        });
        let ran = running.await.expect("it does not panic");
        let secret = self.key.lines().nth(1).expect("a line of the key");
        for secret in [secret, TOKEN, PASSWORD, &format!("{USER}:{PASSWORD}")] {
            let places = self.machine.places_of(secret);
            assert!(places.is_empty(), "{secret} is in {places:?}\n{}", ran.log);
        }
        ran
    }

    /// Asks for what is not there, as long as the answer is kept: a version that is bad at that is found out.
    fn visitors(&self) -> Visitors {
        Visitors::come(self.host.gateway().clone())
    }

    /// What the registry has of the context, by tags.
    fn tags(&self) -> Vec<PathBuf> {
        let tags = self
            .registry
            .storage()
            .join("docker/registry/v2/repositories/inn/shipped/_manifests/tags");
        let entries = std::fs::read_dir(tags).into_iter().flatten();
        entries.map(|entry| entry.expect("a tag").path()).collect()
    }

    async fn versions(&self) -> Vec<Value> {
        self.host.operators().versions("shipped").await
    }
}

/// Somebody who looks for entries all the time, until this is dropped.
struct Visitors {
    left: Arc<AtomicBool>,
    coming: JoinHandle<()>,
}

impl Visitors {
    fn come(client: Client) -> Self {
        let left = Arc::new(AtomicBool::new(false));
        let coming = tokio::spawn({
            let left = left.clone();
            async move {
                let mut entry = 1_000;
                while !left.load(Ordering::Relaxed) {
                    entry += 1;
                    let path = format!("/shipped/{entry}");
                    let _answer = try_send(client.request(http::Method::GET, &path)).await;
                    // So often that a version is known by what it answers, and seldom enough that it is built meanwhile.
                    tokio::time::sleep(BETWEEN_VISITS).await;
                }
            }
        });
        Self { left, coming }
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.left.store(true, Ordering::Relaxed);
        self.coming.abort();
    }
}

/// Something that goes wrong: in which phase, and by which variable.
const FAULTS: [(&str, (&str, &str)); 5] = [
    ("pre_build", ("CODEBUILD_RESOLVED_SOURCE_VERSION", "")),
    ("pre_build", ("CONTEXT", "shiped")),
    ("build", ("SIGNING_KEY", "no key")),
    ("post_build", ("REGISTRY_PASSWORD", "wrong")),
    ("post_build", ("INNKEEPER_ADMIN_TOKEN", "wrong")),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_brought_to_a_running_host_and_taken_back_when_it_does_harm() {
    if !has("jq") {
        return;
    }
    let pipeline = Pipeline::new().await;
    let _visitors = pipeline.visitors();
    let first = pipeline.host.operators().serving("shipped").await;

    // What goes wrong before leaves things as they are.
    for (phase, (name, value)) in FAULTS {
        let ran = pipeline.run(&[(name, value)]).await;
        assert_eq!(ran.failed_in(), Some(phase), "{name}={value}\n{}", ran.log);
        // Only who may not deploy has pushed.
        let is_pushed = name == "INNKEEPER_ADMIN_TOKEN";
        assert_eq!(!pipeline.tags().is_empty(), is_pushed, "{name}={value}");
    }
    assert_eq!(pipeline.versions().await.len(), 1);

    // What is well is served while others are.
    let ran = pipeline.run(&[]).await;
    assert_eq!(ran.failed, None, "{}", ran.log);
    let second = pipeline.host.operators().serving("shipped").await;
    assert_ne!(second, first);
    let version = &pipeline.versions().await[0];
    assert_eq!(
        (&version["digest"], &version["label"]),
        (&json!(second), &json!(COMMIT))
    );
    assert!(ran.log.contains("ramping at 50 %"), "{}", ran.log);

    // A test that fails keeps it from everybody.
    let source = "components/shipped/src/lib.rs";
    let good = pipeline.app.read(source);
    pipeline.app.edit(source, "next_id()", "next_id() + 1");
    let ran = pipeline.run(&[]).await;
    assert_eq!(ran.failed_in(), Some("pre_build"), "{}", ran.log);
    pipeline.app.write(source, &good);

    // One that fails where nobody has tried it is taken back.
    let show = "fn show(Path(id): Path<u64>) -> Answer<Json<Entry>> {\n";
    let fault = format!("{show}    assert!(id < 1_000, \"too many\");\n");
    pipeline.app.edit(source, show, &fault);
    let commit = COMMIT.replace('0', "1");
    let ran = pipeline
        .run(&[
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", &commit),
            ("STEP", "60s"),
        ])
        .await;
    let failed = ran.failed.expect("it does harm");
    assert!(failed.command.starts_with("innkeeper deploy"), "{failed:?}");
    assert!(ran.log.contains("error: shipped: "), "{}", ran.log);
    assert_eq!(pipeline.host.operators().serving("shipped").await, second);
    let version = &pipeline.versions().await[0];
    assert_eq!(
        (&version["label"], &version["state"]),
        (&json!(commit), &json!("rejected"))
    );
    assert!(!pipeline.host.has_panicked());
}
