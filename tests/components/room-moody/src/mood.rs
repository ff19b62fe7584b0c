//! The ways to misbehave.

use std::hint::black_box;

use innkeeper_sdk::bindings::innkeeper::context::types::{
    Alternative, EventData, Field, KeyPart, Scalar,
};
use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{DataType, Description, Followed, Route, config, invocation};

use crate::written_mood::mood;

/// How many turns of [`burn`] take about a millisecond.
const TURNS_OF_A_MILLISECOND: u64 = 1_000_000;

innkeeper_sdk::events! {
    /// Published, and not described.
    pub Smuggled: Mood,
}

/// What it carries.
#[derive(Serialize, Deserialize)]
pub struct Mood {
    mood: String,
}

impl Subject for Mood {
    fn subject(&self) -> String {
        self.mood.clone()
    }
}

// `context!` would list it, and that is what must not be.
impl innkeeper_sdk::Published for Smuggled {}

/// The description, as it is in this mood.
pub fn describe(mut description: Description) -> Description {
    let Description {
        summary,
        types,
        tables,
        routes,
        publishes,
        follows,
        events,
        ..
    } = &mut description;
    let get = |path: &str| Route {
        method: "GET".into(),
        path: path.into(),
        consumes: None,
    };
    match mood().as_str() {
        "second" => summary.push_str(" Second edition."),
        "describe-loops" => burn(u64::MAX),
        "describe-at-length" => summary.push_str(&"and so on ".repeat(400_000)),
        "describe-traps" => panic!("no description today"),
        "describe-asks" => summary.push_str(&config::text("summary").unwrap_or_default()),
        "kind-is-empty" => publishes.push(String::new()),
        "kind-is-endless" => publishes.push("k".repeat(40_000)),
        "kind-has-breaks" => publishes.push("Room\nGone".into()),
        "route-clashes" => routes.push(get("/payments")),
        "route-is-none" => routes.push(get("rooms/{id")),
        "table-is-gone" => tables.retain(|table| table.name != "counted"),
        "table-is-nowhere" => tables.iter_mut().for_each(|table| table.value = 1_000),
        "key-is-another" => tables
            .iter_mut()
            .for_each(|table| table.key = vec![KeyPart::Text]),
        "field-is-gone" => fields(types).retain(|field| field.name != "desc"),
        "field-is-new" => {
            let stars = field(types, "review_cnt").clone();
            fields(types).push(Field {
                name: "stars".into(),
                ..stars
            });
        }
        "field-is-renamed" => field(types, "desc").name = "description".into(),
        "field-is-retyped" => {
            let text = field(types, "desc").value;
            field(types, "review_cnt").value = text;
        }
        "case-is-gone" => {
            let action = field(types, "last_action").value as usize;
            if let DataType::Variant(cases) = &mut types[action] {
                cases.retain(|case| case.name != "Modify");
            }
        }
        "case-is-new" => {
            let action = field(types, "last_action").value as usize;
            if let DataType::Variant(cases) = &mut types[action] {
                cases.push(Alternative {
                    name: "Painted".into(),
                    value: None,
                });
            }
        }
        "event-field-is-gone" => told(types).retain(|field| field.name != "desc"),
        "event-field-is-retyped" => {
            let fields = told(types);
            let text = fields.iter().find(|field| field.name == "desc");
            let text = text.expect("a room is told with its description").value;
            for field in fields.iter_mut().filter(|field| field.name == "reviewCnt") {
                field.value = text;
            }
        }
        "event-field-is-new" => {
            let fields = told(types);
            let stars = Field {
                name: "stars".into(),
                ..fields[0].clone()
            };
            fields.push(stars);
        }
        "event-field-is-optional" => {
            let desc = told_field(types, "desc").value;
            told_field(types, "desc").value = place(types, DataType::Optional(desc));
        }
        "event-field-is-wider" => {
            let wide = place(types, DataType::Scalar(Scalar::U128));
            told_field(types, "revision").value = wide;
        }
        "event-field-is-narrower" => {
            let narrow = place(types, DataType::Scalar(Scalar::U32));
            told_field(types, "revision").value = narrow;
        }
        "event-case-is-gone" => actions(types).retain(|case| case.name != "review"),
        "event-case-is-new" => actions(types).push(Alternative {
            name: "painted".into(),
            value: None,
        }),
        "event-field-nobody-names-is-gone" => told(types).retain(|field| field.name != "rsvId"),
        "tells-of-reservations" | "tells-less-of-reservations" => {
            let all = place_of(types, |fields| {
                let names = fields.iter().map(|field| field.name.as_str());
                names.eq(["rsvId", "roomId"])
            });
            if mood() == "tells-less-of-reservations" {
                read(types).retain(|field| field.name != "roomId");
            }
            follows.clear();
            events.retain(|event| event.source.is_none());
            for kind in ["ReservationConfirmed", "ReservationCancelled"] {
                publishes.push(kind.into());
                events.push(EventData {
                    source: None,
                    kind: kind.into(),
                    value: all,
                });
            }
        }
        "reads-more" => {
            let fields = read(types);
            let nights = Field {
                name: "nights".into(),
                ..fields[0].clone()
            };
            fields.push(nights);
        }
        "event-is-unknown" => events.push(EventData {
            source: None,
            kind: "RoomPainted".into(),
            value: 0,
        }),
        "event-is-gone" => {
            publishes.retain(|kind| kind != "RoomReserved");
            events.retain(|told| told.source.is_some() || told.kind != "RoomReserved");
        }
        "event-is-nowhere" => follows.push(Followed {
            source: "payment".into(),
            kind: "PaymentForgotten".into(),
        }),
        "event-is-misspelt" => follows.push(Followed {
            source: "payment".into(),
            kind: "PaymentAproved".into(),
        }),
        "source-is-nowhere" => follows.push(Followed {
            source: "paymnt".into(),
            kind: "PaymentApproved".into(),
        }),
        "host-event-is-misspelt" => follows.push(Followed {
            source: "innkeeper".into(),
            kind: "VersionCurrnet".into(),
        }),
        _ => {}
    }
    description
}

/// The fields of a room, as the state has it.
fn fields(types: &mut [DataType]) -> &mut Vec<Field> {
    let mut records = types.iter_mut().filter_map(|data_type| match data_type {
        DataType::Record(fields) => Some(fields),
        _ => None,
    });
    let room = records.find(|fields| fields.iter().any(|field| field.name == "revision"));
    room.expect("a room has a revision")
}

/// The fields of a room, as events tell it.
fn told(types: &mut [DataType]) -> &mut Vec<Field> {
    let mut records = types.iter_mut().filter_map(|data_type| match data_type {
        DataType::Record(fields) => Some(fields),
        _ => None,
    });
    let told = records.find(|fields| fields.iter().any(|field| field.name == "reviewCnt"));
    told.expect("a room is told with what it is like")
}

fn told_field<'a>(types: &'a mut [DataType], name: &str) -> &'a mut Field {
    let mut fields = told(types).iter_mut();
    let field = fields.find(|field| field.name == name);
    field.expect("a room is told with such a field")
}

/// What was last done with a room, as events tell it.
fn actions(types: &mut [DataType]) -> &mut Vec<Alternative> {
    let place = told_field(types, "lastAction").value;
    match &mut types[place as usize] {
        DataType::Variant(cases) => cases,
        other => panic!("an action is {other:?}"),
    }
}

/// A type more.
fn place(types: &mut Vec<DataType>, data_type: DataType) -> u32 {
    types.push(data_type);
    u32::try_from(types.len() - 1).expect("there are few types")
}

/// Where a record is that has such fields.
fn place_of(types: &[DataType], is_it: impl Fn(&[Field]) -> bool) -> u32 {
    let mut types = types.iter();
    let place = types.position(|data_type| match data_type {
        DataType::Record(fields) => is_it(fields),
        _ => false,
    });
    u32::try_from(place.expect("there is such a record")).expect("there are few types")
}

/// The fields of a reservation, as they are read.
fn read(types: &mut [DataType]) -> &mut Vec<Field> {
    let mut records = types.iter_mut().filter_map(|data_type| match data_type {
        DataType::Record(fields) => Some(fields),
        _ => None,
    });
    let read = records.find(|fields| {
        let names = fields.iter().map(|field| field.name.as_str());
        names.eq(["rsvId", "roomId"])
    });
    read.expect("a reservation is read with its room")
}

fn field<'a>(types: &'a mut [DataType], name: &str) -> &'a mut Field {
    let mut fields = fields(types).iter_mut();
    let field = fields.find(|field| field.name == name);
    field.expect("a room has such a field")
}

/// Whether it is ready in this mood.
pub fn ready() -> Result<(), String> {
    match mood().as_str() {
        "ready-traps" => panic!("not ready for that question"),
        "ready-says-no" => return Err("the beds are not made".into()),
        "ready-is-slow" => burn(1_500 * TURNS_OF_A_MILLISECOND),
        "ready-hoards" => hoard(),
        _ => {}
    }
    Ok(())
}

/// What is done before a request is answered.
pub fn before_an_answer() -> Result<(), Problem> {
    match mood().as_str() {
        "fails" if one_in_five() => {
            return Err(Problem::new(500, "One request in five is too much."));
        }
        "traps" if one_in_five() => panic!("one request in five is too much"),
        "is-slow" => {
            // Whoever has asked for an id is run for every request: its answer is never given again.
            invocation::new_id();
            burn(20 * TURNS_OF_A_MILLISECOND);
        }
        "smuggles" => {
            let mood = "smuggles".into();
            emit::<Smuggled>(&Mood { mood })?;
        }
        _ => {}
    }
    Ok(())
}

/// What becomes of an answer.
pub fn after_an_answer(response: Response) -> Response {
    match mood().as_str() {
        "second" => response.with_header("x-edition", "second"),
        _ => response,
    }
}

/// By the invocation's id, so that a re-run ends as the first run did.
fn one_in_five() -> bool {
    let id = invocation::new_id();
    let sum: u32 = id.bytes().map(u32::from).sum();
    sum % 5 == 0
}

fn burn(turns: u64) {
    let mut value = 1_u64;
    for turn in 0..turns {
        value = black_box(
            value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(turn),
        );
    }
}

fn hoard() {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 20]));
    }
}
