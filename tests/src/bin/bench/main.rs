//! `make bench`: one run, one table, ratios.
//!
//! Compares Innkeeper with its *native twin*: the same routes with the same validation, events and durability over the same journal, as plain
//! axum handlers without a guest. Everything runs on one machine, the load generator too, so what counts are the ratios.

mod costs;
mod inside;
mod load;
mod machine;
mod memory;
mod relay;
mod table;
mod twin;

use std::process::ExitCode;

use self::load::Scope;
use self::table::Report;

/// What the command line asks for.
enum Wish {
    /// Measure one part, or all; with `true` write the result to `docs/performance.md`.
    Measure(Part, bool),
    /// Be the native twin, in this directory.
    Twin { data: String, relaxed: bool },
}

/// What is measured.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    All,
    Load,
    Reads,
    Inside,
    Memory,
    Relay,
    Costs,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wish = match words.as_slice() {
        // `cargo bench` would add `--bench`.
        [] | ["--bench"] => Wish::Measure(Part::All, false),
        ["--write"] => Wish::Measure(Part::All, true),
        ["load"] => Wish::Measure(Part::Load, false),
        ["reads"] => Wish::Measure(Part::Reads, false),
        ["inside"] => Wish::Measure(Part::Inside, false),
        ["memory"] => Wish::Measure(Part::Memory, false),
        ["relay"] => Wish::Measure(Part::Relay, false),
        ["costs"] => Wish::Measure(Part::Costs, false),
        ["twin", data, durability] => Wish::Twin {
            data: (*data).to_owned(),
            relaxed: *durability == "relaxed",
        },
        _ => {
            eprintln!("usage: bench [--write | load | reads | inside | memory | relay | costs]");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    match wish {
        Wish::Twin { data, relaxed } => runtime.block_on(twin::serve(data.into(), relaxed)),
        Wish::Measure(part, write) => {
            let report = runtime.block_on(measure(part));
            println!("{report}");
            if write {
                report.write();
            }
        }
    }
    ExitCode::SUCCESS
}

async fn measure(part: Part) -> Report {
    let mut report = Report::new(machine::describe());
    let wanted = |one| part == Part::All || part == one;
    if wanted(Part::Load) {
        load::compare(&mut report, Scope::All).await;
    }
    if part == Part::Reads {
        load::compare(&mut report, Scope::Reads).await;
    }
    if wanted(Part::Inside) {
        inside::measure(&mut report).await;
    }
    if wanted(Part::Memory) {
        memory::watch(&mut report).await;
    }
    if wanted(Part::Relay) {
        relay::measure(&mut report).await;
    }
    if wanted(Part::Costs) {
        costs::measure(&mut report).await;
    }
    report
}
