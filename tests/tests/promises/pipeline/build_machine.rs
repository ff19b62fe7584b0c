//! The machine that a pipeline runs on: empty but for what it finds there, and searched afterwards for what it should not have left.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

/// What stands in for programs that reach what is not there, by their names.
const STAND_INS: [(&str, &str); 2] = [
    ("docker", include_str!("stand_ins/docker")),
    ("aws", include_str!("stand_ins/aws")),
];

/// A folder that plays the machine, and another one for what the test knows of it.
pub struct BuildMachine {
    home: TempDir,
    aside: TempDir,
    source: PathBuf,
}

impl BuildMachine {
    /// One with nothing on it.
    pub fn new() -> Self {
        let home = folder();
        let source = home.path().join("source");
        std::fs::create_dir(&source).expect("a directory can be made");
        Self::with(home, source)
    }

    /// One that builds what is in a folder.
    pub fn at(source: &Path) -> Self {
        Self::with(folder(), source.to_owned())
    }

    fn with(home: TempDir, source: PathBuf) -> Self {
        let machine = Self {
            home,
            aside: folder(),
            source,
        };
        for place in [machine.user(), machine.temporary()] {
            std::fs::create_dir(place).expect("a directory can be made");
        }
        for place in [machine.commands(), machine.stand_ins(), machine.programs()] {
            std::fs::create_dir(place).expect("a directory can be made");
        }
        for (name, script) in STAND_INS {
            machine.install(name, script);
        }
        machine
    }

    /// Puts a program where the pipeline finds it first.
    pub fn install(&self, name: &str, script: &str) {
        let program = self.programs().join(name);
        std::fs::write(&program, script).expect("a file can be written");
        let runs = Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, runs).expect("its owner may run it");
    }

    /// Puts a program there that is noted with its arguments when it is called.
    pub fn note_calls_of(&self, name: &str, program: &Path) {
        let script = format!(
            "#!/usr/bin/env bash\n{{ printf '%q ' {name} \"$@\"; echo; }} >>\"$STAND_INS/calls\"\nexec {} \"$@\"\n",
            program.display()
        );
        self.install(name, &script);
    }

    /// Where what is built is.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// Where the log is written.
    pub fn log(&self) -> PathBuf {
        self.aside.path().join("log")
    }

    /// Where the commands are, each in a file.
    pub fn commands(&self) -> PathBuf {
        self.aside.path().join("commands")
    }

    /// What the stand-ins know, and what they have noted.
    pub fn stand_ins(&self) -> PathBuf {
        self.aside.path().join("stand-ins")
    }

    /// Tells the stand-ins something.
    pub fn tell(&self, name: &str, text: &str) {
        std::fs::write(self.stand_ins().join(name), text).expect("a file can be written");
    }

    /// What they have noted; nothing where there is no such note.
    pub fn noted(&self, name: &str) -> String {
        std::fs::read_to_string(self.stand_ins().join(name)).unwrap_or_default()
    }

    /// Adds to the log.
    pub fn note(&self, text: &str) {
        let log = std::fs::OpenOptions::new().append(true).open(self.log());
        let written = log.and_then(|mut log| log.write_all(text.as_bytes()));
        written.expect("the log can be written");
    }

    /// A program on this machine, with the variables that CodeBuild sets and none of the test's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let programs = std::env::var("PATH").expect("programs");
        let programs = format!("{}:{programs}", self.programs().display());
        command
            .env_clear()
            .env("PATH", programs)
            .env("HOME", self.user())
            .env("TMPDIR", self.temporary())
            .env("STAND_INS", self.stand_ins())
            .env("CODEBUILD_SRC_DIR", self.source())
            .current_dir(self.source());
        command
    }

    /// Where a secret is that should be nowhere: in the log, on the machine, or in the arguments of a program.
    pub fn places_of(&self, secret: &str) -> Vec<PathBuf> {
        let shapes = [
            secret.to_owned(),
            STANDARD.encode(secret),
            // As docker keeps a password.
            STANDARD.encode(format!("AWS:{secret}")),
        ];
        let mut files = files_in(self.home.path());
        if !self.source.starts_with(self.home.path()) {
            files.extend(files_in(&self.source));
        }
        files.extend([self.log(), self.stand_ins().join("calls")]);
        let has_it = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            shapes.iter().any(|shape| text.contains(shape))
        };
        files.into_iter().filter(has_it).collect()
    }

    fn user(&self) -> PathBuf {
        self.home.path().join("user")
    }

    fn temporary(&self) -> PathBuf {
        self.home.path().join("temporary")
    }

    fn programs(&self) -> PathBuf {
        self.aside.path().join("programs")
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary directory can be made")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a directory can be read") {
        let entry = entry.expect("it can be read");
        match entry.file_type().expect("it is something") {
            kind if kind.is_dir() => files.extend(files_in(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}
