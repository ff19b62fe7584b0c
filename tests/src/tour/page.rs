//! A page as it is written.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::expected::Comparison;

/// How a command begins, and a line that continues it.
const PROMPT: &str = "$ ";
const CONTINUED: &str = "> ";
/// What begins a block, and ends it.
const FENCE: &str = "```";
const CONSOLE: &str = "console";

/// A page of the tour.
#[derive(Debug)]
pub struct Page {
    /// Its file, without the ending.
    pub name: String,
    /// Its first heading.
    pub title: String,
    /// What it says and what is typed, in its order.
    pub parts: Vec<Part>,
}

/// A piece of a page.
#[derive(Debug)]
pub enum Part {
    /// What is only read.
    Text(String),
    /// What a terminal shows.
    Block(Block),
}

/// What one terminal shows.
#[derive(Debug)]
pub struct Block {
    /// The other terminal that it is about; none for the reader's own.
    pub terminal: Option<String>,
    /// Whether each command is repeated until its answer is the expected one.
    pub is_eventual: bool,
    /// How what is seen is compared.
    pub comparison: Comparison,
    /// What is typed, and what comes of it.
    pub steps: Vec<Step>,
}

/// Something that is typed, and what is seen then.
#[derive(Debug)]
pub struct Step {
    /// What is typed.
    pub input: Input,
    /// What is seen.
    pub expected: Vec<String>,
    /// Where it stands in the page, from 1.
    pub line: usize,
    /// The lines of the page that show what is seen, from 0.
    shown: Range<usize>,
}

/// What can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A command, of one line or more.
    Command(String),
    /// `^C`: what runs there is asked to end.
    Interrupt,
    /// `^\`: what runs there ends at once, and gets to do nothing more.
    Quit,
    /// Nothing: one only looks what is there by now.
    Look,
}

impl Page {
    /// Reads one.
    pub fn read(folder: &Path, name: &str) -> Self {
        let file = file(folder, name);
        let text = std::fs::read_to_string(&file);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::parse(name, &text)
    }

    /// What a text says.
    pub fn parse(name: &str, text: &str) -> Self {
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        let mut parts = Vec::new();
        let mut said = String::new();
        let mut lines = text.lines().enumerate();
        while let Some((_, line)) = lines.next() {
            let Some(words) = line.strip_prefix(FENCE) else {
                said += line;
                said.push('\n');
                continue;
            };
            let inside = lines.by_ref().take_while(|(_, line)| *line != FENCE);
            match words.split_whitespace().next() {
                Some(CONSOLE) => {
                    parts.push(Part::Text(std::mem::take(&mut said)));
                    parts.push(Part::Block(Block::of(words, inside)));
                }
                _ => {
                    said += line;
                    said.push('\n');
                    for (_, line) in inside {
                        said += line;
                        said.push('\n');
                    }
                    said += FENCE;
                    said.push('\n');
                }
            }
        }
        parts.push(Part::Text(said));
        Self {
            name: name.to_owned(),
            title: title.unwrap_or(name).to_owned(),
            parts,
        }
    }

    /// Puts what was seen into the file, for each of these steps.
    pub fn write(&self, folder: &Path, seen: &[(&Step, Vec<String>)]) {
        let file = file(folder, &self.name);
        let text = std::fs::read_to_string(&file).expect("it was read before");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        // From the last one on, so that the others stay where they are.
        for (step, seen) in seen.iter().rev() {
            lines.splice(step.shown.clone(), seen.iter().cloned());
        }
        std::fs::write(&file, lines.join("\n") + "\n").expect("the page can be written");
    }

    /// What is typed, and where.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.parts.iter().filter_map(|part| match part {
            Part::Block(block) => Some(block),
            Part::Text(_) => None,
        })
    }
}

impl Block {
    fn of<'a>(words: &str, lines: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let mut block = Self {
            terminal: None,
            is_eventual: false,
            comparison: Comparison::default(),
            steps: Vec::new(),
        };
        for word in words.split_whitespace().skip(1) {
            match word {
                "eventually" => block.is_eventual = true,
                "figures" => block.comparison.has_figures = true,
                "unordered" => block.comparison.is_unordered = true,
                name => block.terminal = Some(name.to_owned()),
            }
        }
        for (number, line) in lines {
            block.line(number, line);
        }
        block
    }

    fn line(&mut self, number: usize, line: &str) {
        let input = match line {
            "^C" => Some(Input::Interrupt),
            "^\\" => Some(Input::Quit),
            _ => {
                let command = line.strip_prefix(PROMPT);
                command.map(|command| Input::Command(command.to_owned()))
            }
        };
        if input.is_some() || self.steps.is_empty() {
            self.steps.push(Step {
                input: input.clone().unwrap_or(Input::Look),
                expected: Vec::new(),
                line: number + 1,
                shown: number..number,
            });
        }
        let last = self.steps.last_mut().expect("one was pushed");
        match (&mut last.input, continued(line)) {
            _ if input.is_some() => last.shown = number + 1..number + 1,
            (Input::Command(command), Some(more)) if last.expected.is_empty() => {
                command.push('\n');
                command.push_str(more);
                last.shown = number + 1..number + 1;
            }
            _ => {
                last.expected.push(line.to_owned());
                last.shown.end = number + 1;
            }
        }
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_added_extension("md")
}

/// What a line adds to the command above it.
fn continued(line: &str) -> Option<&str> {
    let more = line.strip_prefix(CONTINUED);
    more.or_else(|| (line == CONTINUED.trim_end()).then_some(""))
}

/// The pages that an index links to, each once, in its order.
pub(super) fn linked(index: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in index.split("](").skip(1) {
        let Some((link, _)) = part.split_once(')') else {
            continue;
        };
        let is_page = |name: &&str| !name.contains('/');
        if let Some(name) = link.strip_suffix(".md").filter(is_page) {
            let name = name.to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_text_and_what_terminals_show() {
        let text = "# Saga\n\nRead.\n\n```toml\nmin = 1\n```\n\n```console host\n^C\n$ serve\n...\n```\n\nMore.\n\n```console eventually figures\n\
                    $ cat <<END\n> one\n> END\none\n> two\n$ true\n```\n";
        let page = Page::parse("saga", text);
        assert_eq!(page.title, "Saga");
        let blocks: Vec<_> = page.blocks().collect();
        let inputs = |block: &Block| -> Vec<_> {
            let steps = block.steps.iter();
            steps
                .map(|step| (step.input.clone(), step.expected.join("|"), step.line))
                .collect()
        };
        assert_eq!(blocks[0].terminal.as_deref(), Some("host"));
        let command = |text: &str| Input::Command(text.to_owned());
        assert_eq!(
            inputs(blocks[0]),
            [
                (Input::Interrupt, String::new(), 10),
                (command("serve"), "...".to_owned(), 11)
            ]
        );
        assert!(blocks[1].is_eventual && blocks[1].comparison.has_figures);
        assert_eq!(blocks[1].terminal, None);
        assert_eq!(
            inputs(blocks[1]),
            [
                (command("cat <<END\none\nEND"), "one|> two".to_owned(), 18),
                (command("true"), String::new(), 23)
            ]
        );
        let Part::Text(first) = &page.parts[0] else {
            panic!("it begins with text");
        };
        assert!(first.contains("min = 1"));
    }

    #[test]
    fn what_was_seen_is_written_where_it_was_shown() {
        let home = tempfile::tempdir().unwrap();
        let text = "# Page\n\n```console\n$ one\nold\nolder\n$ two <<END\n> END\n```\nEnd.\n";
        std::fs::write(home.path().join("page.md"), text).unwrap();
        let page = Page::read(home.path(), "page");
        let steps: Vec<_> = page.blocks().flat_map(|block| &block.steps).collect();
        let seen = |text: &str| vec![text.to_owned()];
        page.write(
            home.path(),
            &[(steps[0], seen("new")), (steps[1], seen("first"))],
        );
        assert_eq!(
            std::fs::read_to_string(home.path().join("page.md")).unwrap(),
            "# Page\n\n```console\n$ one\nnew\n$ two <<END\n> END\nfirst\n```\nEnd.\n"
        );
    }

    #[test]
    fn an_index_links_to_pages_in_order() {
        let index = "[a](saga.md), [b](../http.md), [c](cqrs.md) and [a again](saga.md)";
        assert_eq!(linked(index), ["saga", "cqrs"]);
    }
}
