//! What is wrong with the server is said in one line, and the app serves all the same.

use async_nats::jetstream::{self, stream};
use innkeeper_tests::nats::{JETSTREAM, NatsServer};
use innkeeper_tests::{Opening, Settings, TestHost, eventually};

use super::feed::host;

/// Waits for a line with `text`; the app must serve meanwhile, and say it once.
pub async fn says(host: &TestHost, text: &str) {
    eventually(text, async || match host.output().lines_with(text).len() {
        0 => Err(host.output().tail(5)),
        _ => Ok(()),
    })
    .await;
    host.stay().room("all the same").await;
    assert_eq!(host.output().lines_with(text).len(), 1, "it is said once");
}

#[tokio::test]
async fn a_server_without_jetstream() {
    let server = NatsServer::with(&[]).await;
    says(&host(&server).await, "JetStream is not enabled").await;
}

#[tokio::test]
async fn wrong_credentials_and_then_the_right_ones() {
    let server = NatsServer::with(&["-js", "--user", "inn", "--pass", "right"]).await;
    let settings = Settings::of_the_app().await.set("nats.user", "inn");
    let settings = settings.set("nats.url", server.url());
    let settings = settings.set("nats.password_file", "password");
    let host = Opening::new(settings).open().await;
    says(&host, "cannot use").await;
    let file = host.home().join("password");
    std::fs::write(&file, "wrong\n").expect("a file can be written");
    says(&host, "rejected the host's credentials").await;
    std::fs::write(&file, "right\n").expect("a file can be written");
    says(&host, "events are published again").await;
    assert!(
        host.output().lines_with("right").is_empty()
            && host.output().lines_with("wrong").is_empty()
    );
}

#[tokio::test]
async fn a_stream_with_other_settings_stays_as_it_is() {
    let server = NatsServer::with(JETSTREAM).await;
    let context = jetstream::new(server.client().await);
    let config = stream::Config {
        name: "stay".to_owned(),
        subjects: vec!["stay.>".to_owned()],
        max_messages_per_subject: -1,
        max_age: std::time::Duration::from_secs(3600),
        ..stream::Config::default()
    };
    context
        .create_stream(config)
        .await
        .expect("a stream can be made");
    let host = host(&server).await;
    says(&host, "max_age is").await;
    super::feed::all_published(&host, &server).await;
    let mut stream = context.get_stream("stay").await.expect("it is there");
    let config = &stream.info().await.expect("it says how it is").config;
    assert_eq!(config.max_age.as_secs(), 3600);
}

#[tokio::test]
async fn a_stream_that_takes_other_subjects() {
    let server = NatsServer::start().await;
    server.make_stream("stay", "elsewhere.>").await;
    says(&host(&server).await, "does not have the subjects").await;
}

#[tokio::test]
async fn a_subject_that_is_not_allowed() {
    let directory = tempfile::TempDir::new().expect("a temporary directory can be made");
    let file = directory.path().join("nats.conf");
    let rules = "authorization { users = [{ user: inn, password: right, permissions: { \
        publish: [\"$JS.API.>\"], subscribe: \">\" } }] }\n";
    std::fs::write(&file, rules).expect("a file can be written");
    let server = NatsServer::with(&["-js", "-c", file.to_str().expect("UTF-8")]).await;
    let settings = Settings::of_the_app().await.set("nats.user", "inn");
    let settings = settings.set("nats.url", server.url());
    let opening = Opening::new(settings).variable("INNKEEPER_NATS_PASSWORD", "right");
    let host = opening.open().await;
    host.stay().room("a first event").await;
    says(&host, "may lack permission").await;
    assert!(
        host.output()
            .lines_with("Permissions Violation")
            .iter()
            .any(|line| line.contains("stay.room.RoomRegistered"))
    );
}
