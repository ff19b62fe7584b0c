//! What should cost the same however much there is: a page of a list, and work beside many contexts that have none.

use std::time::Instant;

use innkeeper_tests::{Opening, Settings, TestHost, flood, request};
use serde_json::json;

use super::table::{Report, rate};

const FEW_ROWS: u64 = 1_000;
const MANY_ROWS: u64 = 120_000;
const PAGES: u64 = 2_000;
const IDLE: u32 = 1_000;
const REQUESTS: u64 = 6_000;
const CONNECTIONS: u64 = 32;

/// Measures it all.
pub async fn measure(report: &mut Report) {
    let note = format!(
        "Each against the same with little beside it. Lists: {} pages of 20, one after the other, each one run by the guest, median. Contexts: {} requests over \
         {CONNECTIONS} connections to the app as it is shipped, alone and beside {IDLE} contexts that do nothing.",
        rate(PAGES as f64),
        rate(REQUESTS as f64)
    );
    let table = report.table(
        "Costs that stay flat",
        note,
        &["what", "few", "many", "ratio"],
    );
    let few = pages(FEW_ROWS).await;
    let many = pages(MANY_ROWS).await;
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        table.row([
            format!(
                "{what}, of {} and {} rows",
                rate(FEW_ROWS as f64),
                rate(MANY_ROWS as f64)
            ),
            format!("{few:.2} ms"),
            format!("{many:.2} ms"),
            format!("{:.2}", many / few),
        ]);
    }
    let alone = beside(0).await;
    let crowded = beside(IDLE).await;
    for ((what, few), (_, many)) in alone.into_iter().zip(crowded) {
        table.row([
            what.to_owned(),
            rate(few),
            rate(many),
            format!("{:.2}", many / few),
        ]);
    }
}

/// The median times of pages of a list with so many rows, in milliseconds.
async fn pages(rows: u64) -> Vec<(&'static str, f64)> {
    const STEP: u64 = 1_000;
    let settings = Settings::empty().with("archive", "archive").await;
    let settings = settings.set("context.archive.limits.answers", 0);
    let host = Opening::new(settings).alone().open().await;
    for _ in 0..rows / STEP {
        let path = format!("/entries/{STEP}");
        host.gateway().post(&path, json!(null)).await.expect(204);
    }
    let last = rows / 20 - 1;
    let mut measured = Vec::new();
    for (what, path) in [
        ("the first page", "/entries?size=20".to_owned()),
        (
            "what comes after a row",
            "/entries?after=500&size=20".to_owned(),
        ),
        ("the last page", format!("/entries?page={last}&size=20")),
    ] {
        let make = move |_| request("GET", &path, "");
        let flooded = flood(host.gateway().base(), 1, PAGES, make).await;
        assert_eq!(flooded.refusals, 0);
        measured.push((what, flooded.percentile(50).as_secs_f64() * 1e3));
    }
    measured
}

/// How fast the app is beside so many idle contexts; the last is how many MiB it takes.
async fn beside(idle: u32) -> Vec<(&'static str, f64)> {
    let mut measured = Vec::new();
    let host = open(Settings::of_the_app().await, idle).await;
    let began = Instant::now();
    let registered = flood(host.gateway().base(), CONNECTIONS, REQUESTS, |number| {
        let body = format!(r#"{{"desc": "room {number}"}}"#);
        request("POST", "/rooms", &body)
    });
    assert_eq!(registered.await.refusals, 0);
    measured.push(("`POST /rooms` a second", per_second(began)));
    let began = Instant::now();
    let booked = flood(host.gateway().base(), CONNECTIONS, REQUESTS, book).await;
    assert_eq!(booked.refusals, 0);
    measured.push((
        "bookings a second: two nested calls, and their events",
        per_second(began),
    ));
    let resident = host.resident() as f64 / 1_024.0;
    drop(host);
    let rooms: Vec<_> = (1..=CONNECTIONS).map(|room| room.to_string()).collect();
    let settings = Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", rooms.join(", "));
    let host = open(settings, idle).await;
    for number in 0..CONNECTIONS {
        host.stay().room(&number.to_string()).await;
    }
    let began = Instant::now();
    let declined = flood(host.gateway().base(), CONNECTIONS, REQUESTS, |number| {
        book(number % CONNECTIONS)
    });
    assert_eq!(declined.await.successes, 0);
    measured.push(("declined bookings a second, each undone", per_second(began)));
    measured.push(("resident memory after that, MiB", resident));
    measured
}

fn book(number: u64) -> Vec<u8> {
    let body = format!(r#"{{"roomId": {}, "guestId": {number}}}"#, number + 1);
    request("POST", "/reservations", &body)
}

fn per_second(began: Instant) -> f64 {
    REQUESTS as f64 / began.elapsed().as_secs_f64()
}

async fn open(mut settings: Settings, idle: u32) -> TestHost {
    for number in 0..idle {
        settings = settings.with(&format!("idler-{number}"), "idler").await;
    }
    Opening::new(settings).alone().open().await
}
