//! The access log: a line for each request at the public port, of what was asked and what came of it.
//!
//! What clients write stays within its field of its line. Nobody who is served waits for whoever takes the lines.

mod entry;
mod error;
mod output;
mod writer;

use std::thread;
use std::time::Instant;

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Body;

use self::entry::{Entry, Outcome};
pub use self::error::AccessLogError;
use self::output::Output;
use self::writer::Writer;
use super::connection_info::ConnectionInfo;
use super::forwarded::{Scheme, Sender};
use super::observed::Observed;
use crate::core::{Correlation, wall_clock};
use crate::manifest::{AccessLogFormat, AccessLogSettings};

/// Takes a line for each request.
pub struct AccessLog {
    settings: AccessLogSettings,
    writer: Writer,
}

impl AccessLog {
    /// Begins to write where the settings say; none when there are to be no lines. Blocks.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn open(settings: &AccessLogSettings) -> Result<Option<Self>, AccessLogError> {
        if settings.format == AccessLogFormat::Off {
            return Ok(None);
        }
        let output = match &settings.file {
            Some(file) => Output::open(file)?,
            None => Output::stdout()?,
        };
        Ok(Some(Self {
            settings: settings.clone(),
            writer: Writer::start(output)?,
        }))
    }

    /// Whether lines go to a file, which others may move away.
    pub fn has_file(&self) -> bool {
        self.settings.file.is_some()
    }

    /// Has the file opened again, where there is one.
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Writes what waits, as far as that can be done in some seconds. What comes later is dropped. Blocks.
    pub fn close(&self) {
        self.writer.close();
    }

    /// Whether a request is told that the server has not failed.
    fn samples(&self) -> bool {
        match self.settings.sample {
            AccessLogSettings::ALL.. => true,
            0 => false,
            // Not by the trace: a client could choose one that is not told.
            share => rand::random_range(0..AccessLogSettings::ALL) < share,
        }
    }

    fn tell(&self, entry: &Entry<'_>) {
        if !entry.outcome.is_server_error() && !self.samples() {
            return;
        }
        let query = self.settings.query;
        let line = match self.settings.format {
            AccessLogFormat::Off => return,
            AccessLogFormat::Common => entry.common(query),
            AccessLogFormat::Json => entry.json(query),
        };
        self.writer.take(line.as_bytes());
    }
}

/// A request that is under way. It is told when this is dropped: also when it is never answered.
pub(super) struct Logged<'a> {
    log: &'a AccessLog,
    correlation: &'a Correlation,
    observed: &'a Observed,
    sender: &'a Sender,
    connection: ConnectionInfo<'a>,
    began: Instant,
    time: u64,
    method: Method,
    uri: Uri,
    version: Version,
    user_agent: Option<HeaderValue>,
    answered: Option<(StatusCode, u64)>,
}

impl<'a> Logged<'a> {
    /// A request has come.
    pub(super) fn begin<B>(
        log: &'a AccessLog,
        request: &Request<B>,
        (connection, sender): (ConnectionInfo<'a>, &'a Sender),
        correlation: &'a Correlation,
        observed: &'a Observed,
    ) -> Self {
        Self {
            log,
            correlation,
            observed,
            sender,
            connection,
            began: Instant::now(),
            time: wall_clock(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            answered: None,
        }
    }

    /// It was answered.
    pub(super) fn end<B: Body>(mut self, response: &Response<B>) {
        let size = response.body().size_hint().lower();
        self.answered = Some((response.status(), size));
    }

    fn outcome(&self) -> Outcome {
        match self.answered {
            Some((status, size)) => Outcome::Answered(status, size),
            // Whatever ends a request drops it, but only the client does it without the host's knowing.
            None if thread::panicking() => Outcome::Panicked,
            None if self.connection.forced.is_cancelled() => Outcome::CutOff,
            None => Outcome::ClientGone,
        }
    }
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        let scheme = match self.connection.over_tls {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        self.log.tell(&Entry {
            time: self.time,
            took: self.began.elapsed(),
            method: &self.method,
            uri: &self.uri,
            version: self.version,
            scheme: self.sender.scheme.unwrap_or(scheme),
            peer: self.connection.peer,
            client: self.sender.address,
            user_agent: self.user_agent.as_ref(),
            outcome: self.outcome(),
            route: self.observed.route(),
            context: self.observed.context(),
            context_version: self.observed.version(),
            correlation: self.correlation,
        });
    }
}
