//! Which context answers what: the routes that the contexts describe, in one table.

mod error;

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, Method};

pub use self::error::RouteError;
use super::{media_type::MediaType, pattern::Pattern};
use crate::core::{ContextName, nearest};
use crate::guest;
use crate::manifest::{Requirement, RouteSettings};

/// The methods that a route can have.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What a manifest calls all routes of a context that it does not name.
pub(crate) const ALL_OTHERS: &str = "*";

/// What one context brings to the table. `C` is what its host knows it by.
pub struct Offer<'a, C> {
    /// What answers.
    pub context: C,
    /// Its name.
    pub name: &'a ContextName,
    /// The most that the body of a request may have, in bytes.
    pub request_limit: u64,
    /// The most that an answer may have, in bytes: its head and its body.
    pub response_limit: u64,
    /// How long an answer may take.
    pub deadline: Duration,
    /// How many requests a client's connection serves before it is closed; none when it is kept open.
    pub requests_per_connection: Option<NonZeroU32>,
    /// The routes that it describes.
    pub routes: &'a [guest::Route],
    /// Who may ask for them, by method and path, as the manifest says.
    pub rules: &'a BTreeMap<String, RouteSettings>,
}

/// A route that a context answers.
#[derive(Debug)]
pub struct Route<C> {
    /// What answers.
    pub context: C,
    /// The name of the context.
    pub(crate) owner: ContextName,
    pub(crate) method: Method,
    pub(crate) pattern: Pattern,
    pub(crate) consumes: Option<MediaType>,
    pub(crate) request_limit: u64,
    pub(crate) response_limit: u64,
    pub(crate) deadline: Duration,
    pub(crate) requests_per_connection: Option<NonZeroU32>,
    /// What a token must allow; none where no token is needed.
    pub(crate) require: Option<Vec<Requirement>>,
}

/// The table. It never changes; another takes its place.
#[derive(Debug)]
pub struct Routes<C> {
    /// Of all hosts.
    everywhere: Paths<C>,
    /// Of single hosts. They go before those of all.
    hosts: HashMap<String, Paths<C>>,
}

/// The paths of a host.
#[derive(Debug)]
struct Paths<C> {
    /// Those whose segments are described one by one.
    exact: matchit::Router<Resource<C>>,
    /// Those that take all that is left of a path. What is described more closely goes before them.
    with_rest: matchit::Router<Resource<C>>,
    /// These again for each method: where the closest one does not take it, a wider one may.
    with_rest_of: HashMap<Method, matchit::Router<Arc<Route<C>>>>,
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
    owner: &'a ContextName,
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
    Down(ContextName),
}

impl<C> Default for Routes<C> {
    /// A table without routes.
    fn default() -> Self {
        Self {
            everywhere: Paths::default(),
            hosts: HashMap::new(),
        }
    }
}

impl<C> Default for Paths<C> {
    fn default() -> Self {
        Self {
            exact: matchit::Router::new(),
            with_rest: matchit::Router::new(),
            with_rest_of: HashMap::new(),
        }
    }
}

impl<C: Clone> Routes<C> {
    /// Makes the table of what all contexts describe.
    pub fn build<'a>(offers: impl IntoIterator<Item = Offer<'a, C>>) -> Result<Self, RouteError> {
        let mut places: BTreeMap<Place, Vec<Owned<'a, C>>> = BTreeMap::new();
        for offer in offers {
            check_rules(&offer)?;
            for described in offer.routes {
                let invalid = |reason| RouteError::Invalid {
                    context: offer.name.clone(),
                    method: described.method.clone(),
                    path: described.path.clone(),
                    reason,
                };
                let route = Route::read(&offer, described).map_err(invalid)?;
                let others = places.entry(Place::of(&route.pattern)).or_default();
                if let Some(other) = others
                    .iter()
                    .find(|other| other.route.method == route.method)
                {
                    return Err(RouteError::Taken {
                        context: offer.name.clone(),
                        method: described.method.clone(),
                        path: described.path.clone(),
                        owner: other.owner.clone(),
                        as_path: other.route.pattern.as_str().to_owned(),
                    });
                }
                others.push(Owned {
                    route: Arc::new(route),
                    owner: offer.name,
                });
            }
        }
        let mut table = Self::default();
        for (place, routes) in places {
            let Some(first) = routes.first() else {
                continue;
            };
            let ambiguous = |reason| RouteError::Ambiguous {
                context: first.owner.clone(),
                path: first.route.pattern.as_str().to_owned(),
                reason,
            };
            let resource = Resource {
                allow: allow(routes.iter().map(|owned| &owned.route.method)),
                routes: routes
                    .iter()
                    .map(|owned| Arc::clone(&owned.route))
                    .collect(),
            };
            let paths = table.paths(&place);
            if place.takes_rest {
                for route in &resource.routes {
                    let router = paths.with_rest_of.entry(route.method.clone()).or_default();
                    router
                        .insert(place.shape.clone(), Arc::clone(route))
                        .map_err(ambiguous)?;
                }
            }
            paths
                .router(&place)
                .insert(place.shape.clone(), resource)
                .map_err(ambiguous)?;
        }
        Ok(table)
    }

    fn paths(&mut self, place: &Place) -> &mut Paths<C> {
        match &place.host {
            Some(host) => self.hosts.entry(host.clone()).or_default(),
            None => &mut self.everywhere,
        }
    }
}

impl<C> Paths<C> {
    fn router(&mut self, place: &Place) -> &mut matchit::Router<Resource<C>> {
        match place.takes_rest {
            true => &mut self.with_rest,
            false => &mut self.exact,
        }
    }
}

/// Where in the table a path stands.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    host: Option<String>,
    takes_rest: bool,
    shape: String,
}

impl Place {
    fn of(pattern: &Pattern) -> Self {
        Self {
            host: pattern.host().map(str::to_owned),
            takes_rest: pattern.takes_rest(),
            shape: pattern.shape(),
        }
    }
}

impl<C> Routes<C> {
    /// Looks up who answers `method` at `path`, on a host by its name in lower case without a port. A `HEAD` is answered by the route of `GET`.
    pub fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Found<C> {
        let method = match *method {
            Method::HEAD => &Method::GET,
            _ => method,
        };
        let of_host = host.and_then(|host| self.hosts.get(host));
        let found = |route: &Arc<Route<C>>, values: &matchit::Params<'_, '_>| {
            let values = values.iter().map(|(_, value)| value.to_owned());
            Found::Route(Arc::clone(route), values.collect())
        };
        let mut others: Vec<&Resource<C>> = Vec::new();
        for paths in [of_host, Some(&self.everywhere)].into_iter().flatten() {
            if let Ok(matched) = paths.exact.at(path) {
                let mut routes = matched.value.routes.iter();
                if let Some(route) = routes.find(|route| route.method == *method) {
                    return found(route, &matched.params);
                }
                others.push(matched.value);
            }
            let with_rest = paths.with_rest_of.get(method);
            if let Some(Ok(matched)) = with_rest.map(|router| router.at(path)) {
                return found(matched.value, &matched.params);
            }
            others.extend(paths.with_rest.at(path).ok().map(|matched| matched.value));
        }
        match others.as_slice() {
            [] => Found::Nothing,
            [one] => Found::OtherMethods(one.allow.clone()),
            several => {
                let routes = several.iter().flat_map(|resource| &resource.routes);
                Found::OtherMethods(allow(routes.map(|route| &route.method)))
            }
        }
    }
}

impl<C> Route<C> {
    /// Whether it answers all that is left of a path, whatever that is.
    pub fn takes_rest(&self) -> bool {
        self.pattern.takes_rest()
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
        let require = required(offer.rules, &name(described));
        Ok(Self {
            context: offer.context.clone(),
            owner: offer.name.clone(),
            method: method.clone(),
            pattern: Pattern::parse(&described.path)?,
            consumes: consumes.transpose()?,
            request_limit: offer.request_limit,
            response_limit: offer.response_limit,
            deadline: offer.deadline,
            requests_per_connection: offer.requests_per_connection,
            require: require.map(<[_]>::to_vec),
        })
    }
}

/// What a token must allow for a route; none where anybody may ask.
pub(crate) fn required<'a>(
    rules: &'a BTreeMap<String, RouteSettings>,
    route: &str,
) -> Option<&'a [Requirement]> {
    let named = [route, ALL_OTHERS].into_iter();
    let mut found = named.filter_map(|name| rules.get(name)?.require.as_deref());
    found.next()
}

/// What a manifest calls a route.
fn name(route: &guest::Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// Refuses a rule for a route that there is not: somebody relies on it.
fn check_rules<C>(offer: &Offer<'_, C>) -> Result<(), RouteError> {
    let described: Vec<String> = offer.routes.iter().map(name).collect();
    let mut rules = offer.rules.keys();
    match rules.find(|rule| *rule != ALL_OTHERS && !described.contains(rule)) {
        None => Ok(()),
        Some(rule) => Err(RouteError::Unknown {
            context: offer.name.clone(),
            route: rule.clone(),
            suggestion: nearest::suggestion(rule, &described),
        }),
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
    allowed.dedup();
    HeaderValue::from_str(&allowed.join(", "))
        .unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"))
}

#[cfg(test)]
mod tests;
