//! What a version says of its routes to whoever reads the app's documents.

use std::collections::{BTreeMap, BTreeSet};

use super::media_type::MediaType;
use super::pattern::Pattern;
use super::tables::AnnotatedTypes;
use super::text_budget::{LONGEST, TextBudget};
use crate::guest::{self, Body, Field, Route};

/// How many statuses a route may answer with success.
const MOST_ANSWERS: usize = 20;

/// What is known of the routes of a version, where it says so.
#[derive(Clone, Debug, Default)]
pub struct Documentation {
    /// What they take and answer.
    pub types: AnnotatedTypes,
    /// By method and path.
    routes: BTreeMap<(String, String), RouteDocumentation>,
}

/// What one route takes and answers. Types are those of the documentation.
#[derive(Clone, Debug)]
pub struct RouteDocumentation {
    /// What it does.
    pub summary: Option<String>,
    /// What stands in the path, by the names of its placeholders.
    pub parameters: BTreeMap<String, u32>,
    /// What it reads of the query.
    pub query: Vec<Field>,
    /// What it reads of the body.
    pub body: Body,
    /// What it answers with success, by status.
    pub answers: BTreeMap<u16, Answer>,
}

/// What a route answers with one status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the body is; none where there is none.
    pub media_type: Option<String>,
    /// The type of its JSON.
    pub value: Option<u32>,
}

impl Documentation {
    /// What a guest says of the routes that it describes.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn said(said: guest::Documentation, described: &[Route]) -> Result<Self, String> {
        let known: BTreeSet<_> = described
            .iter()
            .map(|route| (route.method.as_str(), route.path.as_str()))
            .collect();
        let used = said.routes.iter().flat_map(used).collect::<Vec<_>>();
        let types = AnnotatedTypes::said(&said.types, &said.annotations, used)?;
        let mut routes = BTreeMap::new();
        for route in said.routes {
            // What stands around a context may describe fewer than it has.
            if !known.contains(&(route.method.as_str(), route.path.as_str())) {
                continue;
            }
            let name = format!("{} {}", route.method, route.path);
            let place = (route.method.clone(), route.path.clone());
            let route =
                RouteDocumentation::said(route).map_err(|problem| format!("{name}: {problem}"))?;
            if routes.insert(place, route).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        let documentation = Self { types, routes };
        // What is said of a number or a text is written wherever that is used.
        if !TextBudget::new().takes(&documentation.types.json_schemas("")) {
            return Err(format!(
                "as JSON Schema its types have more than {LONGEST} bytes; make them smaller"
            ));
        }
        Ok(documentation)
    }

    /// What is known of a route.
    pub fn route(&self, method: &str, path: &str) -> Option<&RouteDocumentation> {
        let place = (method.to_owned(), path.to_owned());
        self.routes.get(&place)
    }
}

impl RouteDocumentation {
    fn said(route: guest::DocumentedRoute) -> Result<Self, String> {
        let guest::DocumentedRoute {
            method: _,
            path,
            summary,
            parameters,
            query,
            body,
            answers,
        } = route;
        // Which paths there can be is looked at where the routes are put together.
        let placeholders = Pattern::parse(&path).ok();
        let placeholders = placeholders.as_ref().map_or(&[][..], Pattern::placeholders);
        let mut values = BTreeMap::new();
        for parameter in parameters {
            if !placeholders.contains(&parameter.name) {
                let name = parameter.name;
                return Err(format!("there is no {{{name}}} in its path"));
            }
            values.insert(parameter.name, parameter.value);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = query.iter().find(|one| !names.insert(&one.name)) {
            let name = &twice.name;
            return Err(format!("{name} is twice in its query"));
        }
        Ok(Self {
            summary,
            parameters: values,
            body,
            answers: of_answers(answers)?,
            query,
        })
    }
}

fn of_answers(said: Vec<guest::DocumentedAnswer>) -> Result<BTreeMap<u16, Answer>, String> {
    if said.len() > MOST_ANSWERS {
        let count = said.len();
        return Err(format!("{count} answers; there may be {MOST_ANSWERS}"));
    }
    let mut answers = BTreeMap::new();
    for guest::DocumentedAnswer {
        status,
        media_type,
        value,
    } in said
    {
        if !(200..400).contains(&status) {
            return Err(format!(
                "{status} is no success: what is answered with 400 or more is not documented"
            ));
        }
        if let Some(media_type) = &media_type
            && MediaType::parse(media_type).is_none()
        {
            return Err(format!("{media_type:?} is no media type"));
        }
        if media_type.is_none() && value.is_some() {
            return Err(format!("the answer {status} has a value, and no body"));
        }
        let answer = Answer { media_type, value };
        if answers.insert(status, answer).is_some() {
            return Err(format!("the answer {status} is there twice"));
        }
    }
    Ok(answers)
}

/// The types that a route takes and answers.
fn used(route: &guest::DocumentedRoute) -> Vec<u32> {
    let fields = route.parameters.iter().chain(&route.query);
    let answers = route.answers.iter().filter_map(|answer| answer.value);
    let body = match route.body {
        Body::Nothing | Body::Something => None,
        Body::Json(value) => Some(value),
    };
    fields
        .map(|field| field.value)
        .chain(body)
        .chain(answers)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{DataType, DocumentedAnswer, DocumentedRoute, Scalar};

    fn field(name: &str) -> Field {
        Field {
            name: name.to_owned(),
            value: 0,
            has_default: false,
        }
    }

    fn answer(status: u16, media_type: Option<&str>, value: Option<u32>) -> DocumentedAnswer {
        DocumentedAnswer {
            status,
            media_type: media_type.map(Into::into),
            value,
        }
    }

    fn show() -> DocumentedRoute {
        DocumentedRoute {
            method: "GET".into(),
            path: "/rooms/{id}".into(),
            summary: None,
            parameters: vec![field("id")],
            query: vec![],
            body: Body::Nothing,
            answers: vec![answer(200, Some("application/json"), Some(0))],
        }
    }

    fn said(routes: Vec<DocumentedRoute>) -> Result<Documentation, String> {
        let described = [Route {
            method: "GET".into(),
            path: "/rooms/{id}".into(),
            consumes: None,
        }];
        let said = guest::Documentation {
            types: vec![DataType::Scalar(Scalar::U64)],
            annotations: vec![],
            routes,
        };
        Documentation::said(said, &described)
    }

    #[test]
    fn what_is_said_of_a_route_is_found_by_its_name() {
        let said = said(vec![show()]).unwrap();
        let found = said.route("GET", "/rooms/{id}").unwrap();
        assert_eq!(found.parameters["id"], 0);
        assert_eq!(found.answers[&200].value, Some(0));
        assert!(said.route("POST", "/rooms/{id}").is_none());
    }

    #[test]
    fn what_is_not_described_is_passed_over() {
        let mut other = show();
        other.path = "/rooms/{id}/beds".into();
        let said = said(vec![other, show()]).unwrap();
        assert!(said.route("GET", "/rooms/{id}/beds").is_none());
        assert!(said.route("GET", "/rooms/{id}").is_some());
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_route() {
        let of = |change: fn(&mut DocumentedRoute)| {
            let mut route = show();
            change(&mut route);
            vec![route]
        };
        for (routes, says) in [
            (vec![show(), show()], "is there twice"),
            (
                of(|route| route.parameters = vec![field("number")]),
                "GET /rooms/{id}: there is no {number} in its path",
            ),
            (
                of(|route| route.query = vec![field("q"), field("q")]),
                "q is twice",
            ),
            (of(|route| route.body = Body::Json(1)), "there is no type 1"),
            (
                of(|route| route.answers = vec![answer(404, None, None)]),
                "404 is no success",
            ),
            (
                of(|route| route.answers = vec![answer(200, Some("json"), None)]),
                "\"json\" is no media type",
            ),
            (
                of(|route| route.answers = vec![answer(200, None, Some(0))]),
                "has a value, and no body",
            ),
            (
                of(|route| route.answers = vec![answer(200, None, None); 2]),
                "the answer 200 is there twice",
            ),
            (
                of(|route| route.answers = vec![answer(200, None, None); 21]),
                "21 answers",
            ),
        ] {
            let refused = said(routes).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
