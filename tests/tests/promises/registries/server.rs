//! Somebody in the test's own process who answers as a test has it.

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server in this process, at a free port, for as long as it is there.
pub struct Server {
    /// Its address.
    pub host: String,
    serving: JoinHandle<()>,
}

impl Server {
    /// Serves by these routes.
    pub async fn start(routes: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port is free");
        let host = listener.local_addr().expect("an address").to_string();
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self { host, serving }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
