//! Errors of publishing, subscribing and connecting.

use std::path::PathBuf;

use crate::core::EventId;
use crate::events::feed::FeedError;
use crate::journal::{self, CommitError};

/// Why events are not published or received. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum NatsError {
    /// A file with a secret or a certificate.
    #[error("cannot use {}: {reason}; see `[nats]` in the manifest", file.display())]
    File { file: PathBuf, reason: String },
    /// A user without a password.
    #[error(
        "the user of NATS has no password; set `nats.password_file` or INNKEEPER_NATS_PASSWORD"
    )]
    NoPassword,
    /// The server does not let the host in.
    #[error(
        "the NATS server rejected the host's credentials; check `nats.credentials_file`, `nats.user` with its password, or the token"
    )]
    Refused,
    /// No server answers.
    #[error("no NATS server can be reached: {0}; check `nats.url`, and that the server runs")]
    Unreachable(String),
    /// A certificate without its key, or a key without its certificate.
    #[error("`nats.certificate_file` and `nats.key_file` belong together; set both, or neither")]
    HalfCertificate,
    /// The host does not let itself in with the server.
    #[error(
        "the certificate of the NATS server is not trusted: {0}; check `nats.ca_file`, which holds the certificate of the authority that signed it, and the host name in `nats.url`"
    )]
    Untrusted(String),
    /// The server wants a certificate of the host, or another one.
    #[error(
        "the NATS server rejected the host's client certificate, or requires one: {0}; set `nats.certificate_file` and `nats.key_file`, and let the server trust the authority that signed it"
    )]
    CertificateRefused(String),
    /// TLS does not come about.
    #[error(
        "the TLS handshake with the NATS server failed: {0}; check that the server speaks TLS, and the certificates named in `[nats]`"
    )]
    Tls(String),
    /// The server has no JetStream.
    #[error(
        "JetStream is not enabled for this account; start the server with `-js`, or enable it for the account"
    )]
    NoJetStream,
    /// The stream exists, and the events would not get into it.
    #[error(
        "the stream `{stream}` does not have the subjects `{wanted}`, only {found}; add them, or name another stream in `nats.stream`"
    )]
    OtherSubjects {
        stream: String,
        wanted: String,
        found: String,
    },
    /// The stream that the manifest names is not there.
    #[error("there is no stream `{0}`; create it, or name another in `stream`")]
    NoStream(String),
    /// A stream that was there is not there any more.
    #[error("the stream `{0}` no longer exists: it was deleted, or the server lost it")]
    Gone(String),
    /// No stream keeps what is published at a subject.
    #[error("no stream has the subject `{0}`; create one, or name one in `stream`")]
    NotKept(String),
    /// Messages do not come any more, or not all of them.
    #[error("the subscription to the stream was interrupted")]
    Interrupted,
    /// What was taken in cannot be kept.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The stream cannot be used.
    #[error("the stream `{stream}` cannot be used: {reason}")]
    Stream { stream: String, reason: String },
    /// The server did not take an event in time.
    #[error(
        "the server does not acknowledge messages on `{subject}`; it may be down, or the host's user may lack permission to publish there"
    )]
    Unconfirmed { subject: String },
    /// An event can never be published as it is.
    #[error("the event {id} cannot be published: {reason}")]
    Unpublishable { id: EventId, reason: String },
    /// The stream takes no more.
    #[error(
        "the stream `{stream}` is full: {said}; raise its limits (`max_bytes`, `max_msgs`) or those of the server, or let it drop its oldest messages (`discard: old`)"
    )]
    Full { stream: String, said: String },
    /// Somebody else has published into the stream, or what was sent before arrived late.
    #[error("the stream has a newer message than expected")]
    Overtaken,
    /// A context was added, whose events are to be published, too.
    #[error("a context was added")]
    Added,
    /// The journals cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The position cannot be kept.
    #[error("the position cannot be stored: {0}")]
    Position(#[from] CommitError),
}
