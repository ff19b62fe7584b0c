//! Which context answers what: the routes that the contexts describe, in one table.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use http::{HeaderValue, Method};

use super::{media_type::MediaType, pattern::Pattern};
use crate::guest;

/// The methods that a route can have.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What one context brings to the table. `C` is what its host knows it by.
pub struct Offer<'a, C> {
    /// What answers.
    pub context: C,
    /// Its name.
    pub name: &'a str,
    /// The most that the body of a request may have, in bytes.
    pub request_limit: u64,
    /// The most that an answer may have, in bytes: its head and its body.
    pub response_limit: u64,
    /// How many requests a client's connection serves before it is closed; none when it is kept open.
    pub requests_per_connection: Option<NonZeroU32>,
    /// The routes that it describes.
    pub routes: &'a [guest::Route],
}

/// A route that a context answers.
#[derive(Debug)]
pub struct Route<C> {
    /// What answers.
    pub context: C,
    pub(crate) method: Method,
    pub(crate) pattern: Pattern,
    pub(crate) consumes: Option<MediaType>,
    pub(crate) request_limit: u64,
    pub(crate) response_limit: u64,
    pub(crate) requests_per_connection: Option<NonZeroU32>,
}

/// The table. It never changes; another takes its place.
#[derive(Debug)]
pub struct Routes<C> {
    router: matchit::Router<Resource<C>>,
}

/// What can be done at a path.
#[derive(Debug)]
struct Resource<C> {
    routes: Vec<Arc<Route<C>>>,
    allow: HeaderValue,
}

/// A route, and the name of the context that described it.
struct Owned<'a, C> {
    route: Arc<Route<C>>,
    owner: &'a str,
}

/// What the table says of a method and a path.
pub enum Found<C> {
    /// This route, with the values of its placeholders, still encoded.
    Route(Arc<Route<C>>, Vec<String>),
    /// The path is there, and allows these methods.
    OtherMethods(HeaderValue),
    /// There is no such path.
    Nothing,
    /// There is none, but it may be one of this context, of which no version serves.
    Down(String),
}

impl<C> Default for Routes<C> {
    /// A table without routes.
    fn default() -> Self {
        Self {
            router: matchit::Router::new(),
        }
    }
}

impl<C: Clone> Routes<C> {
    /// Makes the table of what all contexts describe.
    pub fn build<'a>(offers: impl IntoIterator<Item = Offer<'a, C>>) -> Result<Self, RouteError> {
        let mut paths: BTreeMap<String, Vec<Owned<'a, C>>> = BTreeMap::new();
        for offer in offers {
            for described in offer.routes {
                let invalid = |reason| RouteError::Invalid {
                    context: offer.name.to_owned(),
                    method: described.method.clone(),
                    path: described.path.clone(),
                    reason,
                };
                let route = Route::read(&offer, described).map_err(invalid)?;
                let others = paths.entry(route.pattern.shape()).or_default();
                if let Some(other) = others
                    .iter()
                    .find(|other| other.route.method == route.method)
                {
                    return Err(RouteError::Taken {
                        context: offer.name.to_owned(),
                        method: described.method.clone(),
                        path: described.path.clone(),
                        owner: other.owner.to_owned(),
                        as_path: other.route.pattern.as_str().to_owned(),
                    });
                }
                others.push(Owned {
                    route: Arc::new(route),
                    owner: offer.name,
                });
            }
        }
        let mut router = matchit::Router::new();
        for (shape, routes) in paths {
            let routes: Vec<_> = routes.into_iter().map(|owned| owned.route).collect();
            let allow = allow(routes.iter().map(|route| &route.method));
            router
                .insert(shape, Resource { routes, allow })
                .map_err(RouteError::Table)?;
        }
        Ok(Self { router })
    }
}

impl<C> Routes<C> {
    /// Looks up who answers `method` at `path`. A `HEAD` is answered by the route of `GET`.
    pub fn find(&self, method: &Method, path: &str) -> Found<C> {
        let Ok(matched) = self.router.at(path) else {
            return Found::Nothing;
        };
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match matched
            .value
            .routes
            .iter()
            .find(|route| route.method == *method)
        {
            Some(route) => Found::Route(
                Arc::clone(route),
                matched
                    .params
                    .iter()
                    .map(|(_, value)| value.to_owned())
                    .collect(),
            ),
            None => Found::OtherMethods(matched.value.allow.clone()),
        }
    }
}

impl<C: Clone> Route<C> {
    fn read(offer: &Offer<'_, C>, described: &guest::Route) -> Result<Self, String> {
        let method = METHODS.iter().find(|method| method.as_str() == described.method).ok_or_else(|| {
            format!("`{}` is not one of the methods that a route can have: GET, POST, PUT, PATCH, DELETE", described.method)
        })?;
        let consumes = described.consumes.as_deref().map(|text| {
            MediaType::parse(text).ok_or_else(|| {
                format!(
                    "it consumes `{text}`, which is not a media type such as `application/json`"
                )
            })
        });
        Ok(Self {
            context: offer.context.clone(),
            method: method.clone(),
            pattern: Pattern::parse(&described.path)?,
            consumes: consumes.transpose()?,
            request_limit: offer.request_limit,
            response_limit: offer.response_limit,
            requests_per_connection: offer.requests_per_connection,
        })
    }
}

/// The value of `Allow`: the methods described, and those that the host answers for them.
fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> HeaderValue {
    let mut allowed: Vec<&str> = methods.map(Method::as_str).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.push("OPTIONS");
    allowed.sort_unstable();
    HeaderValue::from_str(&allowed.join(", "))
        .unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"))
}

/// Why the contexts' routes make no table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two contexts want to answer the same.
    #[error(
        "contexts {context} and {owner} both have the route {method} {path} ({owner} as {as_path}); change one of them"
    )]
    Taken {
        /// The context that came second.
        context: String,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The context that came first.
        owner: String,
        /// The path in its words.
        as_path: String,
    },
    /// A context describes a route that there cannot be.
    #[error("context {context} describes the route {method} {path}: {reason}")]
    Invalid {
        /// The context.
        context: String,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The router refuses a path for a reason of its own.
    #[error("the routes cannot be combined: {0}")]
    Table(matchit::InsertError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> guest::Route {
        guest::Route {
            method: method.to_owned(),
            path: path.to_owned(),
            consumes: None,
        }
    }

    fn build(
        contexts: &[(&'static str, Vec<guest::Route>)],
    ) -> Result<Routes<&'static str>, RouteError> {
        Routes::build(contexts.iter().map(|(name, routes)| Offer {
            context: *name,
            name,
            request_limit: 10,
            response_limit: 10,
            requests_per_connection: None,
            routes,
        }))
    }

    fn find(routes: &Routes<&'static str>, method: Method, path: &str) -> String {
        match routes.find(&method, path) {
            Found::Route(route, values) => format!(
                "{} {} {}",
                route.context,
                route.pattern.as_str(),
                values.join(",")
            ),
            Found::OtherMethods(allow) => format!("allow {}", allow.to_str().unwrap()),
            Found::Nothing | Found::Down(_) => "nothing".to_owned(),
        }
    }

    #[test]
    fn contexts_share_paths_but_not_methods() {
        let routes = build(&[
            (
                "room",
                vec![
                    route("GET", "/rooms/{id}"),
                    route("GET", "/rooms"),
                    route("POST", "/rooms"),
                    route("GET", "/"),
                ],
            ),
            (
                "stay",
                vec![
                    route("DELETE", "/rooms/{room}"),
                    route("GET", "/rooms/new"),
                    route("GET", "/rooms/{room}/guests/{guest}"),
                ],
            ),
        ])
        .unwrap();
        assert_eq!(find(&routes, Method::GET, "/rooms/1"), "room /rooms/{id} 1");
        assert_eq!(
            find(&routes, Method::DELETE, "/rooms/1"),
            "stay /rooms/{room} 1"
        );
        assert_eq!(find(&routes, Method::GET, "/rooms/new"), "stay /rooms/new ");
        assert_eq!(
            find(&routes, Method::GET, "/rooms/1/guests/2"),
            "stay /rooms/{room}/guests/{guest} 1,2"
        );
        assert_eq!(
            find(&routes, Method::HEAD, "/rooms/1"),
            "room /rooms/{id} 1"
        );
        assert_eq!(find(&routes, Method::GET, "/"), "room / ");
        assert_eq!(
            find(&routes, Method::PUT, "/rooms/1"),
            "allow DELETE, GET, HEAD, OPTIONS"
        );
        assert_eq!(find(&routes, Method::GET, "/rooms/1/guests"), "nothing");
        for nothing in [
            "/rooms/",
            "/rooms/1/",
            "//",
            "/rooms//guests/2",
            "",
            "*",
            "/room",
        ] {
            assert_eq!(find(&routes, Method::GET, nothing), "nothing", "{nothing}");
        }
    }

    #[test]
    fn two_contexts_cannot_answer_the_same() {
        let error = build(&[
            ("room", vec![route("GET", "/rooms/{id}")]),
            ("stay", vec![route("GET", "/rooms/{room}")]),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "contexts stay and room both have the route GET /rooms/{room} (room as /rooms/{id}); change one of them"
        );
    }

    #[test]
    fn impossible_routes_are_refused() {
        let refused =
            |route: guest::Route| build(&[("room", vec![route])]).unwrap_err().to_string();
        assert_eq!(
            refused(route("get", "/rooms")),
            "context room describes the route get /rooms: `get` is not one of the methods that a route can have: GET, POST, PUT, PATCH, DELETE"
        );
        let plain = guest::Route {
            consumes: Some("json".to_owned()),
            ..route("POST", "/rooms")
        };
        assert_eq!(
            refused(plain),
            "context room describes the route POST /rooms: it consumes `json`, which is not a media type such as `application/json`"
        );
        assert!(
            refused(route("GET", "rooms"))
                .starts_with("context room describes the route GET rooms: ")
        );
    }
}
