//! What is measured of a route.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::{Histogram, Label, histogram};

use crate::core::{ContextName, TraceContext};
use crate::observe::metrics::{HTTP_REQUEST_DURATION, STATUS_CLASSES, record, status_class};
use crate::versions::Route;

/// The handles of one route's metrics; those of each class are made when there is a first answer of it.
pub(super) struct RouteMetrics {
    context: Option<ContextName>,
    /// None where no route is known.
    pattern: Option<Box<str>>,
    labels: Vec<Label>,
    classes: [OnceLock<Histogram>; STATUS_CLASSES.len()],
}

impl RouteMetrics {
    /// Of a route, measured under this name.
    pub(super) fn of_route<C>(route: &Route<C>, http_route: &str) -> Self {
        let mut metrics = Self::of_context(&route.owner);
        metrics.pattern = Some(route.pattern.as_str().into());
        metrics.labels.extend([
            Label::new("method", route.method.as_str().to_owned()),
            Label::new("http_route", http_route.to_owned()),
        ]);
        metrics
    }

    /// Of what is for a context, of which no route is known.
    pub(super) fn of_context(context: &ContextName) -> Self {
        Self {
            context: Some(context.clone()),
            labels: vec![Label::new("context", context)],
            ..Self::of_none()
        }
    }

    /// Of all that is for no route.
    pub(super) fn of_none() -> Self {
        Self {
            context: None,
            pattern: None,
            labels: Vec::new(),
            classes: Default::default(),
        }
    }

    /// The name of the context.
    pub(super) fn context(&self) -> &str {
        self.context.as_deref().unwrap_or_default()
    }

    /// The path as the context describes it; none where no route is known.
    pub(super) fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }

    /// A request was answered, at this place in a trace.
    pub(super) fn answered(&self, status: StatusCode, took: Duration, trace: &TraceContext) {
        let class = status_class(status);
        let Some(duration) = self.classes.get(class) else {
            return;
        };
        let duration = duration.get_or_init(|| {
            let mut labels = self.labels.clone();
            labels.push(Label::new("status", STATUS_CLASSES[class]));
            histogram!(HTTP_REQUEST_DURATION, labels)
        });
        record(duration, took, trace);
    }
}
