//! `/v1/events`: server-sent events.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use http::{HeaderMap, HeaderName, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::extract::{Query, Running, no_such_context};
use super::problem::Problem;
use super::session::Session;
use super::state::State;
use super::view::CloudEvent;
use crate::admin::{redaction::Redaction, redaction::Redactor};
use crate::app::Host;
use crate::core::ContextName;
use crate::events::feed::{Begin, Feed, Told};
use crate::events::feed_position::NoFeedPosition;
use crate::journal::{self, Event as Published, EventPosition, Ledger};

/// Streams at once.
pub(super) const STREAMS: usize = 64;
/// The most events that `last` can ask for.
const MOST_LAST: usize = 10_000;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those of these contexts, separated by commas.
    context: Option<String>,
    /// Only those of these kinds, separated by commas.
    kind: Option<String>,
    /// Where to begin: `start`, `now` (the default), or the id of an event of this stream. The header Last-Event-ID goes before it.
    after: Option<String>,
    /// Begin with so many of the newest events instead.
    last: Option<usize>,
    /// Whether to wait for more when all are told: `true` (the default) or `false`.
    #[serde(default = "yes")]
    follow: bool,
}

fn yes() -> bool {
    true
}

/// The events of all contexts, as server-sent events with CloudEvents as JSON
///
/// Only events that are on disk, of each context in its order. Each has an id from which the stream can be taken up again, by Last-Event-ID. Nobody
/// is hurried: who reads slowly gets the events later, and who does not read at all for half a minute is cut off, and misses nothing when it comes back.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(Which, ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that was received")),
    responses(
        (status = 200, body = CloudEvent, content_type = "text/event-stream"),
        (status = 404, description = "there is no such context"),
        (status = 410, description = "a journal ends before the place to begin after"),
        (status = 503, description = "the maximum number of streams is open")
))]
pub(super) async fn stream(
    Shared(state): Shared<Arc<State>>,
    Running(host): Running,
    Query(which): Query<Which>,
    session: Session,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = state.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{STREAMS} streams are already open; close one"),
        )
        .retry_after(Duration::from_secs(5))
    })?;
    let begin = begin(&which, &headers)?;
    // First, so that no context is missed that is added meanwhile.
    let exchanges = host.invoker.wiring.changes();
    let journals = journals(&host, which.context.as_deref())?;
    let kinds: BTreeSet<String> = list(which.kind.as_deref()).map(str::to_owned).collect();
    let telling = Telling {
        app: host.manifest().app.name.clone(),
        redactor: Arc::new(Mutex::new(Redactor::new(&host))),
        feed: Feed::open(journals, kinds, begin).await?,
        follow: which.follow,
        is_of_all: list(which.context.as_deref()).next().is_none(),
        exchanges,
        stop: host.shutdown.clone(),
        session,
        ended: false,
        host,
        _place: place,
    };
    let events = unfold(telling, |mut telling| async move {
        Some((Ok(telling.next().await?), telling))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One stream.
struct Telling {
    app: String,
    redactor: Arc<Mutex<Redactor>>,
    feed: Feed,
    follow: bool,
    /// Whether contexts that are added belong to it.
    is_of_all: bool,
    /// A context that is added begins to serve with an exchange of the wiring.
    exchanges: watch::Receiver<()>,
    host: Arc<Host>,
    stop: CancellationToken,
    session: Session,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Telling {
    async fn next(&mut self) -> Option<Event> {
        while !self.ended {
            if self.exchanges.has_changed().unwrap_or(false) {
                self.exchanges.mark_unchanged();
                self.take_up_added();
            }
            // Dropping what would have been next loses nothing.
            let told = tokio::select! {
                biased;
                why = over(&self.stop, &mut self.session) => return self.end_saying(why),
                told = self.feed.next() => told,
            };
            match told {
                Ok(Some(Told { context, event, .. })) => {
                    let place = self.feed.places().to_string();
                    let shown = show(&self.app, &self.redactor, context, event).await;
                    return match shown.and_then(|event| Ok(serde_json::to_string(&event)?)) {
                        Ok(json) => Some(Event::default().id(place).data(json)),
                        Err(error) => self.end_with(&error.to_string()),
                    };
                }
                Ok(None) if self.follow => tokio::select! {
                    why = over(&self.stop, &mut self.session) => return self.end_saying(why),
                    () = self.feed.changed() => {}
                    // The sender lives as long as the host.
                    Ok(()) = self.exchanges.changed() => self.take_up_added(),
                },
                Ok(None) => self.ended = true,
                Err(error) => return self.end_with(&error.to_string()),
            }
        }
        None
    }

    /// Tells of contexts that were added, too: what they publish since.
    fn take_up_added(&mut self) {
        // Something of theirs may be sensitive, also in the stories of others.
        self.redactor = Arc::new(Mutex::new(Redactor::new(&self.host)));
        if !self.is_of_all {
            return;
        }
        for (name, ledger) in self.host.ledgers().own.all().iter() {
            if !self.feed.has(name) {
                let after = EventPosition {
                    commit: ledger.begun_with(),
                    index: u16::MAX,
                };
                self.feed.add(name, ledger, after);
            }
        }
    }

    fn end_saying(&mut self, why: &str) -> Option<Event> {
        self.ended = true;
        Some(Event::default().comment(why))
    }

    fn end_with(&mut self, detail: &str) -> Option<Event> {
        self.ended = true;
        Some(Event::default().event("problem").data(detail))
    }
}

/// An event without what is sensitive. That is looked for where blocking is allowed.
async fn show(
    app: &str,
    redactor: &Arc<Mutex<Redactor>>,
    context: ContextName,
    event: Published,
) -> io::Result<CloudEvent> {
    let is_needed = redactor.lock().is_needed();
    if !is_needed {
        return Ok(CloudEvent::new(
            app,
            &context,
            &event,
            &Redaction::default(),
        ));
    }
    let (app, redactor) = (app.to_owned(), redactor.clone());
    let showing = tokio::task::spawn_blocking(move || {
        let redaction = redactor.lock().of_event(&event, [&*context])?;
        Ok::<_, journal::Error>(CloudEvent::new(&app, &context, &event, &redaction))
    });
    showing.await?.map_err(io::Error::other)
}

/// Waits until a stream has to end; says why.
async fn over(stop: &CancellationToken, session: &mut Session) -> &'static str {
    tokio::select! {
        biased;
        () = stop.cancelled() => "the host is stopping",
        () = session.withdrawn() => "the token is no longer valid",
    }
}

fn begin(which: &Which, headers: &HeaderMap) -> Result<Begin, Problem> {
    let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let after = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().map_err(|error| wrong(error.to_string()))?),
        None => which.after.as_deref(),
    };
    match (after, which.last) {
        (None, None) | (Some("now"), None) => Ok(Begin::Now),
        (None, Some(last)) => Ok(Begin::Last(last.min(MOST_LAST))),
        (Some("start"), None) => Ok(Begin::Start),
        (Some(id), None) => id
            .parse()
            .map(Begin::After)
            .map_err(|error: NoFeedPosition| wrong(error.to_string())),
        (Some(id), Some(_)) if headers.contains_key(LAST_EVENT_ID) => id
            .parse()
            .map(Begin::After)
            .map_err(|error: NoFeedPosition| wrong(error.to_string())),
        (Some(_), Some(_)) => Err(wrong("give either `after` or `last`".into())),
    }
}

/// The journals of the contexts that are named, or all: the host's own, too, which tells of sagas that are stuck.
fn journals(host: &Host, names: Option<&str>) -> Result<Vec<(ContextName, Arc<Ledger>)>, Problem> {
    let mut chosen = Vec::new();
    for name in list(names) {
        let unknown = || no_such_context(host, name);
        chosen.push(host.ledgers().get_named(name).ok_or_else(unknown)?);
    }
    if chosen.is_empty() {
        let all = host.ledgers().own.all();
        chosen.extend(
            all.iter()
                .map(|(name, ledger)| (name.clone(), ledger.clone())),
        );
    }
    Ok(chosen)
}

fn list(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}
