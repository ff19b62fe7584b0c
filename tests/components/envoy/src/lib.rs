//! Asks outside, as a context that is written for Innkeeper does: at once, or when an event says so.

use innkeeper_sdk::outbound;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "Asks outside.",
    tables: [ANSWERS],
    routes: { POST "/envoys" => send, POST "/errands" => give },
    publishes: [ErrandGiven],
    follows: { "envoy": ErrandGiven => run },
}

const ANSWERS: Table<u64, u16> = Table::new("answers");

innkeeper_sdk::events! {
    /// Somebody is to be asked.
    pub ErrandGiven: Errand,
}

/// Whom to ask, and what.
#[derive(Serialize, Deserialize)]
pub struct Errand {
    url: String,
    said: String,
}

impl Subject for Errand {
    fn subject(&self) -> String {
        "errand".into()
    }
}

#[derive(Serialize)]
struct Heard {
    status: u16,
    from: Option<String>,
    body: String,
}

fn send(Json(errand): Json<Errand>) -> Answer {
    let request = outbound::post(&errand.url).header("x-own", "mine");
    match request.body(errand.said).send() {
        Ok(response) => {
            ANSWERS.put(ANSWERS.next_id(), &response.status)?;
            Response::ok(&Heard {
                status: response.status,
                from: response.header("x-from").map(str::to_owned),
                body: String::from_utf8_lossy(&response.body).into_owned(),
            })
        }
        Err(error) => Err(Problem::new(502, format!("{error:?}"))),
    }
}

fn give(Json(errand): Json<Errand>) -> Answer {
    emit::<ErrandGiven>(&errand)?;
    Response::no_content()
}

fn run(errand: Errand) -> Outcome {
    let asked = outbound::post(&errand.url).body(errand.said).send();
    let response = asked.map_err(|error| PolicyError::Retry(error.to_string()))?;
    Ok(ANSWERS.put(ANSWERS.next_id(), &response.status)?)
}
