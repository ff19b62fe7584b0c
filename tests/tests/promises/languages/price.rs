//! What a context in Rust pays for the other languages: nothing.

use std::time::Duration;

use innkeeper_tests::{Settings, TestHost, artifacts, is_left_out, processor_time};

use super::open;

/// How many reads are measured at a time.
const READS: u32 = 300;
/// How often.
const ROUNDS: usize = 6;

/// The processor time of the host for one read of a context in Rust, each run by a guest.
async fn read(host: &TestHost, path: &str) -> Duration {
    let before = processor_time(host.process());
    for _ in 0..READS {
        host.gateway().get(path).await.expect(200);
    }
    (processor_time(host.process()) - before) / READS
}

/// The shop in Rust alone, beside the shop with a context in JavaScript and one in Python: a read of what is in Rust in both costs the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_context_in_rust_costs_the_same_whatever_the_others_are_written_in() {
    if is_left_out("javascript") || is_left_out("python") {
        return;
    }
    let settings = Settings::of_the_shop().await;
    let mut hosts = Vec::new();
    for [delivery, mypage] in [
        ["delivery", "mypage"],
        ["delivery-javascript", "mypage-python"],
    ] {
        let settings = settings
            .clone()
            .set("context.products.limits.answers", 0)
            .component("delivery", artifacts::component(delivery).await)
            .component("mypage", artifacts::component(mypage).await);
        let host = open(settings).await;
        let product = host.shop().product(100, 1).await;
        let path = format!("/products/{product}");
        read(&host, &path).await;
        hosts.push((host, path, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (host, path, costs) in &mut hosts {
            costs.push(read(host, path).await);
        }
    }
    // The least of some, since others may work beside it.
    let least = hosts.iter().filter_map(|(.., costs)| costs.iter().min());
    let [in_rust, mixed] = least.copied().collect::<Vec<_>>()[..] else {
        panic!("two apps were measured");
    };
    eprintln!("a read: {in_rust:?} in an app in Rust, {mixed:?} in one that is mixed");
    assert!(
        mixed < in_rust.mul_f64(1.3),
        "{in_rust:?} became {mixed:?} beside other languages"
    );
}
