//! Types that are small as they are encoded, and huge as they are written out.

use innkeeper_tests::{TestHost, eventually};

use super::{bomb, idler};

/// How much more memory a host may have had after refusing one, in KiB.
const MORE: u64 = 48 << 10;

#[tokio::test]
async fn types_that_grow_when_they_are_written_out_are_refused_in_little_memory() {
    let host = TestHost::with(idler().await).await;
    // What any upload takes has been taken before.
    let first = host
        .operators()
        .deploy("idler", b"no component".to_vec(), "");
    first.await.expect_problem(422);
    let before = host.most_resident();
    // Of some kilobytes, and of a hundred: their texts would have hundreds of megabytes, and two gigabytes.
    for (how, name, names, depth, size) in [
        ("dry-run=true", "tried", 24, 6, 1_000..8_000),
        ("", "brought", 24, 6, 1_000..8_000),
        ("dry-run=true", "tried-large", 1_000, 5, 70_000..130_000),
        ("", "brought-large", 1_000, 5, 70_000..130_000),
    ] {
        let component = bomb(name, names, depth);
        assert!(size.contains(&component.len()), "{} bytes", component.len());
        let reply = host.operators().deploy("idler", component, how).await;
        assert_eq!(reply.body["gate"], "contract", "{}", reply.text);
        assert!(
            reply.text.contains("counted as often as they are used"),
            "{}",
            reply.text
        );
        assert!(reply.text.len() < 4_000, "{} bytes", reply.text.len());
        let audited = eventually("it is in the audit log", async || {
            let lines = host.output().lines_with("a rollout ended");
            let line = lines
                .into_iter()
                .find(|line| line.contains("counted as often"));
            line.ok_or("no line")
        });
        assert!(audited.await.len() < 8_000);
    }
    let after = host.most_resident();
    assert!(after < before + MORE, "{before} KiB, and then {after} KiB");
    let versions = host.operators().versions("idler").await;
    assert_eq!(versions.len(), 3, "{versions:?}");
    for version in &versions[..2] {
        let history = version.to_string();
        assert!(
            history.contains("rejected") && history.len() < 8_000,
            "{history}"
        );
    }
}

#[tokio::test]
async fn names_without_end_are_cut_wherever_they_are_told() {
    let host = TestHost::with(idler().await).await;
    let name = "n".repeat(60_000);
    for text in [
        format!("(component (import \"{name}\" (func)))"),
        format!("(component (import \"stay:a/b@1.0.0\" (instance (export \"{name}\" (func)))))"),
        format!(
            "(component (import \"stay:{name}/b@1.0.0\" (instance (export \"f\" (func (param \"x\" u8))))))"
        ),
        format!("(component (import \"wasi:{name}/b@1.0.0\" (instance (export \"f\" (func)))))"),
        format!(
            "(component (import \"innkeeper:context/types@{}\" (instance)))",
            format_args!("1.0.0-{name}")
        ),
    ] {
        let component = wat::parse_str(&text).expect("it is WebAssembly text");
        let reply = host.operators().deploy("idler", component, "").await;
        let reply = reply.expect_problem(422);
        assert!(reply.text.len() < 4_000, "{} bytes", reply.text.len());
    }
    for version in host.operators().versions("idler").await {
        assert!(version.to_string().len() < 8_000);
    }
}
