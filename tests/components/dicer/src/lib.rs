//! A context whose runtime asks for chance before it says what it is, and before it is ready, as those of Python and JavaScript do.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        world: "asks",
        path: "../wit/random",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

use bindings::wasi::random::insecure::{get_insecure_random_bytes, get_insecure_random_u64};
use bindings::wasi::random::insecure_seed::insecure_seed;
use bindings::wasi::random::random::{get_random_bytes, get_random_u64};
use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{Context, Description, Request, invocation};

/// Throws all the dice that there are; answers how many bytes fell.
fn throw() -> usize {
    get_random_u64();
    get_insecure_random_u64();
    insecure_seed();
    get_random_bytes(16).len() + get_insecure_random_bytes(16).len()
}

/// What the host sees.
struct Dicer;

impl Context for Dicer {
    fn describe() -> Description {
        assert_eq!(throw(), 32);
        Component::describe()
    }

    fn handle(request: &Request) -> Answer {
        Component::handle(request)
    }

    fn on_event(event: innkeeper_sdk::private::Delivered) -> Outcome {
        Component::on_event(event)
    }

    fn ready() -> Result<(), String> {
        match throw() {
            32 => Ok(()),
            other => Err(format!("{other} bytes")),
        }
    }
}

innkeeper_sdk::events! {
    /// Somebody wants dice to be thrown.
    pub Wanted: Wish,
}

/// The name of a throw.
#[derive(Serialize, Deserialize, EventData, Subject)]
pub struct Wish {
    #[subject]
    name: String,
}

fn want(Path(name): Path<String>) -> Answer<NoContent> {
    emit::<Wanted>(&Wish { name })?;
    Ok(NoContent)
}

/// Says what it drew, and is never content: the same event is handled again and again.
fn draw(Wish { name }: Wish) -> Outcome {
    let (secret, plain, new) = (
        get_random_bytes(16),
        get_insecure_random_bytes(16),
        invocation::new_id(),
    );
    let id = invocation::id();
    innkeeper_sdk::info!("{name} drew {secret:02x?} and {plain:02x?} and {new} in {id};");
    Err(PolicyError::Retry("it wants better ones".into()))
}

innkeeper_sdk::context! {
    summary: "Throws dice before it does anything.",
    export: Dicer,
    routes: { POST "/wanted/{name}" => want },
    publishes: [Wanted],
    follows: { "dicer": Wanted => draw },
}
