//! Who looks at what was uploaded can reach nothing of the host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use innkeeper_tests::{TestHost, artifacts, eventually};

use super::idler;

/// A component that takes a while to compile.
fn long() -> Vec<u8> {
    let nothing = wat::parse_str("(component)").expect("it is WebAssembly text");
    artifacts::with_modules(nothing, 6)
}

/// What the system says of a process that compiles a component.
pub(super) struct Seen {
    process: PathBuf,
    status: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn of(digest: &str) -> Option<Self> {
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let process = processes.map(|entry| entry.path()).find(|process| {
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(digest)
        })?;
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        let status = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Some(Self {
            process,
            status: status.collect(),
        })
    }

    /// The number of the process.
    pub(super) fn number(&self) -> Option<i32> {
        self.process.file_name()?.to_str()?.parse().ok()
    }

    /// Whether it gets no processor time.
    pub(super) fn is_stopped(&self) -> bool {
        self.status["State"].starts_with('T')
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.process.join(file)).ok()
    }
}

#[tokio::test]
async fn who_looks_at_it_can_reach_nothing() {
    let host = TestHost::with(idler().await).await;
    let component = long();
    let digest = artifacts::digest(&component);
    let looking = eventually("it compiles, confined", async || {
        let seen = Seen::of(&digest).ok_or("nobody compiles")?;
        // It is confined before it reads anything, and that is soon after it has begun.
        match seen.status.get("Seccomp").map(String::as_str) {
            Some("2") => Ok((
                seen.read("limits").ok_or("it has ended")?,
                seen.read("environ"),
                seen.read("oom_score_adj").ok_or("it has ended")?,
                seen.status,
            )),
            other => Err(match other {
                Some(_) => "it is not confined",
                None => "the system does not say",
            }),
        }
    });
    let uploading = host.operators().deploy("idler", component.clone(), "");
    let (reply, (limits, environment, score, status)) = tokio::join!(uploading, looking);
    reply.expect_problem(422);
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {limits}"));
        let values = line[name.len()..].split_whitespace();
        values.take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max processes"), ["0", "0"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    for bounded in ["Max cpu time", "Max file size", "Max data size"] {
        assert_ne!(limit(bounded)[1], "unlimited", "{bounded}");
    }
    // What cannot be dumped can be read by root only.
    if let Some(environment) = environment {
        assert!(!environment.contains("INNKEEPER"), "{environment}");
    }
    assert_eq!(score.trim(), "1000");
    assert_eq!(status["NoNewPrivs"], "1");
    // Where the tests run as root, it is nobody, and may do nothing that root may.
    if rustix::process::geteuid().is_root() {
        assert!(
            status["Uid"].split_whitespace().all(|uid| uid == "65534"),
            "{status:?}"
        );
        assert!(status["Groups"].is_empty(), "{status:?}");
        assert_eq!(u64::from_str_radix(&status["CapEff"], 16), Ok(0));
    }
}

/// A component with one function that is so long that compiling it takes hundreds of megabytes.
fn costly() -> Vec<u8> {
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.load (local.get 0))))"
            .repeat(60_000);
    let function = format!("(func (param i32) (result i32) {body} (local.get 0))");
    wat::parse_str(format!("(component (core module (memory 1) {function}))")).unwrap()
}

/// What compiling takes is taken elsewhere, and no more of it than may be; the host itself has no more memory for it.
#[tokio::test]
async fn compiling_takes_as_much_memory_as_it_may_and_none_of_the_host() {
    /// How much more the host may have had, in KiB: the component itself, on its way.
    const MORE: u64 = 32 << 10;
    let settings = idler().await.set("rollout.compile_memory", "96MiB");
    let host = TestHost::with(settings).await;
    // What any upload takes has been taken before.
    let first = host.operators().deploy("idler", long(), "dry-run=true");
    first.await.expect_problem(422);
    let before = host.most_resident();
    let costly = costly();
    assert!(costly.len() < 4 << 20, "{} bytes", costly.len());
    let reply = host.operators().deploy("idler", costly, "").await;
    let reply = reply.expect_problem(422);
    assert!(
        reply.text.contains("rollout.compile_memory"),
        "{}",
        reply.text
    );
    let after = host.most_resident();
    assert!(after < before + MORE, "{before} KiB, and then {after} KiB");
}
