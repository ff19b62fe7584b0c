//! The native twin: what room does for `GET /rooms/{id}` and `POST /rooms`, as axum handlers over the same journal, without a guest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use innkeeper::core::{CorrelationId, InvocationId};
use innkeeper::journal::{
    Cause, CommitError, Committer, Durability, Ending, Event, Header, Ledger, Options, ReadSet,
    SledStore, Space, Unit, Write,
};
use serde::{Deserialize, Serialize};

const STATE: Space = Space::State(0);

/// A room, as it is stored and, with the status, shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Room {
    room_id: u64,
    desc: String,
    status: String,
    review_cnt: u64,
    last_action: String,
}

/// A room, as events tell it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomFact<'a> {
    #[serde(flatten)]
    room: &'a Room,
    rsv_id: Option<u64>,
    revision: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    desc: String,
}

/// Serves until it is killed; prints its address.
pub async fn serve(data: PathBuf, relaxed: bool) {
    let store = SledStore::open(&data, 64 << 20).expect("the journal opens");
    let committer =
        Committer::start(Arc::new(store), Options::default()).expect("the committer starts");
    let durability = if relaxed {
        Durability::Relaxed
    } else {
        Durability::Flush
    };
    let ledger = committer
        .open("room", durability)
        .expect("the ledger opens");
    let router = Router::new()
        .route("/rooms", post(register))
        .route("/rooms/{id}", get(show))
        .with_state(ledger);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    println!("http://{}", listener.local_addr().expect("an address"));
    axum::serve(listener, router).await.expect("it serves");
}

async fn register(State(ledger): State<Arc<Ledger>>, body: Bytes) -> Result<Response, Response> {
    let new: NewRoom = serde_json::from_slice(&body)
        .map_err(|error| problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()))?;
    if new.desc.trim().is_empty() || new.desc.chars().count() > 2_000 {
        return Err(problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "desc must not be blank and have at most 2000 characters",
        ));
    }
    loop {
        let began = ledger.applied();
        let room_id = ledger.next_sequence("rooms").map_err(broken)?;
        ledger
            .secure_sequences(&[("rooms".to_owned(), room_id)])
            .map_err(broken)?;
        let room = Room {
            room_id,
            desc: new.desc.clone(),
            status: "available".to_owned(),
            review_cnt: 0,
            last_action: "register".to_owned(),
        };
        match ledger.commit(unit(began, &room)).await {
            Ok(_) => {
                let location = [(header::LOCATION, format!("/rooms/{room_id}"))];
                return Ok((StatusCode::CREATED, location, Json(room)).into_response());
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(broken(error)),
        }
    }
}

fn unit(began: u64, room: &Room) -> Unit {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let time = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let invocation = InvocationId::random();
    let story = CorrelationId::random();
    let fact = RoomFact {
        room,
        rsv_id: None,
        revision: 1,
    };
    let event = Event {
        id: format!("{:032x}", rand::random::<u128>()).into(),
        kind: "RoomRegistered".to_owned(),
        subject: room.room_id.to_string(),
        time,
        data: serde_json::to_vec(&fact).expect("a room serializes"),
        correlation_id: story.clone(),
        causation_id: Some((&invocation).into()),
        trace: None,
        identity: None,
    };
    let header = Header {
        invocation,
        cause: Cause::Web {
            method: "POST".to_owned(),
            route: "/rooms".to_owned(),
        },
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: Some(story),
        causation_id: None,
        version: None,
        time,
        status: Some(201),
        by: None,
    };
    let write = Write {
        space: STATE,
        key: key(room.room_id),
        value: Some(serde_json::to_vec(room).expect("a room serializes")),
    };
    Unit {
        began,
        reads: ReadSet::default(),
        header,
        writes: vec![write],
        events: vec![event],
    }
}

async fn show(
    State(ledger): State<Arc<Ledger>>,
    Path(id): Path<u64>,
) -> Result<Response, Response> {
    loop {
        let began = ledger.applied();
        let mut reads = ReadSet::default();
        let key = key(id);
        reads.note_key(STATE, &key);
        let found = ledger.get(STATE, &key).map_err(broken)?;
        match ledger.settle(began, &reads).await {
            Ok(()) => {}
            Err(CommitError::Conflict { .. }) => continue,
            Err(error) => return Err(broken(error)),
        }
        let Some(found) = found else {
            return Err(problem(StatusCode::NOT_FOUND, "there is no such room"));
        };
        let room: Room = serde_json::from_slice(&found).map_err(broken)?;
        return Ok(Json(room).into_response());
    }
}

fn key(id: u64) -> Vec<u8> {
    format!("rooms/{id:016x}").into_bytes()
}

fn broken(error: impl std::fmt::Display) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = serde_json::json!({"type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail});
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
