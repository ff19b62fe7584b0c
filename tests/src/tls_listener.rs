//! A server's port that speaks TLS.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A port where TLS is spoken.
pub struct TlsListener {
    /// Where connections come.
    pub listener: TcpListener,
    /// Who the server is, and whom it trusts.
    pub acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, client) = self.listener.accept().await.expect("a connection");
            // With whom it does not agree it does not speak.
            if let Ok(stream) = self.acceptor.accept(tcp).await {
                return (stream, client);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
