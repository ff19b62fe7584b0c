//! Where lines are written: a file, which others may move away, or standard output.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::error::AccessLogError;

/// How soon it is tried again to open a file that could not be opened.
const RETRY: Duration = Duration::from_secs(5);

/// Where lines are written.
pub(super) struct Output {
    file: File,
    /// None where it cannot be opened again.
    path: Option<PathBuf>,
    /// Whether it ends in the middle of a line.
    is_torn: bool,
    /// When it was tried in vain to open it again.
    failed: Option<Instant>,
}

impl Output {
    pub(super) fn open(path: &Path) -> Result<Self, AccessLogError> {
        let opened = append(path).map_err(|source| AccessLogError::File {
            file: path.to_owned(),
            source,
        })?;
        Ok(Self {
            is_torn: ends_within_a_line(&opened, path),
            path: Some(path.to_owned()),
            ..Self::of(opened)
        })
    }

    /// Not through the buffer that others print by: whoever prints would wait for whoever reads these lines.
    pub(super) fn stdout() -> Result<Self, AccessLogError> {
        let stdout = io::stdout();
        let descriptor = stdout.as_fd().try_clone_to_owned();
        let descriptor = descriptor.map_err(AccessLogError::Stdout)?;
        Ok(Self::of(descriptor.into()))
    }

    /// What is open already.
    pub(super) fn of(file: File) -> Self {
        Self {
            file,
            path: None,
            is_torn: false,
            failed: None,
        }
    }

    /// Opens the file again, when it is another one by now or `anyway`. One that cannot be opened is written on where it is.
    pub(super) fn follow(&mut self, anyway: bool) {
        let Some(path) = &self.path else { return };
        let is_tried = self.failed.is_some_and(|at| at.elapsed() < RETRY);
        if !anyway && (is_tried || is_at(&self.file, path)) {
            return;
        }
        match append(path) {
            Ok(file) => {
                self.is_torn = ends_within_a_line(&file, path);
                self.file = file;
                self.failed = None;
            }
            // It is said once, until it could be opened.
            Err(error) if self.failed.replace(Instant::now()).is_none() => {
                tracing::warn!(file = %path.display(), %error, "the access log cannot be opened again; its lines go on where they went, and it is tried again");
            }
            Err(_) => {}
        }
    }

    /// Writes lines; says how many could not be.
    pub(super) fn write(&mut self, lines: &[u8]) -> (u64, Option<io::Error>) {
        let mut rest = lines;
        let mut failed = None;
        if self.is_torn {
            match self.file.write_all(b"\n") {
                Ok(()) => self.is_torn = false,
                Err(error) => failed = Some(error),
            }
        }
        while !rest.is_empty() && failed.is_none() {
            match self.file.write(rest) {
                Ok(0) => failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let (written, left) = rest.split_at(written.min(rest.len()));
                    self.is_torn = written.last() != Some(&b'\n');
                    rest = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        let left = rest.iter().filter(|byte| **byte == b'\n').count();
        (left as u64, failed)
    }
}

/// Opens a file to be written at its end. Does not wait: a pipe that nobody reads would otherwise keep whoever opens it, for ever.
fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // It says who asked for what: that is not for everybody on the machine.
    options.mode(0o640);
    let file = options.custom_flags(without_waiting()).open(path);
    let file = file.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO) => io::Error::other("nobody reads from it; begin to read first"),
        _ => error,
    })?;
    if file.metadata()?.file_type().is_block_device() {
        return Err(io::Error::other(
            "it is a disk, which lines would overwrite",
        ));
    }
    // What is written is waited for, in a thread of its own.
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

fn without_waiting() -> i32 {
    OFlags::NONBLOCK.bits().cast_signed()
}

/// Whether an open file is what is found at a path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(found)) => identity(&open) == identity(&found),
        _ => false,
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether what was opened at a path has the beginning of a line at its end: whoever wrote it may have been killed within one.
fn ends_within_a_line(file: &File, path: &Path) -> bool {
    let last = || {
        let written = file.metadata()?;
        if !written.is_file() || written.len() == 0 {
            return Ok(b'\n');
        }
        // The one that is written cannot be read.
        let mut options = OpenOptions::new();
        let mut read = options
            .read(true)
            .custom_flags(without_waiting())
            .open(path)?;
        if identity(&read.metadata()?) != identity(&written) {
            return Ok(b'\n');
        }
        let mut last = [0];
        read.seek(SeekFrom::End(-1))?;
        read.read_exact(&mut last)?;
        Ok::<_, io::Error>(last[0])
    };
    // What cannot be read is taken for whole.
    last().is_ok_and(|last| last != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn a_file_that_was_moved_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let [path, moved] = ["access.log", "access.log.1"].map(|name| home.path().join(name));
        let mut output = Output::open(&path).unwrap();
        output.follow(false);
        output.write(b"first\n");
        fs::rename(&path, &moved).unwrap();
        output.follow(false);
        output.write(b"second\n");
        assert_eq!([read(&moved), read(&path)], ["first\n", "second\n"]);
        fs::remove_file(&path).unwrap();
        output.follow(false);
        output.write(b"third\n");
        assert_eq!(read(&path), "third\n");
    }

    #[test]
    fn what_cannot_be_opened_again_is_not_tried_for_each_line() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("logs");
        let path = directory.join("access.log");
        fs::create_dir(&directory).unwrap();
        let mut output = Output::open(&path).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        output.follow(false);
        let tried = output.failed;
        assert!(tried.is_some());
        assert_eq!(
            output.write(b"lost\n").0,
            0,
            "its lines go on where they went"
        );
        fs::create_dir(&directory).unwrap();
        output.follow(false);
        assert_eq!((output.failed, path.exists()), (tried, false));
        // After a while, and when somebody asks for it, it is.
        output.failed = Instant::now().checked_sub(RETRY);
        output.follow(false);
        assert_eq!((output.failed, path.exists()), (None, true));
        fs::remove_dir_all(&directory).unwrap();
        output.follow(false);
        fs::create_dir(&directory).unwrap();
        output.follow(true);
        assert_eq!((output.failed, path.exists()), (None, true));
    }

    #[test]
    fn a_line_that_was_torn_does_not_run_into_the_next() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("access.log");
        let mut output = Output::open(&path).unwrap();
        output.write(b"tor");
        output.write(b"whole\ntor");
        assert_eq!(read(&path), "tor\nwhole\ntor");
        // Its writer was killed.
        let mut output = Output::open(&path).unwrap();
        output.write(b"next\n");
        output.follow(true);
        output.write(b"last\n");
        assert_eq!(read(&path), "tor\nwhole\ntor\nnext\nlast\n");
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_refused_and_one_that_is_read_is_written() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let refused = Output::open(&path).map(drop).unwrap_err().to_string();
        assert!(refused.contains("begin to read first"), "{refused}");
        let mut options = OpenOptions::new();
        let mut reader = options
            .read(true)
            .custom_flags(without_waiting())
            .open(&path)
            .unwrap();
        let mut output = Output::open(&path).unwrap();
        assert_eq!(output.write(b"line\n").0, 0);
        let mut line = [0; 5];
        reader.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"line\n");
        // Nobody reads any more: it is dropped, and counted.
        drop(reader);
        let (unwritten, error) = output.write(b"one\ntwo\n");
        assert_eq!(
            (unwritten, error.map(|error| error.kind())),
            (2, Some(io::ErrorKind::BrokenPipe))
        );
    }
}
