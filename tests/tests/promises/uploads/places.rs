//! Whoever uploads slowly keeps nobody else from uploading.

use std::time::Duration;

use futures::future::join_all;
use innkeeper_tests::{Client, Operators, TestHost, artifacts, within};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::idler;

/// The sha-256 of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
/// How many uploads there may be at once.
const PLACES: usize = 8;
/// How long the slow have at the least until they are sent away.
const GRACE: Duration = Duration::from_secs(60);

/// An upload of which only the beginning comes.
async fn begun(operators: &Operators, token: &str) -> TcpStream {
    let address = operators.client().base().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/contexts/idler/versions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/wasm\r\ncontent-length: 1000000\r\n\r\n\0asm"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_uploads_with_one_token_leave_places_for_others_and_are_sent_away() {
    let settings = idler()
        .await
        .set("admin.tokens.ci.role", "deploy")
        .set("admin.tokens.ci.sha256", HASH);
    let host = TestHost::with(settings).await;
    let slow = (0..2 * PLACES).map(|_| begun(host.operators(), "secret"));
    let mut slow = join_all(slow).await;
    // Those who are under way have been let in; others wait for them to end.
    for number in 0..3 {
        let edition = artifacts::edited("idler", &format!("beside the slow {number}")).await;
        host.operators()
            .deploy("idler", edition, "")
            .await
            .expect(201);
    }
    // They trickle on, and are sent away all the same.
    let mut answers = Vec::new();
    let sent_away = within(GRACE, async || {
        for stream in &mut slow {
            let _ = stream.write_all(&[0]).await;
            let mut answer = vec![0; 64];
            if let Ok(read) = stream.try_read(&mut answer)
                && read > 0
            {
                answers.push(String::from_utf8_lossy(&answer[..read]).into_owned());
            }
        }
        match answers
            .iter()
            .filter(|answer| answer.contains(" 408 "))
            .count()
        {
            0..3 => Err(format!("{answers:?}")),
            _ => Ok(()),
        }
    });
    sent_away.await.unwrap();
    drop(slow);
    // Their own token is as good as before.
    let client = Client::new(host.operators().client().base().to_owned());
    let ci = Operators::new(client, "secret");
    let edition = artifacts::edited("idler", "after the slow").await;
    ci.deploy("idler", edition, "").await.expect(201);
}
