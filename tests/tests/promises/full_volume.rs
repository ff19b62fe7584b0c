//! A volume that is nearly full: what adds something is refused before the disk is full, reads and removing go on, and it ends by itself.

use std::path::PathBuf;
use std::process::Command;

use http::Method;
use innkeeper_tests::{Opening, Reply, Settings, TestHost, eventually, send};
use rustix::fs::statvfs;
use serde_json::{Value, json};

/// A file that takes space, for as long as this is there.
struct Ballast(PathBuf);

impl Ballast {
    fn put(host: &TestHost, bytes: u64) -> Self {
        let ballast = Self(host.home().join("ballast"));
        let made = Command::new("fallocate")
            .args(["--length", &bytes.to_string()])
            .arg(&ballast.0)
            .status()
            .expect("fallocate is there");
        assert!(made.success(), "there is room for {bytes} bytes");
        ballast
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        // It is in a directory that is removed with the host.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn post(host: &TestHost, path: &str) -> Reply {
    host.gateway().post(path, json!(null)).await
}

async fn metric(host: &TestHost, name: &str) -> f64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

/// What `/readyz` warns of; the host is ready in any case.
async fn warning(host: &TestHost) -> Option<String> {
    let ready = host.operators().client().get("/readyz").await.expect(200);
    let warning = ready.body["warnings"]["disk"].as_str();
    warning.map(str::to_owned)
}

#[tokio::test]
async fn a_volume_that_is_nearly_full_takes_nothing_more_and_answers_reads() {
    let volume = statvfs(std::env::temp_dir()).expect("the system tells");
    let free = volume.f_bavail * volume.f_frsize;
    // Far more than others write here meanwhile.
    let (limit, ballast) = (free - free / 8, free / 4);
    let settings = Settings::empty()
        .with("hostile", "hostile")
        .await
        .with("archive", "archive")
        .await
        .set("journal.disk_free_limit", limit as i64)
        .set("context.archive.limits.answers", 0);
    let host = Opening::new(settings).open().await;
    post(&host, "/entries/100").await.expect(204);
    post(&host, "/hostile/keys/0/10").await.expect(204);
    assert_eq!(warning(&host).await, None);
    assert_eq!(
        metric(&host, "innkeeper_disk_free_limit_bytes").await,
        limit as f64
    );

    let ballast = Ballast::put(&host, ballast);
    let refused = eventually("what adds something is refused", async || {
        let reply = post(&host, "/entries/1").await;
        match reply.status {
            507 => Ok(reply),
            status => Err(status),
        }
    })
    .await;
    let refused = refused.expect_problem(507);
    assert_eq!(refused.body["type"], "urn:innkeeper:problem:no-disk-space");
    // Whoever it is, and however little.
    post(&host, "/hostile/keys/100/1").await.expect_problem(507);
    post(&host, "/hostile/events/1").await.expect_problem(507);
    post(&host, "/hostile/timers/1/1000")
        .await
        .expect_problem(507);
    // What adds nothing goes on.
    let read = host.gateway().get("/entries?size=1").await.expect(200);
    assert!(read.number("total") >= 100, "{read:?}");
    let removal = host.gateway().request(Method::DELETE, "/hostile/keys/0/5");
    send(removal).await.expect(204);
    // And it is said where operators look.
    let warned = warning(&host).await.expect("a warning");
    assert!(warned.contains("journal.disk_free_limit"), "{warned}");
    assert!(metric(&host, "innkeeper_disk_free_bytes").await < limit as f64);
    let refusals = "innkeeper_quota_refusals_total{context=\"archive\",resource=\"disk\"}";
    assert!(metric(&host, refusals).await >= 1.0);
    for context in ["archive", "hostile"] {
        let seen: Value = host.operators().context(context).await;
        let notices = seen["notices"].to_string();
        assert!(notices.contains("disk_free_limit"), "{notices}");
        // It is nobody's fault.
        assert_eq!(seen["restarts"], 0, "{seen}");
    }
    let said = host.output().lines_with("journal.disk_free_limit");
    assert!(!said.is_empty());

    drop(ballast);
    eventually("it ends by itself", async || {
        match post(&host, "/entries/1").await.status {
            204 => Ok(()),
            status => Err(status),
        }
    })
    .await;
    post(&host, "/hostile/keys/100/1").await.expect(204);
    assert_eq!(warning(&host).await, None);
}

/// What a context is given where the manifest says nothing is a part of the volume, so that all of them fit.
#[tokio::test]
async fn what_contexts_may_keep_by_default_fits_on_the_volume() {
    let settings = Settings::empty()
        .with("hostile", "hostile")
        .await
        .with("archive", "archive")
        .await;
    let host = TestHost::with(settings).await;
    let volume = statvfs(host.data()).expect("the system tells");
    let size = volume.f_blocks * volume.f_frsize;
    let mut all = 0;
    for context in ["archive", "hostile"] {
        let seen = host.operators().context(context).await;
        let quotas = seen["quota"].as_array().expect("a list");
        for resource in [
            "bytes",
            "keys",
            "timers",
            "sequences",
            "dead_letters",
            "commits",
        ] {
            let used = quotas.iter().find(|used| used["resource"] == resource);
            let limit = used.expect("each is shown")["limit"].as_u64();
            assert!(limit.is_some_and(|limit| limit > 0), "{resource}: {used:?}");
            if resource == "bytes" {
                all += limit.unwrap_or_default();
            }
        }
    }
    assert!(all <= size / 2, "{all} of {size}");
}
