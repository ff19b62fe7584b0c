//! Over TLS: whom the host trusts, and who it is; what is wrong is said in one line, and the app serves all the same.

use std::path::Path;

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Authority, Certified, Opening, Settings, TestHost};

use super::feed::{all_published, by_source};
use super::refusals::says;

/// An app whose events go to a server with TLS; `certified` is who the host is.
async fn host(server: &NatsServer, ca_file: &Path, certified: Option<&Certified>) -> TestHost {
    let text = |file: &Path| file.to_str().expect("paths are UTF-8").to_owned();
    let settings = Settings::of_the_app().await.set("nats.url", server.url());
    let mut settings = settings.set("nats.ca_file", text(ca_file));
    if let Some(Certified { certificate, key }) = certified {
        settings = settings
            .set("nats.certificate_file", text(certificate))
            .set("nats.key_file", text(key));
    }
    Opening::new(settings).open().await
}

/// Everything is published, as it was committed.
async fn publishes(host: &TestHost, server: &NatsServer) {
    host.stay().room("over TLS").await;
    let (told, received) = all_published(host, server).await;
    assert!(!told.is_empty());
    let events = received.iter().map(|message| message.event());
    assert_eq!(by_source(events), by_source(told));
}

/// Makes a file say what another says.
fn replace(file: &Path, with: &Path) {
    std::fs::copy(with, file).expect("a file can be copied");
}

#[tokio::test]
async fn events_arrive_also_after_the_server_was_gone() {
    let authority = Authority::new("inns");
    let mut server = NatsServer::with_tls(&authority, "--tls").await;
    let host = host(&server, &authority.file(), None).await;
    publishes(&host, &server).await;
    server.kill_9();
    host.stay().room("meanwhile").await;
    server.restart().await;
    publishes(&host, &server).await;
}

#[tokio::test]
async fn a_server_that_is_not_trusted_and_then_is() {
    let (authority, other) = (Authority::new("inns"), Authority::new("others"));
    let server = NatsServer::with_tls(&authority, "--tls").await;
    let host = host(&server, &other.file(), None).await;
    says(&host, "is not trusted: UnknownIssuer; check `nats.ca_file`").await;
    std::fs::write(other.file(), "no certificate").expect("a file can be written");
    says(&host, "ca.pem: ").await;
    replace(&other.file(), &authority.file());
    says(&host, "events are published again").await;
    publishes(&host, &server).await;
}

#[tokio::test]
async fn a_server_that_knows_its_clients() {
    let (authority, other) = (Authority::new("inns"), Authority::new("others"));
    let server = NatsServer::with_tls(&authority, "--tlsverify").await;
    let unknown = other.certify("host");
    let host = host(&server, &authority.file(), Some(&unknown)).await;
    says(&host, "rejected the host's client certificate").await;
    let known = authority.certify("host");
    replace(&unknown.key, &known.key);
    replace(&unknown.certificate, &known.certificate);
    says(&host, "events are published again").await;
    publishes(&host, &server).await;
}

#[tokio::test]
async fn a_server_that_wants_to_know_who_calls() {
    let authority = Authority::new("inns");
    let server = NatsServer::with_tls(&authority, "--tlsverify").await;
    let host = host(&server, &authority.file(), None).await;
    says(&host, "or requires one").await;
}
