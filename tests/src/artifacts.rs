//! The binary and the components, built once per run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use innkeeper::build::{self, Source};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Contexts that only tests use.
const TEST_CONTEXTS: &[&str] = &[
    "archive",
    "dicer",
    "envoy",
    "evasive",
    "gossip",
    "guestbook",
    "hermit",
    "hostile",
    "idler",
    "keeper",
    "unruly",
    "caller",
    "clumsy",
    "conductor",
    "courier",
    "visitors",
    "bell",
    "insolvent",
    "parrot",
    "patient",
    "steward",
    "ledgerbook-one",
    "ledgerbook-two",
    "ledgerbook-three",
    "ledgerbook-back",
    "shelf-one",
    "shelf-two",
    "shelf-three",
    "player-first",
    "player-first-alone",
    "player-second",
    "player-second-alone",
    "player-third",
    "room-moody",
    "room-renamed",
    "room-retyped",
    "room-closed",
    "room-grasping",
    "viewpage-two",
    "postbox",
    "tally",
    "shaky",
    "asker-one",
    "asker-two",
    "witness",
];

/// The contexts of `shop` in Rust, two of which serve in other languages as the app is shipped, and need what builds these; and what each of both apps shows of the other.
const SHOP: [&str; 6] = [
    "products",
    "orders",
    "delivery",
    "mypage",
    "destination",
    "roomservice",
];

/// Contexts in JavaScript, and their packages.
const JAVASCRIPT: &[(&str, &str)] = &[
    ("message-javascript", "javascript/message"),
    ("delivery-javascript", "javascript/delivery"),
    ("scripted", "tests/javascript/scripted"),
    ("envoy-javascript", "tests/javascript/envoy"),
    ("keeper-javascript", "tests/javascript/keeper"),
    ("moved-javascript", "tests/javascript/moved"),
    ("mirror", "tests/javascript/mirror"),
    ("onlooker", "tests/javascript/onlooker"),
];

/// Contexts in JavaScript with another engine in their components.
const STARLINGMONKEY: &[(&str, &str)] = &[
    (
        "message-starlingmonkey",
        "tests/javascript/message-starlingmonkey",
    ),
    (
        "scripted-starlingmonkey",
        "tests/javascript/scripted-starlingmonkey",
    ),
    (
        "mirror-starlingmonkey",
        "tests/javascript/mirror-starlingmonkey",
    ),
    (
        "onlooker-starlingmonkey",
        "tests/javascript/onlooker-starlingmonkey",
    ),
];

/// Contexts in Python, and their projects.
const PYTHON: &[(&str, &str)] = &[
    ("message-python", "python/message"),
    ("mypage-python", "python/mypage"),
    ("scripted-python", "tests/python/scripted"),
    ("message-moved", "tests/python/moved"),
    ("envoy-python", "tests/python/envoy"),
    ("keeper-python", "tests/python/keeper"),
];

/// The component file of each context in one language. Where they cannot be built, each test that asks for one fails with one line that says why; see
/// [`is_left_out`](crate::is_left_out).
struct Written {
    language: &'static str,
    packages: &'static [(&'static str, &'static str)],
    built: OnceCell<Result<BTreeMap<String, PathBuf>, String>>,
}

/// Those in other languages than Rust.
static OTHERS: [Written; 3] = [
    Written::of("JavaScript", JAVASCRIPT),
    Written::of("JavaScript on StarlingMonkey", STARLINGMONKEY),
    Written::of("Python", PYTHON),
];

/// How this crate was built itself, so that cargo has nothing to compile that it has not compiled for it: tests are built for development, benchmarks for release.
const PROFILE: &str = if cfg!(debug_assertions) {
    "dev"
} else {
    "release"
};

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
}

/// Where cargo builds, and `scripts/setup.sh` puts what tests run.
pub fn target() -> PathBuf {
    let directory = std::env::var_os("CARGO_TARGET_DIR");
    repository().join(directory.unwrap_or_else(|| "target".into()))
}

/// The variables by which cargo and rustup find what they have installed, where a home is another one than the user's.
pub fn homes_of_rust() -> [(&'static str, PathBuf); 2] {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")].map(|(name, folder)| {
        let said = std::env::var_os(name).map(PathBuf::from);
        (name, said.unwrap_or_else(|| home.join(folder)))
    })
}

/// The binary `innkeeper`, as fresh as its sources.
pub async fn binary() -> &'static Path {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    BINARY.get_or_init(build_binary).await
}

/// The component file of a context, in whatever language it is: those in JavaScript and Python are built for who asks for one, and need what builds them.
pub async fn component(name: &str) -> &'static Path {
    match OTHERS.iter().find(|written| written.has(name)) {
        Some(written) => &written.components().await[name],
        None => &components().await[name],
    }
}

/// The component file of each context in Rust: the apps' and the tests'.
pub async fn components() -> &'static BTreeMap<String, PathBuf> {
    static COMPONENTS: OnceCell<BTreeMap<String, PathBuf>> = OnceCell::const_new();
    COMPONENTS.get_or_init(build_components).await
}

/// A component that does the same as one of the app's or the tests', and has another digest. The same name makes the same one.
pub async fn edited(component: &str, name: &str) -> Vec<u8> {
    let file = &components().await[component];
    let bytes = std::fs::read(file).expect("the component was built");
    with_section(bytes, name)
}

/// The digest that a host knows a component by.
pub fn digest(bytes: &[u8]) -> String {
    innkeeper::core::VersionDigest::of(bytes).to_string()
}

/// A component with a custom section at its end, which nobody reads.
pub fn with_section(mut component: Vec<u8>, data: &str) -> Vec<u8> {
    const NAME: &str = "edition";
    let size = 1 + NAME.len() + data.len();
    assert!(size < 128, "sizes of one byte only");
    component.extend([0, size as u8, NAME.len() as u8]);
    component.extend(NAME.bytes().chain(data.bytes()));
    component
}

/// A component with so many more modules, which nobody uses: each takes the compiler some tenths of a second.
pub fn with_modules(mut component: Vec<u8>, count: usize) -> Vec<u8> {
    const MODULE: u8 = 1;
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.load (local.get 0))))"
            .repeat(400);
    let functions = format!("(func (param i32) (result i32) {body} (local.get 0))").repeat(100);
    let module = wat::parse_str(format!("(module (memory 1) {functions})"));
    let module = module.expect("it is WebAssembly text");
    for _ in 0..count {
        component.push(MODULE);
        // Its size, seven bits in a byte, the lowest first.
        let mut size = module.len();
        while size >= 0x80 {
            component.push(size as u8 | 0x80);
            size >>= 7;
        }
        component.push(size as u8);
        component.extend(&module);
    }
    component
}

/// A program without what cargo says to the tests that it runs: build scripts look at that, so that crates would be compiled again for it.
fn as_from_a_shell(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_of_the_package = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix));
        if is_of_the_package {
            command.env_remove(&*name);
        }
    }
    command
}

/// The settings that cargo had when it built this crate, beside those of its files: `scripts/test-rust.sh` has the host optimized, which the binary must be too.
fn settings_of_cargo() -> Vec<String> {
    let settings = option_env!("INNKEEPER_TESTS_CARGO").unwrap_or_default();
    settings.split_whitespace().map(str::to_owned).collect()
}

/// What cargo is told to build the binary. Whoever builds it otherwise exchanges it under the tests that run.
pub fn build_arguments() -> Vec<String> {
    let build = [
        "build",
        "--workspace",
        "--bin",
        "innkeeper",
        "--profile",
        PROFILE,
    ];
    let mut arguments = Vec::from(build.map(str::to_owned));
    arguments.extend(settings_of_cargo());
    arguments
}

async fn build_binary() -> PathBuf {
    // Cargo locks its directory itself, so tests of several processes wait for each other.
    let output = as_from_a_shell("cargo")
        .args(build_arguments())
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(repository())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("cargo runs");
    assert!(output.status.success(), "the binary cannot be built");
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "innkeeper").then_some(())?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(executable)
        .expect("cargo names the binary")
}

/// The contexts of an app.
fn sources(manifest: &str) -> Vec<Source> {
    let manifest = innkeeper::manifest::Manifest::load(&repository().join(manifest))
        .expect("the app's manifest is valid");
    let contexts = manifest.contexts.into_iter().filter_map(|(name, context)| {
        Some(Source {
            name,
            package: context.package?,
        })
    });
    contexts.collect()
}

async fn build_components() -> BTreeMap<String, PathBuf> {
    let apps = [
        "innkeeper.toml",
        "tests/apps/library/innkeeper.toml",
        "tests/apps/library/next.toml",
    ];
    let app = apps.into_iter().flat_map(sources);
    let shop = SHOP.map(|name| source(name, &format!("components/{name}")));
    let ours = TEST_CONTEXTS.iter().map(|name| of_the_tests(name));
    build_all(app.chain(shop).chain(ours).collect()).await
}

/// Builds the components of the app and some of the tests' own, and no others: what the tour needs.
pub async fn build(test_contexts: &[&str]) {
    let ours = test_contexts.iter().map(|name| of_the_tests(name));
    let sources = sources("innkeeper.toml").into_iter().chain(ours);
    build_all(sources.collect()).await;
}

fn of_the_tests(name: &str) -> Source {
    source(name, &format!("tests/components/{name}"))
}

/// A context, and where its package is in the repository.
fn source(name: &str, package: &str) -> Source {
    Source {
        name: name.parse().unwrap_or_else(|error| panic!("{error}")),
        package: repository().join(package),
    }
}

impl Written {
    const fn of(language: &'static str, packages: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            language,
            packages,
            built: OnceCell::const_new(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.packages.iter().any(|(known, _)| *known == name)
    }

    async fn components(&self) -> &BTreeMap<String, PathBuf> {
        let building = self.built.get_or_init(async || {
            let packages = self.packages.iter();
            let sources: Vec<_> = packages
                .map(|(name, package)| source(name, package))
                .collect();
            try_build(&sources)
                .await
                .map_err(|error| error.to_string().replace('\n', "; "))
        });
        match building.await {
            Ok(components) => components,
            Err(reason) => panic!(
                "no tests of contexts in {} without them: {reason}",
                self.language
            ),
        }
    }
}

async fn build_all(sources: Vec<Source>) -> BTreeMap<String, PathBuf> {
    let built = try_build(&sources).await;
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Builds contexts; answers the component file of each.
async fn try_build(sources: &[Source]) -> Result<BTreeMap<String, PathBuf>, build::Error> {
    // One directory for all workspaces: what they share is compiled once.
    let options = build::Options {
        target_directory: Some(repository().join("components/target")),
        ..build::Options::default()
    };
    let built = build::build(sources, &options, |_| {}).await?;
    let files = built
        .into_iter()
        .map(|built| (built.name.to_string(), built.path));
    Ok(files.collect())
}
