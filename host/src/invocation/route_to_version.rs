//! Routing to a version: the one that an invocation runs on to its end.

use std::sync::Arc;

use super::circuit_breaker::Trial;
use super::definition::Invocation;
use super::entry::Entry;
use super::failure::Failure;
use crate::core::message::Request;
use crate::core::{CorrelationId, VerifiedIdentity, digest};
use crate::manifest::RampKey;
use crate::versions::{Lease, Segment, Serving, Version};

/// How many swaps in a row it may come too late for.
const SWAPS: usize = 100;

/// The version that is to run an invocation.
pub(super) struct Routed {
    pub lease: Lease,
    /// When the invocation is to show whether the version works again.
    pub trial: Option<Trial>,
}

/// Finds the version of the invocation's context that is to run it, and fits the entry to it.
pub(super) fn route_to_version(
    invocation: &Invocation,
    entry: &mut impl Entry,
) -> Result<Routed, Failure> {
    for _ in 0..SWAPS {
        let serving = invocation.context.serving();
        let (version, trial) = match &invocation.version {
            Some(version) => (version.clone(), None),
            None => choose(&serving, invocation, entry)?,
        };
        if let Some(lease) = serving.lease(&version) {
            entry.fit(&version);
            invocation.note_route(&version);
            return Ok(Routed { lease, trial });
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

/// The version on whose side of a ramp the entry is, unless only the other one answers it, or this one has failed whoever asks too often.
fn choose(
    serving: &Serving,
    invocation: &Invocation,
    entry: &impl Entry,
) -> Result<(Arc<Version>, Option<Trial>), Failure> {
    let events = &invocation.invoker.host_events;
    let mut refusal = None;
    let key = &invocation.context.settings.rollout.key;
    for version in serving.sides(|| entry.affinity(key, &invocation.correlation_id)) {
        match entry.suits(version, &invocation.context.name) {
            Ok(()) => match &invocation.breaker {
                None => return Ok((version.clone(), None)),
                Some(breaker) => match breaker.admit(version, events) {
                    Ok(trial) => return Ok((version.clone(), trial)),
                    Err(failure) => refusal = Some(failure),
                },
            },
            Err(failure) => refusal = refusal.or(Some(failure)),
        }
    }
    Err(refusal.unwrap_or_else(|| Failure::NotServing {
        context: invocation.context.name.clone(),
    }))
}

impl Request {
    /// What decides on which side of a ramp it is.
    pub(super) fn affinity(
        &self,
        key: &RampKey,
        correlation_id: &CorrelationId,
        identity: Option<&VerifiedIdentity>,
    ) -> String {
        // The token was taken out of the request; and whose it is stays the same when it is renewed.
        if let (RampKey::Header(name), Some(identity)) = (key, identity)
            && name == "authorization"
        {
            return digest(&identity.person());
        }
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
        found.map_or_else(|| correlation_id.to_string(), Clone::clone)
    }

    /// Says it in the words of a version that names the placeholders of its route otherwise; none when it does not.
    pub(super) fn fitted(&self, version: &Version) -> Option<Self> {
        let route = route_of(version, self)?;
        (route != self.route).then(|| self.renamed(route))
    }

    /// The same request to a route that differs in the names of its placeholders.
    fn renamed(&self, route: &str) -> Self {
        let names = route.split('/');
        let names = names.filter_map(|segment| Segment::of(segment).placeholder());
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
                let alike = match (Segment::of(one), Segment::of(other)) {
                    (Segment::One(_), Segment::One(_)) => true,
                    (Segment::Rest(_), Segment::Rest(_)) => true,
                    (one, other) => one == other,
                };
                if !alike {
                    return false;
                }
            }
            _ => return false,
        }
    }
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
        assert!(is_same_path("/files/{*path}", "/files/{*name}"));
        assert!(!is_same_path("/files/{*path}", "/files/{path}"));
        assert!(!is_same_path("//a.example/files", "//b.example/files"));
    }

    #[test]
    fn a_request_is_said_in_the_words_of_another_version() {
        let request = Request {
            method: "GET".into(),
            route: "/rooms/{id}/guests/{guest}".into(),
            path: "/rooms/1/guests/2".into(),
            parameters: vec![("id".into(), "1".into()), ("guest".into(), "2".into())],
            raw_query: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: Default::default(),
        };
        let renamed = request.renamed("/rooms/{room}/guests/{who}");
        assert_eq!(renamed.route, "/rooms/{room}/guests/{who}");
        let expected = [("room", "1"), ("who", "2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(renamed.parameters, expected);
        let story = "c".parse().unwrap();
        assert_eq!(request.affinity(&RampKey::Path, &story, None), "1");
        assert_eq!(request.affinity(&RampKey::CorrelationId, &story, None), "c");
    }

    #[test]
    fn whose_a_token_is_decides_where_a_route_asks_for_one() {
        let request = Request {
            method: "GET".into(),
            route: "/rooms".into(),
            path: "/rooms".into(),
            parameters: Vec::new(),
            raw_query: None,
            query: Vec::new(),
            headers: vec![("x-guest".into(), "7".into())],
            body: Default::default(),
        };
        let story = "c".parse().unwrap();
        let [alice, again, bob] = ["alice", "alice", "bob"].map(VerifiedIdentity::of);
        let by_token: RampKey = "header:Authorization".parse().unwrap();
        let side = |identity| request.affinity(&by_token, &story, identity);
        assert_eq!(side(Some(&alice)), side(Some(&again)));
        assert_ne!(side(Some(&alice)), side(Some(&bob)));
        assert_eq!(side(None), "c");
        let by_guest: RampKey = "header:x-guest".parse().unwrap();
        assert_eq!(request.affinity(&by_guest, &story, Some(&alice)), "7");
    }
}
