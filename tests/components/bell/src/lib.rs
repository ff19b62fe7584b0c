//! A context with durable timers, and with a policy that can be told to fail.

use innkeeper_sdk::{config, invocation, prelude::*};

innkeeper_sdk::events! {
    /// A bell was rung, now or by a timer.
    pub BellRung: Ring,
}

/// A ring.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ring {
    /// Which bell.
    bell: u64,
    /// Which of its rings.
    number: u64,
}

impl Subject for Ring {
    fn subject(&self) -> String {
        self.bell.to_string()
    }
}

/// What has been heard of a bell.
#[derive(Clone, Default, Serialize, Record)]
pub struct Heard {
    /// The rings, in the order heard.
    numbers: Vec<u64>,
    /// When each was heard.
    times: Vec<u64>,
    /// At which attempt.
    attempts: Vec<u32>,
    /// Who rang it; empty where nobody is known to have.
    ringers: Vec<String>,
}

const HEARD: Table<u64, Heard> = Table::new("heard");

/// When to ring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wish {
    number: u64,
    after_ms: Option<u64>,
}

/// Rings a bell, now or later.
fn ring(Path(bell): Path<u64>, Json(wish): Json<Wish>) -> Answer {
    let ring = Ring {
        bell,
        number: wish.number,
    };
    let id = match wish.after_ms {
        Some(delay) => innkeeper_sdk::emit_after::<BellRung>(delay, &ring)?,
        None => emit::<BellRung>(&ring)?,
    };
    Response::ok(&Rung {
        id,
        now: invocation::now(),
    })
}

/// What `ring` answers.
#[derive(Serialize)]
struct Rung {
    id: String,
    now: u64,
}

/// How many bells to ring at once, once each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peal {
    /// The number of the bell before the first.
    #[serde(default)]
    after: u64,
    count: u64,
}

fn peal(Json(Peal { after, count }): Json<Peal>) -> Answer {
    for bell in after + 1..=after + count {
        emit::<BellRung>(&Ring { bell, number: 1 })?;
    }
    Response::no_content()
}

/// Does nothing.
fn silence() -> Answer {
    Response::no_content()
}

/// Shows what no other request is shown.
fn fresh() -> Answer {
    Response::ok(&innkeeper_sdk::invocation::new_id())
}

/// Shows its configuration.
fn motto() -> Answer {
    Response::ok(&config::text("motto"))
}

/// Takes a timer back.
fn cancel(Path(id): Path<String>) -> Answer {
    Response::ok(&innkeeper_sdk::cancel(&id))
}

/// What has been heard of a bell.
fn heard(Path(bell): Path<u64>) -> Answer {
    Response::ok(&HEARD.get(bell)?.unwrap_or_default())
}

/// Hears a ring, unless `deaf` says otherwise: `reject`, `retry` or `trap` for all rings; after a space, the one number that it is for.
fn hear(
    Happened {
        data: Ring { bell, number },
        ..
    }: Happened<BellRung>,
) -> Outcome {
    let deaf = config::text("deaf").unwrap_or_default();
    let (how, which) = deaf.split_once(' ').unwrap_or((&deaf, ""));
    if which.is_empty() || which.parse() == Ok(number) {
        match how {
            "reject" => return Err(PolicyError::Reject(format!("ring {number} was not wanted"))),
            "retry" => return Err(PolicyError::Retry(format!("ring {number} was not heard"))),
            "trap" => panic!("ring {number} was too loud"),
            _ => {}
        }
    }
    let mut heard = HEARD.get(bell)?.unwrap_or_default();
    heard.numbers.push(number);
    heard.times.push(invocation::now());
    heard.attempts.push(invocation::attempt());
    let ringer = invocation::identity().map(|identity| identity.subject);
    heard.ringers.push(ringer.unwrap_or_default());
    Ok(HEARD.put(bell, &heard)?)
}

innkeeper_sdk::context! {
    summary: "Bells that ring, now or later.",
    tables: [HEARD],
    routes: {
        POST "/bells/{bell}/rings" => ring,
        POST "/peals" => peal,
        GET "/silence" => silence,
        GET "/fresh" => fresh,
        GET "/motto" => motto,
        DELETE "/rings/{id}" => cancel,
        GET "/bells/{bell}" => heard,
    },
    publishes: [BellRung],
    follows: {
        "bell": BellRung => hear,
        "pms": BellRung => hear,
    },
}
