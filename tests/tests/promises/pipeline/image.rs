//! `buildspec.yml`: of each commit an image, and the cluster updated to it, unless anything goes wrong before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_tests::artifacts;

use super::build_machine::BuildMachine;
use super::buildspec::{Buildspec, Ran};
use super::cluster::{Cluster, Update};
use super::{has, read};

const COMMIT: &str = "6fd4b21a9c0e5d7a81b3f6c2e4d08a7715c9be30";
const REGISTRY: &str = "123456789012.dkr.ecr.eu-north-1.amazonaws.com";
/// What the registry's password is, and what the account's token.
const PASSWORD: &str = "password-of-the-registry-8a1c55d0";
const TOKEN: &str = "token-of-the-deployer-77e0b9f34c";

/// A build of the image, with all that it reaches.
struct Build {
    machine: BuildMachine,
    cluster: Cluster,
    variables: Vec<(&'static str, String)>,
}

impl Build {
    async fn new(update: Update) -> Self {
        let machine = BuildMachine::new();
        machine.tell("password", PASSWORD);
        machine.tell("failing", "");
        std::fs::create_dir(machine.source().join("scripts")).expect("a folder can be made");
        for file in ["Dockerfile", "scripts/update-cluster.sh"] {
            let copied = std::fs::copy(
                artifacts::repository().join(file),
                machine.source().join(file),
            );
            copied.expect("a file can be copied");
        }
        let cluster = Cluster::start(TOKEN, update).await;
        let variables = vec![
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT.to_owned()),
            ("AWS_ACCOUNT_ID", "123456789012".to_owned()),
            ("KUBE_URL", cluster.url()),
            ("KUBE_CA", STANDARD.encode(cluster.authority())),
            ("KUBE_TOKEN", TOKEN.to_owned()),
        ];
        Self {
            machine,
            cluster,
            variables,
        }
    }

    /// Gives a variable another value.
    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
    }

    /// Has what begins like this fail.
    fn fails(&mut self, call: &str) {
        self.machine.tell("failing", &format!("{call}\n"));
    }

    /// Runs the pipeline. However it ends, nobody can read a secret afterwards.
    fn run(&self) -> Ran {
        let spec = read(&artifacts::repository().join("buildspec.yml"));
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let ran = Buildspec::parse(&spec).run(&self.machine, &variables);
        for secret in [PASSWORD, TOKEN] {
            let places = self.machine.places_of(secret);
            assert!(places.is_empty(), "{secret} is in {places:?}\n{}", ran.log);
        }
        ran
    }
}

/// Runs what blocks where the cluster can answer meanwhile.
async fn run(build: Build) -> (Build, Ran) {
    let running = tokio::task::spawn_blocking(move || {
        let ran = build.run();
        (build, ran)
    });
    running.await.expect("it does not panic")
}

#[tokio::test]
async fn what_was_built_of_a_commit_is_what_the_cluster_is_updated_to() {
    if !has("kubectl") || !has("jq") {
        return;
    }
    let (build, ran) = run(Build::new(Update::Succeeds).await).await;
    assert_eq!(ran.failed, None, "{}", ran.log);
    let pushed = build.machine.noted("pushed");
    assert_eq!(pushed, format!("{REGISTRY}/innkeeper:{COMMIT}\n"));
    let image = build.cluster.image();
    let of_repository = format!("{REGISTRY}/innkeeper@sha256:");
    assert!(image.starts_with(&of_repository), "{image}");
    let calls = build.machine.noted("calls");
    assert!(calls.contains("--provenance=mode=max"), "{calls}");
    // Of what was done in the cluster it is the only change.
    let changes = build.cluster.asked().into_iter();
    let changes: Vec<_> = changes
        .filter(|asked| asked.starts_with("patch "))
        .collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
}

/// Something that goes wrong: in which phase, how it is brought about, and whether the image was pushed before it.
type Fault = (&'static str, &'static str, fn(&mut Build), bool);

const FAULTS: &[Fault] = &[
    (
        "install",
        "docker does not run",
        |build| build.fails("docker version"),
        false,
    ),
    (
        "install",
        "there is no AWS CLI",
        |build| build.fails("aws --version"),
        false,
    ),
    (
        "pre_build",
        "nothing says which commit",
        |build| build.set("CODEBUILD_RESOLVED_SOURCE_VERSION", ""),
        false,
    ),
    (
        "pre_build",
        "there is no such repository",
        |build| build.set("REPOSITORY", "elsewhere"),
        false,
    ),
    (
        "pre_build",
        "the account may not look",
        |build| build.fails("aws ecr describe-repositories"),
        false,
    ),
    (
        "pre_build",
        "the account gets no password",
        |build| build.fails("aws ecr get-login-password"),
        false,
    ),
    (
        "pre_build",
        "the registry refuses the login",
        |build| build.fails("docker login"),
        false,
    ),
    (
        "build",
        "no builder can be made",
        |build| build.fails("docker buildx create"),
        false,
    ),
    (
        "build",
        "the image cannot be built",
        |build| build.fails("docker buildx build"),
        false,
    ),
    (
        "build",
        "nothing says how it was made",
        |build| build.fails("docker buildx imagetools inspect"),
        true,
    ),
    (
        "post_build",
        "the API server speaks no TLS",
        |build| build.set("KUBE_URL", "http://127.0.0.1:1"),
        true,
    ),
    (
        "post_build",
        "there is no token",
        |build| build.set("KUBE_TOKEN", ""),
        true,
    ),
    (
        "post_build",
        "the authority is no PEM",
        |build| build.set("KUBE_CA", "?"),
        true,
    ),
    (
        "post_build",
        "the API server is somebody else",
        |build| {
            let other = innkeeper_tests::Authority::new("other");
            let other = STANDARD.encode(read(&other.file()));
            build.set("KUBE_CA", other);
        },
        true,
    ),
    (
        "post_build",
        "the namespace is another one",
        |build| build.set("NAMESPACE", "elsewhere"),
        true,
    ),
];

#[tokio::test]
async fn nothing_is_pushed_or_changed_after_a_failure() {
    if !has("kubectl") || !has("jq") {
        return;
    }
    for (phase, what, arrange, is_pushed) in FAULTS {
        let mut build = Build::new(Update::Succeeds).await;
        let before = build.cluster.image();
        arrange(&mut build);
        let (build, ran) = run(build).await;
        assert_eq!(ran.failed_in(), Some(*phase), "{what}\n{}", ran.log);
        assert_eq!(build.cluster.image(), before, "{what}");
        let pushed = build.machine.noted("pushed");
        assert_eq!(!pushed.is_empty(), *is_pushed, "{what}: {pushed}");
    }
}

#[tokio::test]
async fn an_update_that_does_not_get_ready_is_a_failure() {
    if !has("kubectl") || !has("jq") {
        return;
    }
    for update in [Update::NeverReady, Update::Deleted] {
        let mut build = Build::new(update).await;
        build.set("UPDATE_TIMEOUT", "2s");
        let (build, ran) = run(build).await;
        assert_eq!(ran.failed_in(), Some("post_build"), "{}", ran.log);
        // It is what it was to be, and does not come.
        assert!(build.cluster.image().contains("@sha256:"), "{}", ran.log);
    }
}

#[tokio::test]
async fn a_token_that_the_cluster_does_not_know_changes_nothing() {
    if !has("kubectl") || !has("jq") {
        return;
    }
    let mut build = Build::new(Update::Succeeds).await;
    build.set("KUBE_TOKEN", "of-somebody-else");
    let (build, ran) = run(build).await;
    assert_eq!(ran.failed_in(), Some("post_build"));
    assert_eq!(build.cluster.asked(), [""; 0]);
    assert!(build.machine.places_of("of-somebody-else").is_empty());
}
