//! Who may look, and who may change something.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::test_host::{TestHost, run, text};

async fn status(host: &TestHost, method: Method, path: &str, token: Option<&str>) -> u16 {
    let request = host
        .http
        .request(method, format!("{}{path}", host.operators));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    if status >= 400 {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let challenge = answer.headers().contains_key("www-authenticate");
        assert_eq!(challenge, status == 401);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status);
        assert_ne!(problem["detail"], "");
    }
    status
}

#[tokio::test]
async fn it_is_made_and_shown_once_and_is_needed_for_changes() {
    let home = Arc::new(TempDir::new().unwrap());
    let mut host = TestHost::open_in(home.clone(), &[]).await;
    let token = host.token();
    assert!(host.err.all().contains(&token));
    let file = host.data().join("admin-token");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let rebuild = "/v1/contexts/viewpage/rebuild";
    assert_eq!(status(&host, Method::GET, "/v1/contexts", None).await, 200);
    for path in [
        rebuild,
        "/v1/contexts/room/dead-letters/retry",
        "/v1/contexts/room/dead-letters/room.1.1.0/retry",
    ] {
        assert_eq!(status(&host, Method::POST, path, None).await, 401, "{path}");
        assert_eq!(status(&host, Method::POST, path, Some("wrong")).await, 401);
    }
    let letter = "/v1/contexts/room/dead-letters/room.1.1.0";
    assert_eq!(status(&host, Method::DELETE, letter, None).await, 401);
    assert_eq!(
        status(&host, Method::DELETE, letter, Some(&token)).await,
        404
    );
    assert_eq!(
        status(&host, Method::POST, rebuild, Some(&token)).await,
        202
    );
    // Whoever sends a wrong one is told, also where none is needed.
    assert_eq!(
        status(&host, Method::GET, "/v1/contexts", Some("wrong")).await,
        401
    );
    host.close().await;

    let again = TestHost::open_in(home, &[]).await;
    assert_eq!(again.token(), token);
    assert!(!again.err.all().contains(&token) && !again.out.all().contains(&token));
    assert_eq!(
        status(&again, Method::POST, rebuild, Some(&token)).await,
        202
    );
}

#[tokio::test]
async fn one_that_is_given_is_not_kept() {
    let home = Arc::new(TempDir::new().unwrap());
    let host = TestHost::open_in(home, &["--admin-token", "open-sesame"]).await;
    assert!(!host.data().join("admin-token").exists());
    assert!(!host.err.all().contains("open-sesame"));
    let path = "/v1/contexts/viewpage/rebuild";
    assert_eq!(
        status(&host, Method::POST, path, Some("open-sesame")).await,
        202
    );
    let retry = ["dead-letters", "retry", "viewpage", "--all"];
    let refused = run(&mut host.command(&retry)).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("INNKEEPER_ADMIN_TOKEN"), "{said}");
    let mut command = host.command(&retry);
    let allowed = run(command.env("INNKEEPER_ADMIN_TOKEN", "open-sesame")).await;
    assert!(allowed.status.success(), "{}", text(&allowed.stderr));
}

#[tokio::test]
async fn a_page_that_leads_its_name_here_sees_nothing() {
    let host = TestHost::open().await;
    let asked = host.ask("/v1/contexts").header("host", "evil.example:8081");
    assert_eq!(asked.send().await.unwrap().status(), 401);
    let asked = host
        .ask("/v1/contexts")
        .header("host", "evil.example:8081")
        .bearer_auth(host.token());
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn where_others_can_reach_it_looking_needs_it_too() {
    let home = Arc::new(TempDir::new().unwrap());
    let mut host = TestHost::open_in(home, &["--admin", "0.0.0.0:0"]).await;
    host.operators = host.operators.replace("0.0.0.0", "127.0.0.1");
    for open in ["/livez", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(status(&host, Method::GET, open, None).await, 200, "{open}");
    }
    let token = host.token();
    for guarded in [
        "/v1/contexts",
        "/v1/sagas",
        "/v1/events?after=start&follow=false",
    ] {
        assert_eq!(
            status(&host, Method::GET, guarded, None).await,
            401,
            "{guarded}"
        );
        assert_eq!(status(&host, Method::GET, guarded, Some(&token)).await, 200);
    }
    assert!(host.says(&["status"]).await.contains("viewpage"));
}
