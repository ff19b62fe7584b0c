//! Makes connections to the operators' port of a host.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use tower::Service;

use super::address::Address;
use super::trust;
use crate::tls::Transport;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// Makes connections to one port.
#[derive(Clone)]
pub(super) struct Connector {
    address: Address,
    tls: Option<TlsConnector>,
    refusal: Arc<OnceLock<rustls::Error>>,
}

/// A connection that remembers why the host refused it. With TLS 1.3 the host looks at a client's certificate when the
/// client has connected already, and the error of a request that is sent meanwhile does not say why there is no answer.
pub(super) struct HostConnection {
    transport: Transport,
    refusal: Arc<OnceLock<rustls::Error>>,
}

impl Connector {
    pub fn new(address: Address, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            address,
            tls: tls.map(TlsConnector::from),
            refusal: Arc::default(),
        }
    }

    /// Why the host refused a connection, if it did.
    pub fn refusal(&self) -> Option<&rustls::Error> {
        self.refusal.get()
    }

    async fn connect(self) -> io::Result<HostConnection> {
        let (host, port) = (self.address.host(), self.address.port());
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let transport = match self.tls {
            None => Transport::Plain(tcp),
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                Transport::Tls(Box::new(tls.connect(name, tcp).await?.into()))
            }
        };
        Ok(HostConnection {
            transport,
            refusal: self.refusal,
        })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<HostConnection>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connecting = timeout(CONNECT, self.clone().connect());
        Box::pin(async { Ok(TokioIo::new(connecting.await??)) })
    }
}

impl Connection for HostConnection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for HostConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.transport).poll_read(context, buffer));
        if let Err(error) = &read
            && let Some(refusal) = trust::refusal(error)
        {
            self.refusal.get_or_init(|| refusal.clone());
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for HostConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
