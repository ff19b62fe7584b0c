//! The alert rules of k8s/observability, evaluated by a real Prometheus that scrapes a host.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::StatusCode;
use innkeeper_tests::{Opening, Settings, TestHost, eventually, http_client};
use serde_json::Value;
use tempfile::TempDir;

/// A Prometheus of the test's own.
struct Prometheus {
    child: Child,
    base: String,
    http: reqwest::Client,
    _home: TempDir,
}

impl Prometheus {
    fn watch(host: &TestHost) -> Self {
        let home = TempDir::new().expect("a temporary directory can be made");
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/observability/rules.yaml");
        let rules = fs::read_to_string(rules).expect("the rules are there");
        fs::write(home.path().join("rules.yml"), hurried(&rules)).unwrap();
        let target = host.operators().client().base().replace("http://", "");
        let configuration = format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 500ms}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: innkeeper\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(home.path().join("prometheus.yml"), configuration).unwrap();
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            free.local_addr().unwrap().port()
        };
        let child = Command::new("prometheus")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--enable-feature=exemplar-storage")
            .current_dir(home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed: `make test` sees to that");
        Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
            http: http_client().build().expect("a client can be made"),
            _home: home,
        }
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let reply = self.http.get(format!("{}{path}", self.base)).send().await;
        let reply = reply.map_err(|error| error.to_string())?;
        match reply.status() {
            StatusCode::OK => reply.json().await.map_err(|error| error.to_string()),
            status => Err(status.to_string()),
        }
    }

    /// The alerts that fire, with the context that each names.
    async fn firing(&self) -> Result<Vec<(String, String)>, String> {
        let found = self.get("/api/v1/alerts").await?;
        let alerts = found["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let label = |alert: &Value, name: &str| {
            alert["labels"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(firing
            .map(|alert| (label(alert, "alertname"), label(alert, "context")))
            .collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The groups of a PrometheusRule as a rule file, that wait for seconds where they wait for minutes.
fn hurried(rules: &str) -> String {
    let (_, spec) = rules
        .split_once("\nspec:\n")
        .expect("it is a PrometheusRule");
    let lines = spec.lines().map(|line| {
        let line = line.strip_prefix("  ").unwrap_or(line);
        match line.trim_start().strip_prefix("for: ") {
            Some(_) => format!("{}for: 1s", &line[..line.len() - line.trim_start().len()]),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn they_are_silent_while_all_is_well_and_fire_when_payment_traps() {
    let settings = Settings::of_the_app()
        .await
        .with("payment", "insolvent")
        .await;
    // Traces are recorded, though nobody takes them: so there are exemplars.
    let host = Opening::new(settings)
        .variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9")
        .open()
        .await;
    let prometheus = Prometheus::watch(&host);
    let stay = host.stay();
    let room = stay.room("watched").await;
    eventually("it is scraped twice", async || {
        let path = "/api/v1/query?query=count_over_time(innkeeper_commits_total%7Bcontext%3D%22room%22%7D[1m])";
        let found = prometheus.get(path).await?;
        let count = found["data"]["result"][0]["value"][1].as_str().unwrap_or("0").to_owned();
        let count: u32 = count.parse().unwrap_or(0);
        (count >= 2).then_some(()).ok_or_else(|| found.to_string())
    })
    .await;
    assert_eq!(prometheus.firing().await, Ok(Vec::new()));
    eventually("it has an exemplar of the route", async || {
        let query =
            "innkeeper_http_request_duration_seconds_bucket%7Bhttp_route%3D%22%2Frooms%22%7D";
        let path = format!("/api/v1/query_exemplars?query={query}&start=0&end=99999999999");
        let found = prometheus.get(&path).await?;
        let exemplar = &found["data"][0]["exemplars"][0]["labels"]["trace_id"];
        exemplar.as_str().map(drop).ok_or_else(|| found.to_string())
    })
    .await;

    eventually("the alerts fire", async || {
        stay.book(room).await.expect_problem(503);
        let firing = prometheus.firing().await?;
        let wanted = [
            ("InnkeeperRequestsFail", ""),
            ("InnkeeperContextFails", "payment"),
        ];
        let fires = |(name, context): &(&str, &str)| {
            firing
                .iter()
                .any(|(fired, of)| fired == name && of == context)
        };
        wanted
            .iter()
            .all(fires)
            .then_some(())
            .ok_or_else(|| format!("{firing:?}"))
    })
    .await;
}
