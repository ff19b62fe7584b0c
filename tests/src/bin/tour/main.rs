//! The tour, for a person: each page of `docs/tour` is shown, and what it says to type is run, when they are ready for it.
//!
//! `make tour` goes through all pages, `make tour PAGE=saga` through one. With `--write` nobody is asked, and what is seen is put into the pages where it is not
//! what they show.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use innkeeper_tests::artifacts;
use innkeeper_tests::tour::{
    Block, CONTEXTS, Difference, Input, Page, Part, Ports, Step, Visit, folder, pages,
};

/// How long to wait for what comes by itself, where nothing that is expected is known yet.
const SHORT: Duration = Duration::from_secs(3);
/// What a terminal shows as bold, and as before.
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

#[tokio::main]
async fn main() -> ExitCode {
    let mut wanted: Vec<_> = std::env::args().skip(1).collect();
    let given = wanted.len();
    wanted.retain(|word| word != "--write");
    let is_written = wanted.len() < given;
    let pages = pages();
    let names: Vec<_> = pages.iter().map(|page| page.name.clone()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        eprintln!(
            "the tour has no page `{unknown}`; it has {}",
            names.join(", ")
        );
        return ExitCode::from(2);
    }
    eprintln!("building what the pages need");
    artifacts::build(CONTEXTS).await;
    let chosen = pages.into_iter();
    let chosen = chosen.filter(|page| wanted.is_empty() || wanted.contains(&page.name));
    let mut reader = Reader::new(is_written);
    for page in chosen {
        let is_read = tokio::select! {
            () = reader.read(&page) => true,
            _ = tokio::signal::ctrl_c() => false,
        };
        if !is_read {
            // What ran for the page has ended with the reading. Whoever still waits for the Enter key need not be waited for.
            std::process::exit(130);
        }
    }
    reader.farewell()
}

/// Who reads, and what was not as the pages say.
struct Reader {
    is_written: bool,
    is_waited_for: bool,
    differences: Vec<Difference>,
}

impl Reader {
    fn new(is_written: bool) -> Self {
        let is_looking = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        Self {
            is_written,
            is_waited_for: is_looking && !is_written,
            differences: Vec::new(),
        }
    }

    async fn read(&mut self, page: &Page) {
        let mut visit = Visit::begin(page, Ports::Usual).await;
        if self.is_written {
            visit = visit.patience(SHORT);
        }
        let mut others = Vec::new();
        for part in &page.parts {
            match part {
                Part::Text(text) => show(text.trim_matches('\n')),
                Part::Block(block) => self.go_through(&mut visit, block, &mut others).await,
            }
        }
        if self.is_written {
            page.write(&folder(), &others);
        }
        self.wait("the next page: Enter").await;
    }

    /// Does what a block says; `others` are the steps at which something else was seen than the page shows.
    async fn go_through<'a>(
        &mut self,
        visit: &mut Visit,
        block: &'a Block,
        others: &mut Vec<(&'a Step, Vec<String>)>,
    ) {
        let place = block.terminal.as_deref();
        for step in &block.steps {
            self.type_in(place, step).await;
            match visit.step(block, step).await {
                Ok(seen) if place.is_some() => show_last(&seen),
                Ok(seen) => show(seen.trim_end()),
                Err(difference) => {
                    show(&difference.seen.join("\n"));
                    match place {
                        None if self.is_written => others.push((step, difference.seen)),
                        _ => self.differences.push(difference),
                    }
                }
            }
        }
    }

    async fn type_in(&self, terminal: Option<&str>, step: &Step) {
        let terminal = terminal
            .map(|name| format!("[{name}] "))
            .unwrap_or_default();
        let typed = match &step.input {
            Input::Command(command) => format!("$ {}", command.replace('\n', "\n> ")),
            Input::Interrupt => "^C".to_owned(),
            Input::Quit => "^\\".to_owned(),
            Input::Look => return,
        };
        let (bold, plain) = match std::io::stdout().is_terminal() {
            true => (BOLD, PLAIN),
            false => ("", ""),
        };
        print!("\n{bold}{terminal}{typed}{plain} ");
        self.wait("").await;
    }

    /// Until they are ready.
    async fn wait(&self, text: &str) {
        print!("{text}");
        // Who cannot be shown anything need not be asked.
        let _nobody_looks = std::io::stdout().flush();
        if !self.is_waited_for {
            println!();
            return;
        }
        let asking = || std::io::stdin().lock().read_line(&mut String::new());
        let _nobody_answers = tokio::task::spawn_blocking(asking).await;
    }

    fn farewell(self) -> ExitCode {
        if self.differences.is_empty() {
            return ExitCode::SUCCESS;
        }
        for difference in &self.differences {
            eprintln!("\nnot as the page shows it: {difference}");
        }
        ExitCode::FAILURE
    }
}

fn show(text: &str) {
    if !text.is_empty() {
        println!("{text}");
    }
}

/// Of a terminal that goes on, what it has shown last.
fn show_last(text: &str) {
    const LINES: usize = 12;
    let lines: Vec<_> = text.lines().collect();
    show(&lines[lines.len().saturating_sub(LINES)..].join("\n"));
}
