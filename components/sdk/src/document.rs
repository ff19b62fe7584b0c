//! What the routes of a context take and answer, as their functions say it.

use core::marker::PhantomData;

use crate::bindings::innkeeper::context::types::Scalar;
use crate::documented::exports::innkeeper::context::document;
use crate::path::Segment;
use crate::probe::Probe;
use crate::record::{Types, field_at};
use crate::web::Handler;
use crate::{DataType, IntoResponse, Json, JsonSchema, Paging, Path, Query};

pub use crate::documented::exports::innkeeper::context::document::Documentation;
use document::{Annotation, Answer as DocumentedAnswer, Body, DocumentedRoute, Range};

/// A context that says what its routes take and answer; implemented by [`context!`](crate::context!) where there are routes.
pub trait Document {
    /// What is known of them.
    fn document() -> Documentation;
}

impl<D: Document> document::Guest for D {
    fn document() -> Documentation {
        crate::context::entered("the function", "document");
        D::document()
    }
}

/// What a route's function takes and answers, as types.
pub struct Signature<P, R> {
    reads_body: bool,
    types: PhantomData<(P, R)>,
}

/// That of a function.
pub fn signature<P, H: Handler<P>>(_: &H) -> Signature<P, H::Output> {
    Signature {
        reads_body: H::READS_BODY,
        types: PhantomData,
    }
}

impl<P: Positions, R: IntoResponse> Signature<P, R> {
    /// What it takes first; of fewer than five, `()` stands for the others.
    pub fn first(&self) -> Probe<P::First> {
        Probe::NEW
    }

    /// What it takes second.
    pub fn second(&self) -> Probe<P::Second> {
        Probe::NEW
    }

    /// What it takes third.
    pub fn third(&self) -> Probe<P::Third> {
        Probe::NEW
    }

    /// What it takes fourth.
    pub fn fourth(&self) -> Probe<P::Fourth> {
        Probe::NEW
    }

    /// What it takes fifth.
    pub fn fifth(&self) -> Probe<P::Fifth> {
        Probe::NEW
    }

    /// What the body of its answer is.
    pub fn answer(&self) -> Probe<R::Body> {
        Probe::NEW
    }
}

/// What stands at each place of a function's parameters.
pub trait Positions {
    /// The first.
    type First;
    /// The second.
    type Second;
    /// The third.
    type Third;
    /// The fourth.
    type Fourth;
    /// The fifth.
    type Fifth;
}

macro_rules! positions {
    ($([$($parameter:ident)*] $first:ty, $second:ty, $third:ty, $fourth:ty, $fifth:ty;)+) => {$(
        impl<$($parameter),*> Positions for ($($parameter,)*) {
            type First = $first;
            type Second = $second;
            type Third = $third;
            type Fourth = $fourth;
            type Fifth = $fifth;
        }
    )+};
}

positions! {
    [] (), (), (), (), ();
    [A] A, (), (), (), ();
    [A B] A, B, (), (), ();
    [A B C] A, B, C, (), ();
    [A B C D] A, B, C, D, ();
    [A B C D E] A, B, C, D, E;
}

/// The documentation of a context, on its way.
#[derive(Default)]
pub struct Documents {
    types: Types,
    routes: Vec<DocumentedRoute>,
}

impl Documents {
    /// One more route.
    pub fn route<P, R>(
        &mut self,
        method: &str,
        path: &str,
        summary: Option<&str>,
        signature: &Signature<P, R>,
    ) -> RouteDocument<'_> {
        let placeholders = path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(name.strip_prefix('*').unwrap_or(name).to_owned())
        });
        RouteDocument {
            placeholders: placeholders.collect(),
            route: DocumentedRoute {
                method: method.into(),
                path: path.into(),
                summary: summary.map(Into::into),
                parameters: Vec::new(),
                query: Vec::new(),
                body: match signature.reads_body {
                    true => Body::Something,
                    false => Body::Nothing,
                },
                answers: Vec::new(),
            },
            documents: self,
        }
    }

    /// For the host.
    pub fn finish(self) -> Documentation {
        let (types, annotations) = self.types.into_parts();
        Documentation {
            types,
            annotations,
            routes: self.routes,
        }
    }
}

/// The documentation of a route, on its way.
pub struct RouteDocument<'a> {
    documents: &'a mut Documents,
    /// The names in its path.
    placeholders: Vec<String>,
    route: DocumentedRoute,
}

impl RouteDocument<'_> {
    /// The types that are told.
    pub fn types(&mut self) -> &mut Types {
        &mut self.documents.types
    }

    /// With what is answered: the place of the body's type, if that is known.
    pub fn end<P, R: IntoResponse>(mut self, _: &Signature<P, R>, value: Option<u32>) {
        if let Some(status) = R::STATUS {
            self.route.answers.push(DocumentedAnswer {
                status,
                media_type: R::MEDIA_TYPE.map(Into::into),
                value: R::MEDIA_TYPE.and(value),
            });
        }
        self.documents.routes.push(self.route);
    }

    /// The placeholder at a place has this type.
    fn segment<T: Segment>(&mut self, place: usize) {
        let value = self.types().in_json::<T>();
        if let Some(name) = self.placeholders.get(place) {
            let field = field_at(value, name, false);
            self.route.parameters.push(field);
        }
    }

    fn query(&mut self, name: &str, value: u32, has_default: bool) {
        // What is asked for twice is read by both.
        if self.route.query.iter().all(|known| known.name != name) {
            self.route.query.push(field_at(value, name, has_default));
        }
    }
}

/// What a route's function can take, that says what it is.
pub trait Parameter {
    /// Says it.
    fn document(route: &mut RouteDocument<'_>);
}

/// A parameter that says what it is.
pub trait Takes {
    /// Has it say so.
    fn take(&self, route: &mut RouteDocument<'_>);
}

/// A parameter that does not.
pub trait TakesUnknown {
    /// Nothing.
    fn take(&self, route: &mut RouteDocument<'_>);
}

impl<T: Parameter> Takes for Probe<T> {
    fn take(&self, route: &mut RouteDocument<'_>) {
        T::document(route);
    }
}

impl<T> TakesUnknown for &Probe<T> {
    fn take(&self, _: &mut RouteDocument<'_>) {}
}

impl<T: JsonSchema> Parameter for Json<T> {
    fn document(route: &mut RouteDocument<'_>) {
        let value = route.types().in_json::<T>();
        route.route.body = Body::Json(value);
    }
}

impl<T: Segment> Parameter for Path<T> {
    fn document(route: &mut RouteDocument<'_>) {
        route.segment::<T>(0);
    }
}

impl<A: Segment, B: Segment> Parameter for Path<(A, B)> {
    fn document(route: &mut RouteDocument<'_>) {
        route.segment::<A>(0);
        route.segment::<B>(1);
    }
}

impl<T: JsonSchema> Parameter for Query<T> {
    fn document(route: &mut RouteDocument<'_>) {
        let value = route.types().in_json::<T>();
        // Which names a map has is not known.
        let Some(DataType::Record(fields)) = route.types().get(value).cloned() else {
            return;
        };
        for field in fields {
            route.query(&field.name, field.value, field.has_default);
        }
    }
}

impl Parameter for Paging {
    fn document(route: &mut RouteDocument<'_>) {
        let page = route.types().in_json::<u32>();
        let after = route.types().in_json::<u64>();
        // A type of its own, as there are bounds to it.
        let size = route.types().add(DataType::Scalar(Scalar::U32));
        let bounds = Range {
            least: Some(1),
            most: Some(Self::MAX_SIZE.into()),
        };
        route.types().annotate(size, Annotation::Value(bounds));
        for (name, value) in [("page", page), ("after", after), ("size", size)] {
            route.query(name, value, true);
        }
    }
}

#[cfg(test)]
mod tests;
