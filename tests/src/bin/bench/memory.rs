//! Memory of the host over a million requests.

use innkeeper_tests::{Opening, Settings};

use super::load::scripted;
use super::table::{Report, rate};

const REQUESTS: u64 = 1_000_000;

/// One of ten requests changes a room, the others look at it.
const SCRIPT: &str = r#"
local count = 0
request = function()
    count = count + 1
    if count % 10 == 0 then
        return wrk.format('PATCH', '/rooms/1', {['content-type'] = 'application/json'}, '{"desc": "Beautiful House"}')
    end
    return wrk.format('GET', '/rooms/1')
end
"#;

/// Watches it.
pub async fn watch(report: &mut Report) {
    let note = "The whole app; nine of ten requests are `GET /rooms/1`, one is `PATCH /rooms/1`, which viewpage follows. At durability `relaxed`, so that it does not take long.";
    let table = report.table(
        "Memory over a million requests",
        note,
        &["requests", "resident memory, MiB"],
    );
    let settings = Settings::of_the_app()
        .await
        .set("journal.durability", "relaxed");
    let inn = Opening::new(settings).alone().open().await;
    inn.stay().room("Beautiful House").await;
    let base = inn.gateway().base().to_owned();
    let mut requests = 0;
    let mut next = 0;
    while requests < REQUESTS {
        requests += scripted(&base, "/rooms/1", 5, 32, SCRIPT).await.requests;
        if requests >= next || requests >= REQUESTS {
            table.row([
                rate(requests as f64),
                format!("{:.1}", inn.resident() as f64 / 1024.0),
            ]);
            next = requests + REQUESTS / 10;
        }
    }
}
