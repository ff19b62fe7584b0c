//! Whom the host asks: a connection to whichever of its addresses answers, TLS as the host speaks it there, and what drives what is said.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::future::select_ok;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};

use super::files::{PemFile, TlsError, provider};

/// How many addresses are tried, and how much earlier each is than the next.
const MOST_ADDRESSES: usize = 6;
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to whichever of these addresses answers first. Each next one is tried a little later: one that nobody answers at does not keep the others waiting.
///
/// # Errors
///
/// When none can be connected to, the last reason. It takes as long as the system waits for an answer: who calls limits that.
pub(crate) async fn reach(
    addresses: impl IntoIterator<Item = SocketAddr>,
) -> io::Result<TcpStream> {
    let addresses = addresses.into_iter().take(MOST_ADDRESSES).zip(0..);
    let connecting = addresses.map(|(address, place)| {
        Box::pin(async move {
            sleep(HEAD_START * place).await;
            TcpStream::connect(address).await
        })
    });
    let connecting: Vec<_> = connecting.collect();
    if connecting.is_empty() {
        return Err(io::Error::other("it has no address"));
    }
    let (connected, _) = select_ok(connecting).await?;
    // What is said is written as a whole.
    let _ = connected.set_nodelay(true);
    Ok(connected)
}

/// What is asked over a connection, which is driven meanwhile. What it has brought before it ended is still taken; and what went wrong with it shows there.
pub(crate) async fn driven<A>(connection: impl Future, asked: impl Future<Output = A>) -> A {
    let (mut connection, mut asked) = (pin!(connection), pin!(asked));
    tokio::select! {
        biased;
        answer = &mut asked => answer,
        _ = &mut connection => asked.await,
    }
}

/// How TLS is spoken in these versions with whoever has a certificate of an authority in the file, or of one of the system's. Blocks.
///
/// # Errors
///
/// When the file holds no authority.
pub(crate) fn client_config(
    authorities: Option<&Path>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let authorities = match authorities {
        Some(file) => PemFile::read(file)?.authorities()?,
        None => {
            let mut authorities = RootCertStore::empty();
            // A system without any trusts nobody, and whoever is asked is told from that to be nobody's.
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            authorities
        }
    };
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(versions)?;
    Ok(builder.with_root_certificates(authorities))
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_keep_the_next_one_waiting() {
        // Nobody takes what is in its queue, which is full.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let full = silent.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            timeout(Duration::from_millis(200), TcpStream::connect(full)).await
        {
            waiting.push(stream);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listens = listener.local_addr().unwrap();
        let reached = timeout(Duration::from_secs(20), reach([full, listens])).await;
        assert_eq!(reached.unwrap().unwrap().peer_addr().unwrap(), listens);
    }

    #[tokio::test]
    async fn where_nobody_listens_that_is_said() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let refused = reach([address]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(reach([]).await.is_err());
    }
}
