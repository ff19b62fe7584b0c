//! The app as a picture: an SVG for light and dark backgrounds.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::layout::{Edge, Graph, HEIGHT, Place, lay_out};
use crate::admin::view;
use crate::manifest::{GATEWAY, NATS};
use crate::observe::sanitize::{CELL, shown};

/// What is left free around all, and below it for the legend.
const MARGIN: f64 = 28.0;
const LEGEND: f64 = 56.0;
/// How wide a letter of a name is, about.
const LETTER: f64 = 9.0;
const NARROWEST: f64 = 120.0;
/// How far lines bend.
const BEND: f64 = 60.0;

/// In the colours of whoever looks.
const STYLE: &str = "
  .paper { fill: #ffffff } .box { fill: #f4f6f8; stroke: #57606a } .outside { stroke-dasharray: 3 3 }
  .name, .pill, .legend { fill: #1f2328; font-family: system-ui, sans-serif } .name { font-size: 15px; font-weight: 600; text-anchor: middle }
  .pill { font-size: 10px; text-anchor: middle } .tag { fill: #dbeafe; stroke: #57606a } .legend { font-size: 12px }
  .call { stroke: #1f2328; fill: none; stroke-width: 1.6 } .follow { stroke: #0969da; fill: none; stroke-width: 1.4; stroke-dasharray: 6 4 }
  .call-head { fill: #1f2328 } .follow-head { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .box { fill: #161b22; stroke: #8b949e } .name, .pill, .legend { fill: #e6edf3 } .tag { fill: #1f3a5f; stroke: #8b949e }
    .call { stroke: #e6edf3 } .follow { stroke: #58a6ff } .call-head { fill: #e6edf3 } .follow-head { fill: #58a6ff }
  }
";

/// Draws who calls whom and who follows whom in an app. How much that is now is not drawn, so the picture is the same until the app is another one.
pub(super) fn draw(app: &str, contexts: &BTreeSet<String>, view: &view::Graph) -> String {
    let graph = graph(contexts, view);
    let asked = |who: &str| -> BTreeSet<&str> {
        let calls = view.calls.iter().filter(|call| call.caller.caller == who);
        calls.map(|call| call.callee.as_str()).collect()
    };
    let tags = [("HTTP", asked(GATEWAY)), ("NATS", asked(NATS))];
    let longest = graph.names.iter().map(|name| name.chars().count()).max();
    let box_width = (longest.unwrap_or(0) as f64 * LETTER + 32.0).max(NARROWEST);
    let layout = lay_out(&graph, box_width);
    let width = (layout.width + 2.0 * MARGIN).max(440.0);
    let height = layout.height + 2.0 * MARGIN + LEGEND;
    let app = escaped(app);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img">
<title>The contexts of {app}: who calls whom, and who follows whose events</title>
<style>{STYLE}</style>
<defs>
<marker id="call" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" class="call-head"/></marker>
<marker id="follow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" class="follow-head"/></marker>
</defs>
<rect class="paper" width="{width:.0}" height="{height:.0}" rx="8"/>
"##
    );
    let mut add = |text: String| {
        svg += &text;
        svg.push('\n');
    };
    for (edge, (points, is_backwards)) in graph.edges.iter().zip(&layout.lines) {
        let kind = if edge.is_call { "call" } else { "follow" };
        let end = if *is_backwards { "start" } else { "end" };
        add(format!(
            r#"<path class="{kind}" d="{}" marker-{end}="url(#{kind})"><title>{}</title></path>"#,
            path(points),
            escaped(&edge.note)
        ));
    }
    for (name, (left, top)) in &layout.places {
        let (left, top) = (left + MARGIN, top + MARGIN);
        let outside = if contexts.contains(name) {
            ""
        } else {
            " outside"
        };
        add(format!(
            r#"<rect class="box{outside}" x="{left:.1}" y="{top:.1}" width="{box_width:.1}" height="{HEIGHT:.1}" rx="6"/>"#
        ));
        let (middle, base) = (left + layout.box_width / 2.0, top + HEIGHT / 2.0 + 5.0);
        add(format!(
            r#"<text class="name" x="{middle:.1}" y="{base:.1}">{}</text>"#,
            escaped(name)
        ));
        let asking = tags
            .iter()
            .filter(|(_, asked)| asked.contains(name.as_str()));
        for (number, (tag, _)) in asking.enumerate() {
            let left = left + 8.0 + 42.0 * number as f64;
            add(pill(tag, left, top - 8.0));
        }
    }
    let base = height - MARGIN;
    let (line, text) = (base - 4.0, base);
    add(pill("HTTP", MARGIN, base - 12.0));
    let entries = [
        (MARGIN + 46.0, "asked by clients"),
        (MARGIN + 196.0, "calls"),
        (MARGIN + 290.0, "is followed by"),
    ];
    for (left, entry) in entries {
        add(format!(
            r#"<text class="legend" x="{left:.1}" y="{text:.1}">{entry}</text>"#
        ));
    }
    for (left, kind) in [(MARGIN + 156.0, "call"), (MARGIN + 250.0, "follow")] {
        let right = left + 34.0;
        add(format!(
            r#"<path class="{kind}" d="M{left:.1} {line:.1}L{right:.1} {line:.1}" marker-end="url(#{kind})"/>"#
        ));
    }
    svg += "</svg>\n";
    svg
}

/// What is drawn: who is asked by clients has a tag, and who follows itself no line.
fn graph(contexts: &BTreeSet<String>, view: &view::Graph) -> Graph {
    let calls = view.calls.iter().filter_map(|call| {
        let caller = &call.caller.caller;
        contexts.contains(caller).then(|| Edge {
            note: format!("{caller} calls {}", call.callee),
            from: caller.clone(),
            to: call.callee.clone(),
            is_call: true,
        })
    });
    let follows = view.follows.iter().map(|follow| {
        let mut kinds = follow.kinds.clone();
        kinds.sort();
        Edge {
            note: format!(
                "{} follows {}: {}",
                follow.follower,
                follow.source,
                kinds.join(", ")
            ),
            from: follow.source.clone(),
            to: follow.follower.clone(),
            is_call: false,
        }
    });
    let edges = calls.chain(follows).filter(|edge| edge.from != edge.to);
    let edges: BTreeSet<Edge> = edges.collect();
    let outside = edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    Graph {
        names: contexts.iter().chain(outside).cloned().collect(),
        edges: edges.into_iter().collect(),
    }
}

/// A line through points, which leaves and reaches each of them level.
fn path(points: &[Place]) -> String {
    let mut path = String::new();
    let moved = points.iter().map(|(x, y)| (x + MARGIN, y + MARGIN));
    let mut before: Option<Place> = None;
    for (x, y) in moved {
        // Writing to a text does not fail.
        let _ = match before {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some((left, height)) if (height - y).abs() < 0.05 && x > left => {
                write!(path, "L{x:.1} {y:.1}")
            }
            // One beside the other: around.
            Some((left, height)) if left >= x => {
                let out = left + BEND;
                write!(path, "C{out:.1} {height:.1} {out:.1} {y:.1} {x:.1} {y:.1}")
            }
            Some((left, height)) => {
                let (out, into) = (left + BEND, x - BEND);
                write!(path, "C{out:.1} {height:.1} {into:.1} {y:.1} {x:.1} {y:.1}")
            }
        };
        before = Some((x, y));
    }
    path
}

fn pill(text: &str, left: f64, top: f64) -> String {
    let (middle, base) = (left + 18.0, top + 11.5);
    format!(
        r#"<rect class="tag" x="{left:.1}" y="{top:.1}" width="36" height="16" rx="8"/><text class="pill" x="{middle:.1}" y="{base:.1}">{text}</text>"#
    )
}

/// As text in XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in shown(text, 4 * CELL).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
