//! TLS at a port: who the port is, and whose clients it takes. The files that say so are read again while the host runs. And how the host asks others.

mod client;
mod files;
mod transport;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, SupportedProtocolVersion};
use tokio_util::sync::CancellationToken;

pub(crate) use self::client::{client_config, driven, reach};
pub use self::files::TlsError;
pub(crate) use self::files::{PemFile, provider};
pub(crate) use self::transport::Transport;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a client may take until TLS is spoken.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long one is waited for that is told why not, and how much is taken of what it still sends.
const LINGER: Duration = Duration::from_secs(2);
const MOST_UNREAD: u64 = 256 << 10;
/// How a client begins that speaks TLS.
const HANDSHAKE_RECORD: u8 = 22;

/// How TLS is to be spoken at a port.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// What the port is called.
    pub port: &'static str,
    /// The port's certificate (PEM), with those between it and its authority behind it.
    pub certificate_file: PathBuf,
    /// Its key (PEM).
    pub key_file: PathBuf,
    /// Certificates (PEM) of the authorities that clients must have one of; any client is taken when absent.
    pub client_ca_file: Option<PathBuf>,
    /// Whether clients may speak the version before the newest one.
    pub allow_tls12: bool,
}

/// What TLS is spoken with.
pub struct Tls {
    settings: TlsSettings,
    now: ArcSwap<Terms>,
}

/// What TLS is spoken with at one time.
pub(crate) struct Terms {
    files: Files,
    acceptor: TlsAcceptor,
    /// Cancelled when other clients are taken than those that connected under these terms.
    pub over: CancellationToken,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: PemFile,
    key: PemFile,
    client_authority: Option<PemFile>,
}

/// Why a client is not spoken with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTls {
    /// It did not come to an end in time, or went away.
    #[error("the client disconnected, or took too long")]
    Gone,
    /// It speaks something else.
    #[error("the client does not speak TLS")]
    Plain,
    /// The two do not agree.
    #[error("{0}")]
    Refused(rustls::Error),
}

impl Files {
    fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let authority = settings.client_ca_file.as_deref();
        Ok(Self {
            certificate: PemFile::read(&settings.certificate_file)?,
            key: PemFile::read(&settings.key_file)?,
            client_authority: authority.map(PemFile::read).transpose()?,
        })
    }

    fn config(&self, allow_tls12: bool) -> Result<ServerConfig, TlsError> {
        const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(if allow_tls12 { BOTH } else { NEWEST })?;
        let builder = match &self.client_authority {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let authorities = Arc::new(file.authorities()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider());
                let verifier = verifier.build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| rustls::Error::General(error.to_string()))?,
                )
            }
        };
        let (certificates, key) = (self.certificate.certificates()?, self.key.key()?);
        let config = builder.with_single_cert(certificates, key);
        let mut config = config.map_err(|reason| self.certificate.no_pair(&self.key, reason))?;
        if self.client_authority.is_some() {
            // A session that is resumed does not show its certificate again, which may have expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Terms {
    fn new(
        settings: &TlsSettings,
        files: Files,
        over: CancellationToken,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(files.config(settings.allow_tls12)?)),
            files,
            over,
        })
    }

    /// Those that are good from now on, when the files hold something else. Blocks.
    fn renewed(&self, settings: &TlsSettings) -> Result<Option<Self>, TlsError> {
        let files = Files::read(settings)?;
        if files == self.files {
            return Ok(None);
        }
        let over = match self.takes_the_same(&files) {
            true => self.over.clone(),
            false => CancellationToken::new(),
        };
        Self::new(settings, files, over).map(Some)
    }

    /// Whether the same clients are taken. Who connected before goes on then.
    fn takes_the_same(&self, files: &Files) -> bool {
        files.client_authority == self.files.client_authority
    }

    /// Agrees with a client on how to speak. With whom nothing is agreed on is to be told farewell, where the connection is still there.
    pub async fn agree(&self, tcp: TcpStream) -> Result<Transport, (NoTls, Option<TcpStream>)> {
        match timeout(HANDSHAKE, self.shake_hands(tcp)).await {
            Ok(agreed) => agreed.map_err(|(error, tcp)| (error, Some(tcp))),
            Err(_) => Err((NoTls::Gone, None)),
        }
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Result<Transport, (NoTls, TcpStream)> {
        let mut first = [HANDSHAKE_RECORD];
        let begun = tcp.peek(&mut first).await;
        if begun.is_ok() && first != [HANDSHAKE_RECORD] {
            return Err((NoTls::Plain, tcp));
        }
        match self.acceptor.accept(tcp).into_fallible().await {
            Ok(stream) => Ok(Transport::Tls(Box::new(stream.into()))),
            Err((error, tcp)) => Err((refusal(error), tcp)),
        }
    }
}

/// Closes a connection whose client may still be sending: closing at once would answer that with a reset, which can take away what it was told.
pub(crate) async fn say_farewell(mut tcp: TcpStream, last_words: &[u8]) {
    let leaving = async {
        tcp.write_all(last_words).await?;
        tcp.shutdown().await?;
        let mut rest = tcp.take(MOST_UNREAD);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // However that ends, it has ended.
    let _ = timeout(LINGER, leaving).await;
}

fn refusal(error: io::Error) -> NoTls {
    let error = error.into_inner();
    match error.map(|error| error.downcast::<rustls::Error>()) {
        Some(Ok(error)) => NoTls::Refused(*error),
        _ => NoTls::Gone,
    }
}

impl Tls {
    /// What the files say. Blocks.
    ///
    /// # Errors
    ///
    /// When TLS cannot be spoken with them.
    pub fn read(settings: TlsSettings) -> Result<Self, TlsError> {
        let terms = Terms::new(&settings, Files::read(&settings)?, CancellationToken::new())?;
        Ok(Self {
            settings,
            now: ArcSwap::from_pointee(terms),
        })
    }

    /// What is agreed on with who connects now.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        self.now.load_full()
    }

    /// Reads the files again, until `stop`. What is wrong with them is said once, and changes nothing.
    pub(crate) async fn reload(self: Arc<Self>, stop: CancellationToken) {
        let port = self.settings.port;
        let mut complaint = String::new();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (tls, before) = (self.clone(), self.terms());
            let reading = tokio::task::spawn_blocking(move || before.renewed(&tls.settings));
            match reading.await {
                Ok(Ok(None)) => complaint.clear(),
                Ok(Ok(Some(terms))) => {
                    complaint.clear();
                    let terms = Arc::new(terms);
                    let before = self.now.swap(terms.clone());
                    if !before.takes_the_same(&terms.files) {
                        before.over.cancel();
                    }
                    tracing::info!(target: "innkeeper::audit", "the certificates of {port} have changed");
                }
                Ok(Err(error)) => {
                    let error = error.to_string();
                    if error != complaint {
                        tracing::warn!("the certificates of {port} stay as they were: {error}");
                        complaint = error;
                    }
                }
                Err(error) if error.is_cancelled() => return,
                Err(error) => {
                    tracing::error!(%error, "the certificates of {port} could not be read again");
                }
            }
        }
    }
}
