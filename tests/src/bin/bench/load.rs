//! Innkeeper and its native twin under the same load, by wrk.

use std::path::Path;
use std::process::{Child, Stdio};

use innkeeper_tests::{Inn, Opening, Settings, flood, request};
use tempfile::TempDir;
use tokio::process::Command;

use super::table::{Report, percent, rate};

const SECONDS: u32 = 6;
const CONNECTIONS: [u32; 2] = [32, 100];
const BODY: &str = r#"{"desc": "Beautiful House3"}"#;

/// What wrk measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub per_second: f64,
    pub requests: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Whether answers may be given again.
#[derive(Clone, Copy)]
enum Answers {
    /// As it is shipped.
    Again,
    /// Every request runs the guest.
    Anew,
}

impl Answers {
    async fn settings(self) -> Settings {
        let settings = Settings::of_the_app().await;
        match self {
            Self::Again => settings,
            Self::Anew => settings.set("context.room.limits.answers", 0),
        }
    }
}

/// A server to be measured: where, and what keeps it.
struct Server<T> {
    base: String,
    _keeper: T,
}

/// The twin's process; it ends with this.
struct Twin(
    Child,
    #[expect(dead_code, reason = "removed with this")] TempDir,
);

impl Drop for Twin {
    fn drop(&mut self) {
        let _ended_before = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Compares the two.
pub async fn compare(report: &mut Report) {
    let note = format!(
        "`GET /rooms/1` and `POST /rooms`, {SECONDS} s each, requests a second with latencies at 50 and 99 %. Innkeeper serves the context room alone here, \
         as the twin does; the last column is the whole app, where every registered room is an event that viewpage handles too. An answer to a `GET` is given \
         again while nothing of what it came from has changed; the rows *guest* are with `limits.answers = 0`, so that every request runs the guest."
    );
    let head = [
        "what",
        "native twin",
        "p50 / p99 ms",
        "Innkeeper",
        "p50 / p99 ms",
        "ratio",
        "whole app",
    ];
    let table = report.table("Innkeeper and its native twin", note, &head);
    let (read, write) = (("GET", "/rooms/1"), ("POST", "/rooms"));
    let cases = [
        (read, "flush", Answers::Again),
        (read, "flush", Answers::Anew),
        (write, "flush", Answers::Again),
        (write, "relaxed", Answers::Again),
    ];
    for ((method, path), durability, answers) in cases {
        for connections in CONNECTIONS {
            let native = measure(&twin(durability).await.base, method, path, connections).await;
            // Each is closed before the next is opened.
            let room = measure(
                &room(durability, answers).await.base,
                method,
                path,
                connections,
            )
            .await;
            let app = measure(
                &app(durability, answers).await.base,
                method,
                path,
                connections,
            )
            .await;
            let guest = match answers {
                Answers::Again => "",
                Answers::Anew => "guest, ",
            };
            table.row([
                format!("`{method} {path}`, {guest}{durability}, {connections} connections"),
                rate(native.per_second),
                latencies(native),
                rate(room.per_second),
                latencies(room),
                percent(room.per_second, native.per_second),
                rate(app.per_second),
            ]);
        }
    }
}

fn latencies(measured: Measured) -> String {
    format!("{:.1} / {:.1}", measured.p50_ms, measured.p99_ms)
}

async fn twin(durability: &str) -> Server<Twin> {
    let home = TempDir::new().expect("a temporary directory can be made");
    let mut child =
        std::process::Command::new(std::env::current_exe().expect("this program has a file"))
            .arg("twin")
            .arg(home.path())
            .arg(durability)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the twin starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("stdout is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
        .expect("the twin speaks");
    Server {
        base: line.trim().to_owned(),
        _keeper: Twin(child, home),
    }
}

async fn room(durability: &str, answers: Answers) -> Server<Inn> {
    let settings = answers.settings().await;
    let others = ["reservation", "payment", "message", "viewpage"];
    let settings = others.iter().fold(settings, |settings, name| {
        settings.without(&format!("context.{name}"))
    });
    inn(settings, durability).await
}

async fn app(durability: &str, answers: Answers) -> Server<Inn> {
    inn(answers.settings().await, durability).await
}

/// Opens an inn to be measured.
async fn inn(settings: Settings, durability: &str) -> Server<Inn> {
    let settings = settings.set("journal.durability", durability);
    let inn = Opening::new(settings).alone().open().await;
    Server {
        base: inn.gateway().base().to_owned(),
        _keeper: inn,
    }
}

async fn measure(base: &str, method: &str, path: &str, connections: u32) -> Measured {
    let first = move |_| request("POST", "/rooms", BODY);
    let flooded = flood(base, 8, 200, first).await;
    assert_eq!(flooded.refusals, 0);
    wrk(base, method, path, 1, connections).await;
    wrk(base, method, path, SECONDS, connections).await
}

/// Runs wrk.
pub async fn wrk(base: &str, method: &str, path: &str, seconds: u32, connections: u32) -> Measured {
    let script = match method {
        "GET" => String::new(),
        _ => format!(
            "wrk.method = '{method}'\nwrk.body = '{BODY}'\nwrk.headers['content-type'] = 'application/json'\n"
        ),
    };
    scripted(base, path, seconds, connections, &script).await
}

/// Runs wrk with a Lua script.
pub async fn scripted(
    base: &str,
    path: &str,
    seconds: u32,
    connections: u32,
    script: &str,
) -> Measured {
    let home = TempDir::new().expect("a temporary directory can be made");
    let file = home.path().join("load.lua");
    std::fs::write(&file, format!("{script}{SUMMARY}")).expect("the script can be written");
    let output = run(&file, &format!("{base}{path}"), seconds, connections).await;
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("summary "));
    let numbers: Vec<f64> = line
        .unwrap_or_else(|| panic!("wrk said: {output}"))
        .split(' ')
        .map(|number| number.parse().expect("a number"))
        .collect();
    let [requests, microseconds, p50, p99, errors] = numbers[..] else {
        panic!("wrk said: {output}")
    };
    assert_eq!(errors, 0.0, "wrk met errors: {output}");
    Measured {
        per_second: requests * 1e6 / microseconds,
        requests: requests as u64,
        p50_ms: p50 / 1e3,
        p99_ms: p99 / 1e3,
    }
}

/// Prints what is wanted in one line: requests, duration, latencies in microseconds, errors.
const SUMMARY: &str = "
done = function(summary, latency, requests)
    local errors = summary.errors
    local all = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format('summary %d %d %d %d %d\\n', summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), all))
end
";

async fn run(script: &Path, url: &str, seconds: u32, connections: u32) -> String {
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{seconds}s"),
            "--timeout",
            "10s",
            "-s",
        ])
        .arg(script)
        .arg(url)
        .kill_on_drop(true)
        .output()
        .await
        .expect("wrk is installed; `make bench` does that");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
