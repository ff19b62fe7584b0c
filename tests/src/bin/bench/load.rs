//! Innkeeper and its native twin under the same load, by wrk.

use std::path::Path;
use std::process::{Child, Stdio};

use innkeeper_tests::{Opening, Settings, TestHost, flood, processor_time, request};
use tempfile::TempDir;
use tokio::process::Command;

use super::table::{Report, percent, rate};

const SECONDS: u32 = 6;
const CONNECTIONS: [u32; 2] = [32, 100];
const BODY: &str = r#"{"desc": "Beautiful House3"}"#;

/// Over how many rooms reads are spread.
const ROOMS: u64 = 1_000;

/// What is asked for, again and again.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// One room.
    OneRoom,
    /// Rooms at random.
    ManyRooms,
    /// That a room be registered.
    NewRoom,
}

/// Which requests are compared.
#[derive(Clone, Copy, PartialEq)]
pub enum Scope {
    All,
    Reads,
}

impl Asked {
    fn name(self) -> String {
        match self {
            Self::OneRoom => "GET /rooms/1".to_owned(),
            Self::ManyRooms => format!("GET /rooms/{{1..{}}}", rate(ROOMS as f64)),
            Self::NewRoom => "POST /rooms".to_owned(),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::OneRoom | Self::ManyRooms => "/rooms/1",
            Self::NewRoom => "/rooms",
        }
    }

    /// What wrk is told. Requests are made beforehand: it shares the machine with the server.
    fn script(self) -> String {
        match self {
            Self::OneRoom => String::new(),
            Self::ManyRooms => format!(
                "local requests = {{}}
init = function()
    math.randomseed(1)
    for room = 1, {ROOMS} do requests[room] = wrk.format('GET', '/rooms/' .. room) end
end
request = function() return requests[math.random({ROOMS})] end
"
            ),
            Self::NewRoom => format!(
                "wrk.method = 'POST'\nwrk.body = '{BODY}'\nwrk.headers['content-type'] = 'application/json'\n"
            ),
        }
    }

    /// How many rooms there are before.
    fn rooms(self) -> u64 {
        match self {
            Self::OneRoom | Self::NewRoom => 200,
            Self::ManyRooms => ROOMS,
        }
    }
}

/// What wrk measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub per_second: f64,
    pub requests: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the server for one request.
    pub processor_us: f64,
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
    process: u32,
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
pub async fn compare(report: &mut Report, scope: Scope) {
    let note = format!(
        "`GET /rooms/1`, `GET` of one of {ROOMS} rooms at random, and `POST /rooms`, {SECONDS} s each, requests a second with latencies at 50 and 99 %. \
         Innkeeper serves the context room alone here, as the twin does; the last column is the whole app, where every registered room is an event that viewpage handles too. An answer to a `GET` is given \
         again while nothing of what it came from has changed; the rows *guest* are with `limits.answers = 0`, so that every request runs the guest. wrk shares \
         the machine and often waits, so the ratio of requests a second flatters whoever needs more; *processor* is the server's processor time for one \
         request, of the twin and of Innkeeper, and the ratio of these."
    );
    let head = [
        "what",
        "native twin",
        "p50 / p99 ms",
        "Innkeeper",
        "p50 / p99 ms",
        "ratio",
        "processor µs",
        "ratio",
        "whole app",
    ];
    let table = report.table("Innkeeper and its native twin", note, &head);
    let cases = [
        (Asked::OneRoom, "flush", Answers::Again),
        (Asked::OneRoom, "flush", Answers::Anew),
        (Asked::ManyRooms, "flush", Answers::Again),
        (Asked::ManyRooms, "flush", Answers::Anew),
        (Asked::NewRoom, "flush", Answers::Again),
        (Asked::NewRoom, "relaxed", Answers::Again),
    ];
    let wanted = |asked| scope == Scope::All || asked != Asked::NewRoom;
    for (asked, durability, answers) in cases.into_iter().filter(|(asked, ..)| wanted(*asked)) {
        for connections in CONNECTIONS {
            let native = measure(&twin(durability).await, asked, connections).await;
            // Each is closed before the next is opened.
            let room = measure(&room(durability, answers).await, asked, connections).await;
            let app = measure(&app(durability, answers).await, asked, connections).await;
            let guest = match answers {
                Answers::Again => "",
                Answers::Anew => "guest, ",
            };
            table.row([
                format!(
                    "`{}`, {guest}{durability}, {connections} connections",
                    asked.name()
                ),
                rate(native.per_second),
                latencies(native),
                rate(room.per_second),
                latencies(room),
                percent(room.per_second, native.per_second),
                format!("{:.1} / {:.1}", native.processor_us, room.processor_us),
                percent(native.processor_us, room.processor_us),
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
        process: child.id(),
        _keeper: Twin(child, home),
    }
}

async fn room(durability: &str, answers: Answers) -> Server<TestHost> {
    let settings = answers.settings().await;
    let others = ["reservation", "payment", "message", "viewpage"];
    let settings = others.iter().fold(settings, |settings, name| {
        settings.without(&format!("context.{name}"))
    });
    host(settings, durability).await
}

async fn app(durability: &str, answers: Answers) -> Server<TestHost> {
    host(answers.settings().await, durability).await
}

/// Opens a host to be measured.
async fn host(settings: Settings, durability: &str) -> Server<TestHost> {
    let settings = settings.set("journal.durability", durability);
    let host = Opening::new(settings).alone().open().await;
    Server {
        base: host.gateway().base().to_owned(),
        process: host.process(),
        _keeper: host,
    }
}

async fn measure<T>(server: &Server<T>, asked: Asked, connections: u32) -> Measured {
    let first = move |_| request("POST", "/rooms", BODY);
    let flooded = flood(&server.base, 8, asked.rooms(), first).await;
    assert_eq!(flooded.refusals, 0);
    let (path, script) = (asked.path(), asked.script());
    scripted(&server.base, path, 1, connections, &script).await;
    let before = processor_time(server.process);
    let measured = scripted(&server.base, path, SECONDS, connections, &script).await;
    let busy = processor_time(server.process) - before;
    Measured {
        processor_us: busy.as_secs_f64() * 1e6 / measured.requests as f64,
        ..measured
    }
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
        processor_us: 0.0,
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
