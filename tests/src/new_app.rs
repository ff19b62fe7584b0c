//! An app as an author makes it: with `innkeeper new`, in a directory of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Process, Said, command, command_within};
use crate::{Client, artifacts, within};

/// How long the first build of an app may take: it compiles all that contexts depend on.
const FIRST_BUILD: Duration = Duration::from_secs(600);

/// And how long until it says that something has changed: a component in Python takes long to compile where that has little of a processor.
const CHANGED: Duration = Duration::from_secs(300);

/// An app of its author's.
pub struct NewApp {
    directory: PathBuf,
}

/// The app while `innkeeper up` serves it.
pub struct Up {
    process: Process,
    gateway: Client,
}

/// What was installed for an app of the same name before: it is the same, and need not be downloaded again.
struct Installed {
    kept: PathBuf,
    place: &'static str,
}

/// Where npm and pip install it, below the app.
const INSTALLED: [&str; 2] = ["javascript/node_modules", "python/target/venv"];

impl Installed {
    /// Keeps it from being removed with the app.
    fn keep(home: &Path, name: &str, place: &'static str) -> Self {
        let kept = home.join(format!("{name}.{}", place.replace('/', ".")));
        let before = home.join(name).join(place);
        if before.exists() {
            let _missing = std::fs::remove_dir_all(&kept);
            std::fs::rename(before, &kept).expect("a directory can be moved");
        }
        Self { kept, place }
    }

    /// Puts it where the new app has it.
    fn put_back(self, app: &Path) {
        let to = app.join(self.place);
        let folder = Path::new(self.place)
            .iter()
            .next()
            .map(|first| app.join(first));
        if self.kept.exists() && folder.is_some_and(|folder| folder.exists()) {
            std::fs::create_dir_all(to.parent().expect("it is below the app"))
                .expect("a directory can be made");
            std::fs::rename(self.kept, to).expect("a directory can be moved");
        }
    }
}

impl NewApp {
    /// Makes one, with a context of its name. The name is this test's alone.
    pub async fn make(name: &str) -> Self {
        Self::of(name, &[]).await
    }

    /// Makes one with these contexts.
    pub async fn of(name: &str, contexts: &[&str]) -> Self {
        Self::with(name, contexts, &[]).await
    }

    /// Makes one with these contexts, and what else `innkeeper new` is told.
    pub async fn with(name: &str, contexts: &[&str], more: &[&str]) -> Self {
        let named = contexts.iter().chain([&name]);
        for context in named {
            let taken = ["components", "tests/components"]
                .map(|place| artifacts::repository().join(place).join(context));
            assert!(
                !taken.iter().any(|component| component.exists()),
                "{context} is a component that other tests use, and what it is compiled to would replace that"
            );
        }
        // Always the same directory, so that a second run has something to build on.
        let target = artifacts::repository().join("components/target");
        let home = target.join("new-apps");
        std::fs::create_dir_all(&home).expect("a directory can be made");
        let installed = INSTALLED.map(|place| Installed::keep(&home, name, place));
        let _missing = std::fs::remove_dir_all(home.join(name));
        let contexts = contexts.join(",");
        let mut arguments = vec!["new", name, "--in", text(&home)];
        if !contexts.is_empty() {
            arguments.extend(["--contexts", &contexts]);
        }
        arguments.extend(more);
        let said = command(&arguments).await;
        assert!(said.is_well, "{said:?}");
        let directory = home.join(name);
        for one in installed {
            one.put_back(&directory);
        }
        if directory.join("components").exists() {
            // The dependencies are those of the app's, which are compiled already.
            std::os::unix::fs::symlink(&target, directory.join("components/target"))
                .expect("a link can be made");
        }
        Self { directory }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of its files.
    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.directory.join(file)).expect("the file is there")
    }

    /// Changes a file as an editor does.
    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.directory.join(file), text).expect("the file can be written");
    }

    /// Changes a part of a file.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}:\n{text}");
        self.write(file, &text.replacen(from, to, 1));
    }

    /// Runs a command about it to its end.
    pub async fn command(&self, arguments: &[&str]) -> Said {
        self.command_within(arguments, Duration::from_secs(60))
            .await
    }

    /// The same, for what may take longer.
    pub async fn command_within(&self, arguments: &[&str], longest: Duration) -> Said {
        let manifest = self.manifest();
        let mut all = arguments.to_vec();
        all.extend(["--app", text(&manifest)]);
        command_within(&all, longest).await
    }

    /// Serves it on free ports, with what else `innkeeper up` is told.
    pub async fn up(&self, arguments: &[&str]) -> Up {
        let (manifest, data) = (self.manifest(), self.directory.join("data"));
        let mut all = vec!["up", "--app", text(&manifest), "--data", text(&data)];
        all.extend(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        all.extend(arguments);
        let mut process = Process::start(artifacts::binary().await, &all, &[]);
        let output = process.output().clone();
        let opened = within(FIRST_BUILD, async || match process.ended() {
            Some(status) => Ok(Err(status)),
            None => output.after("gateway ").map(Ok).ok_or(()),
        });
        match opened.await {
            Ok(Ok(address)) => Up {
                process,
                gateway: Client::new(address),
            },
            ended => panic!("{ended:?} while it opened:\n{}", output.tail(60)),
        }
    }

    fn manifest(&self) -> PathBuf {
        self.directory.join("innkeeper.toml")
    }
}

impl Up {
    /// Its public port.
    pub fn gateway(&self) -> &Client {
        &self.gateway
    }

    /// The address of its operators' port.
    pub fn operators(&self) -> String {
        let address = self.process.output().after("operators ");
        address.expect("it says where operators look")
    }

    /// How many of its lines have this in them.
    pub fn said(&self, text: &str) -> usize {
        self.process.output().lines_with(text).len()
    }

    /// Waits until it has said something, and gives the line.
    pub async fn says(&self, text: &str) -> String {
        let output = self.process.output();
        let said = within(CHANGED, async || output.lines_with(text).pop().ok_or(()));
        let said = said.await;
        said.unwrap_or_else(|()| panic!("it has not said {text:?}:\n{}", output.tail(60)))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}
