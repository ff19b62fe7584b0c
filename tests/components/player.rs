//! What the players share: a program is a list of steps, and each run that commits leaves a record of what it read, wrote and called.

use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{config, invocation};

/// A step of a program.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Looks what a key holds.
    Read(u64),
    /// Looks, and counts it up.
    Write(u64),
    /// Has another player run a program, which is sent with so many bytes more than it takes.
    Call {
        to: String,
        how: How,
        program: Vec<Step>,
        #[serde(default)]
        padding: usize,
    },
    /// Asks another player what a key holds.
    Ask { to: String, key: u64 },
    /// Goes on with one of two programs, by what the last step came to: `ok` or an even number, or not.
    Either(Vec<Step>, Vec<Step>),
    /// Refuses.
    Refuse,
    /// Does not go on.
    Hang,
}

/// How a program is called.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// So that it can be undone.
    Play,
    /// For good.
    Tell,
}

/// Calls to the other players.
pub trait Others {
    fn call(to: &str, how: How, program: &str) -> Result<String, String>;
    fn ask(to: &str, key: u64) -> Result<u64, String>;
    fn undo(to: &str, program: &str, run: &str) -> Result<(), String>;
}

/// Why a program has no run.
pub struct Refused(pub String);

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

/// What a key holds: how often it was written.
#[derive(Serialize, Deserialize, Record)]
pub struct Value {
    key: u64,
    count: u64,
}

/// A run that has committed.
#[derive(Serialize, Deserialize, Record)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its number in its context: what it is answered with.
    number: u64,
    /// The invocation.
    id: String,
    /// The invocation that called it; empty where it was a request.
    caller: String,
    /// `begin`, `play` or `tell`.
    how: String,
    /// What each write counted up to.
    writes: Vec<(u64, u64)>,
    calls: Vec<Called>,
    undone: bool,
    /// Who was behind it; empty where nobody is known to have been.
    by: String,
    /// Who was behind its undoing.
    undone_by: String,
}

/// A call of a run that was answered `ok`.
#[derive(Serialize, Deserialize, Record)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    to: String,
    how: How,
    run: String,
}

pub const VALUES: Table<u64, Value> = Table::new("values");
pub const RUNS: Table<u64, Run> = Table::new("runs");

fn who() -> String {
    let identity = invocation::identity();
    identity.map_or_else(String::new, |identity| identity.subject)
}

fn count(key: u64) -> Result<u64, Fault> {
    Ok(VALUES.get(key)?.map_or(0, |value| value.count))
}

/// Runs a program, and leaves its record under the number that is answered.
pub fn play<O: Others>(program: &str, how: &str) -> Result<String, Refused> {
    let program: Vec<Step> =
        serde_json::from_str(program).map_err(|error| Refused(error.to_string()))?;
    let caller = match how {
        "begin" => String::new(),
        _ => invocation::causation_id(),
    };
    let mut run = Run {
        number: 0,
        id: invocation::id(),
        caller,
        how: how.to_owned(),
        writes: Vec::new(),
        calls: Vec::new(),
        undone: false,
        by: who(),
        undone_by: String::new(),
    };
    go::<O>(&mut run, &program, &mut true)?;
    run.number = RUNS.next_id();
    RUNS.put(run.number, &run)?;
    Ok(run.number.to_string())
}

fn go<O: Others>(run: &mut Run, program: &[Step], went_well: &mut bool) -> Result<(), Refused> {
    for step in program {
        match step {
            Step::Read(key) => *went_well = count(*key)? % 2 == 0,
            Step::Write(key) => {
                let count = count(*key)? + 1;
                VALUES.put(*key, &Value { key: *key, count })?;
                run.writes.push((*key, count));
            }
            Step::Call {
                to,
                how,
                program,
                padding,
            } => {
                let text = serde_json::to_string(program).unwrap_or_default();
                let text = text + &" ".repeat(*padding);
                let answer = O::call(to, *how, &text);
                *went_well = answer.is_ok();
                if let Ok(id) = answer {
                    run.calls.push(Called {
                        to: to.clone(),
                        how: *how,
                        run: id,
                    });
                }
            }
            Step::Ask { to, key } => *went_well = O::ask(to, *key).is_ok(),
            Step::Either(one, other) => {
                let next = if *went_well { one } else { other };
                go::<O>(run, next, went_well)?;
            }
            Step::Hang => loop {
                std::hint::black_box(&run.number);
            },
            Step::Refuse => return Err(Refused("as the program says".into())),
        }
    }
    Ok(())
}

/// Undoes a run, and what it has called; refuses while its configuration says so.
pub fn unplay<O: Others>(run: &str) -> Result<(), Refused> {
    if config::text("undo").as_deref() == Some("refuse") {
        return Err(Refused("not now".into()));
    }
    let number = run
        .parse()
        .map_err(|_| Refused(format!("{run} is no run")))?;
    let Some(mut found) = RUNS.get(number)? else {
        return Err(Refused(format!("there is no run {run}")));
    };
    for called in found
        .calls
        .iter()
        .rev()
        .filter(|called| called.how == How::Play)
    {
        O::undo(&called.to, "", &called.run).map_err(Refused)?;
    }
    found.undone = true;
    found.undone_by = who();
    Ok(RUNS.put(number, &found)?)
}

/// Whether it takes work: until its configuration says otherwise.
pub fn is_ready() -> Result<(), String> {
    match config::text("ready").as_deref() {
        Some("no") => Err("not now".into()),
        _ => Ok(()),
    }
}

/// What a key holds; an odd number is refused.
pub fn ask(key: u64) -> Result<u64, Refused> {
    match count(key)? {
        odd if odd % 2 == 1 => Err(Refused(format!("{odd} is odd"))),
        even => Ok(even),
    }
}

/// A request's body.
#[derive(Deserialize)]
pub struct Begin {
    program: Vec<Step>,
}

/// Runs the program in the body.
pub fn begin<O: Others>(Json(Begin { program }): Json<Begin>) -> Answer {
    let text = serde_json::to_string(&program).unwrap_or_default();
    match play::<O>(&text, "begin") {
        Ok(id) => Response::ok(&id),
        Err(Refused(reason)) => Err(Problem::conflict(reason)),
    }
}

/// The runs that have committed.
pub fn runs(paging: Paging) -> Answer {
    Response::ok(&RUNS.page(paging)?)
}

/// What the keys hold.
pub fn values(paging: Paging) -> Answer {
    Response::ok(&VALUES.page(paging)?)
}
