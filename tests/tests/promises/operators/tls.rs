//! TLS at the operators' port: who it is, and whose clients it takes.

use std::path::Path;
use std::time::Duration;

use innkeeper::admin::Audited;
use innkeeper_tests::{
    Authority, Certified, Said, Settings, TestHost, TlsClient, command, eventually, raw,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::audit::audit;
use super::bell;

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

/// A manifest with TLS, with this certificate; only clients of an authority are taken, if one is given.
async fn with_tls(port: &Certified, clients: Option<&Authority>) -> Settings {
    let settings = bell()
        .await
        .set("admin.tls.certificate_file", text(&port.certificate))
        .set("admin.tls.key_file", text(&port.key));
    match clients {
        Some(clients) => settings.set("admin.tls.client_ca_file", text(&clients.file())),
        None => settings,
    }
}

/// What the command line says of a host whose authority it is told, and to which it says who it is.
async fn status(host: &TestHost, trusted: Option<&Authority>, own: Option<&Certified>) -> Said {
    let operators = host.operators();
    let mut arguments = ["status", "--admin", operators.client().base()]
        .map(str::to_owned)
        .to_vec();
    let mut add = |flag: &str, value: &str| arguments.extend([flag.to_owned(), value.to_owned()]);
    add("--admin-token", operators.token());
    if let Some(trusted) = trusted {
        add("--ca-certificate", text(&trusted.file()));
    }
    if let Some(own) = own {
        add("--client-certificate", text(&own.certificate));
        add("--client-key", text(&own.key));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    command(&arguments).await
}

/// Makes a file say what another says.
fn replace(file: &Path, with: &Path) {
    std::fs::copy(with, file).expect("a file can be copied");
}

#[tokio::test]
async fn the_port_speaks_tls_and_the_command_line_knows_whom_it_talks_to() {
    let (authority, other) = (Authority::new("inns"), Authority::new("others"));
    let host = TestHost::with(with_tls(&authority.certify("port"), None).await).await;
    let base = host.operators().client().base();
    assert!(base.starts_with("https://"), "{base}");
    let said = status(&host, Some(&authority), None).await;
    assert!(said.is_well && said.out.contains("bell"), "{said:?}");
    for trusted in [Some(&other), None] {
        let said = status(&host, trusted, None).await;
        assert!(
            !said.is_well && said.err.contains("--ca-certificate"),
            "{said:?}"
        );
        assert_eq!(said.err.trim().lines().count(), 1, "{said:?}");
    }
    // Tokens and roles are as they are without.
    let client = TlsClient::new(&authority, None);
    let reply = client.get(base, "/v1/contexts", "wrong").await;
    reply.expect("an answer").expect_problem(401);
    let reply = client
        .get(base, "/v1/contexts", host.operators().token())
        .await;
    reply.expect("an answer").expect(200);
    // Who speaks plainly is told.
    let plain = base.replace("https://", "http://");
    let reply = raw(&plain, b"GET /livez HTTP/1.1\r\nhost: inn\r\n\r\n").await;
    let reply = reply.expect("an answer").expect_problem(400);
    assert!(reply.text.contains("https://"), "{}", reply.text);
    let said = command(&["status", "--admin", &plain]).await;
    assert!(!said.is_well && said.err.contains("speaks TLS"), "{said:?}");
}

#[tokio::test]
async fn only_clients_of_the_authority_are_answered() {
    let (authority, clients, other) = (
        Authority::new("inns"),
        Authority::new("clients"),
        Authority::new("others"),
    );
    let host = TestHost::with(with_tls(&authority.certify("port"), Some(&clients)).await).await;
    let (base, token) = (host.operators().client().base(), host.operators().token());
    let known = clients.certify("operator");
    let said = status(&host, Some(&authority), Some(&known)).await;
    assert!(said.is_well && said.out.contains("bell"), "{said:?}");
    // A certificate is no token.
    let client = TlsClient::new(&authority, Some(&known));
    let reply = client.get(base, "/v1/contexts", "wrong").await;
    reply.expect("an answer").expect_problem(401);
    let unknown = other.certify("operator");
    for own in [None, Some(&unknown), Some(&authority.certify("insider"))] {
        for path in ["/livez", "/metrics", "/v1/contexts"] {
            let reply = TlsClient::new(&authority, own).get(base, path, token).await;
            assert!(reply.is_none(), "{path}: {reply:?}");
        }
        let said = status(&host, Some(&authority), own).await;
        assert!(
            !said.is_well && said.err.contains("--client-certificate"),
            "{said:?}"
        );
    }
    eventually("all refusals are written down", async || {
        let log = audit(&host);
        let refused = log.iter().filter(|line| {
            line.what == Audited::Refused && line.reason.as_deref() == Some("handshake")
        });
        match refused.count() {
            12.. => Ok(()),
            fewer => Err(format!("{fewer}: {log:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn certificates_are_exchanged_without_a_restart() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let (clients, others) = (Authority::new("clients"), Authority::new("others"));
    let port = before.certify("port");
    let host = TestHost::with(with_tls(&port, Some(&clients)).await).await;
    let (base, token) = (host.operators().client().base(), host.operators().token());
    let (known, other) = (clients.certify("operator"), others.certify("operator"));
    let answers = async |trusted: &Authority, own: &Certified, wanted: bool| {
        let client = TlsClient::new(trusted, Some(own));
        eventually("the files are read again", async || {
            let reply = client.get(base, "/v1/contexts", token).await;
            match reply.is_some_and(|reply| reply.status == 200) == wanted {
                true => Ok(()),
                false => Err(format!("it is not {wanted} yet")),
            }
        })
        .await;
    };
    answers(&before, &known, true).await;
    // What is no certificate changes nothing, and is said.
    std::fs::write(&port.certificate, "no certificate").expect("a file can be written");
    eventually("it is said", async || {
        match host.output().lines_with("stay as they were").is_empty() {
            true => Err("it is not"),
            false => Ok(()),
        }
    })
    .await;
    answers(&before, &known, true).await;
    let renewed = after.certify("port");
    replace(&port.key, &renewed.key);
    replace(&port.certificate, &renewed.certificate);
    answers(&after, &known, true).await;
    answers(&before, &known, false).await;
    // Who is let in no longer is asked to go, also in the middle of a stream.
    let mut stream = TlsClient::new(&after, Some(&known))
        .connect(base)
        .await
        .expect("TLS");
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    stream.read_u8().await.expect("it is answered");
    replace(&clients.file(), &others.file());
    answers(&after, &other, true).await;
    answers(&after, &known, false).await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest));
    // With a farewell or without one.
    let _how = ended.await.expect("the stream ends");
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out() {
    /// More than there are places.
    const SILENT: usize = 300;
    innkeeper_tests::many_descriptors();
    let authority = Authority::new("inns");
    let host = TestHost::with(with_tls(&authority.certify("port"), None).await).await;
    let (base, token) = (host.operators().client().base(), host.operators().token());
    let address = base.strip_prefix("https://").expect("an address");
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(address).await.expect("the port is open"));
    }
    let client = TlsClient::new(&authority, None);
    let reply = client.get(base, "/v1/contexts", token).await;
    reply.expect("an answer").expect(200);
    // And they are sent away.
    let last = silent.last_mut().expect("there are some");
    let mut read = [0; 64];
    let ended = tokio::time::timeout(Duration::from_secs(30), last.read(&mut read));
    let read = ended.await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn files_that_are_none_are_refused_at_the_start_in_one_line() {
    let authority = Authority::new("inns");
    let (port, other) = (authority.certify("port"), authority.certify("other"));
    let settings = with_tls(&port, Some(&authority)).await;
    let mut host = TestHost::with(settings.clone()).await;
    host.close().await;
    let nothing = host.home().join("nothing.pem");
    std::fs::write(&nothing, "nothing").expect("a file can be written");
    let missing = host.home().join("missing.pem");
    for (setting, file, said) in [
        ("certificate_file", &missing, "cannot be read"),
        ("certificate_file", &nothing, "holds no certificate"),
        ("key_file", &nothing, "holds no key"),
        ("key_file", &other.key, "do not make a pair"),
        ("client_ca_file", &missing, "cannot be read"),
        ("client_ca_file", &nothing, "holds no certificate"),
    ] {
        let name = format!("admin.tls.{setting}");
        host.rewrite(settings.clone().set(&name, text(file)));
        let refused = host.refused().await;
        let line = refused.err.trim();
        assert!(
            line.contains(said) && line.contains(text(file)),
            "{setting}: {line}"
        );
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
