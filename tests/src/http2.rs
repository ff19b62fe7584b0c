//! An HTTP/2 client that a test has in hand: what it sends, and how much it takes.

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A connection. It answers pings by itself, and opens no window by itself.
pub struct Http2 {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    base: String,
}

impl Http2 {
    /// Connects to an address such as `http://127.0.0.1:8080`; of each answer it takes so many bytes.
    pub async fn connect(base: &str, window: u32) -> Self {
        let address = base.strip_prefix("http://").expect("an http address");
        let stream = TcpStream::connect(address).await.expect("the port is open");
        Self::over(stream, base, window).await
    }

    /// The same over a connection that is there already, whatever it is carried by.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        base: &str,
        window: u32,
    ) -> Self {
        let (requests, connection) = Builder::new()
            .initial_window_size(window)
            .initial_connection_window_size(1 << 30)
            .handshake(stream)
            .await
            .expect("HTTP/2 is spoken");
        Self {
            requests,
            connection: tokio::spawn(connection),
            base: base.to_owned(),
        }
    }

    /// A `GET` of a path, to be completed by the caller.
    pub fn get(&self, path: &str) -> http::request::Builder {
        Request::get(format!("{}{path}", self.base))
    }

    /// Asks; the answer is to be waited for.
    pub async fn send(&mut self, request: http::request::Builder) -> ResponseFuture {
        let request = request.body(()).expect("a request");
        let mut requests = self.requests.clone().ready().await.expect("a stream");
        let (answer, _) = requests.send_request(request, true).expect("a request");
        answer
    }

    /// Asks, and waits for the head of the answer.
    pub async fn ask(&mut self, request: http::request::Builder) -> Response<RecvStream> {
        self.send(request).await.await.expect("an answer")
    }

    /// Waits until the connection is closed by the other side.
    pub async fn closed(self) {
        let Self {
            requests,
            connection,
            ..
        } = self;
        // How it ends does not matter, nor that it is aborted. The requests are kept until then: dropping them would end it from this side.
        let _ended = connection.await;
        drop(requests);
    }
}

/// Waits for the end of an answer of which no more is taken, and says how much came and why no more does.
pub async fn end_of(mut body: RecvStream) -> (usize, Option<Reason>) {
    let mut taken = 0;
    loop {
        match body.data().await {
            Some(Ok(data)) => taken += data.len(),
            Some(Err(error)) => return (taken, error.reason()),
            None => return (taken, None),
        }
    }
}

/// Takes an answer to its end.
pub async fn whole(body: RecvStream) -> Vec<u8> {
    slowly(body, || std::future::ready(())).await
}

/// Takes an answer to its end, with something between its pieces.
pub async fn slowly<F: Future<Output = ()>>(
    mut body: RecvStream,
    between: impl Fn() -> F,
) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.expect("the answer is not cut off");
        whole.extend_from_slice(&data);
        between().await;
        body.flow_control()
            .release_capacity(data.len())
            .expect("a window can be opened again");
    }
    whole
}
