//! Why the operators' port cannot be opened.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why there is no operators' port.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {address} for operators: {source}; choose another address with --admin"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be kept.
    #[error("the operators' token cannot be kept in {}: {source}; or set INNKEEPER_ADMIN_TOKEN", file.display())]
    Token {
        /// Its file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The audit log cannot be gone on with.
    #[error("the audit log in {} cannot be used: {source}", directory.display())]
    Audit {
        /// The data directory.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A further token cannot be read.
    #[error("the token of `{name}` cannot be read from {}: {source}; write it there, or name another `file` in [admin.tokens.{name}]", file.display())]
    TokenFile {
        /// Who has it.
        name: String,
        /// Its file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be told who asks.
    #[error("`{one}` and `{other}` have the same token; give each one of its own")]
    SameToken {
        /// Who has it.
        one: String,
        /// Who has it, too.
        other: String,
    },
}
