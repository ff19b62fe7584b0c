//! How busy the machine is decides how long compiling takes, and not whether it succeeds.

use std::time::Duration;

use innkeeper_tests::{TestHost, artifacts, eventually};
use rustix::process::{Pid, Signal, kill_process};

use super::apart::Seen;
use super::idler;

/// How long a process that compiles gets nothing of the processors: longer than it may take of them.
const NOTHING: Duration = Duration::from_secs(6);

#[tokio::test]
async fn what_gets_no_processor_time_for_a_while_passes_all_the_same() {
    let settings = idler().await.set("rollout.compile_time", "5s");
    let host = TestHost::with(settings).await;
    // One that was never seen: what was compiled before is not compiled again.
    let name = format!("busy {}", rand::random::<u32>());
    let edition = artifacts::edited("idler", &name).await;
    let component = artifacts::with_modules(edition, 3);
    let digest = artifacts::digest(&component);
    // Stopped, it is as if others had all of the machine.
    let stopping = async {
        let process = eventually("it compiles", async || {
            let seen = Seen::of(&digest).ok_or("nobody compiles")?;
            let process = seen.number().and_then(Pid::from_raw);
            process.ok_or("it has no number")
        });
        let process = process.await;
        kill_process(process, Signal::STOP).expect("it is there");
        tokio::time::sleep(NOTHING).await;
        let seen = Seen::of(&digest).expect("it is there");
        assert!(seen.is_stopped(), "it had ended before it was stopped");
        kill_process(process, Signal::CONT).expect("it is there");
    };
    let uploading = host.operators().deploy("idler", component.clone(), "");
    let (reply, ()) = tokio::join!(uploading, stopping);
    reply.expect(201);
}
