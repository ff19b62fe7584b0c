//! Documents of what the app answers, publishes and follows, made of what its versions describe.

mod read_by_others;

use std::collections::BTreeSet;

use http::Method;
use innkeeper_tests::{Settings, TestHost, artifacts, command, send};
use serde_json::{Value, json};

/// The app, with a context that has routes of all kinds, and a route for whom a token allows it.
async fn settings() -> Settings {
    Settings::of_the_app().await.with("parrot", "parrot").await
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[tokio::test]
async fn what_the_app_answers_is_told_to_anybody_where_the_manifest_says_so() {
    let host = TestHost::with(settings().await).await;
    host.gateway()
        .get("/openapi.json")
        .await
        .expect_problem(404);
    drop(host);
    let host = TestHost::with(settings().await.set("gateway.openapi", true)).await;
    let document = host.gateway().get("/openapi.json").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.body;
    assert_eq!(document["openapi"], "3.1.0");
    let told = operations(&document);
    for expected in [
        "GET /rooms",
        "POST /rooms",
        "GET /rooms/{id}",
        "GET /files/{path}",
        "POST /reservations",
    ] {
        assert!(told.contains(expected), "{expected} is not in {told:?}");
    }
    // Nothing is told that no version describes.
    let mut described = 0;
    for context in [
        "room",
        "reservation",
        "payment",
        "message",
        "viewpage",
        "parrot",
    ] {
        let context = host.operators().context(context).await;
        let routes = context["description"]["routes"].as_array();
        described += routes.expect("routes").len();
    }
    let others = document["x-innkeeper-others"]
        .as_array()
        .map_or(0, Vec::len);
    assert_eq!(told.len() + others, described, "{told:?}");
    let paths = document["paths"].as_object().expect("paths").keys();
    let without_names = paths.map(|path| {
        let segments = path.split('/');
        let segments = segments.map(|segment| match segment.starts_with('{') {
            true => "{}",
            false => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    });
    let without_names: Vec<_> = without_names.collect();
    let different: BTreeSet<_> = without_names.iter().collect();
    assert_eq!(different.len(), without_names.len(), "{without_names:?}");
    let show = &document["paths"]["/rooms/{id}"]["get"];
    assert_eq!(show["tags"], json!(["room"]));
    assert_eq!(show["parameters"][0]["name"], "id");
    let body = &document["paths"]["/rooms"]["post"]["requestBody"]["content"];
    assert!(body["application/json"].is_object(), "{body}");
    let rest = &document["paths"]["/files/{path}"]["get"]["parameters"][0];
    assert_eq!(rest["x-innkeeper-rest"], true);

    let asked = host.gateway().request(Method::HEAD, "/openapi.json");
    assert_eq!(send(asked).await.status, 200);
    let posted = host.gateway().post("/openapi.json", json!({})).await;
    assert_eq!(posted.expect_problem(405).header("allow"), "GET, HEAD");

    // Another version has another document.
    let edited = artifacts::edited("room", "told anew").await;
    let before = document["info"]["version"].clone();
    let deployed = host.operators().deploy("room", edited, "").await;
    deployed.expect(201);
    let document = host.gateway().get("/openapi.json").await.expect(200).body;
    assert_ne!(document["info"]["version"], before);
}

#[tokio::test]
async fn operators_write_documents_of_routes_and_events() {
    let host = TestHost::with(Settings::of_the_app().await).await;
    let operators = host.operators();
    let directory = host.home().join("docs");
    let to = directory.to_str().expect("paths are UTF-8");
    let flags = [
        "--admin",
        operators.client().base(),
        "--admin-token",
        operators.token(),
    ];
    let said = command(&[&["docs", "--to", to][..], &flags].concat()).await;
    assert!(said.is_well, "{said:?}");
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(directory.join(name)).expect("it is written");
        serde_json::from_str(&text).expect("it is JSON")
    };
    assert!(operations(&read("openapi.json")).contains("POST /reservations"));
    let events = read("asyncapi.json");
    assert_eq!(events["asyncapi"], "3.0.0");
    let channel = &events["channels"]["room.RoomRegistered"];
    assert_eq!(channel["address"], "stay.room.RoomRegistered");
    let operations = events["operations"].as_object().expect("operations");
    assert_eq!(operations["room.RoomRegistered.publish"]["action"], "send");
    assert_eq!(
        operations["room.RoomRegistered.follow.viewpage"]["action"],
        "receive"
    );
    let call = &events["channels"]["call.room.rooms"];
    assert_eq!(call["address"], "stay.call.room.rooms.{function}");
    each_reference_leads_somewhere(&events, &events);

    // What is published is as it is said to be.
    let payload = &events["components"]["messages"]["room.RoomRegistered"]["payload"]["$ref"];
    let payload = payload.as_str().expect("its data is described");
    let schema = events
        .pointer(payload.trim_start_matches('#'))
        .expect("it is there");
    let room = host.stay().room("described").await;
    let event = &host.operators().events_of("RoomRegistered").await[0];
    let data = event["data"].as_object().expect("an object");
    let properties = schema["properties"].as_object().expect("a record");
    for required in schema["required"].as_array().expect("a list") {
        let required = required.as_str().expect("a name");
        assert!(
            data.contains_key(required),
            "{required} of {schema} is not in {event}"
        );
    }
    for name in data.keys() {
        assert!(
            properties.contains_key(name),
            "{name} of room {room} is not in {schema}"
        );
    }
}

/// What a document says of a body, where it is JSON.
fn schema_of<'a>(document: &'a Value, content: &'a Value) -> &'a Value {
    let schema = &content["content"]["application/json"]["schema"];
    match schema["$ref"].as_str() {
        Some(to) => {
            let found = document.pointer(to.trim_start_matches('#'));
            found.unwrap_or_else(|| panic!("{to} leads nowhere"))
        }
        None => schema,
    }
}

#[tokio::test]
async fn what_routes_take_and_answer_is_told_as_their_functions_say_it() {
    let settings = settings().await.set("gateway.openapi", true);
    let host = TestHost::with(settings).await;
    let document = host.gateway().get("/openapi.json").await.expect(200).body;
    each_reference_leads_somewhere(&document, &document);
    let register = &document["paths"]["/rooms"]["post"];
    assert_eq!(register["summary"], "Registers a room.");
    let body = schema_of(&document, &register["requestBody"]);
    assert_eq!(
        body["properties"],
        json!({ "desc": { "type": "string", "minLength": 1, "maxLength": 2000, "pattern": "\\S" } })
    );
    assert_eq!(body["required"], json!(["desc"]));
    assert_eq!(body["additionalProperties"], false);
    let created = schema_of(&document, &register["responses"]["201"]);
    assert_eq!(created["properties"]["reviewCnt"]["type"], "integer");

    // What is told is what is answered.
    let posted = host
        .gateway()
        .post("/rooms", json!({ "desc": "described" }))
        .await;
    let room = posted.expect(201).body;
    let told = created["properties"].as_object().expect("a record");
    let answered = room.as_object().expect("an object");
    assert_eq!(
        told.keys().collect::<BTreeSet<_>>(),
        answered.keys().collect::<BTreeSet<_>>()
    );

    let show = &document["paths"]["/rooms/{id}"]["get"];
    assert_eq!(show["parameters"][0]["schema"]["type"], "integer");
    let list = &document["paths"]["/rooms"]["get"];
    let size = list["parameters"].as_array().expect("parameters");
    let size = size.iter().find(|parameter| parameter["name"] == "size");
    let size = size.expect("a page has a size");
    assert_eq!(
        (&size["in"], &size["required"]),
        (&json!("query"), &json!(false))
    );
    assert_eq!(size["schema"]["maximum"], 100);
    let page = schema_of(&document, &list["responses"]["200"]);
    assert_eq!(page["properties"]["items"]["type"], "array");
    let delete = &document["paths"]["/rooms/{id}"]["delete"];
    assert!(delete["requestBody"].is_null(), "{delete}");
    let done = delete["responses"]["204"].as_object();
    assert!(!done.expect("it is answered").contains_key("content"));

    // Of what does not say it nothing is told but that there is something.
    let say = &document["paths"]["/files/{path}"]["get"];
    assert!(say["responses"]["2XX"].is_object(), "{say}");
}

fn each_reference_leads_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("$ref", Value::String(to)) => {
                        let found = document.pointer(to.trim_start_matches('#'));
                        assert!(found.is_some(), "{to} leads nowhere");
                    }
                    _ => each_reference_leads_somewhere(document, member),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                each_reference_leads_somewhere(document, item);
            }
        }
        _ => {}
    }
}
