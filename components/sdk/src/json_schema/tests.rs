use super::*;
use crate::prelude::*;

/// What a client
/// may set.
///
/// Nobody is told this.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "it is looked at, not read")]
struct NewRoom {
    room_desc: Text<20>,
    kind: Kind,
    #[serde(default)]
    wish: Option<Wish>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is looked at, not read")]
enum Kind {
    Single,
    Suite { rooms: u8 },
}

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[json_schema(format = "uri", examples = ["https://inn.example"])]
#[expect(dead_code, reason = "it is looked at, not read")]
struct Address(String);

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[json_schema(format = "iri")]
#[expect(dead_code, reason = "it is looked at, not read")]
struct Place(Address);

#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
struct Wish;

impl TryFrom<String> for Wish {
    type Error = &'static str;

    fn try_from(_: String) -> Result<Self, Self::Error> {
        Ok(Self)
    }
}

#[derive(Serialize, EventData)]
struct Room {
    id: u64,
}

fn told<T: JsonSchema>() -> (Vec<DataType>, Vec<(u32, Annotation)>) {
    let mut types = Types::default();
    assert_eq!(types.in_json::<T>(), 0);
    // It is told once, however often it is used.
    types.in_json::<T>();
    let (types, annotations) = types.into_parts();
    let annotations = annotations.into_iter();
    let annotations = annotations.map(|said| (said.value, said.annotation));
    (types, annotations.collect())
}

/// As text, as what wit-bindgen makes cannot be compared.
fn said(annotations: &[(u32, Annotation)]) -> Vec<String> {
    let text = |(place, annotation): &(u32, Annotation)| {
        let annotation = format!("{annotation:?}");
        format!("{place} {}", annotation.replace("Annotation::", ""))
    };
    annotations.iter().map(text).collect()
}

#[test]
fn what_a_type_is_and_what_is_said_of_it_is_told() {
    let (types, annotations) = told::<NewRoom>();
    let DataType::Record(fields) = &types[0] else {
        panic!("{types:?}");
    };
    let names: Vec<_> = fields
        .iter()
        .map(|field| (field.name.as_str(), field.value, field.has_default))
        .collect();
    assert_eq!(
        names,
        [
            ("roomDesc", 1, false),
            ("kind", 2, false),
            ("wish", 5, true)
        ]
    );
    assert!(matches!(types[1], DataType::Scalar(Scalar::String)));
    assert!(matches!(&types[2], DataType::Variant(cases) if cases.len() == 2));
    assert!(matches!(types[6], DataType::Scalar(Scalar::String)));
    let said = said(&annotations);
    for expected in [
        r#"0 Name("NewRoom")"#,
        r#"0 Description("What a client may set.")"#,
        "0 Closed",
        "1 Length(Range { least: Some(1), most: Some(20) })",
        r#"1 Pattern("\\S")"#,
        r#"2 Name("Kind")"#,
        "4 Closed",
        r#"6 Name("Wish")"#,
    ] {
        assert!(
            said.iter().any(|said| said == expected),
            "{expected}: {said:?}"
        );
    }
}

#[test]
fn keywords_go_along_with_what_a_type_is_written_as() {
    let (_, annotations) = told::<Place>();
    assert_eq!(
        said(&annotations),
        [
            r#"0 Name("Address")"#,
            r#"0 Keyword(("examples", "[\"https://inn.example\"]"))"#,
            r#"0 Name("Place")"#,
            r#"0 Keyword(("format", "\"iri\""))"#,
        ]
    );
}

#[test]
fn what_events_are_made_of_and_pages_of_it_can_be_answered() {
    let (types, annotations) = told::<Page<Room>>();
    let DataType::Record(fields) = &types[0] else {
        panic!("{types:?}");
    };
    let page = Page {
        items: vec![Room { id: 1 }],
        total: 1,
        paging: Paging::new(crate::Start::Page(0), 20),
        next: None,
    };
    let written = serde_json::to_value(&page).unwrap();
    for (name, _) in written.as_object().unwrap() {
        assert!(fields.iter().any(|field| field.name == *name), "{name}");
    }
    for field in fields.iter().filter(|field| !field.has_default) {
        assert!(written.get(&field.name).is_some(), "{}", field.name);
    }
    assert!(said(&annotations).contains(&r#"0 Name("RoomPage")"#.to_owned()));
}
