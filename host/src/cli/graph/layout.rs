//! Where what a graph shows is drawn: contexts in columns, who calls others left of those; lines lead from column to column and around what stands between. The same graph
//! is always drawn the same.

use std::collections::{BTreeMap, BTreeSet};

/// How high a context is drawn.
pub(super) const HEIGHT: f64 = 52.0;
/// How high a line is that passes a column.
const LINE: f64 = 18.0;
/// What is left free between two that stand above each other, and between two columns.
const GAP: f64 = 34.0;
const ALLEY: f64 = 120.0;
/// How often columns are ordered anew, by what they are next to.
const SWEEPS: usize = 8;

/// One who calls another, or an event on its way to who follows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub from: String,
    pub to: String,
    /// Otherwise it is followed.
    pub is_call: bool,
    /// What is told of it.
    pub note: String,
}

/// A graph that is to be drawn.
pub(super) struct Graph {
    pub names: BTreeSet<String>,
    pub edges: Vec<Edge>,
}

/// Where a context is: its left upper corner.
pub(super) type Place = (f64, f64);

/// Where all is.
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    /// How wide each context is drawn.
    pub box_width: f64,
    pub places: BTreeMap<String, Place>,
    /// The points that each line leads through, from its left end to its right one, in the order of the edges; and whether its arrow is at the left one.
    pub lines: Vec<(Vec<Place>, bool)>,
}

/// What stands in a column: a context, or an edge that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item<'a> {
    Name(&'a str),
    Passing(usize),
}

impl Item<'_> {
    fn height(self) -> f64 {
        match self {
            Self::Name(_) => HEIGHT,
            Self::Passing(_) => LINE,
        }
    }
}

type Columns<'a> = Vec<Vec<Item<'a>>>;

/// Lays a graph out.
pub(super) fn lay_out(graph: &Graph, box_width: f64) -> Layout {
    let ranks = ranks(graph);
    let mut columns = columns(graph, &ranks);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        order(graph, &ranks, &mut columns, forward);
    }
    let tall = columns.iter().map(|column| height(column));
    let tall = tall.fold(0.0, f64::max);
    let mut tops: BTreeMap<(usize, Item<'_>), f64> = BTreeMap::new();
    for (number, column) in columns.iter().enumerate() {
        let mut top = (tall - height(column)) / 2.0;
        for item in column {
            tops.insert((number, *item), top);
            top += item.height() + GAP;
        }
    }
    let left = |column: usize| column as f64 * (box_width + ALLEY);
    let places = graph.names.iter().map(|name| {
        let column = ranks[name.as_str()];
        let top = tops[&(column, Item::Name(name))];
        (name.clone(), (left(column), top))
    });
    let places: BTreeMap<_, _> = places.collect();
    let ports = ports(graph, &ranks, &tops);
    let lines = graph.edges.iter().enumerate().map(|(number, edge)| {
        let (first, last, is_backwards) = ends(edge, &ranks);
        let (from, to) = (ranks[first], ranks[last]);
        let mut points = vec![(left(from) + box_width, ports[&(number, true)])];
        for column in from + 1..to {
            let middle = tops[&(column, Item::Passing(number))] + LINE / 2.0;
            points.extend([(left(column), middle), (left(column) + box_width, middle)]);
        }
        let right = match to == from {
            true => left(to) + box_width,
            false => left(to),
        };
        points.push((right, ports[&(number, false)]));
        (points, is_backwards)
    });
    Layout {
        width: left(columns.len().saturating_sub(1)) + box_width,
        height: tall,
        box_width,
        lines: lines.collect(),
        places,
    }
}

fn height(column: &[Item<'_>]) -> f64 {
    let items: f64 = column.iter().map(|item| item.height()).sum();
    items + GAP * column.len().saturating_sub(1) as f64
}

/// Which column each context is in: right of all that call it; and who neither calls nor is called, right of whom it follows.
fn ranks(graph: &Graph) -> BTreeMap<&str, usize> {
    let called: BTreeSet<&str> = graph
        .edges
        .iter()
        .filter(|edge| edge.is_call)
        .flat_map(|edge| [edge.from.as_str(), edge.to.as_str()])
        .collect();
    let before = |name: &str| {
        let edges = graph.edges.iter().filter(move |edge| edge.to == name);
        let counts = |edge: &&Edge| edge.is_call || !called.contains(edge.to.as_str());
        let edges = edges.filter(counts).map(|edge| edge.from.as_str());
        edges.collect::<BTreeSet<_>>()
    };
    let mut known = BTreeMap::new();
    for name in &graph.names {
        rank(name, &before, &mut known, &mut Vec::new());
    }
    known
}

fn rank<'a>(
    name: &'a str,
    before: &impl Fn(&str) -> BTreeSet<&'a str>,
    known: &mut BTreeMap<&'a str, usize>,
    path: &mut Vec<&'a str>,
) -> usize {
    if let Some(rank) = known.get(name) {
        return *rank;
    }
    path.push(name);
    let mut found = 0;
    for other in before(name) {
        // In a circle somebody has to be the first.
        if !path.contains(&other) {
            found = found.max(1 + rank(other, before, known, path));
        }
    }
    path.pop();
    known.insert(name, found);
    found
}

/// The ends of an edge from left to right, and whether it leads the other way.
fn ends<'a>(edge: &'a Edge, ranks: &BTreeMap<&str, usize>) -> (&'a str, &'a str, bool) {
    let (from, to) = (edge.from.as_str(), edge.to.as_str());
    match ranks[from] <= ranks[to] {
        true => (from, to, false),
        false => (to, from, true),
    }
}

/// What stands in each column, in no order yet but that of names.
fn columns<'a>(graph: &'a Graph, ranks: &BTreeMap<&str, usize>) -> Columns<'a> {
    let count = ranks.values().max().map_or(0, |last| last + 1);
    let mut columns = vec![Vec::new(); count];
    for name in &graph.names {
        columns[ranks[name.as_str()]].push(Item::Name(name));
    }
    for (number, edge) in graph.edges.iter().enumerate() {
        let (first, last, _) = ends(edge, ranks);
        for column in &mut columns[ranks[first] + 1..ranks[last].max(ranks[first] + 1)] {
            column.push(Item::Passing(number));
        }
    }
    columns
}

/// Orders each column by where what it is connected with stands in the one before it, or behind it.
fn order(graph: &Graph, ranks: &BTreeMap<&str, usize>, columns: &mut Columns<'_>, forward: bool) {
    let count = columns.len();
    let numbers: Vec<usize> = match forward {
        true => (1..count).collect(),
        false => (0..count.saturating_sub(1)).rev().collect(),
    };
    for number in numbers {
        let other = match forward {
            true => number - 1,
            false => number + 1,
        };
        let at = |item: Item<'_>| columns[other].iter().position(|known| *known == item);
        let weigh = |item: Item<'_>| {
            let touching = graph
                .edges
                .iter()
                .enumerate()
                .filter_map(|(edge, ends_of)| {
                    let (first, last, _) = ends(ends_of, ranks);
                    let is_mine = match item {
                        Item::Name(name) => first == name || last == name,
                        Item::Passing(passing) => passing == edge,
                    };
                    is_mine.then(|| {
                        let ends = [Item::Name(first), Item::Name(last), Item::Passing(edge)];
                        ends.into_iter().find_map(at)
                    })?
                });
            let places: Vec<usize> = touching.collect();
            match places.len() {
                0 => None,
                count => Some(places.iter().sum::<usize>() as f64 / count as f64),
            }
        };
        let size = columns[number].len() as f64;
        let weighed = columns[number].iter().enumerate().map(|(place, item)| {
            // What is connected with nothing there stays about where it is.
            let stays = place as f64 / size * columns[other].len() as f64;
            (weigh(*item).unwrap_or(stays), *item)
        });
        let mut weighed: Vec<_> = weighed.collect();
        weighed.sort_by(|one, two| one.0.total_cmp(&two.0).then(one.1.cmp(&two.1)));
        columns[number] = weighed.into_iter().map(|(_, item)| item).collect();
    }
}

/// Where an edge touches a side: at which height it leads next, its number, and whether it is its left end.
type Port = (f64, usize, bool);

/// At which height each edge leaves what it begins at, by its number and whether that is its left end: those of one side are spread over it, in the order of where they
/// lead next.
fn ports(
    graph: &Graph,
    ranks: &BTreeMap<&str, usize>,
    tops: &BTreeMap<(usize, Item<'_>), f64>,
) -> BTreeMap<(usize, bool), f64> {
    let top = |name: &str| tops[&(ranks[name], Item::Name(name))];
    let mut sides: BTreeMap<(&str, bool), Vec<Port>> = BTreeMap::new();
    for (number, edge) in graph.edges.iter().enumerate() {
        let (first, last, _) = ends(edge, ranks);
        let (from, to) = (ranks[first], ranks[last]);
        let passing = |column| tops.get(&(column, Item::Passing(number))).copied();
        let side = sides.entry((first, true)).or_default();
        let next = passing(from + 1).unwrap_or_else(|| top(last));
        side.push((next, number, true));
        let side = sides.entry((last, from == to)).or_default();
        let before = to.checked_sub(1).and_then(passing);
        side.push((before.unwrap_or_else(|| top(first)), number, false));
    }
    let mut ports = BTreeMap::new();
    for ((name, _), mut side) in sides {
        side.sort_by(|one, two| one.0.total_cmp(&two.0).then(one.1.cmp(&two.1)));
        let step = HEIGHT / (side.len() + 1) as f64;
        for (place, (_, number, is_left)) in side.iter().enumerate() {
            ports.insert((*number, *is_left), top(name) + step * (place + 1) as f64);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str, bool)]) -> Graph {
        let names = edges.iter().flat_map(|(from, to, _)| [*from, *to]);
        Graph {
            names: names.map(str::to_owned).collect(),
            edges: edges
                .iter()
                .map(|(from, to, is_call)| Edge {
                    from: (*from).to_owned(),
                    to: (*to).to_owned(),
                    is_call: *is_call,
                    note: String::new(),
                })
                .collect(),
        }
    }

    #[test]
    fn callers_stand_left_of_whom_they_call_and_followers_right_of_whom_they_follow() {
        let graph = graph(&[
            ("desk", "room", true),
            ("desk", "till", true),
            ("till", "desk", false),
            ("room", "view", false),
            ("desk", "view", false),
        ]);
        let layout = lay_out(&graph, 100.0);
        let left = |name: &str| layout.places[name].0;
        assert!(left("desk") < left("room") && left("room") < left("view"));
        assert_eq!(left("room"), left("till"));
        // One that leads back has its arrow at its left end.
        let backwards: Vec<_> = layout
            .lines
            .iter()
            .map(|(_, backwards)| *backwards)
            .collect();
        assert_eq!(backwards, [false, false, true, false, false]);
        // One that passes a column leads around what stands there.
        let (points, _) = &layout.lines[4];
        assert_eq!(points.len(), 4);
        for name in ["room", "till"] {
            let top = layout.places[name].1;
            let passes = points[1].1;
            assert!(passes < top || passes > top + HEIGHT, "{name}");
        }
    }

    #[test]
    fn circles_and_neighbours_are_drawn_too() {
        let circle = graph(&[("a", "b", true), ("b", "c", true), ("c", "a", true)]);
        assert_eq!(lay_out(&circle, 100.0).places.len(), 3);
        let beside = graph(&[("a", "b", true), ("a", "c", true), ("b", "c", false)]);
        let layout = lay_out(&beside, 100.0);
        let (points, _) = &layout.lines[2];
        assert_eq!(
            points[0].0, points[1].0,
            "from the right side to the right side"
        );
        assert_eq!(lay_out(&graph(&[]), 100.0).height, 0.0);
    }
}
