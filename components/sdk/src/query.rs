use core::ops::Deref;

use serde::de::DeserializeOwned;

use crate::{FromRequest, Paging, Problem, Request, named_values};

/// The query as a type: a struct whose fields are its names. A name that the type does not have, where it has `deny_unknown_fields`, or a value of another type
/// is answered 400. A list is what stands between commas. What [`Paging`](crate::Paging) reads is left to it where the type has no field of that name, so a route
/// can take both.
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Wanted { author: Option<String>, #[serde(default)] lent: bool }
///
/// fn books(Query(wanted): Query<Wanted>) -> Answer {
///     Response::ok(&(wanted.author, wanted.lent))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    const READS_BODY: bool = false;

    fn from_request(request: &Request) -> Result<Self, Problem> {
        named_values::read_but(request.query.clone(), &Paging::NAMES)
            .map(Self)
            .map_err(|reason| Problem::new(400, format!("Invalid query: {reason}.")))
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        author: Option<String>,
        #[serde(default)]
        lent: bool,
    }

    fn wanted(pairs: &[(&str, &str)]) -> Result<Wanted, u16> {
        let request = Request {
            method: "GET".into(),
            route: "/books".into(),
            path: "/books".into(),
            parameters: vec![],
            query: pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            headers: vec![("accept".into(), "text/plain".into())],
            body: vec![],
        };
        assert_eq!(
            crate::Headers::from_request(&request)
                .unwrap()
                .get("Accept"),
            Some("text/plain")
        );
        Query::from_request(&request)
            .map(|Query(wanted)| wanted)
            .map_err(|problem| problem.status())
    }

    #[test]
    fn a_query_is_read_as_its_type_or_refused() {
        assert_eq!(
            wanted(&[]),
            Ok(Wanted {
                author: None,
                lent: false
            })
        );
        let both = Wanted {
            author: Some("17".into()),
            lent: true,
        };
        assert_eq!(wanted(&[("author", "17"), ("lent", "true")]), Ok(both));
        for pairs in [
            vec![("lent", "maybe")],
            vec![("autor", "x")],
            vec![("lent", "true"), ("lent", "true")],
        ] {
            assert_eq!(wanted(&pairs), Err(400), "{pairs:?}");
        }
    }

    #[test]
    fn what_a_page_is_asked_for_by_is_left_to_the_paging() {
        let lent = Wanted {
            author: None,
            lent: true,
        };
        assert_eq!(
            wanted(&[
                ("size", "20"),
                ("lent", "true"),
                ("after", "x"),
                ("page", "1")
            ]),
            Ok(lent)
        );

        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shoes {
            size: u8,
        }
        let query = vec![("size".to_owned(), "42".to_owned())];
        let read = |query| named_values::read_but(query, &Paging::NAMES);
        assert_eq!(read(query), Ok(Shoes { size: 42 }), "its own");
        let query = vec![("size".to_owned(), "x".to_owned())];
        assert!(read(query).is_err());
    }
}
