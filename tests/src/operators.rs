//! The operators' port.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::client::{send, try_send};
use crate::{Client, Reply, eventually};

/// How long a deployment may take.
const LONGEST_DEPLOYMENT: Duration = Duration::from_secs(300);

/// Someone who operates the host, and has its token.
#[derive(Clone)]
pub struct Operators {
    client: Client,
    token: String,
}

impl Operators {
    /// With the token, at this address.
    pub fn new(client: Client, token: &str) -> Self {
        Self {
            client,
            token: token.to_owned(),
        }
    }

    /// The connection, without the token.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the host says that it is ready.
    pub async fn ready(&self) -> Result<(), String> {
        let reply = try_send(self.client.request(Method::GET, "/readyz")).await;
        match reply {
            Ok(reply) if reply.status == 200 => Ok(()),
            Ok(reply) => Err(format!("{} {}", reply.status, reply.text)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A request with the token.
    pub async fn send(&self, method: Method, path: &str) -> Reply {
        send(self.request(method, path)).await
    }

    /// A request with the token, to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, path).bearer_auth(&self.token)
    }

    /// Brings a version of a context; `how` is a query such as `ramp=5,100`.
    pub async fn deploy(&self, context: &str, bytes: Vec<u8>, how: &str) -> Reply {
        let deployed = self.try_deploy(context, bytes, how).await;
        deployed.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// The same, where the other side may go down.
    pub async fn try_deploy(
        &self,
        context: &str,
        bytes: Vec<u8>,
        how: &str,
    ) -> Result<Reply, reqwest::Error> {
        let path = format!("/v1/contexts/{context}/versions?{how}");
        // On a machine that is busy otherwise the compiler comes last.
        let request = self
            .request(Method::POST, &path)
            .timeout(LONGEST_DEPLOYMENT);
        try_send(
            request
                .header("content-type", "application/wasm")
                .body(bytes),
        )
        .await
    }

    /// Goes back to the version before.
    pub async fn rollback(&self, context: &str) -> Reply {
        self.send(Method::POST, &format!("/v1/contexts/{context}/rollback"))
            .await
    }

    /// The newest rollout of a context, when it has ended.
    pub async fn rollout_ended(&self, context: &str) -> Value {
        let path = format!("/v1/contexts/{context}/rollout");
        eventually("the rollout has ended", async || {
            let found = self.get(&path).await;
            match found["stage"] == "ended" {
                true => Ok(found),
                false => Err(found.to_string()),
            }
        })
        .await
    }

    /// The versions of a context, newest first.
    pub async fn versions(&self, context: &str) -> Vec<Value> {
        let found = self.get(&format!("/v1/contexts/{context}/versions")).await;
        found["versions"].as_array().expect("a list").clone()
    }

    /// The state of a version.
    pub async fn state_of(&self, context: &str, digest: &str) -> String {
        let versions = self.versions(context).await;
        let found = versions.iter().find(|version| version["digest"] == digest);
        let state = found.map(|version| version["state"].as_str().unwrap_or_default());
        state.unwrap_or("unknown").to_owned()
    }

    /// The digest of the version that serves.
    pub async fn serving(&self, context: &str) -> String {
        let found = self.context(context).await;
        found["version"]["digest"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// What a path shows.
    pub async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path).await.expect(200).body
    }

    /// What is said of a context.
    pub async fn context(&self, name: &str) -> Value {
        self.get(&format!("/v1/contexts/{name}")).await
    }

    /// Every event that there is, as CloudEvents, those of one context in their order.
    pub async fn events(&self) -> Vec<Value> {
        let stream = self
            .send(Method::GET, "/v1/events?after=start&follow=false")
            .await
            .expect(200);
        let data = stream
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"));
        data.map(|json| serde_json::from_str(json).expect("an event is JSON"))
            .collect()
    }

    /// The events of one kind.
    pub async fn events_of(&self, kind: &str) -> Vec<Value> {
        let mut events = self.events().await;
        events.retain(|event| {
            event["type"]
                .as_str()
                .is_some_and(|name| name.ends_with(&format!(".{kind}")))
        });
        events
    }

    /// The dead letters of a context, when there are so many.
    pub async fn dead_letters(&self, context: &str, count: usize) -> Vec<Value> {
        let path = format!("/v1/contexts/{context}/dead-letters");
        eventually("the dead letters are there", async || {
            let found = self.get(&path).await;
            match found["deadLetters"].as_array() {
                Some(found) if found.len() == count => Ok(found.clone()),
                _ => Err(found.to_string()),
            }
        })
        .await
    }

    /// What is under way between contexts, and what was given up on; empty when all is quiet.
    pub async fn pending(&self) -> Vec<String> {
        let mut pending = Vec::new();
        let contexts = self.get("/v1/contexts").await;
        for context in contexts["contexts"].as_array().expect("a list of contexts") {
            let name = context["name"].as_str().unwrap_or_default();
            let mut note = |what: &str, count: &Value| {
                if *count != 0 {
                    pending.push(format!("{name}: {count} {what}"));
                }
            };
            note("intents", &context["intentsPending"]);
            note("compensations", &context["compensationsPending"]);
            note("dead letters", &context["deadLetters"]);
            for (source, lag) in context["lag"].as_object().expect("lag by source") {
                note(&format!("events of {source} to follow"), lag);
            }
        }
        pending
    }

    /// Waits until all is quiet.
    pub async fn nothing_pending(&self) {
        eventually("all is quiet", async || match self.pending().await {
            pending if pending.is_empty() => Ok(()),
            pending => Err(pending.join("; ")),
        })
        .await;
    }
}
