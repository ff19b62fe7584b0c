//! The tour of `docs/tour`: what its pages say to type is typed, and what they show is seen.

use std::path::Path;
use std::time::Duration;

use innkeeper_tests::tour::{self, Page, Ports, Visit};
use innkeeper_tests::{artifacts, eventually, is_left_out, siege};

/// A test for each page.
macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        const PAGES: &[&str] = &[$($page),*];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                visit($page).await;
            }
        )*
    };
}

pages! {
    saga: "saga",
    cqrs: "cqrs",
    correlation: "correlation",
    request_response: "request-response",
    gateway: "gateway",
    configuration: "configuration",
    deploy: "deploy",
    circuit_breaker: "circuit-breaker",
    autoscale: "autoscale",
    zero_downtime: "zero-downtime",
    self_healing: "self-healing",
    polyglot: "polyglot",
}

/// The page that is about JavaScript and Python, and needs what builds them.
const SCRIPTED: &str = "polyglot";
/// Where on it Python begins: without that it is gone through up to there.
const IN_PYTHON: &str = "\n### And in Python\n";

/// How often a page is visited on which siege hangs each time.
const VISITS: usize = 3;

async fn visit(name: &str) {
    let file = tour::folder().join(name).with_extension("md");
    let mut text = std::fs::read_to_string(file).expect("the page is there");
    if name == SCRIPTED {
        if is_left_out("javascript") {
            return;
        }
        // What builds them is then installed. A visit has a home of its own, in which npm and pip have no cache.
        artifacts::component("message-javascript").await;
        let python = text.find(IN_PYTHON).expect("it is about Python, too");
        if is_left_out("python") {
            text.truncate(python);
        } else {
            artifacts::component("message-python").await;
        }
    }
    artifacts::components().await;
    let page = Page::parse(name, &text);
    for attempt in 1.. {
        let mut visit = Visit::begin(&page, Ports::Own).await;
        match visit.all(&page).await {
            Ok(()) => return,
            // siege says nothing then of what the page is about.
            Err(_) if attempt < VISITS && siege::has_hung(visit.folder()) => {}
            Err(difference) => panic!("{difference}"),
        }
    }
}

/// The sections of the README in which something is typed.
const THREE_MINUTES: &str = "## Three minutes";
const SECOND_APP: &str = "## The second app";
/// How long the second app may take to start: two of its contexts are built and compiled, on a machine that may be busy with others.
const STARTING: Duration = Duration::from_secs(240);

/// The README: seen from the tour's folder.
fn readme() -> Page {
    Page::read(&tour::folder(), "../../README")
}

/// One section of it. Each line is where it is in the whole, so that what is not as it says is found there.
fn section(heading: &str) -> Page {
    let file = artifacts::repository().join("README.md");
    let text = std::fs::read_to_string(file).expect("the README is there");
    let mut is_inside = false;
    let lines = text.lines().map(|line| {
        if line.starts_with("## ") {
            is_inside = line == heading;
        }
        if is_inside { line } else { "" }
    });
    let lines: Vec<_> = lines.collect();
    Page::parse("../../README", &lines.join("\n"))
}

async fn type_in(page: &Page, patience: Duration) {
    let visit = Visit::begin(page, Ports::Own).await;
    let done = visit.patience(patience).all(page).await;
    done.unwrap_or_else(|difference| panic!("{difference}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_three_minutes() {
    artifacts::components().await;
    let page = section(THREE_MINUTES);
    let begun = page.blocks().count();
    assert!(begun > 8, "{begun} blocks");
    type_in(&page, Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_app() {
    if is_left_out("javascript") || is_left_out("python") {
        return;
    }
    // What builds them is then installed. A visit has a home of its own, in which npm and pip have no cache.
    for component in ["delivery-javascript", "mypage-python"] {
        artifacts::component(component).await;
    }
    artifacts::components().await;
    type_in(&section(SECOND_APP), STARTING).await;
}

#[test]
fn all_that_the_readme_says_to_type_is_typed() {
    let typed = [THREE_MINUTES, SECOND_APP].map(|heading| section(heading).blocks().count());
    assert!(typed.iter().all(|blocks| *blocks > 2), "{typed:?}");
    assert_eq!(readme().blocks().count(), typed.iter().sum::<usize>());
}

/// What a page has to say, in this order.
const SECTIONS: [&str; 5] = [
    "## What it is",
    "## Try it",
    "## Without it",
    "## How it is built",
    "## What the original ",
];

#[test]
fn all_pages_are_in_the_index_and_are_whole() {
    let pages = tour::pages();
    let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
    assert_eq!(names, PAGES);
    let folder = tour::folder();
    for file in std::fs::read_dir(&folder).expect("the tour is there") {
        let file = file.expect("it can be read").path();
        let text = std::fs::read_to_string(&file).expect("a page can be read");
        let name = file.file_stem().and_then(|name| name.to_str());
        let name = name.expect("names are UTF-8");
        assert!(
            name == "README" || PAGES.contains(&name),
            "{name} is not in the index"
        );
        let broken = broken_links(&folder, &text);
        assert!(broken.is_empty(), "{name} leads nowhere: {broken:?}");
        if name == "README" {
            continue;
        }
        // What is typed is run: other languages of shells would not be.
        for shell in ["```sh", "```bash", "```shell", "```\n$"] {
            assert!(!text.contains(shell), "{name} has a block {shell}");
        }
        let sections = text.lines().filter_map(|line| {
            SECTIONS
                .into_iter()
                .find(|section| line.starts_with(section))
        });
        assert_eq!(sections.collect::<Vec<_>>(), SECTIONS, "{name}");
    }
}

/// The files that a page links to and that are not there.
fn broken_links(folder: &Path, text: &str) -> Vec<String> {
    let links = text.split("](").skip(1);
    let links = links.filter_map(|part| Some(part.split_once(')')?.0));
    let files = links.map(|link| link.split('#').next().unwrap_or_default());
    let broken = files.filter(|file| !file.contains("://") && !folder.join(file).exists());
    broken.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_that_is_not_true_is_told_with_what_it_shows_and_what_is_seen() {
    let text =
        "# Wrong\n\n```console\n$ n=1\n$ echo \"$((n + 1)) rooms\"; seq 2\n1 rooms\n1\n2\n```\n";
    let page = Page::parse("wrong", text);
    let mut visit = Visit::begin(&page, Ports::Own).await;
    let difference = visit.all(&page).await.expect_err("there are two rooms");
    let told = difference.to_string();
    for part in [
        "docs/tour/wrong.md:5: $ echo",
        "  - 1 rooms\n",
        "  + 2 rooms\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test]
async fn what_a_page_has_started_ends_with_it() {
    let text = "# Left\n\n```console other\n$ echo $$ > other; echo begun; sleep 1000 & wait\nbegun\n```\n\n\
                ```console\n$ sleep 1000 & echo $! > own\n```\n";
    let page = Page::parse("left", text);
    let mut visit = Visit::begin(&page, Ports::Own).await;
    visit.all(&page).await.expect("it is as it says");
    let process = |name: &str| {
        let id = std::fs::read_to_string(visit.folder().join(name)).expect("it was written");
        format!("/proc/{}/stat", id.trim())
    };
    let processes = [process("other"), process("own")];
    assert!(processes.iter().all(|file| Path::new(file).exists()));
    drop(visit);
    for file in processes {
        eventually("it has ended", async || {
            // One that has ended, and whom nobody has asked how, is a zombie.
            match std::fs::read_to_string(&file) {
                Ok(stat) if !stat.contains(") Z ") => Err(stat),
                _ => Ok(()),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_comes_later_is_waited_for_and_no_longer_than_that() {
    let text = "# Later\n\n```console\n$ (sleep 0.3; echo there > later) &\n```\n\n```console eventually\n$ cat later\nthere\n```\n\n\
                ```console eventually\n$ echo never\nthere\n```\n";
    let page = Page::parse("later", text);
    let visit = Visit::begin(&page, Ports::Own).await;
    let mut visit = visit.patience(Duration::from_secs(2));
    let difference = visit
        .all(&page)
        .await
        .expect_err("the last block never fits");
    assert_eq!(difference.seen, ["never"]);
}

/// Of what a siege says a page shows only what it is about: that it has hung is not lost in a pipe.
#[tokio::test]
async fn siege_that_hangs_or_crashes_is_ended_and_that_is_known() {
    for (does, hangs) in [
        ("kill -STOP $$", true),
        ("kill -SEGV $$", true),
        ("kill -INT $$", false),
        ("exit 1", false),
    ] {
        let home = tempfile::tempdir().expect("a folder can be made");
        let program = home.path().join("siege");
        let text = format!("#!/bin/sh\necho Lifting; {does}\n");
        std::fs::write(&program, text).expect("it is written");
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, everybody).expect("it can be run");
        let mut bash = tokio::process::Command::new("bash");
        let piped = r#""$0" -c1 -t1S |& grep Avail"#;
        bash.args(["-c", piped]).arg(siege::script());
        let output = bash
            .env("SIEGE", &program)
            .env("HOME", home.path())
            .output();
        let output = output.await.expect("the script runs");
        assert_eq!(output.stdout, b"", "{does}");
        assert_eq!(siege::has_hung(home.path()), hangs, "{does}");
    }
}
