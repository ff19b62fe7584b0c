//! A context as a test runs it: what it declares, and its exports.

use std::rc::Rc;

use super::calls::{Offered, Offers};
use super::decode::{self, Malformed};
use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::{Context, Description, Outcome, Request, Response};

pub(crate) struct TestedContext {
    pub(crate) description: Description,
    pub(crate) handle: fn(&Request) -> Response,
    pub(crate) on_event: fn(Delivered) -> Outcome,
    pub(crate) ready: fn() -> Result<(), String>,
    pub(crate) functions: &'static [Offered],
    /// The names of its tables.
    pub(crate) tables: Rc<[String]>,
}

impl TestedContext {
    /// A context, without what it offers to others.
    pub(crate) fn alone<C: Context>() -> Self {
        let description = C::describe();
        Self {
            tables: description
                .tables
                .iter()
                .map(|table| table.name.clone())
                .collect(),
            description,
            handle: |request| C::handle(request).unwrap_or_else(Response::from),
            on_event: C::on_event,
            ready: C::ready,
            functions: &[],
        }
    }

    /// A context, with what it offers to others.
    pub(crate) fn offering<C: Context + Offers>() -> Self {
        Self {
            functions: C::FUNCTIONS,
            ..Self::alone::<C>()
        }
    }

    /// The request as the host hands it to the context, when one of the described routes matches. An error for what cannot be decoded.
    pub(super) fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Option<Request>, Malformed> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let plain_path = decode::plain_path(path)?;
        let path = match path.strip_prefix("//").and_then(|rest| rest.find('/')) {
            Some(host) => &path[host + 2..],
            None => path,
        };
        let routes = self
            .description
            .routes
            .iter()
            .filter(|route| route.method == method);
        let matching = routes
            .filter_map(|route| Some((parameters(&route.path, &plain_path)?, route.path.clone())))
            // As the host does: what is of one host, and what is described more closely, goes first.
            .min_by_key(|(parameters, route)| {
                (
                    !route.starts_with("//"),
                    route.contains("{*"),
                    parameters.len(),
                )
            });
        let Some((encoded, route)) = matching else {
            return Ok(None);
        };
        let parameters = encoded
            .into_iter()
            .map(|(name, value)| Ok((name.into(), decode::segment(value)?)));
        Ok(Some(Request {
            method: method.into(),
            route,
            path: path.into(),
            parameters: parameters.collect::<Result<_, _>>()?,
            query: decode::query(query)?,
            headers: headers.into(),
            body: body.into(),
        }))
    }

    /// Whether it follows a kind of a source.
    pub(crate) fn follows(&self, source: &str, kind: &str) -> bool {
        self.description
            .follows
            .iter()
            .any(|followed| followed.source == source && followed.kind == kind)
    }

    /// A function that it offers.
    pub(crate) fn function(&self, interface: &str, name: &str) -> Option<&'static Offered> {
        self.functions
            .iter()
            .find(|offered| offered.interface == interface && offered.name == name)
    }

    /// What undoes a function that it offers.
    pub(crate) fn undo(&self, interface: &str, name: &str) -> Option<&'static Offered> {
        let function = format!("{interface}#{name}");
        let mut compensations = self.description.compensations.iter();
        let undo = &compensations
            .find(|compensation| compensation.function == function)?
            .undo;
        let (interface, name) = undo.split_once('#')?;
        self.function(interface, name)
    }
}

/// The values of a route's placeholders by their names, still encoded; none when the path is not one of the route. A path such as `//docs.example/guide` is one of that host, of
/// which routes of all hosts are, too.
fn parameters<'a>(route: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let path = match path.strip_prefix("//").and_then(|rest| rest.find('/')) {
        Some(host) if !route.starts_with("//") => &path[host + 2..],
        _ => path,
    };
    let mut parameters = Vec::new();
    let mut rest = Some(path);
    for wanted in route.split('/') {
        let left = rest?;
        let inner = wanted
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'));
        if let Some(name) = inner.and_then(|inner| inner.strip_prefix('*')) {
            return (!left.is_empty()).then(|| {
                parameters.push((name, left));
                parameters
            });
        }
        let (segment, after) = match left.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (left, None),
        };
        match inner {
            Some(name) if !segment.is_empty() => parameters.push((name, segment)),
            None if segment == wanted => {}
            _ => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn routes_match_as_they_do_in_the_host() {
        for (route, path, expected) in [
            ("/rooms/{id}", "/rooms/1", Some(vec![("id", "1")])),
            ("/rooms/{id}", "/rooms/", None),
            ("/rooms/{id}", "/rooms/1/", None),
            ("/rooms", "/rooms", Some(vec![])),
            ("/files/{*path}", "/files/a/b", Some(vec![("path", "a/b")])),
            ("/files/{*path}", "/files/", None),
            ("/files/{*path}", "/files", None),
            (
                "//docs.example/{page}",
                "//docs.example/a",
                Some(vec![("page", "a")]),
            ),
            ("//docs.example/{page}", "/a", None),
            ("//docs.example/{page}", "//other.example/a", None),
            ("/{page}", "//other.example/a", Some(vec![("page", "a")])),
        ] {
            assert_eq!(parameters(route, path), expected, "{route} {path}");
        }
    }
}
