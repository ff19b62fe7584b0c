use serde_json::{Value, json};

use super::*;
use crate::core::VersionDigest;

fn header(id: &str, causation_id: &str, time: u64, cause: Cause) -> Header {
    Header {
        invocation: id.into(),
        cause,
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: "c".parse().ok(),
        causation_id: (!causation_id.is_empty()).then(|| causation_id.into()),
        version: Some(VersionDigest::from_bytes([0xab; 32])),
        time,
        status: None,
        by: None,
    }
}

fn event(id: &str) -> Event {
    Event {
        id: id.into(),
        kind: format!("Kind-{id}"),
        subject: "1".into(),
        time: 1,
        data: Vec::new(),
        correlation_id: "c".parse().unwrap(),
        causation_id: None,
        trace: None,
        identity: None,
    }
}

fn web() -> Cause {
    Cause::Web {
        method: "POST".into(),
        route: "/reservations".into(),
    }
}

fn call() -> Cause {
    Cause::Call {
        function: "stay:room/rooms@0.1.0#hold".into(),
    }
}

fn on(event: &str) -> Cause {
    Cause::Event {
        source: "reservation".into(),
        kind: format!("Kind-{event}"),
        id: event.into(),
    }
}

fn told(commits: Vec<(&str, Header, Vec<Event>)>) -> Vec<Invocation> {
    let invocations = commits
        .into_iter()
        .filter_map(|(context, header, events)| invocation(context, (1, header, events)));
    tree(invocations.collect())
}

/// The ids only, as nested lists: an invocation is `[id, events, children]`.
fn outline(invocations: &[Invocation]) -> Value {
    let each = invocations.iter().map(|invocation| {
        let events = invocation
            .events
            .iter()
            .map(|event| json!([event.id, outline(&event.children)]));
        json!([
            invocation.id,
            events.collect::<Vec<_>>(),
            outline(&invocation.children)
        ])
    });
    each.collect()
}

#[test]
fn a_story_is_told_by_what_caused_what() {
    let timer = Cause::Timer { id: "t".into() };
    let story = told(vec![
        ("message", header("m", "e1", 30, on("e1")), vec![]),
        (
            "reservation",
            header("w", "", 20, web()),
            vec![event("e1"), event("e2")],
        ),
        ("reservation", header("t", "w", 50, timer), vec![event("t")]),
        ("room", header("w/0.a", "w", 10, call()), vec![event("e0")]),
        ("payment", header("w/1.b", "w", 11, call()), vec![]),
        ("viewpage", header("v", "e1", 25, on("e1")), vec![]),
        ("viewpage", header("x", "t", 60, on("t")), vec![]),
    ]);
    assert_eq!(
        outline(&story),
        json!([[
            "w",
            [["e1", [["v", [], []], ["m", [], []]]], ["e2", []]],
            [
                ["w/0.a", [["e0", []]], []],
                ["w/1.b", [], []],
                ["t", [["t", [["x", [], []]]]], []]
            ]
        ]])
    );
}

#[test]
fn bookkeeping_is_part_of_it_only_where_it_tells_something_and_what_has_no_parent_is_a_root() {
    let host = |purpose: &str| Cause::Host {
        purpose: purpose.into(),
    };
    let story = told(vec![
        ("reservation", header("w", "", 1, host("intent")), vec![]),
        ("room", header("b", "gone", 3, call()), vec![]),
        ("room", header("a", "w", 2, call()), vec![]),
        (
            "innkeeper",
            header("r", "", 4, host("versions")),
            vec![event("e")],
        ),
    ]);
    assert_eq!(
        outline(&story),
        json!([["a", [], []], ["b", [], []], ["r", [["e", []]], []]])
    );
}

#[test]
fn what_was_abandoned_says_why() {
    let mut abandoned = header("w", "", 1, web());
    abandoned.ending = Ending::Abandoned {
        reason: "answered 402".into(),
    };
    let story = told(vec![("reservation", abandoned, vec![])]);
    let told = serde_json::to_value(&story).unwrap();
    assert_eq!(
        told,
        json!([{
            "kind": "web",
            "context": "reservation",
            "name": "POST /reservations",
            "id": "w",
            "causationId": "",
            "time": "1970-01-01T00:00:00.001Z",
            "version": "ab".repeat(32),
            "attempt": 1,
            "status": null,
            "outcome": "abandoned",
            "reason": "answered 402",
            "events": [],
            "children": [],
        }])
    );
}

#[test]
fn a_long_story_is_cut_into_trees_that_can_be_shown() {
    let ids: Vec<String> = (0..10_000).map(|number| format!("i{number:05}")).collect();
    let before = |number: usize| match number {
        0 => String::new(),
        number => ids[number - 1].clone(),
    };
    let commits = ids.iter().enumerate().map(|(number, id)| {
        (
            "room",
            header(id, &before(number), number as u64, call()),
            vec![],
        )
    });
    let story = told(commits.collect());
    assert_eq!(story.len(), 10_000usize.div_ceil(DEEPEST));
    assert_eq!(story[1].id, ids[DEEPEST]);
    assert_eq!(story[1].causation_id, ids[DEEPEST - 1]);
    assert!(serde_json::to_string(&story).unwrap().contains("i09999"));
}

#[test]
fn ids_in_a_circle_lose_nobody() {
    let story = told(vec![
        ("room", header("a", "b", 1, call()), vec![]),
        ("room", header("b", "a", 2, call()), vec![]),
        ("room", header("c", "c", 3, call()), vec![]),
    ]);
    assert_eq!(
        outline(&story),
        json!([["b", [], [["a", [], []]]], ["c", [], []]])
    );
}
