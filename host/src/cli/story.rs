//! `innkeeper story`

use clap::Args;

use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::story::{Invocation, Kind, Outcome, Story as Told};
use crate::observe::sanitize::{CELL, SENTENCE, shown};

/// Show everything that happened under a correlation id, as a tree of what caused what
///
/// The id is what a request sent as x-correlation-id, or what its answer had there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper story order-7
  innkeeper story 4bf92f3577b34da6a3ce929d0e0e4736 --json")]
pub(super) struct Story {
    /// The correlation id
    #[arg(value_name = "ID")]
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Story {
    pub async fn run(self) -> Result<(), Failure> {
        let path = format!("/v1/stories/{}", encoded(&self.id));
        let story: Told = self.operator.client()?.get(&path).await?;
        if self.json {
            return Ok(output::json(&story)?);
        }
        output::line(&story.correlation_id)?;
        let roots = story.invocations.iter().map(Node::of_invocation).collect();
        for line in draw(roots) {
            output::line(line)?;
        }
        Ok(())
    }
}

/// A line of the tree, and what is below it.
struct Node {
    line: String,
    below: Vec<Node>,
}

impl Node {
    fn of_invocation(invocation: &Invocation) -> Self {
        let events = invocation.events.iter().map(|event| Self {
            line: format!(
                "* {} {}",
                shown(&event.kind, CELL),
                shown(&event.subject, CELL)
            ),
            below: event.children.iter().map(Self::of_invocation).collect(),
        });
        let calls = invocation.children.iter().map(Self::of_invocation);
        Self {
            line: describe(invocation),
            below: calls.chain(events).collect(),
        }
    }
}

fn describe(invocation: &Invocation) -> String {
    let Invocation {
        kind,
        context,
        name,
        time,
        attempt,
        status,
        by,
        outcome,
        reason,
        ..
    } = invocation;
    let kind = match kind {
        Kind::Web => "web",
        Kind::Call => "call",
        Kind::Event => "on",
        Kind::Timer => "timer",
        Kind::Host => "host",
    };
    let time = time.to_string();
    let time = time.get(11..23).unwrap_or(&time);
    let mut line = format!("{context}: {kind} {}", shown(name, CELL));
    if let Some(by) = by {
        line += &format!(" by {}", shown(by, CELL));
    }
    if let Some(status) = status {
        line += &format!(" -> {status}");
    }
    if *attempt > 1 {
        line += &format!(", attempt {attempt}");
    }
    if *outcome == Outcome::Abandoned {
        let reason = reason.as_deref().unwrap_or("no reason given");
        line += &format!(", given up: {}", shown(reason, SENTENCE));
    }
    format!("{line}  ({time})")
}

/// The lines of a tree.
fn draw(nodes: Vec<Node>) -> Vec<String> {
    let mut lines = Vec::new();
    let last = nodes.len().saturating_sub(1);
    for (place, node) in nodes.into_iter().enumerate() {
        let (branch, trunk) = match place == last {
            true => ("└─ ", "   "),
            false => ("├─ ", "│  "),
        };
        lines.push(format!("{branch}{}", node.line));
        // A story is at most some sixty levels deep.
        let below = draw(node.below);
        lines.extend(below.into_iter().map(|line| format!("{trunk}{line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(line: &str, below: Vec<Node>) -> Node {
        Node {
            line: line.to_owned(),
            below,
        }
    }

    #[test]
    fn branches_end_where_nothing_follows() {
        let tree = vec![
            node(
                "a",
                vec![node("b", vec![node("c", vec![])]), node("d", vec![])],
            ),
            node("e", vec![node("f", vec![])]),
        ];
        assert_eq!(
            draw(tree),
            [
                "├─ a",
                "│  ├─ b",
                "│  │  └─ c",
                "│  └─ d",
                "└─ e",
                "   └─ f"
            ]
        );
    }
}
