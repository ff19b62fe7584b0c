//! Asks outside, as a context that is written for Innkeeper does.

use innkeeper_sdk::outbound;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "Asks outside.",
    tables: [ANSWERS],
    routes: { POST "/envoys" => send },
}

const ANSWERS: Table<u64, u16> = Table::new("answers");

#[derive(Deserialize)]
struct Errand {
    url: String,
    said: String,
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
