use super::*;
use crate::prelude::*;
use crate::{Headers, Request};

/// A note.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Note {
    text: String,
}

/// What says nothing of itself.
#[derive(Serialize, Deserialize)]
struct Secret;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it is looked at, not read")]
struct Wanted {
    author: Option<String>,
    tags: Vec<String>,
}

fn leave(Json(note): Json<Note>) -> Answer<Created<Note>> {
    Ok(Created::at("/notes/1", note))
}

fn show(_: Path<(u64, String)>) -> Answer<Json<Note>> {
    Err(Problem::not_found("There is none."))
}

fn list(_: Query<Wanted>, _: Paging, _: Headers) -> Answer<Page<Note>> {
    Err(Problem::not_found("There are none."))
}

fn delete(_: Path<u64>) -> Answer<NoContent> {
    Ok(NoContent)
}

fn whisper(_: Json<Secret>) -> Answer<Json<Secret>> {
    Ok(Json(Secret))
}

fn shout(_: Request) -> Answer {
    Response::no_content()
}

crate::context! {
    summary: "Notes.",
    routes: {
        /// Leaves a note.
        POST "/notes" => leave,
        GET "/notes/{id}/{*part}" => show,
        GET "/notes" => list,
        DELETE "/notes/{id}" => delete,
        POST "/whisper" => whisper,
        POST "/shout" => shout,
    },
}

fn route(method: &str, path: &str) -> (Documentation, DocumentedRoute) {
    let documentation = Component::document();
    let mut routes = documentation.routes.iter();
    let found = routes
        .find(|route| route.method == method && route.path == path)
        .cloned();
    (documentation, found.unwrap())
}

fn names(fields: &[crate::bindings::innkeeper::context::types::Field]) -> Vec<(&str, bool)> {
    let name = |field: &crate::bindings::innkeeper::context::types::Field| field.has_default;
    let names = fields.iter();
    names
        .map(|field| (field.name.as_str(), name(field)))
        .collect()
}

#[test]
fn what_a_route_takes_and_answers_is_told_from_its_function() {
    let (documentation, leave) = route("POST", "/notes");
    assert_eq!(leave.summary.as_deref(), Some("Leaves a note."));
    let Body::Json(body) = leave.body else {
        panic!("{:?}", leave.body);
    };
    let types = &documentation.types;
    assert!(matches!(&types[body as usize], DataType::Record(_)));
    let [answer] = &leave.answers[..] else {
        panic!("{:?}", leave.answers);
    };
    assert_eq!((answer.status, answer.value), (201, Some(body)));
    assert_eq!(answer.media_type.as_deref(), Some("application/json"));

    let (documentation, show) = route("GET", "/notes/{id}/{*part}");
    assert_eq!(names(&show.parameters), [("id", false), ("part", false)]);
    let id = show.parameters[0].value as usize;
    assert!(matches!(
        documentation.types[id],
        DataType::Scalar(Scalar::U64)
    ));

    let (documentation, list) = route("GET", "/notes");
    let query = [
        ("author", false),
        ("tags", false),
        ("page", true),
        ("after", true),
        ("size", true),
    ];
    assert_eq!(names(&list.query), query);
    assert!(matches!(list.body, Body::Nothing));
    let size = list.query[4].value;
    let said = documentation.annotations.iter();
    let said = said.filter(|said| said.value == size);
    assert!(
        said.map(|said| &said.annotation)
            .any(|said| matches!(said, Annotation::Value(range) if range.most == Some(100)))
    );

    let (_, delete) = route("DELETE", "/notes/{id}");
    let [answer] = &delete.answers[..] else {
        panic!("{:?}", delete.answers);
    };
    assert_eq!((answer.status, answer.value), (204, None));
    assert_eq!(answer.media_type, None);
}

#[test]
fn what_says_nothing_of_itself_is_told_by_its_media_type() {
    let (_, whisper) = route("POST", "/whisper");
    assert!(matches!(whisper.body, Body::Something));
    let [answer] = &whisper.answers[..] else {
        panic!("{:?}", whisper.answers);
    };
    assert_eq!((answer.status, answer.value), (200, None));
    assert_eq!(answer.media_type.as_deref(), Some("application/json"));
    let (_, shout) = route("POST", "/shout");
    assert!(matches!(shout.body, Body::Something) && shout.answers.is_empty());
}

#[test]
fn what_is_told_is_what_is_answered() {
    let context = crate::testing::TestContext::<Component>::new();
    let reply = context.post("/notes", serde_json::json!({"text": "Hello"}));
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("location"), Some("/notes/1"));
    assert_eq!(reply.body, serde_json::json!({"text": "Hello"}));
    assert_eq!(context.delete("/notes/1").status, 204);
}
