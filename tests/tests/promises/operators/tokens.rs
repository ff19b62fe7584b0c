//! Tokens: who guesses them, and how long they are good.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::{Reply, TestHost, command, eventually, http_client, raw, send};

use super::audit::audit;
use super::{bell, with_token};

/// Asks from another address of this machine.
async fn ask_from(address: &str, host: &TestHost, token: &str) -> Reply {
    let address: IpAddr = address.parse().expect("an address");
    let client = http_client().local_address(address);
    let client = client.build().expect("a client can be made");
    let url = format!("{}/v1/contexts", host.operators().client().base());
    send(client.get(url).bearer_auth(token)).await
}

#[tokio::test]
async fn who_guesses_tokens_is_slowed_down_and_nobody_else() {
    const GUESSES: u64 = 3_000;
    let host = TestHost::with(bell().await).await;
    let began = Instant::now();
    let guess = async |number: u64| {
        let guesser = with_token(&host, &format!("guess-{number}"));
        guesser.send(Method::GET, "/v1/contexts").await
    };
    let mut looked_at = 0;
    for round in 0..GUESSES / 50 {
        let guesses = (0..50).map(|number| guess(round * 50 + number));
        for reply in futures::future::join_all(guesses).await {
            match reply.status {
                401 => looked_at += 1,
                _ => assert_ne!(reply.expect_problem(429).header("retry-after"), ""),
            }
        }
    }
    let most = 20 + began.elapsed().as_secs() + 2;
    assert!(
        (20..=most).contains(&looked_at),
        "{looked_at} in {:?}",
        began.elapsed()
    );
    // Elsewhere nobody notices.
    let token = host.operators().token().to_owned();
    ask_from("127.0.0.2", &host, &token).await.expect(200);
    ask_from("127.0.0.2", &host, "wrong")
        .await
        .expect_problem(401);
    // Nor is the disk filled.
    let lines = audit(&host).len() as u64;
    assert!(lines <= 30 + began.elapsed().as_secs() + 2, "{lines} lines");
    // And it passes.
    eventually("the right token is looked at", async || {
        match host
            .operators()
            .send(Method::GET, "/v1/contexts")
            .await
            .status
        {
            200 => Ok(()),
            status => Err(status),
        }
    })
    .await;
}

/// Who works in the directory of one app asks the host of another, or their host has another token by now.
#[tokio::test]
async fn a_token_that_was_only_found_is_not_insisted_on() {
    let host = TestHost::with(bell().await).await;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().to_str().expect("paths are UTF-8");
    std::fs::write(directory.path().join("admin-token"), "of-another-host").expect("it is written");
    let address = host.operators().client().base().to_owned();
    let there = ["--admin", address.as_str(), "--data", path];
    let said = command(&[&["status"], &there[..]].concat()).await;
    assert!(said.is_well && said.out.contains("bell"), "{said:?}");
    // Where one is needed it is said which one is not good.
    let said = command(&[&["fault", "bell", "--off"], &there[..]].concat()).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("does not know the token in") && said.err.contains("admin-token"),
        "{said:?}"
    );
    // One that is named is.
    let token = host.operators().token().to_owned();
    let named = ["--admin-token", token.as_str()];
    let said = command(&[&["fault", "bell", "--off"], &there[..], &named].concat()).await;
    assert!(said.is_well, "{said:?}");
    let wrong = ["--admin-token", "wrong"];
    let said = command(&[&["status"], &there[..], &wrong].concat()).await;
    assert!(said.err.contains("not an operators' token"), "{said:?}");
}

#[tokio::test]
async fn tokens_expire_and_are_withdrawn_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("board");
    std::fs::write(&file, "board-token").expect("a file can be written");
    let path = file.to_str().expect("paths are UTF-8");
    let settings = bell()
        .await
        .set("admin.tokens.old.role", "admin")
        .set(
            "admin.tokens.old.sha256",
            "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        )
        .set("admin.tokens.old.expires", "2026-01-01T00:00:00Z");
    let with_board = settings
        .clone()
        .set("admin.tokens.board.role", "read")
        .set("admin.tokens.board.file", path);
    let mut host = TestHost::with(with_board.clone()).await;
    let expired = with_token(&host, "secret")
        .send(Method::GET, "/v1/contexts")
        .await;
    assert!(expired.text.contains("expired"), "{}", expired.text);
    expired.expect_problem(401);
    let becomes = async |host: &TestHost, wanted: u16| {
        let board = with_token(host, "board-token");
        eventually("the token is read again", async || {
            match board.send(Method::GET, "/v1/contexts").await.status {
                status if status == wanted => Ok(()),
                status => Err(status),
            }
        })
        .await;
    };
    becomes(&host, 200).await;
    // Whoever listens has to show a token again.
    let stream = with_token(&host, "board-token").request(Method::GET, "/v1/events");
    let stream = stream.send().await.expect("an answer");
    std::fs::remove_file(&file).expect("it can be removed");
    becomes(&host, 401).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.text()).await;
    assert!(ended.expect("the stream ends").is_ok());
    std::fs::write(&file, "board-token").expect("a file can be written");
    becomes(&host, 200).await;
    host.rewrite(settings);
    becomes(&host, 401).await;
    host.rewrite(with_board);
    becomes(&host, 200).await;
}

#[tokio::test]
async fn who_sends_many_guesses_at_once_gets_no_more_of_them_looked_at() {
    const AT_ONCE: usize = 64;
    let host = TestHost::with(bell().await).await;
    let base = host.operators().client().base();
    let began = Instant::now();
    let guess = |number: usize| {
        let request = format!(
            "GET /v1/contexts HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer guess-{number}\r\n\r\n"
        );
        async move { raw(base, request.as_bytes()).await.expect("an answer") }
    };
    let replies = futures::future::join_all((0..AT_ONCE).map(guess)).await;
    let looked_at = replies.iter().filter(|reply| reply.status == 401).count();
    let most = 20 + began.elapsed().as_secs() as usize + 1;
    assert!((20..=most).contains(&looked_at), "{looked_at}");
    // The right token counts as no guess, however often it comes.
    let token = host.operators().token();
    for _ in 0..2 * AT_ONCE {
        ask_from("127.0.0.2", &host, token).await.expect(200);
    }
}

#[tokio::test]
async fn a_stream_of_a_token_that_is_withdrawn_while_it_opens_ends() {
    const STREAMS: usize = 40;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("board");
    std::fs::write(&file, "board-token").expect("a file can be written");
    let settings = bell()
        .await
        .set("admin.tokens.board.role", "read")
        .set("admin.tokens.board.file", file.to_str().expect("UTF-8"));
    let host = TestHost::with(settings).await;
    let others = host.operators().request(Method::GET, "/v1/events");
    let mut others = others.send().await.expect("an answer");
    // Streams are opened one after the other, until one is refused: the token goes while one of them opens.
    let board = with_token(&host, "board-token");
    let mut streams = Vec::new();
    let mut withdrawn = false;
    loop {
        let stream = board.request(Method::GET, "/v1/events").send().await;
        let stream = stream.expect("an answer");
        match stream.status().as_u16() {
            200 => streams.push(stream),
            503 if !withdrawn => streams.clear(),
            503 => tokio::task::yield_now().await,
            401 => break,
            status => panic!("{status}"),
        }
        if streams.len() == STREAMS && !withdrawn {
            std::fs::remove_file(&file).expect("it can be removed");
            withdrawn = true;
        }
    }
    let ended = futures::future::join_all(streams.into_iter().map(reqwest::Response::text));
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    assert!(ended.expect("all streams end").iter().all(Result::is_ok));
    // Whose token is good goes on: the ring is heard.
    let ring = serde_json::json!({"number": 7});
    host.stay()
        .client()
        .post("/bells/1/rings", ring)
        .await
        .expect(200);
    let heard = tokio::time::timeout(Duration::from_secs(60), async {
        let mut text = String::new();
        while !text.contains("BellRung") {
            let chunk = others.chunk().await.expect("the stream goes on");
            text += &String::from_utf8_lossy(&chunk.expect("it has not ended"));
        }
    });
    heard.await.expect("it is told");
}
