//! Bytes over a plain connection, for what a proper client refuses to send.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Reply;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends `bytes` to an address such as `http://127.0.0.1:8080` and reads the first answer. `None` when the connection was closed without one.
pub async fn raw(base: &str, bytes: &[u8]) -> Option<Reply> {
    let address = base.strip_prefix("http://").expect("an http address");
    let stream = TcpStream::connect(address).await.expect("the port is open");
    exchange(stream, bytes).await
}

/// The same over a connection that is there already, whatever it is carried by; over one that is lent, more can be asked.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
) -> Option<Reply> {
    // The other side may refuse, answer and close before it has read everything.
    let _partly = stream.write_all(bytes).await;
    let mut read = Vec::new();
    let answer = async {
        loop {
            if let Some(reply) = parse(&read) {
                return Some(reply);
            }
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .expect("an answer, or the end of the connection")
}

/// The answer, once it is all there.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value.trim()).ok()?,
        );
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    let body = bytes.get(end + 4..end + 4 + length)?;
    let text = String::from_utf8_lossy(body).into_owned();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Reply {
        status,
        headers,
        text,
        body,
    })
}
