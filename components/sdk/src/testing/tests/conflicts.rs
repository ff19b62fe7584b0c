//! What the conflict fuzzer finds, and what it lets pass.

use super::*;

fn post(path: &'static str) -> impl Fn(&TestApp) -> Reply {
    move |app| app.request("POST", path, &[], b"")
}

#[test]
fn what_survives_a_re_run_is_found_safe() {
    let tried = ConflictFuzzer::new(app)
        .operation("note", post("/notes"))
        .operation("ring", post("/bells/1"))
        .check()
        .unwrap();
    assert!(tried.interleavings >= 4, "{tried:?}");
}

#[test]
fn what_remembers_or_counts_its_attempts_is_found_out() {
    for (path, said) in [
        ("/remembered", "clerk has notes/"),
        ("/given-up", "answers operation: 409"),
    ] {
        let finding = ConflictFuzzer::new(app)
            .operation("it", post(path))
            .check()
            .unwrap_err();
        assert!(
            finding
                .to_string()
                .contains("does not survive being run again"),
            "{finding}"
        );
        assert!(finding.reason.contains(said), "{finding}");
        // A static outlives the app; how often it was tried does not.
        let is_outside = finding
            .reason
            .contains("outside of tables, such as a static");
        assert_eq!(is_outside, path == "/remembered", "{finding}");
        let route = format!("the route `POST {path}` of clerk");
        assert_eq!(finding.run_again, Some(route));
    }
}

/// Nobody is blamed for what another invocation has left in a static.
#[test]
fn where_a_static_is_shared_it_is_told_and_no_invocation_is_named() {
    let ring = |app: &TestApp| app.publish("tower", "BellRung", "1", json!({"id": 1}));
    let remembered = move |app: &TestApp| {
        ring(app);
        app.request("POST", "/remembered", &[], b"")
    };
    let finding = ConflictFuzzer::new(app)
        .operation("note", remembered)
        .check()
        .unwrap_err();
    assert!(
        finding
            .reason
            .contains("outside of tables, such as a static"),
        "{finding}"
    );
    assert_eq!(finding.run_again, None, "{finding}");
    let finding = ConflictFuzzer::new(app)
        .operation("note", post("/notes"))
        .operation("remember", post("/remembered"))
        .check()
        .unwrap_err();
    assert_eq!(
        (finding.between.as_deref(), &finding.run_again),
        (Some("remember"), &None)
    );
    assert!(
        finding
            .reason
            .contains("outside of tables, such as a static"),
        "{finding}"
    );
}

#[test]
fn an_operation_that_starts_nothing_is_a_finding() {
    let finding = ConflictFuzzer::new(app)
        .operation("note", post("/note"))
        .check()
        .unwrap_err();
    let text = finding.to_string();
    assert!(
        text.starts_with("`note` starts no invocation, so there is nothing to try: operation: 404"),
        "{text}"
    );
}

#[test]
fn the_fuzzer_sees_events_that_are_tried_again() {
    let tried_again = |app: &TestApp| {
        app.publish("tower", "BellRung", "4", json!({"id": 4}));
        app.request("POST", "/notes", &[], b"")
    };
    let finding = ConflictFuzzer::new(app)
        .operation("ring", tried_again)
        .always("nothing is given up", nothing_is_given_up)
        .check()
        .unwrap_err();
    assert!(finding.reason.contains("it is too loud"), "{finding}");
}

fn nothing_is_given_up(app: &TestApp) -> Result<(), String> {
    match app.dead_letters().first() {
        None => Ok(()),
        Some(letter) => Err(letter.reason.clone()),
    }
}

/// Handlers of events and timers, each with the mistakes that it is asked to make.
mod ledger {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::config;

    crate::events! {
        /// In tower.
        pub BellRung: Bell,
        /// A bell is to be heard again.
        pub EchoDue: Bell,
    }

    /// Who has rung, and how often that was noted.
    const RINGS: Table<u64, u64> = Table::new("rings");
    const ECHOES: Table<u64, u64> = Table::new("echoes");
    /// All of them in one row, as a projection has it.
    const TOTAL: Table<String, u64> = Table::new("total");

    thread_local! {
        static SEEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
        static TOTALS_BEFORE: RefCell<BTreeMap<u64, u64>> = const { RefCell::new(BTreeMap::new()) };
    }

    fn makes(mistake: &str) -> bool {
        config::get("mistake", String::new()) == mistake
    }

    /// Whether it comes for the first time, as nobody should remember it.
    fn is_new(id: u64) -> bool {
        SEEN.with_borrow_mut(|seen| {
            let is_new = !seen.contains(&id);
            seen.push(id);
            is_new
        })
    }

    fn hear(bell: Bell) -> Outcome {
        if makes("a policy that remembers") && !is_new(bell.id) {
            return Ok(());
        }
        if makes("a policy that gives up") && invocation::attempt() > 1 {
            return Err(PolicyError::Reject("not again".into()));
        }
        RINGS.put(bell.id, &(RINGS.get(bell.id)?.unwrap_or_default() + 1))?;
        emit_after::<EchoDue>(1_000, &bell)?;
        let mut before = TOTAL.get("all")?.unwrap_or_default();
        if makes("a projection that keeps a row") {
            // The first run has read it already.
            before = TOTALS_BEFORE.with_borrow_mut(|known| *known.entry(bell.id).or_insert(before));
        }
        Ok(TOTAL.put("all", &(before + 1))?)
    }

    fn echo(bell: Bell) -> Outcome {
        if makes("a timer that remembers") && !is_new(bell.id) {
            return Ok(());
        }
        Ok(ECHOES.put(bell.id, &invocation::now())?)
    }

    fn show() -> Answer {
        Response::ok(&TOTAL.get("all")?)
    }

    crate::context! {
        summary: "Writes down who has rung.",
        tables: [RINGS, ECHOES, TOTAL],
        routes: { GET "/total" => show },
        publishes: [EchoDue],
        follows: { "tower": BellRung => hear, "ledger": EchoDue => echo },
    }

    /// An app in which this mistake is made; an empty one is none.
    pub fn app(mistake: &'static str) -> impl Fn() -> TestApp {
        move || {
            SEEN.take();
            TOTALS_BEFORE.take();
            let app = TestApp::new()
                .with::<Component>("ledger")
                .with::<tower::Component>("tower");
            app.configure("ledger", "mistake", mistake);
            app
        }
    }
}

/// Two bells that ring, and all that comes of it.
fn rings(mistake: &'static str) -> Result<Tried, Finding> {
    let ring = |id: u64| {
        move |app: &TestApp| app.publish("tower", "BellRung", &id.to_string(), json!({"id": id}))
    };
    ConflictFuzzer::new(ledger::app(mistake))
        .operation("ring", ring(1))
        .operation("ring another", ring(2))
        .passing(seconds(2))
        .always("nothing is given up", nothing_is_given_up)
        .check()
}

#[test]
fn policies_timers_and_projections_that_do_not_survive_a_re_run_are_found_out() {
    let tried = rings("").unwrap_or_else(|finding| panic!("{finding}"));
    // Each ring is an event and a timer, which are run twice with each of two rings in between.
    assert_eq!(tried.interleavings, 16, "{tried:?}");
    for (mistake, run_again, between, reason) in [
        (
            "a policy that remembers",
            "the policy for `BellRung` of ledger",
            None,
            "does not survive being run again: ledger lacks",
        ),
        (
            "a policy that gives up",
            "the policy for `BellRung` of ledger",
            None,
            "\"nothing is given up\" does not hold: not again",
        ),
        (
            "a timer that remembers",
            "the policy for `EchoDue` of ledger",
            None,
            "does not survive being run again: ledger lacks echoes/",
        ),
        (
            "a projection that keeps a row",
            "the policy for `BellRung` of ledger",
            Some("ring another"),
            "ledger has total/all = 1, and should have total/all = 2",
        ),
    ] {
        let finding = rings(mistake).unwrap_err();
        assert_eq!(
            (finding.run_again.as_deref(), finding.between.as_deref()),
            (Some(run_again), between),
            "{mistake}: {finding}"
        );
        assert!(finding.reason.contains(reason), "{mistake}: {finding}");
        let said = format!("({run_again} was run again)");
        assert!(finding.to_string().ends_with(&said), "{finding}");
    }
}

#[test]
fn without_time_that_passes_no_timer_is_tried() {
    let ring = |app: &TestApp| app.publish("tower", "BellRung", "1", json!({"id": 1}));
    let tried = ConflictFuzzer::new(ledger::app("a timer that remembers"))
        .operation("ring", ring)
        .check();
    assert_eq!(tried.map(|tried| tried.interleavings), Ok(2));
}

#[test]
fn a_rule_that_is_broken_is_a_finding() {
    let finding = ConflictFuzzer::new(app)
        .operation("note", post("/notes"))
        .always("nothing is noted", |app| {
            match app.request("POST", "/notes", &[], b"").body {
                body if body == json!(1) => Ok(()),
                body => Err(format!("there are {body}")),
            }
        })
        .check()
        .unwrap_err();
    assert!(
        finding
            .reason
            .contains("\"nothing is noted\" does not hold: there are 2"),
        "{finding}"
    );
}

/// No re-run is blamed for it.
#[test]
fn a_rule_that_is_broken_without_a_conflict_is_told_as_that() {
    let at_most = |most: u64| {
        move |app: &TestApp| match app.request("POST", "/notes", &[], b"").body {
            body if body.as_u64().is_some_and(|number| number <= most + 1) => Ok(()),
            body => Err(format!("there are {body}")),
        }
    };
    for (most, said) in [
        (
            0,
            "`note` breaks a rule without any conflict: \"few\" does not hold",
        ),
        (
            1,
            "`note` and `note`, one after the other and without any conflict: \"few\" does not hold",
        ),
    ] {
        let finding = ConflictFuzzer::new(app)
            .operation("note", post("/notes"))
            .always("few", at_most(most))
            .check()
            .unwrap_err();
        assert!(finding.to_string().starts_with(said), "{finding}");
        assert_eq!((finding.step, &finding.run_again), (0, &None), "{finding}");
        // As it comes where it is unwrapped.
        assert_eq!(format!("{finding:?}"), finding.to_string());
    }
}

mod tallies {
    use super::*;
    use crate::Counter;

    const TALLIES: Counter<String> = Counter::new("tallies");
    const PLAIN: Table<String, i64> = Table::new("plain");

    fn tally() -> Answer {
        TALLIES.add("all", 1);
        Response::ok(&invocation::attempt())
    }

    fn tally_plainly() -> Answer {
        let before = PLAIN.get("all")?.unwrap_or_default();
        PLAIN.put("all", &(before + 1))?;
        Response::ok(&invocation::attempt())
    }

    fn show() -> Answer {
        Response::ok(&(TALLIES.get("all")?, PLAIN.get("all")?))
    }

    crate::context! {
        summary: "Tallies.",
        tables: [TALLIES, PLAIN],
        routes: { POST "/tallies" => tally, POST "/plain" => tally_plainly, GET "/tallies" => show },
    }
}

#[test]
fn what_adds_to_a_counter_is_not_run_again_when_others_do() {
    use super::interference::{Interference, Moment};
    use super::simulation::with;
    use std::rc::Rc;

    let app = Rc::new(TestApp::new().with::<tallies::Component>("tallies"));
    let attempts = |path: &'static str| {
        let other = app.clone();
        with(|simulation| {
            simulation.scope = super::fuzzer::OPERATION;
            simulation.steps = 0;
            let run = Rc::new(move || drop(other.post(path, json!(null))));
            simulation.interference = Some(Interference {
                at: Moment::Step(1),
                run,
            });
        });
        let attempts = app.post(path, json!(null)).body;
        with(|simulation| simulation.scope = "test");
        attempts
    };
    assert_eq!(
        (attempts("/tallies"), attempts("/plain")),
        (1.into(), 2.into())
    );
    assert_eq!(app.get("/tallies").body, json!([2, 2]));
}
