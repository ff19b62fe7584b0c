//! The stream of events.

use std::sync::Arc;

use reqwest::Response;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::test_host::{SOON, TestHost};

/// Reads server-sent events.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    async fn open(host: &TestHost, path: &str, last_id: Option<&str>) -> Self {
        let request = host.http.get(format!("{}{path}", host.operators));
        let request = match last_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            answer,
            text: String::new(),
        }
    }

    /// The next event with its id; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = message.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim().to_owned())
                };
                let event = field("id:").zip(field("data:"));
                self.text = rest.to_owned();
                match event {
                    Some((id, data)) => return Some((id, serde_json::from_str(&data).unwrap())),
                    None => continue,
                }
            }
            let bytes = timeout(SOON, self.answer.chunk()).await.unwrap().unwrap()?;
            self.text += std::str::from_utf8(&bytes).unwrap();
        }
    }

    /// The subjects of all that come, up to the end.
    async fn subjects(mut self) -> Vec<String> {
        let mut subjects = Vec::new();
        while let Some((_, event)) = self.next().await {
            subjects.push(event["subject"].as_str().unwrap().to_owned());
        }
        subjects
    }
}

#[tokio::test]
async fn events_are_cloud_events() {
    let host = TestHost::open().await;
    let mut stream = Stream::open(&host, "/v1/events?context=room", None).await;
    host.room("Beautiful House").await;
    let (id, event) = stream.next().await.unwrap();
    // The first commit of a journal says which version serves.
    assert_eq!(id, "room:2.0");
    let text = |name: &str| event[name].as_str().unwrap();
    assert_eq!(text("specversion"), "1.0");
    assert_eq!(text("type"), "stay.room.RoomRegistered");
    assert_eq!(text("source"), "/stay/room");
    assert_eq!(text("subject"), "1");
    assert_eq!(text("datacontenttype"), "application/json");
    assert_eq!(text("id").len(), 32);
    assert_eq!(text("correlationid").len(), 32);
    assert_eq!(text("causationid").len(), 32);
    assert_eq!(text("time").len(), "2026-11-22T10:02:14.248Z".len());
    assert_eq!(event["data"]["desc"], "Beautiful House");
    assert_eq!(event.as_object().unwrap().len(), 10);
}

#[tokio::test]
async fn a_stream_is_taken_up_again_where_it_ended_also_after_a_restart() {
    let home = Arc::new(TempDir::new().unwrap());
    let mut host = TestHost::open_in(home.clone(), &[]).await;
    for number in 1..=6 {
        host.room(&number.to_string()).await;
    }
    assert_eq!(host.book(2, "order-7").await, 201);
    let all = "/v1/events?after=start&follow=false&context=room,reservation";
    let mut stream = Stream::open(&host, all, None).await;
    let mut seen = Vec::new();
    let mut last = String::new();
    for _ in 0..4 {
        let (id, event) = stream.next().await.unwrap();
        seen.push(event["id"].clone());
        last = id;
    }
    drop(stream);
    host.close().await;

    let host = TestHost::open_in(home, &[]).await;
    let mut stream = Stream::open(&host, all, Some(&last)).await;
    let mut kinds = Vec::new();
    while let Some((_, event)) = stream.next().await {
        assert!(!seen.contains(&event["id"]), "{event}");
        seen.push(event["id"].clone());
        kinds.push(event["type"].as_str().unwrap().to_owned());
    }
    let registered = kinds
        .iter()
        .filter(|kind| *kind == "stay.room.RoomRegistered");
    assert_eq!(registered.count(), 2);
    assert!(kinds.contains(&"stay.reservation.ReservationConfirmed".to_owned()));
}

#[tokio::test]
async fn what_is_asked_for_is_told_and_nothing_else() {
    let host = TestHost::open().await;
    for number in 1..=40 {
        host.room(&number.to_string()).await;
    }
    let told = async |query: &str| {
        let path = format!("/v1/events?follow=false&{query}");
        Stream::open(&host, &path, None).await.subjects().await
    };
    assert_eq!(told("last=3").await, ["38", "39", "40"]);
    assert_eq!(told("last=3&kind=RoomRegistered").await, ["38", "39", "40"]);
    assert_eq!(told("last=1000").await.len(), 40);
    assert_eq!(told("after=start&kind=RoomReserved").await.len(), 0);
    assert_eq!(told("after=start&context=payment").await.len(), 0);
    assert_eq!(told("after=room:39.0").await, ["39", "40"]);
    assert_eq!(told("after=now").await.len(), 0);
    let all: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    assert_eq!(told("after=start").await, all);
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let host = TestHost::open().await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = host.ask("/v1/events").send().await.unwrap();
        match answer.status().as_u16() {
            200 => open.push(answer),
            _ => break answer,
        }
        assert!(open.len() <= 64);
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(open.len(), 64);
    assert_eq!(host.see("/v1/contexts").await["app"], "stay");
}
