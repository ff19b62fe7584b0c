use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path, Segment};

use crate::{FromRequest, Problem, Request};

/// A JSON body. In a request it is an object: one that is not JSON is answered 400; one that is, but not a `T`, 422 with the place where it differs. As an answer
/// ([`Answer<Json<T>>`](crate::Answer)) it is sent with 200.
///
/// Put `#[serde(deny_unknown_fields)]` on `T`, so that nobody sends what nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    const CONSUMES: Option<&'static str> = Some("application/json");

    fn from_request(request: &Request) -> Result<Self, Problem> {
        read(&request.body).map(Self)
    }
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // A derived struct would also take an array of its fields.
    let object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    match serde_json::from_slice(body) {
        Ok(value) if object => Ok(value),
        _ => Err(explain::<T>(body, object)),
    }
}

/// Why the body is no `T`; a second look, so that the first costs nothing.
#[cold]
fn explain<T: DeserializeOwned>(body: &[u8], object: bool) -> Problem {
    if body.is_empty() {
        return Problem::new(400, "The body is empty; it must be a JSON object.");
    }
    let Ok(text) = core::str::from_utf8(body) else {
        return Problem::new(400, "The body is not valid JSON: it is not UTF-8.");
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Problem::new(400, format!("The body is not valid JSON: {error}."));
    }
    if !object {
        return Problem::invalid("", "The body must be a JSON object.");
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => Problem::invalid("", "The body cannot be accepted."),
        // What is valid JSON and fails otherwise is not the kind of value that the place asks for.
        Err(error) if !error.inner().is_data() => {
            Problem::invalid(pointer(error.path()), "this value is not accepted here")
        }
        Err(error) => {
            let message = error.inner().to_string();
            let detail = message.split(" at line ").next().unwrap_or(&message);
            Problem::invalid(pointer(error.path()), detail)
        }
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Response, Text};

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Booking {
        room_id: u64,
        #[serde(default)]
        note: Option<Text<5>>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        A,
        B,
    }

    fn problem(body: &str) -> (u16, String) {
        let response = Response::from(read::<Booking>(body.as_bytes()).unwrap_err());
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let pointer = body["errors"][0]["pointer"]
            .as_str()
            .unwrap_or("none")
            .to_owned();
        (response.status, pointer)
    }

    #[test]
    fn a_body_of_the_right_shape_is_read() {
        assert_eq!(
            read::<Booking>(br#" {"roomId": 7} "#).unwrap(),
            Booking {
                room_id: 7,
                note: None,
                kind: Kind::A
            }
        );
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        for body in [
            "",
            " ",
            "{",
            "{]",
            "{\"roomId\":1",
            "{\"roomId\":1}x",
            "roomId=1",
            "{'roomId':1}",
            "{\"roomId\":01}",
            "\u{feff}{}",
            "{\"x\":1",
        ] {
            assert_eq!(problem(body), (400, "none".into()), "{body}");
        }
        let error = read::<Booking>(b"{\"roomId\":1,\"note\":\"\xff\"}").unwrap_err();
        assert_eq!(error.status(), 400);
    }

    #[test]
    fn what_is_json_of_another_shape_is_unprocessable_and_says_where() {
        for (body, pointer) in [
            ("[7]", ""),
            ("[]", ""),
            ("null", ""),
            ("7", ""),
            ("{}", ""),
            (r#"{"roomId":"7"}"#, "/roomId"),
            (r#"{"roomId":-7}"#, "/roomId"),
            (r#"{"roomId":7.5}"#, "/roomId"),
            (r#"{"roomId":null}"#, "/roomId"),
            (r#"{"roomId":99999999999999999999}"#, "/roomId"),
            (r#"{"roomId":7,"status":"reserved"}"#, "/status"),
            (r#"{"roomId":7,"roomId":8}"#, ""),
            (r#"{"roomId":7,"kind":null}"#, "/kind"),
            (r#"{"roomId":7,"kind":{"b":1}}"#, "/kind"),
            (r#"{"roomId":7,"kind":"c"}"#, "/kind"),
            (r#"{"roomId":7,"note":"\ud800"}"#, "/note"),
            (r#"{"roomId":7,"note":""}"#, "/note"),
            (r#"{"roomId":7,"note":"123456"}"#, "/note"),
        ] {
            assert_eq!(problem(body), (422, pointer.into()), "{body}");
        }
    }
}
