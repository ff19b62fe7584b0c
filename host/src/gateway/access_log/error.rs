//! Why there is no access log.

use std::io;
use std::path::PathBuf;

/// Why there is no access log.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The file cannot be written.
    #[error(
        "the access log {} cannot be opened: {source}; make its directory, or name another gateway.access_log.file", file.display()
    )]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no standard output.
    #[error(
        "the access log cannot be written to standard output: {0}; name a gateway.access_log.file"
    )]
    Stdout(io::Error),
    /// The thread that writes could not be started.
    #[error("cannot start the thread that writes the access log: {0}")]
    Thread(io::Error),
}
