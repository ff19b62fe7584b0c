//! `siege`, with which the course made its load.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::artifacts;

/// What siege has seen.
pub struct Siege {
    /// Of a hundred requests.
    pub availability: f64,
    /// How many requests were answered well.
    pub done: u64,
    /// How many were not.
    pub failed: u64,
    /// All that it has said.
    pub said: String,
}

/// Where in siege's home the script notes that siege did not end or crashed, and therefore has said nothing.
const HUNG: &str = ".siege/hung";
/// How often it is begun again then.
const ATTEMPTS: usize = 3;

/// What runs siege, and ends it where it does not end; its variable `SIEGE` names the program.
pub fn script() -> PathBuf {
    artifacts::repository().join("tests/siege.sh")
}

/// Where siege is installed, if it is.
pub fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("siege"))
        .find(|program| program.is_file())
}

/// Whether a siege whose home this is hung, or crashed, instead of saying what it has seen.
pub fn has_hung(home: &Path) -> bool {
    home.join(HUNG).exists()
}

/// Besieges with what is posted; `home` is where siege has its settings. None, and that is said, where it is not installed.
pub async fn siege(home: &Path, arguments: &[&str], target: &str) -> Option<Siege> {
    let Some(program) = program() else {
        eprintln!("siege is not installed: left out");
        return None;
    };
    // It would give up after so many that are turned away.
    let file = home.join("siege.conf");
    std::fs::write(&file, "failures = 1000000\n").expect("a file can be written");
    let mut siege = Command::new(script());
    siege
        .arg("--rc")
        .arg(&file)
        .args(arguments)
        .args(["--content-type", "application/json", target])
        .env("SIEGE", program)
        .env("HOME", home)
        .kill_on_drop(true);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let _there_is_none = std::fs::remove_file(home.join(HUNG));
        let output = siege.output().await.expect("siege runs");
        said = text(&output.stdout) + &text(&output.stderr);
        if !has_hung(home) {
            break;
        }
    }
    Some(Siege {
        availability: number(&said, "availability"),
        done: number(&said, "successful") as u64,
        failed: number(&said, "failed") as u64,
        said,
    })
}

fn number(said: &str, name: &str) -> f64 {
    let line = said.lines().find(|line| line.to_lowercase().contains(name));
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let text = line.and_then(|line| {
        line.split([':', ' ', '\t'])
            .find(|word| word.starts_with(digits))
    });
    text.and_then(|text| text.trim_matches(|c| !digits(c)).parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {said}"))
}
