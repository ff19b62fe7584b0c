//! What was measured on.

use std::process::Command;

/// Processor, memory, kernel, compiler and day, one fact a line.
pub fn describe() -> Vec<String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or_else(String::new, |kib| {
            format!(", {} GiB", (kib + (1 << 19)) >> 20)
        });
    vec![
        format!("{processors} × {model}{memory}"),
        format!(
            "Linux {}, {}",
            said("uname", &["-r"]),
            said("rustc", &["--version"])
        ),
        format!(
            "load by {}, on the same machine",
            said("wrk", &["-v"])
                .split(" Copyright")
                .next()
                .unwrap_or("wrk")
                .trim()
        ),
        said("date", &["-u", "+%Y-%m-%d"]),
    ]
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first line that a command prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}
