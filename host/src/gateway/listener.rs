//! Where connections come in.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// Connections that may wait to be accepted. The kernel may allow fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// The pause after the process has run out of what a connection needs.
const PAUSE: Duration = Duration::from_millis(50);

/// Listens on `address`. A port that a process just left can be taken at once.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The next connection. Faults of single connections are theirs; when file descriptors have run out, waits for some.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                send_at_once(&stream);
                return (stream, client);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                warn!("cannot accept connections for the moment: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Closes the port. What comes back are the connections that clients have made but nobody has accepted yet: closing would reset them.
pub(crate) fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting: Vec<(std::net::TcpStream, SocketAddr)> = Vec::new();
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    loop {
        match listener.accept() {
            Ok((stream, client)) => waiting.push((stream, client)),
            Err(error) if is_of_connection(&error) => {}
            // Most often: there is none.
            Err(_) => break,
        }
    }
    drop(listener);
    let streams = waiting.into_iter().filter_map(|(stream, client)| {
        stream.set_nonblocking(true).ok()?;
        let stream = TcpStream::from_std(stream).ok()?;
        send_at_once(&stream);
        Some((stream, client))
    });
    streams.collect()
}

/// Answers are written whole, so there is nothing to wait for. Failing to say so only costs time.
fn send_at_once(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
