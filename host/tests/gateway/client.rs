//! A client that sends bytes as the test wrote them.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::stub_backend::SOON;

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: BufReader::new(TcpStream::connect(address).await.unwrap()),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The same, where the other side may close.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Sends a request and reads the response. `head` is all of it up to the `Host` header.
    pub async fn ask(&mut self, head: &str) -> Reply {
        self.ask_with(head, "").await
    }

    /// The same with a body.
    pub async fn ask_with(&mut self, head: &str, body: &str) -> Reply {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let method = head.split(' ').next().unwrap().to_owned();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let headers: String = headers
            .lines()
            .map(|header| format!("{header}\r\n"))
            .collect();
        self.send(format!(
            "{line} HTTP/1.1\r\nhost: inn.example\r\n{headers}{length}\r\n{body}"
        ))
        .await;
        self.reply_to(&method).await
    }

    /// Reads a response.
    pub async fn reply(&mut self) -> Reply {
        self.reply_to("GET").await
    }

    /// Reads a response to a request with this method.
    pub async fn reply_to(&mut self, method: &str) -> Reply {
        timeout(SOON, self.read(method))
            .await
            .expect("no answer came")
    }

    async fn read(&mut self, method: &str) -> Reply {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        let status = line
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{line:?} is no status line"))
            .parse()
            .unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            let value = value.to_owned();
            headers
                .entry(name.to_owned())
                .and_modify(|all| *all = format!("{all}, {value}"))
                .or_insert(value.clone());
        }
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let length = headers
            .get("content-length")
            .map_or(0, |length: &String| length.parse().unwrap());
        let mut body = vec![0; if bodiless { 0 } else { length }];
        self.stream.read_exact(&mut body).await.unwrap();
        Reply {
            status,
            headers,
            body,
        }
    }

    /// Waits until the server closes the connection; what came before is lost.
    pub async fn closes(&mut self) {
        let mut rest = Vec::new();
        timeout(SOON, self.stream.read_to_end(&mut rest))
            .await
            .expect("the connection stays open")
            .ok();
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Says that it is this problem, complete and under the id of its answer.
    #[track_caller]
    pub fn is_problem(&self, status: u16, detail: &str) {
        let body = self.json();
        assert_eq!(
            (self.status, body["detail"].as_str()),
            (status, Some(detail)),
            "{self:?}"
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(body["status"], status);
        assert!(
            body["title"].is_string() && body["type"].is_string(),
            "{body}"
        );
        assert_eq!(
            body["correlationId"].as_str(),
            self.header("x-correlation-id")
        );
    }
}
