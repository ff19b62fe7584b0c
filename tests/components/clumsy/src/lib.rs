//! A context that panics in whatever it is asked to.

use innkeeper_sdk::{emit_after, prelude::*};

innkeeper_sdk::events! {
    /// It is to stumble now.
    pub Stumbled: Stumble,
    /// It was to stumble by now.
    pub StumbleDue: Stumble,
}

/// Where it stumbles.
#[derive(Serialize, Deserialize, Subject)]
pub struct Stumble {
    #[subject]
    over: String,
}

/// What an operator may set.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Whether it panics when it is asked whether it is ready.
    shy: bool,
}

fn stumble(Path(over): Path<String>) -> Answer {
    let stumble = Stumble { over };
    match stumble.over.as_str() {
        "a policy" => emit::<Stumbled>(&stumble)?,
        "a timer" => emit_after::<StumbleDue>(10, &stumble)?,
        over => panic!("stumbled over {over}"),
    };
    Response::no_content()
}

fn fall(Stumble { over }: Stumble) -> Outcome {
    panic!("stumbled over {over}")
}

fn is_ready() -> Result<(), String> {
    let Settings { shy } = Config::<Settings>::read().map_err(|fault| fault.to_string())?;
    match shy {
        true => panic!("stumbled over readiness"),
        false => Ok(()),
    }
}

innkeeper_sdk::context! {
    summary: "Stumbles.",
    routes: { POST "/stumbles/{over}" => stumble },
    publishes: [Stumbled, StumbleDue],
    follows: { "clumsy": Stumbled => fall, "clumsy": StumbleDue => fall },
    config: Settings,
    ready: is_ready,
}
