//! A proxy that cuts a connection when something certain comes over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A proxy before a server.
pub struct CuttingProxy {
    address: SocketAddr,
    cut_at: Arc<Mutex<Option<Vec<u8>>>>,
    cuts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl CuttingProxy {
    /// Begins to listen on a free port.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (cut_at, cuts) = (Arc::<Mutex<_>>::default(), Arc::<AtomicUsize>::default());
        let (armed, counted) = (cut_at.clone(), cuts.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(server).await {
                    tokio::spawn(forward(client, server, armed.clone(), counted.clone()));
                }
            }
        });
        Self {
            address,
            cut_at,
            cuts,
            task,
        }
    }

    /// Its URL for a client of NATS.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Has it cut the connection over which the server sends this next; what it is sent with does not arrive.
    pub fn cut_at(&self, text: &str) {
        *self.cut_at.lock() = Some(text.into());
    }

    /// How often it has.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Relaxed)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    cut_at: Arc<Mutex<Option<Vec<u8>>>>,
    cuts: Arc<AtomicUsize>,
) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let down = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let read = from_server.read(&mut bytes).await.unwrap_or_default();
            if read == 0 {
                return;
            }
            let is_it = cut_at.lock().as_ref().is_some_and(|text| {
                bytes[..read]
                    .windows(text.len())
                    .any(|window| window == text.as_slice())
            });
            if is_it {
                cut_at.lock().take();
                cuts.fetch_add(1, Relaxed);
                return;
            }
            if to_client.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = copy(&mut from_client, &mut to_server) => {}
    }
}
