//! One page, as somebody reads it who types what it says.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::address::Address;
use super::expected::Difference;
use super::page::{Block, Input, Page, Step};
use super::terminal::{Shell, Terminal};
use crate::machine::{self, Share};
use crate::{artifacts, siege, within};

/// How long a command may take, besides a siege: some compile a component, on a machine that may be busy with others.
const LONGEST: Duration = Duration::from_secs(180);
/// Where the folder of a visit has programs of its own.
const PROGRAMS: &str = ".programs";
/// How long what comes by itself may take.
const COMING: Duration = Duration::from_secs(30);
/// How long each siege of the tour lasts, in seconds; pages say a few, the course's is 60.
const SIEGE_SECONDS: &str = "INNKEEPER_TESTS_SIEGE_SECONDS";
/// As siege is shipped, but that it says what it has seen in words, and does not give up where a part is turned away.
const SIEGE: &str = "verbose = false\ncolor = off\njson_output = false\nshow-logfile = false\nlogging = false\nprotocol = HTTP/1.1\n\
                     connection = close\ndelay = 0.0\nparser = false\nlimit = 255\nfailures = 1000000\n";

/// On which ports the host of a visit listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those that the page names, where they are free: somebody may look by other means.
    Usual,
    /// Always others, so that visits can go on at once.
    Own,
}

/// A visit to a page, in a folder of its own. All that it has started ends with it.
pub struct Visit {
    page: String,
    address: Address,
    shell: Shell,
    terminals: BTreeMap<String, Terminal>,
    patience: Duration,
    // After what runs in it.
    folder: TempDir,
    _share: Share,
}

impl Visit {
    /// Begins one: the app is there, and nothing runs.
    pub async fn begin(page: &Page, ports: Ports) -> Self {
        let usual = || match ports {
            Ports::Usual => Address::usual(),
            Ports::Own => None,
        };
        let address = usual().unwrap_or_else(Address::own);
        let folder = TempDir::with_prefix("tour-").expect("a folder can be made");
        furnish(folder.path());
        let binary = artifacts::binary().await;
        let shell = Shell::open(bash(binary, folder.path(), address));
        Self {
            page: page.name.clone(),
            address,
            shell,
            terminals: BTreeMap::new(),
            patience: COMING,
            folder,
            _share: machine::shared().await,
        }
    }

    /// How long to wait for what comes by itself.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Goes through all of a page.
    ///
    /// # Errors
    ///
    /// The first thing that is not as the page says.
    pub async fn all(&mut self, page: &Page) -> Result<(), Difference> {
        for block in page.blocks() {
            for step in &block.steps {
                self.step(block, step).await?;
            }
        }
        Ok(())
    }

    /// Types what a step says, and gives what is seen.
    ///
    /// # Errors
    ///
    /// When that is not as the page says.
    pub async fn step(&mut self, block: &Block, step: &Step) -> Result<String, Difference> {
        let done = match &block.terminal {
            None => self.here(block, step).await,
            Some(terminal) => self.elsewhere(terminal, block, step).await,
        };
        done.map_err(|seen| Difference {
            place: format!(
                "docs/tour/{}.md:{}: {}",
                self.page,
                step.line,
                match &step.input {
                    Input::Command(command) => format!("$ {command}"),
                    Input::Interrupt => "^C".to_owned(),
                    Input::Quit => "^\\".to_owned(),
                    Input::Look => String::new(),
                }
            ),
            expected: step.expected.clone(),
            seen: seen.lines().map(str::to_owned).collect(),
        })
    }

    async fn here(&mut self, block: &Block, step: &Step) -> Result<String, String> {
        let Input::Command(command) = &step.input else {
            return Err("in the reader's own terminal each block begins with a command".to_owned());
        };
        let (command, longer) = besieged(command);
        let command = self.address.put_into(&command);
        let address = self.address;
        let shell = &mut self.shell;
        let look = async || {
            let said = shell.run(&command, LONGEST + longer).await?;
            let said = address.taken_out_of(&said);
            match block.comparison.fits(&step.expected, &lines(&said)) {
                true => Ok(said),
                false => Err(said),
            }
        };
        match block.is_eventual {
            true => within(self.patience, look).await,
            false => {
                let mut look = look;
                look().await
            }
        }
    }

    async fn elsewhere(
        &mut self,
        name: &str,
        block: &Block,
        step: &Step,
    ) -> Result<String, String> {
        let address = self.address;
        let binary = artifacts::binary().await;
        let terminal = self.terminals.entry(name.to_owned());
        let terminal = terminal.or_insert_with(Terminal::open);
        let mut longer = Duration::ZERO;
        match &step.input {
            Input::Command(command) => {
                let (command, siege) = besieged(command);
                longer = siege;
                let shell = bash(binary, self.folder.path(), address);
                let command = address.put_into(&command);
                terminal.start(shell, &command).await?;
            }
            Input::Interrupt => terminal.end(false).await?,
            Input::Quit => terminal.end(true).await?,
            Input::Look => longer = besieged_by_default(),
        }
        let seen = within(self.patience + longer, async || {
            // First: what is printed before the end is then in the text.
            let has_ended = terminal.has_ended();
            let said = address.taken_out_of(&terminal.text());
            let is_there = block.comparison.is_among(&step.expected, &lines(&said));
            match (is_there, has_ended) {
                (true, _) => Ok(Ok(said)),
                // Nothing more will come.
                (false, true) => Ok(Err(said)),
                (false, false) => Err(said),
            }
        });
        seen.await.and_then(|ended| ended)
    }
}

/// What is in the folder before anything is typed: the apps, and what was built of them.
fn furnish(folder: &Path) {
    let repository = artifacts::repository();
    let link = |name: &str| {
        std::os::unix::fs::symlink(repository.join(name), folder.join(name))
            .expect("a link can be made");
    };
    for name in [
        "components",
        "javascript",
        "python",
        "k8s",
        "scripts",
        "buildspec.yml",
        "buildspec-component.yml",
    ] {
        link(name);
    }
    for name in ["innkeeper.toml", "shop.toml"] {
        let manifest = std::fs::read_to_string(repository.join(name));
        write(folder, name, &manifest.expect("each app has a manifest"));
    }
    write(folder, ".siege/siege.conf", SIEGE);
    // Found before the one that is installed, which it runs.
    let programs = folder.join(PROGRAMS);
    std::fs::create_dir(&programs).expect("a folder can be made");
    std::os::unix::fs::symlink(siege::script(), programs.join("siege"))
        .expect("a link can be made");
    // What is compiled already is compiled for all.
    let shared = repository.join("components/target/innkeeper/artifacts");
    std::fs::create_dir_all(&shared).expect("the cache can be made");
    for data in ["data", "shop-data"].map(|name| folder.join(name)) {
        std::fs::create_dir(&data).expect("a folder can be made");
        std::os::unix::fs::symlink(&shared, data.join("artifacts")).expect("a link can be made");
    }
}

/// Writes a file as it is to be before anything is typed.
fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    let above = path.parent().expect("it is in the folder");
    std::fs::create_dir_all(above).expect("a folder can be made");
    std::fs::write(path, text).expect("a file can be written");
}

/// A shell in the folder, which finds `innkeeper` and, with it, the host of this visit.
fn bash(binary: &Path, folder: &Path, address: Address) -> Command {
    // A shell that was started where Ctrl-C is ignored, as what runs in the background of a script is, could not be interrupted, nor could what it runs.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "bash"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INNKEEPER_") {
            command.env_remove(name);
        }
    }
    let programs = std::env::var("PATH").unwrap_or_default();
    let own = folder.join(PROGRAMS);
    let host = binary.parent().expect("it is in a folder").display();
    command
        .current_dir(folder)
        .env("PATH", format!("{}:{host}:{programs}", own.display()))
        .env("SIEGE", siege::program().unwrap_or_else(|| "siege".into()))
        .env("HOME", folder)
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .envs(artifacts::homes_of_rust())
        .envs(address.variables());
    command
}

/// A command with sieges that last as long as it was asked for, and how long they take together.
fn besieged(command: &str) -> (String, Duration) {
    let mut together = 0;
    let words = command.split(' ').map(|word| {
        let said = word
            .strip_prefix("-t")
            .and_then(|rest| rest.strip_suffix('S'));
        let Some(said) = said.and_then(|seconds| seconds.parse::<u64>().ok()) else {
            return word.to_owned();
        };
        let seconds = siege_seconds().unwrap_or(said);
        together += seconds;
        format!("-t{seconds}S")
    });
    let words: Vec<_> = words.collect();
    (words.join(" "), Duration::from_secs(together))
}

/// How long a siege that was begun elsewhere may still take.
fn besieged_by_default() -> Duration {
    Duration::from_secs(siege_seconds().unwrap_or_default())
}

fn siege_seconds() -> Option<u64> {
    let seconds = std::env::var(SIEGE_SECONDS).ok()?;
    Some(seconds.parse().expect("a number of seconds"))
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
