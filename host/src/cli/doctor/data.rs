//! The data directory: whose it is, who else can read it, how much room it has, and whether its journals can be read.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access};

use super::finding::Finding;
use super::nearest_directory;
use crate::app::DataDirectory;
use crate::core::{Volume, counted};
use crate::journal;
use crate::manifest::{Engine, Manifest};

const MIB: u64 = 1 << 20;
/// Journals up to this size are read to their end, in bytes: that takes some seconds.
const READ: u64 = 256 * MIB;
/// How far the times of files may be ahead of the clock.
const AHEAD: Duration = Duration::from_secs(60);

/// What is to be said of it. Blocks.
pub(super) fn findings(manifest: &Manifest, runs: bool) -> Vec<Finding> {
    let directory = &manifest.journal.directory;
    let mut findings: Vec<_> = disk(manifest).into_iter().collect();
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => {
            findings.extend([owner(directory, &found), modes(directory, &found)]);
            findings.extend(times(directory));
            findings.push(journals(manifest, &found, runs));
        }
        Ok(_) => findings.push(
            Finding::stops("data", format!("{} is no directory", directory.display()))
                .advice("choose another place with --data"),
        ),
        Err(_) => findings.push(coming(directory)),
    }
    findings
}

/// One that is not there yet.
fn coming(directory: &Path) -> Finding {
    let around = nearest_directory(directory);
    let place = directory.display();
    match access(around, Access::WRITE_OK) {
        Ok(()) => Finding::ok("data", format!("{place} is made by the first start")),
        Err(error) => Finding::stops(
            "data",
            format!(
                "{place} cannot be made: {} is not writable ({error})",
                around.display()
            ),
        )
        .advice("choose another place with --data"),
    }
}

fn owner(directory: &Path, found: &Metadata) -> Finding {
    let place = directory.display();
    let (owner, own) = (found.uid(), rustix::process::geteuid().as_raw());
    if let Err(error) = access(directory, Access::WRITE_OK) {
        let what = format!("user {own} cannot write to {place}: {error}");
        return Finding::stops("data", what).advice(format!(
            "run as user {owner}, whose it is, or choose another place with --data"
        ));
    }
    match owner == own {
        true => Finding::ok("data", format!("{place} is writable")),
        false => Finding::warning(
            "data",
            format!("{place} is user {owner}'s, and this is user {own}"),
        )
        .advice(format!(
            "run as user {owner}: what another one makes there, that one cannot read"
        )),
    }
}

fn modes(directory: &Path, found: &Metadata) -> Finding {
    let place = directory.display();
    match found.permissions().mode() & 0o077 {
        0 => Finding::ok("permissions", "others are kept out"),
        _ => Finding::warning("permissions", format!("other users may look into {place}")).advice(
            format!("`chmod -R go= {place}`; a start of the host does that, too"),
        ),
    }
}

/// Something only where files come from the future: then the clock was set back, or was wrong when they were written.
fn times(directory: &Path) -> Option<Finding> {
    let now = SystemTime::now() + AHEAD;
    let is_ahead = |entry: std::fs::DirEntry| {
        let written = entry.metadata().and_then(|found| found.modified());
        written.is_ok_and(|written| written > now)
    };
    let mut entries = std::fs::read_dir(directory).ok()?.flatten();
    entries.any(is_ahead).then(|| {
        Finding::warning(
            "times",
            "files of the data directory were written later than it is now",
        )
        .advice("see whether the clock is right: `timedatectl`")
    })
}

/// None where no journal is on a disk.
fn disk(manifest: &Manifest) -> Option<Finding> {
    if manifest.journal.engine == Engine::Memory {
        return None;
    }
    let directory = &manifest.journal.directory;
    let volume = match Volume::of(directory) {
        Ok(volume) => volume,
        Err(error) => {
            let what = format!(
                "the volume of {} does not say: {error}",
                directory.display()
            );
            return Some(Finding::warning("disk", what));
        }
    };
    let limit = manifest.journal.disk_free_limit(volume.size);
    let what = format!(
        "{} of {} MiB are free, and {} stay so (journal.disk_free_limit): with less, what adds something is refused",
        volume.free / MIB,
        volume.size / MIB,
        limit / MIB
    );
    Some(match volume.free < limit.saturating_mul(2) {
        true => Finding::warning("disk", what)
            .advice("make room on the volume, or choose another with --data"),
        false => Finding::ok("disk", what),
    })
}

fn journals(manifest: &Manifest, found: &Metadata, runs: bool) -> Finding {
    const NAME: &str = "journals";
    let directory = &manifest.journal.directory;
    if runs {
        return Finding::ok(NAME, "not looked at: a host runs here (`innkeeper status`)");
    }
    let size = size_of(&directory.join("journal"));
    if size == 0 {
        return Finding::ok(NAME, "there are none yet");
    }
    if size > READ {
        let what = format!("not read: they have {} MiB", size / MIB);
        return Finding::ok(NAME, what).advice("`innkeeper journal verify` reads all of them");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        let what = "not read: the engine writes notes there, which the owner could not read then";
        return Finding::ok(NAME, what).advice(format!("run this as user {}", found.uid()));
    }
    let _taken = match DataDirectory::take(directory) {
        Ok(taken) => taken,
        Err(error) => return Finding::stops(NAME, error.to_string()),
    };
    let verified = match journal::verify(directory, manifest.journal.cache, &mut |_, _| ()) {
        Ok(verified) => verified,
        Err(error) => return Finding::stops(NAME, error.to_string()),
    };
    let findings: u64 = verified.iter().map(|found| found.findings.count).sum();
    match findings {
        0 => {
            let contexts = counted(verified.len(), "journal");
            Finding::ok(NAME, format!("{contexts}, sound"))
        }
        findings => Finding::stops(NAME, counted(findings, "finding")).advice(
            "`innkeeper journal verify` shows them; restore a backup, or repair them (`innkeeper journal repair`)",
        ),
    }
}

/// How much the files of a directory hold, in bytes.
fn size_of(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
