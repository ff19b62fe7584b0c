//! `[context.<name>.routes]`: which routes a context has that does not describe any, and who may ask for them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::gateway_auth::Requirement;

/// How it is said that a table may stand where a list does.
pub(super) const OR_TABLE: &str = ", or a table of them";
/// What stands at the end of a path for itself and all that is below it.
const BELOW: &str = "/*";
/// The methods of a route that names none.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// `[context.<name>.routes."<method> <path>"]`: a route, and who may ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteSettings {
    /// What a token must allow: any good one will do when it is empty. When absent, what the closest of the routes around it says that take all below them, then
    /// what `"*"` says; and anybody may ask where those say nothing.
    pub require: Option<Vec<Requirement>>,
}

/// Reads the routes, as a table or as a list of those that anybody may ask for, each by its method and a path as a context would describe it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, RouteSettings>, D::Error> {
    deserializer.deserialize_any(Routes)
}

struct Routes;

impl<'de> Visitor<'de> for Routes {
    type Value = BTreeMap<String, RouteSettings>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a list of routes, for example `[\"GET /hello\"]`{OR_TABLE}"
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut named, mut shapes) = (Vec::new(), Shapes::default());
        while let Some(route) = items.next_element_seed(Another(&mut shapes))? {
            named.push((route, RouteSettings::default()));
        }
        Ok(spelled_out(named))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let (mut named, mut shapes) = (Vec::new(), Shapes::default());
        while let Some(route) = entries.next_key_seed(Another(&mut shapes))? {
            named.push((route, entries.next_value()?));
        }
        Ok(spelled_out(named))
    }

    /// A variable is text: routes with commas between them.
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let (mut named, mut shapes) = (Vec::new(), Shapes::default());
        let routes = text.split(',').map(str::trim);
        for route in routes.filter(|route| !route.is_empty()) {
            let route = shapes.add(route.to_owned()).map_err(E::custom)?;
            named.push((route, RouteSettings::default()));
        }
        Ok(spelled_out(named))
    }
}

/// The routes that were named, by their shapes.
#[derive(Default)]
struct Shapes(BTreeMap<String, String>);

impl Shapes {
    /// Another one; in words what is wrong, when one before it takes all that it would.
    fn add(&mut self, route: String) -> Result<String, String> {
        match self.0.insert(shape(&route), route.clone()) {
            None => Ok(route),
            Some(other) if other == route => Err(format!("`{route}` is named twice; keep one")),
            Some(other) => Err(format!(
                "`{route}` and `{other}` take the same requests; keep one of them"
            )),
        }
    }
}

/// Reads a route that is none of those before it.
struct Another<'a>(&'a mut Shapes);

impl<'de> DeserializeSeed<'de> for Another<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let route = String::deserialize(deserializer)?;
        self.0.add(route).map_err(D::Error::custom)
    }
}

/// A route without the names of its placeholders, which no request tells apart.
fn shape(route: &str) -> String {
    let segments = route.split('/').map(|segment| match segment {
        rest if rest.starts_with("{*") => "{*}",
        one if one.starts_with('{') => "{}",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Each route with its one method and its one path. What is named more closely goes before what it is a part of.
fn spelled_out(mut named: Vec<(String, RouteSettings)>) -> BTreeMap<String, RouteSettings> {
    named.sort_by_key(|(route, _)| (!route.ends_with(BELOW), !route.starts_with('/')));
    let mut shapes: BTreeMap<String, (String, RouteSettings)> = BTreeMap::new();
    for (route, settings) in named {
        for one in each(&route) {
            let known = shapes.entry(shape(&one)).or_default();
            known.0 = one;
            // Where it says nothing it says no more than what it is a part of.
            if settings.require.is_some() {
                known.1 = settings.clone();
            }
        }
    }
    let mut routes: BTreeMap<_, _> = shapes.into_values().collect();
    let inherited: Vec<_> = routes
        .iter()
        .filter(|(_, settings)| settings.require.is_none())
        .filter_map(|(route, _)| Some((route.clone(), around(route, &routes)?)))
        .collect();
    for (route, require) in inherited {
        routes.insert(
            route,
            RouteSettings {
                require: Some(require),
            },
        );
    }
    routes
}

/// What the closest route around another says, of those that take all below them. What is left out beside what is guarded is guarded, too.
fn around(route: &str, routes: &BTreeMap<String, RouteSettings>) -> Option<Vec<Requirement>> {
    let (method, path) = route.split_once(' ')?;
    let is_around = |wider: &str| {
        let above = wider.split_once(' ').filter(|(other, _)| *other == method);
        let above = above.and_then(|(_, path)| path.rsplit_once("/{*"));
        let Some((above, _)) = above else {
            return false;
        };
        let (above, below) = (above.split('/'), path.split('/'));
        let is_longer = above.clone().count() < below.clone().count();
        is_longer
            && above
                .zip(below)
                // A placeholder of either stands for what the other says there, too.
                .all(|(one, other)| {
                    one == other || [one, other].iter().any(|it| it.starts_with('{'))
                })
    };
    let wider = routes.iter().filter(|(wider, _)| is_around(wider));
    let wider = wider.filter_map(|(wider, settings)| Some((wider, settings.require.clone()?)));
    let closest = wider.max_by_key(|(wider, _)| (wider.split('/').count(), wider.len()));
    closest.map(|(_, require)| require)
}

/// The routes that a short one means. What is none stays as it is, to be refused.
fn each(route: &str) -> Vec<String> {
    let (methods, path) = match route.split_once(' ') {
        Some((method, path)) => (vec![method], path),
        None if route.starts_with('/') => (METHODS.to_vec(), route),
        None => return vec![route.to_owned()],
    };
    let paths = match path.strip_suffix(BELOW) {
        Some("") => vec!["/".to_owned(), "/{*path}".to_owned()],
        Some(above) => vec![
            above.to_owned(),
            format!("{above}/"),
            format!("{above}/{{*path}}"),
        ],
        None => vec![path.to_owned()],
    };
    let each = methods.iter().flat_map(|method| {
        let routes = paths.iter().map(move |path| format!("{method} {path}"));
        routes.collect::<Vec<_>>()
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(routes: &[&str]) -> Vec<String> {
        let named = routes
            .iter()
            .map(|route| ((*route).to_owned(), RouteSettings::default()));
        spelled_out(named.collect()).into_keys().collect()
    }

    #[test]
    fn short_routes_are_spelled_out() {
        assert_eq!(keys(&["GET /a", "*"]), ["*", "GET /a"]);
        assert_eq!(keys(&["GET /a/*"]), ["GET /a", "GET /a/", "GET /a/{*path}"]);
        assert_eq!(keys(&["POST /*"]), ["POST /", "POST /{*path}"]);
        assert_eq!(
            keys(&["/a"]),
            ["DELETE /a", "GET /a", "PATCH /a", "POST /a", "PUT /a"]
        );
        assert_eq!(keys(&["hello"]), ["hello"]);
    }

    #[test]
    fn a_route_is_named_once() {
        let read = |routes: &[&str]| {
            let mut shapes = Shapes::default();
            let read = routes.iter().map(|route| shapes.add((*route).to_owned()));
            read.collect::<Result<Vec<_>, _>>()
        };
        for (twice, why) in [
            (["GET /a", "GET /a"], "`GET /a` is named twice"),
            (
                ["GET /a/{b}", "GET /a/{c}"],
                "`GET /a/{c}` and `GET /a/{b}`",
            ),
            (["GET /{*b}", "GET /{*c}"], "take the same requests"),
            (["/a/{b}/*", "/a/{c}/*"], "take the same requests"),
        ] {
            let refused = read(&twice).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        for different in [
            ["GET /a", "POST /a"],
            ["GET /a", "/a"],
            ["GET /a", "GET /a/"],
            ["GET /a/{b}", "GET /a/*"],
            ["GET /a/{b}", "GET /a/{*b}"],
            ["/a/{b}", "GET /a/{c}"],
        ] {
            assert!(read(&different).is_ok(), "{different:?}");
        }
        // The closer one names what is in the path.
        assert_eq!(
            keys(&["/a/{b}", "GET /a/{c}"]).join(","),
            "DELETE /a/{b},GET /a/{c},PATCH /a/{b},POST /a/{b},PUT /a/{b}"
        );
    }

    #[test]
    fn what_is_named_more_closely_goes_first() {
        let settings = |scope: &str| RouteSettings {
            require: Some(vec![format!("scope:{scope}").try_into().unwrap()]),
        };
        let named = ["GET /a/*", "/a", "GET /a", "/a/*"];
        let named = named.map(|route| (route.to_owned(), settings(&route.replace(' ', "."))));
        let routes = spelled_out(named.to_vec());
        assert_eq!(routes["GET /a"], settings("GET./a"));
        assert_eq!(routes["POST /a"], settings("/a"));
        assert_eq!(routes["GET /a/{*path}"], settings("GET./a/*"));
        assert_eq!(routes["PUT /a/{*path}"], settings("/a/*"));
    }

    #[test]
    fn what_says_nothing_says_what_is_said_around_it() {
        let scope = |scope: &str| Some(vec![format!("scope:{scope}").try_into().unwrap()]);
        let named = [
            ("/*", scope("all")),
            ("/admin/*", scope("admin")),
            ("GET /admin/{*path}", None),
            ("GET /admin", None),
            ("GET /admin/users/{id}", None),
            ("GET /public", Some(Vec::new())),
            ("GET /admins", None),
            ("GET /{section}/secret", None),
        ];
        let named = named.map(|(route, require)| (route.to_owned(), RouteSettings { require }));
        let routes = spelled_out(named.to_vec());
        for (route, required) in [
            ("GET /admin/{*path}", scope("admin")),
            ("GET /admin/users/{id}", scope("admin")),
            ("POST /admin", scope("admin")),
            ("POST /admin/", scope("admin")),
            ("GET /{section}/secret", scope("admin")),
            ("GET /admins", scope("all")),
            ("GET /public", Some(Vec::new())),
        ] {
            assert_eq!(routes[route].require, required, "{route}");
        }
        let alone = [("GET /admin".to_owned(), RouteSettings::default())];
        let routes = spelled_out(alone.to_vec());
        assert_eq!(routes["GET /admin"].require, None);
    }
}
