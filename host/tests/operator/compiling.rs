//! Components that are compiled in a process of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use innkeeper::core::VersionDigest;
use innkeeper::guest::{ArtifactCache, Engine, EngineOptions, Guest, LoadError};
use innkeeper::rollout::{CompileError, CompileLimits, CompilePriority, Compiler};
use tempfile::TempDir;

use crate::test_host::{SOON, build_components, eventually, innkeeper, repository, run, text};

const ENOUGH: CompileLimits = CompileLimits {
    cpu_time: SOON,
    wall_time: SOON,
    memory: 1 << 30,
    guest: 64 << 20,
    priority: CompilePriority::Foreground,
};

/// A component, a cache and who compiles.
struct Bench {
    home: TempDir,
    engine: Engine,
    cache: ArtifactCache,
    compiler: Compiler,
    file: PathBuf,
    digest: VersionDigest,
}

impl Bench {
    fn new(component: &[u8]) -> Self {
        let home = TempDir::new().unwrap();
        let file = home.path().join("component.wasm");
        std::fs::write(&file, component).unwrap();
        let options = EngineOptions {
            instances: 10,
            ..EngineOptions::default()
        };
        Self {
            engine: Engine::new(options).unwrap(),
            cache: ArtifactCache::new(home.path().join("artifacts")),
            compiler: Compiler::new(Some(env!("CARGO_BIN_EXE_innkeeper").into())),
            digest: VersionDigest::of(component),
            home,
            file,
        }
    }

    async fn compile(&self, limits: CompileLimits) -> Result<Duration, CompileError> {
        self.compiler
            .compile(&self.engine, &self.cache, self.digest, &self.file, limits)
            .await
    }

    fn load(&self) -> Result<Arc<Guest>, LoadError> {
        Guest::load_compiled(&self.engine, &self.cache, &self.digest.to_string())
    }

    /// The files that the compiler made.
    fn made(&self) -> Vec<PathBuf> {
        let entries = |directory: &Path| {
            let entries = std::fs::read_dir(directory).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path())
        };
        entries(self.cache.directory())
            .flat_map(|directory| entries(&directory).collect::<Vec<_>>())
            .collect()
    }

    /// Whether a process compiles for this bench: none of another test has this digest.
    fn is_compiling(&self) -> bool {
        let processes = std::fs::read_dir("/proc").unwrap();
        processes.into_iter().any(|process| {
            let command = process.unwrap().path().join("cmdline");
            String::from_utf8_lossy(&std::fs::read(command).unwrap_or_default())
                .contains(&self.digest.to_string())
        })
    }
}

/// A component that no other test has: processes are known by its digest.
async fn room() -> Vec<u8> {
    build_components().await;
    let file = repository().join("components/target/innkeeper/room.wasm");
    let mut component = std::fs::read(file).unwrap();
    component.extend([0, 10, 1, b'n']);
    component.extend(rand::random::<u64>().to_le_bytes());
    component
}

/// A component that takes a while: so many long functions.
fn big(functions: usize) -> Vec<u8> {
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.load (local.get 0))))"
            .repeat(400);
    let functions =
        format!("(func (param i32) (result i32) {body} (local.get 0))").repeat(functions);
    wat::parse_str(format!("(component (core module (memory 1) {functions}))")).unwrap()
}

#[tokio::test]
async fn what_is_compiled_apart_is_loaded_without_compiling() {
    let bench = Bench::new(&room().await);
    assert!(matches!(bench.load(), Err(LoadError::NotCompiled { .. })));
    assert!(bench.compile(ENOUGH).await.unwrap() > Duration::ZERO);
    assert!(
        bench
            .load()
            .unwrap()
            .offers()
            .contains_key("stay:room/rooms@0.1.0")
    );
    assert_eq!(bench.compile(ENOUGH).await.unwrap(), Duration::ZERO);
    // What cannot be used is made again.
    let made = bench.made();
    assert_eq!(made.len(), 1, "{made:?}");
    std::fs::write(&made[0], "rotten").unwrap();
    assert!(bench.compile(ENOUGH).await.unwrap() > Duration::ZERO);
    assert!(bench.load().is_ok());
    // In this process it becomes the same.
    std::fs::remove_file(&made[0]).unwrap();
    let here = Bench {
        compiler: Compiler::new(None),
        ..bench
    };
    assert!(here.compile(ENOUGH).await.unwrap() > Duration::ZERO);
    assert!(here.load().is_ok() && here.made() == made);
}

#[tokio::test]
async fn what_takes_too_long_is_ended() {
    let bench = Bench::new(&big(1_000));
    let too_little = CompileLimits {
        cpu_time: Duration::from_secs(1),
        ..ENOUGH
    };
    let too_soon = CompileLimits {
        wall_time: Duration::from_millis(1),
        ..ENOUGH
    };
    for (limits, why) in [
        (
            too_little,
            "the component did not compile within 1 s of processor time; raise `rollout.compile_time`, or make the component smaller",
        ),
        (
            too_soon,
            "the component did not compile within 1 ms, probably since other work left it too little processor time; try again when the machine is less busy, or raise `rollout.compile_time`",
        ),
    ] {
        let error = bench.compile(limits).await.unwrap_err();
        assert_eq!(error.to_string(), why);
        assert!(!bench.is_compiling());
        assert_eq!(bench.made(), [""; 0].map(PathBuf::from));
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_ended() {
    let bench = Bench::new(&big(500));
    tokio::select! {
        _ = bench.compile(ENOUGH) => panic!("nothing could be seen of it"),
        () = eventually("it compiles", async || bench.is_compiling().then_some(())) => {}
    }
    eventually("it is ended", async || {
        (!bench.is_compiling()).then_some(())
    })
    .await;
    // Whoever is next has a turn.
    let limits = CompileLimits {
        memory: 20 << 20,
        ..ENOUGH
    };
    let error = bench.compile(limits).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "compiling the component needs more than 20971520 bytes of memory; raise `rollout.compile_memory`, or make the component smaller"
    );
    assert_eq!(bench.made(), [""; 0].map(PathBuf::from));
}

#[tokio::test]
async fn what_is_no_component_is_invalid() {
    for garbage in [b"garbage".to_vec(), wat::parse_str("(module)").unwrap()] {
        let mut bench = Bench::new(&garbage);
        let apart = bench.compile(ENOUGH).await.unwrap_err();
        let said = apart.to_string();
        assert!(
            said.starts_with(
                "rejected at the gate `component`: not a valid WebAssembly component: "
            ),
            "{said}"
        );
        bench.compiler = Compiler::new(None);
        let here = bench.compile(ENOUGH).await.unwrap_err();
        assert_eq!(here.to_string(), apart.to_string());
    }
}

#[tokio::test]
async fn what_is_no_fault_of_the_component_is_said() {
    let mut bench = Bench::new(&room().await);
    bench.digest = VersionDigest::from_bytes([0; 32]);
    let error = bench.compile(ENOUGH).await.unwrap_err();
    assert!(error.to_string().contains("has changed"), "{error}");
    bench.compiler = Compiler::new(Some(bench.home.path().join("nothing")));
    let error = bench.compile(ENOUGH).await.unwrap_err();
    assert!(matches!(error, CompileError::NotStarted(_)), "{error:?}");
    // What exits well and has compiled nothing.
    bench.compiler = Compiler::new(Some("/bin/true".into()));
    let error = bench.compile(ENOUGH).await.unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
}

#[tokio::test]
async fn the_command_is_hidden_and_says_one_line() {
    let help = run(innkeeper().arg("--help")).await;
    let help = text(&help.stdout);
    assert!(
        !help.contains("compile") && !help.contains("wrap"),
        "{help}"
    );
    let bench = Bench::new(b"garbage");
    let mut command = innkeeper();
    let limits = ["--memory", "1000000000", "--guest-memory", "1000000"];
    command
        .args(["compile", "--digest", &bench.digest.to_string()])
        .args(limits)
        .stdin(std::fs::File::open(&bench.file).unwrap());
    let output = run(&mut command).await;
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(3), 1));
    assert!(said.starts_with("error: component: not a valid"), "{said}");
}
