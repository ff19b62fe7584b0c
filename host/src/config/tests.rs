use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::poll::PERIOD;
use super::*;
use crate::manifest::Manifest;

/// An app in a directory of its own, with one context that is configured.
struct App {
    root: TempDir,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl App {
    fn new(config: &str) -> Self {
        let app = Self {
            root: tempfile::tempdir().unwrap(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        app.write_manifest(config);
        fs::create_dir(app.directory()).unwrap();
        app
    }

    fn manifest(&self) -> PathBuf {
        self.root.path().join("innkeeper.toml")
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("config")
    }

    fn write_manifest(&self, config: &str) {
        let text = format!(
            "[context.room]\npackage = 'room'\nconfig_directory = 'config'\n[context.room.config]\n{config}\n"
        );
        fs::write(self.manifest(), text).unwrap();
    }

    async fn start(&self) -> Arc<Live> {
        let file = self.manifest();
        let manifest = Manifest::load(&file).unwrap();
        let stop = self.stop.clone();
        let lives = Live::start(&manifest.contexts, Some(&file), &self.tasks, stop).await;
        lives["room"].clone()
    }
}

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Waits until the values are these.
async fn becomes(live: &Live, pairs: &[(&str, &str)]) {
    let expected = values(pairs);
    let reached = tokio::time::timeout(Duration::from_secs(10), async {
        while *live.current() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(
        reached.await.is_ok(),
        "{:?} did not become {expected:?}",
        live.current()
    );
}

#[tokio::test]
async fn the_directory_overrides_the_manifest() {
    let app = App::new("kept = 'written'\nmax = 1");
    fs::write(app.directory().join("max"), "10\n").unwrap();
    fs::write(app.directory().join("text"), "two\nlines\r\n").unwrap();
    fs::write(app.directory().join(".hidden"), "x").unwrap();
    fs::create_dir(app.directory().join("nested")).unwrap();
    let live = app.start().await;
    assert_eq!(
        *live.current(),
        values(&[("kept", "written"), ("max", "10"), ("text", "two\nlines")])
    );
}

#[tokio::test]
async fn changed_files_are_seen() {
    let app = App::new("max = 1");
    let live = app.start().await;
    let file = app.directory().join("max");
    // The same length each time, and within one tick of the file system's clock.
    for value in ["2", "3", "4"] {
        fs::write(&file, value).unwrap();
        becomes(&live, &[("max", value)]).await;
    }
    fs::remove_file(&file).unwrap();
    becomes(&live, &[("max", "1")]).await;
}

#[tokio::test]
async fn a_changed_manifest_is_seen_and_a_broken_one_is_not() {
    let app = App::new("max = 1");
    let live = app.start().await;
    app.write_manifest("max = 2");
    becomes(&live, &[("max", "2")]).await;
    app.write_manifest("max = ");
    fs::write(app.directory().join("probe"), "1").unwrap();
    becomes(&live, &[("max", "2"), ("probe", "1")]).await;
    fs::remove_file(app.manifest()).unwrap();
    fs::write(app.directory().join("probe"), "2").unwrap();
    becomes(&live, &[("max", "2"), ("probe", "2")]).await;
    app.write_manifest("max = 3");
    becomes(&live, &[("max", "3"), ("probe", "2")]).await;
}

/// Mounts the values as the kubelet does: files in a directory of their own, a link to it that is turned over, and links to the files.
fn mount(directory: &Path, version: &str, pairs: &[(&str, &str)]) {
    let snapshot = directory.join(version);
    fs::create_dir(&snapshot).unwrap();
    for (key, value) in pairs {
        fs::write(snapshot.join(key), value).unwrap();
    }
    let (new, data) = (directory.join("..data_tmp"), directory.join("..data"));
    let old = fs::read_link(&data).ok();
    symlink(version, &new).unwrap();
    fs::rename(&new, &data).unwrap();
    for (key, _) in pairs {
        let link = directory.join(key);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(key), link).unwrap();
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(directory.join(old)).unwrap();
    }
}

#[tokio::test]
async fn a_swapped_config_map_is_seen_as_a_whole() {
    let app = App::new("");
    let directory = app.directory();
    mount(&directory, "..2024_1", &[("a", "1"), ("b", "1")]);
    let live = app.start().await;
    assert_eq!(*live.current(), values(&[("a", "1"), ("b", "1")]));
    for version in 2..12 {
        let value = version.to_string();
        mount(
            &directory,
            &format!("..2024_{version}"),
            &[("a", &value), ("b", &value)],
        );
        let seen = live.current();
        assert_eq!(seen["a"], seen["b"]);
    }
    becomes(&live, &[("a", "11"), ("b", "11")]).await;
    mount(&directory, "..2024_12", &[("a", "12")]);
    becomes(&live, &[("a", "12")]).await;
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let app = App::new("");
    let (good, bad) = (app.directory().join("good"), app.directory().join("bad"));
    fs::write(&good, "1").unwrap();
    let live = app.start().await;
    fs::write(&bad, [0xff, 0xfe]).unwrap();
    fs::write(&good, "2").unwrap();
    tokio::time::sleep(PERIOD * 3).await;
    assert_eq!(*live.current(), values(&[("good", "1")]));
    fs::write(&bad, "fine").unwrap();
    becomes(&live, &[("bad", "fine"), ("good", "2")]).await;
}

#[tokio::test]
async fn a_directory_that_comes_later_is_seen() {
    let app = App::new("max = 1");
    fs::remove_dir(app.directory()).unwrap();
    let live = app.start().await;
    assert_eq!(*live.current(), values(&[("max", "1")]));
    fs::create_dir(app.directory()).unwrap();
    fs::write(app.directory().join("max"), "2").unwrap();
    becomes(&live, &[("max", "2")]).await;
}

#[tokio::test]
async fn it_ends_when_told_to() {
    let app = App::new("");
    let _live = app.start().await;
    assert_eq!(app.tasks.len(), 1);
    app.stop.cancel();
    app.tasks.close();
    tokio::time::timeout(Duration::from_secs(10), app.tasks.wait())
        .await
        .unwrap();
}
