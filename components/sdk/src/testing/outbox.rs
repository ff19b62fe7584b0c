//! What contexts emit, and what becomes of it: events that are there for their followers, and timers.

use std::rc::Rc;

use super::simulation::Simulation;
use super::tested_context::TestedContext;
use super::{DeliveredEvent, Emitted};
use crate::invocation::Identity;

impl Simulation {
    pub(crate) fn emit(
        &mut self,
        delay_ms: Option<u64>,
        kind: &str,
        subject: &str,
        data: &[u8],
    ) -> String {
        let id = self.new_id();
        let emitted = Emitted {
            id: id.clone(),
            kind: kind.into(),
            subject: subject.into(),
            data: serde_json::from_slice(data).unwrap_or_default(),
            delay_ms,
        };
        let described = |tested: &Rc<TestedContext>| {
            tested
                .description
                .publishes
                .iter()
                .any(|known| known == kind)
        };
        let known = self.current().tested.as_ref().is_none_or(described);
        match self.running.last_mut() {
            Some(running) => {
                assert!(known, "{kind} is not among what the context `publishes`");
                running.emitted.push((emitted, data.into()));
            }
            None => {
                let identity = self.signed_in.clone();
                self.publish(
                    vec![(emitted, data.into())],
                    "test",
                    "test",
                    identity.as_ref(),
                );
            }
        }
        id
    }

    /// Cancels a timer; false when there is none.
    pub(crate) fn cancel(&mut self, id: &str) -> bool {
        let is_set = self
            .current()
            .timers
            .iter()
            .any(|(_, timer)| timer.id == id);
        match self.running.last_mut() {
            Some(running) => running.cancel(id, is_set),
            None => {
                self.cancelled(id);
                is_set
            }
        }
    }

    /// The timer is there no longer.
    pub(super) fn cancelled(&mut self, id: &str) {
        let context = self.current();
        context.timers.retain(|(_, timer)| timer.id != id);
        context
            .emitted
            .retain(|event| event.id != id || event.delay_ms.is_none());
    }

    /// What a context has emitted is there for its followers, or as timers.
    pub(super) fn publish(
        &mut self,
        emitted: Vec<(Emitted, Vec<u8>)>,
        correlation: &str,
        causation: &str,
        identity: Option<&Identity>,
    ) {
        let (now, source) = (self.now, self.name());
        let context = self.current();
        for (emitted, data) in emitted {
            let published = DeliveredEvent {
                id: emitted.id.clone(),
                source: source.clone(),
                kind: emitted.kind.clone(),
                subject: emitted.subject.clone(),
                time: now,
                data,
                correlation_id: correlation.into(),
                causation_id: causation.into(),
                identity: identity.cloned(),
            };
            match emitted.delay_ms {
                None => context.journal.push(published),
                Some(delay) => context.timers.push((now.saturating_add(delay), published)),
            }
            context.emitted.push(emitted);
        }
    }

    /// An event that comes from outside of what is tested.
    pub(super) fn event_from_outside(
        &mut self,
        source: &str,
        kind: &str,
        subject: &str,
        data: &serde_json::Value,
    ) -> DeliveredEvent {
        DeliveredEvent {
            id: self.new_id(),
            source: source.into(),
            kind: kind.into(),
            subject: subject.into(),
            time: self.now,
            data: data.to_string().into_bytes(),
            correlation_id: "test".into(),
            causation_id: "test".into(),
            identity: None,
        }
    }
}
