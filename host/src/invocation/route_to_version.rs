//! Routing to a version: the one that an invocation runs on to its end.

use std::sync::Arc;

use super::attempts::Entry;
use super::definition::Invocation;
use super::failure::Failure;
use crate::core::message::Request;
use crate::guest::value;
use crate::manifest::RampKey;
use crate::versions::{Lease, Serving, Version};

/// How many swaps in a row it may come too late for.
const SWAPS: usize = 100;

/// Finds the version of the invocation's context that is to run it, and fits the entry to it.
pub(super) fn route_to_version(
    invocation: &Invocation,
    entry: &mut Entry,
) -> Result<Lease, Failure> {
    for _ in 0..SWAPS {
        let serving = invocation.context.serving();
        let version = match &invocation.version {
            Some(version) => version.clone(),
            None => choose(&serving, invocation, entry)?,
        };
        if let Some(lease) = serving.lease(&version) {
            entry.fit(&version);
            return Ok(lease);
        }
        // It was closed since it was looked up: another has taken over by now. Where it had to be this one, there is none to go to.
        if invocation.version.is_some() {
            break;
        }
    }
    Err(Failure::Evicted {
        context: invocation.context.name.clone(),
    })
}

/// The version on whose side of a ramp the entry is, unless only the other one answers it.
fn choose(
    serving: &Serving,
    invocation: &Invocation,
    entry: &Entry,
) -> Result<Arc<Version>, Failure> {
    let mut refusal = None;
    let key = &invocation.context.settings.rollout.key;
    for version in serving.sides(|| entry.affinity(key, &invocation.correlation_id)) {
        match entry.suits(version, &invocation.context.name) {
            Ok(()) => return Ok(version.clone()),
            Err(failure) => refusal = refusal.or(Some(failure)),
        }
    }
    Err(refusal.unwrap_or_else(|| Failure::NotServing {
        context: invocation.context.name.clone(),
    }))
}

impl Entry {
    /// What decides on which side of a ramp it is.
    fn affinity(&self, key: &RampKey, correlation_id: &str) -> String {
        match self {
            Self::Web(request) => request.affinity(key, correlation_id),
            Self::Event(event) => event.subject.clone(),
            // As a request's path does, and an event's subject, the first parameter names what it is about.
            Self::Call { parameters, .. } => {
                let first = parameters.first();
                let subject = first.and_then(value::as_text);
                subject.unwrap_or_else(|| correlation_id.to_owned())
            }
        }
    }

    /// Whether a version answers it.
    fn suits(&self, version: &Version, context: &str) -> Result<(), Failure> {
        match self {
            Self::Web(request) => match route_of(version, request) {
                Some(_) => Ok(()),
                None => Err(Failure::NotDescribed {
                    method: request.method.clone(),
                    path: request.route.clone(),
                }),
            },
            Self::Event(event) => match version.handles(&event.source, &event.kind) {
                true => Ok(()),
                false => Err(Failure::NotFollowed {
                    source_name: event.source.clone(),
                    kind: event.kind.clone(),
                }),
            },
            Self::Call {
                wanted: Some(wanted),
                ..
            } => version
                .serves(wanted)
                .map_err(|reason| Failure::Incompatible {
                    context: context.to_owned(),
                    reason,
                }),
            Self::Call { wanted: None, .. } => Ok(()),
        }
    }

    /// Says the request in the words of a version that names the placeholders of its route otherwise.
    fn fit(&mut self, version: &Version) {
        if let Self::Web(request) = self
            && let Some(route) = route_of(version, request)
            && route != request.route
        {
            *request = Arc::new(request.renamed(route));
        }
    }
}

impl Request {
    /// What decides on which side of a ramp it is.
    pub(super) fn affinity(&self, key: &RampKey, correlation_id: &str) -> String {
        let found = match key {
            RampKey::CorrelationId => None,
            RampKey::Path => self.parameters.first().map(|(_, value)| value),
            RampKey::Header(name) => {
                let mut headers = self.headers.iter();
                headers
                    .find(|(header, _)| header == name)
                    .map(|(_, value)| value)
            }
        };
        found.map_or_else(|| correlation_id.to_owned(), Clone::clone)
    }

    /// The same request to a route that differs in the names of its placeholders.
    fn renamed(&self, route: &str) -> Self {
        let names = route.split('/').filter_map(placeholder);
        let values = self.parameters.iter().map(|(_, value)| value.clone());
        Self {
            route: route.to_owned(),
            parameters: names.map(str::to_owned).zip(values).collect(),
            ..self.clone()
        }
    }
}

/// The route of a version that answers a request.
pub(super) fn route_of<'a>(version: &'a Version, request: &Request) -> Option<&'a str> {
    let mut routes = version.description.routes.iter();
    let found = routes.find(|route| {
        route.method == request.method
            && (route.path == request.route || is_same_path(&route.path, &request.route))
    });
    found.map(|route| route.path.as_str())
}

/// Whether two described paths differ in the names of their placeholders at the most.
fn is_same_path(one: &str, other: &str) -> bool {
    let mut ones = one.split('/');
    let mut others = other.split('/');
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) => {
                let alike =
                    one == other || (placeholder(one).is_some() && placeholder(other).is_some());
                if !alike {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_same_whatever_their_placeholders_are_called() {
        assert!(is_same_path("/rooms/{id}", "/rooms/{room}"));
        assert!(is_same_path("/rooms", "/rooms"));
        assert!(!is_same_path("/rooms/{id}", "/rooms/new"));
        assert!(!is_same_path("/rooms/{id}", "/rooms"));
        assert!(!is_same_path("/rooms/{id}", "/reviews/{id}"));
    }

    #[test]
    fn a_request_is_said_in_the_words_of_another_version() {
        let request = Request {
            method: "GET".into(),
            route: "/rooms/{id}/guests/{guest}".into(),
            path: "/rooms/1/guests/2".into(),
            parameters: vec![("id".into(), "1".into()), ("guest".into(), "2".into())],
            query: Vec::new(),
            headers: Vec::new(),
            body: Default::default(),
        };
        let renamed = request.renamed("/rooms/{room}/guests/{who}");
        assert_eq!(renamed.route, "/rooms/{room}/guests/{who}");
        let expected = [("room", "1"), ("who", "2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(renamed.parameters, expected);
        assert_eq!(request.affinity(&RampKey::Path, "c"), "1");
        assert_eq!(request.affinity(&RampKey::CorrelationId, "c"), "c");
    }
}
