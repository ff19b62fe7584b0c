//! Stories: everything that happened under one correlation id, as a tree of what caused what.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::redaction::{Redaction, Redactor};
use crate::admin::view::or_empty;
use crate::app::Host;
use crate::core::{CorrelationId, Timestamp};
use crate::journal::{self, Cause, Ending, Event, Header, Recorded};

/// How deep a tree may get. What lies deeper begins a tree of its own, and says by its `causationId` where it belongs.
const DEEPEST: usize = 64;

/// Everything under one correlation id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The correlation id.
    pub correlation_id: String,
    /// The invocations that nothing else here caused, in the order of time.
    pub invocations: Vec<Invocation>,
}

/// An invocation that left a commit, and what it caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    /// What set it off.
    pub kind: Kind,
    /// The context that ran it.
    pub context: String,
    /// The route, the function, or the event with its source; for a timer its event, and for the host what it was about.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The event or invocation that caused it; empty at the root.
    pub causation_id: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The digest of the version that ran; empty when no guest ran.
    pub version: String,
    /// Which attempt this was, from 1.
    pub attempt: u32,
    /// The status of a web response.
    pub status: Option<u16>,
    /// Who was behind it: the subject of the token that it comes of; absent where nobody is known to have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was abandoned.
    pub reason: Option<String>,
    /// The events that it published, in order.
    pub events: Vec<Published>,
    /// What it called, and the timers of its that came due.
    #[schema(no_recursion)]
    pub children: Vec<Invocation>,
}

/// An event, and what it caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// What happened.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Its id.
    pub id: String,
    /// When it was published.
    pub time: Timestamp,
    /// Who handled it.
    #[schema(no_recursion)]
    pub children: Vec<Invocation>,
}

/// What set an invocation off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A web request.
    Web,
    /// A call from another context.
    Call,
    /// An event.
    Event,
    /// A timer.
    Timer,
    /// The host itself, which has told something: of a rollout, for example.
    Host,
}

/// What came of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its effects are there.
    Committed,
    /// It has no effects, and what it called was undone or is about to be.
    Abandoned,
}

/// The story of a correlation id; `None` when nothing happened under it. Reads all journals: call it where blocking is allowed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn story(
    host: &Arc<Host>,
    correlation_id: &CorrelationId,
) -> Result<Option<Story>, journal::Error> {
    let mut redactor = Redactor::new(host);
    let mut invocations = Vec::new();
    for (context, ledger) in host.ledgers().own.all().iter() {
        for recorded in ledger.journal().story(correlation_id)? {
            let redaction = redactor.of_commit(context, &recorded.1)?;
            if let Some(mut invocation) = invocation(context, recorded) {
                invocation.mask(&redaction);
                invocations.push(invocation);
            }
        }
    }
    Ok((!invocations.is_empty()).then(|| Story {
        correlation_id: correlation_id.to_string(),
        invocations: tree(invocations),
    }))
}

/// What a commit says of its invocation; `None` for the host's own bookkeeping that tells nobody anything.
fn invocation(context: &str, (_, header, events): Recorded) -> Option<Invocation> {
    let (kind, name) = match &header.cause {
        Cause::Web { method, route } => (Kind::Web, format!("{method} {route}")),
        Cause::Call { function } => (Kind::Call, function.clone()),
        Cause::Event { source, kind, .. } => (Kind::Event, format!("{source}.{kind}")),
        Cause::Timer { .. } => {
            let event = events.first().map(|event| event.kind.clone());
            (Kind::Timer, event.unwrap_or_default())
        }
        Cause::Host { .. } if events.is_empty() => return None,
        Cause::Host { purpose } => (Kind::Host, purpose.clone()),
    };
    let Header {
        invocation,
        ending,
        attempt,
        causation_id,
        version,
        time,
        status,
        by,
        ..
    } = header;
    let (outcome, reason) = match ending {
        Ending::Committed => (Outcome::Committed, None),
        Ending::Abandoned { reason } => (Outcome::Abandoned, Some(reason)),
    };
    Some(Invocation {
        kind,
        context: context.to_owned(),
        name,
        id: invocation.to_string(),
        causation_id: or_empty(causation_id.as_deref()),
        time: Timestamp(time),
        version: version.map_or_else(String::new, |version| version.to_string()),
        attempt,
        status,
        by,
        outcome,
        reason,
        events: events.into_iter().map(published).collect(),
        children: Vec::new(),
    })
}

fn published(event: Event) -> Published {
    Published {
        kind: event.kind,
        subject: event.subject,
        id: event.id.to_string(),
        time: Timestamp(event.time),
        children: Vec::new(),
    }
}

/// Puts each invocation under what caused it. Works from the leaves up, without recursion: a story can be as long as it likes.
fn tree(mut invocations: Vec<Invocation>) -> Vec<Invocation> {
    in_order_of_time(&mut invocations);
    let parents = parents(&invocations);
    let depths = depths(&parents);
    let mut deepest_first: Vec<(usize, usize)> = depths.into_iter().zip(0..).collect();
    deepest_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut places: Vec<Option<Invocation>> = invocations.into_iter().map(Some).collect();
    let mut roots = Vec::new();
    for (depth, index) in deepest_first {
        let Some(mut invocation) = places.get_mut(index).and_then(Option::take) else {
            continue;
        };
        // All that belongs below it is there by now.
        in_order_of_time(&mut invocation.children);
        for event in &mut invocation.events {
            in_order_of_time(&mut event.children);
        }
        let parent = parents.get(index).copied().flatten();
        let siblings = parent
            .filter(|_| !depth.is_multiple_of(DEEPEST))
            .and_then(|parent| {
                let invocation = places.get_mut(parent.invocation)?;
                invocation.as_mut()?.under(parent.event)
            });
        siblings.unwrap_or(&mut roots).push(invocation);
    }
    in_order_of_time(&mut roots);
    roots
}

fn in_order_of_time(invocations: &mut [Invocation]) {
    invocations.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
}

/// What caused an invocation: another one, or one of its events.
#[derive(Clone, Copy)]
struct Parent {
    invocation: usize,
    event: Option<usize>,
}

impl Invocation {
    fn mask(&mut self, redaction: &Redaction) {
        self.reason = self.reason.take().map(|reason| redaction.text(reason));
        self.by = self.by.take().map(|by| redaction.text(by));
        for event in &mut self.events {
            event.subject = redaction.text(mem::take(&mut event.subject));
        }
    }

    fn under(&mut self, event: Option<usize>) -> Option<&mut Vec<Invocation>> {
        match event {
            None => Some(&mut self.children),
            Some(event) => Some(&mut self.events.get_mut(event)?.children),
        }
    }
}

fn parents(invocations: &[Invocation]) -> Vec<Option<Parent>> {
    let mut by_id = HashMap::new();
    for (index, invocation) in invocations.iter().enumerate() {
        let parent = |event| Parent {
            invocation: index,
            event,
        };
        by_id
            .entry(invocation.id.as_str())
            .or_insert_with(|| parent(None));
        for (number, event) in invocation.events.iter().enumerate() {
            // A timer's event has the id of its timer: whoever handled it belongs below the event.
            by_id.insert(&event.id, parent(Some(number)));
        }
    }
    let parent = |(index, invocation): (usize, &Invocation)| {
        let parent = by_id.get(invocation.causation_id.as_str()).copied();
        parent.filter(|parent| parent.invocation != index)
    };
    invocations.iter().enumerate().map(parent).collect()
}

/// How many ancestors each has. Ids that run in a circle, which no journal should hold, are cut where they are met again.
fn depths(parents: &[Option<Parent>]) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; parents.len()];
    for start in 0..parents.len() {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(index) = at {
            if depths.get(index).copied().flatten().is_some() || path.contains(&index) {
                break;
            }
            path.push(index);
            at = parents
                .get(index)
                .copied()
                .flatten()
                .map(|parent| parent.invocation);
        }
        let first = at
            .and_then(|index| depths.get(index).copied().flatten())
            .map_or(0, |depth| depth + 1);
        for (depth, index) in (first..).zip(path.into_iter().rev()) {
            if let Some(place) = depths.get_mut(index) {
                *place = Some(depth);
            }
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests;
