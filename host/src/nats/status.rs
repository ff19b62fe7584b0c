//! The status of the connection, the relay and the subscriptions, as operators see it.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::command::RelayCommand;
use super::subscription::StreamLoss;
use crate::core::ContextName;
use crate::events::feed_position::FeedPosition;
use crate::journal::EventPosition;

/// How many commands of operators may wait.
const COMMANDS: usize = 16;
/// What is said while there is no connection.
const LOST: &str = "the connection to the NATS server was lost; check that the server is running";

/// The status of the connection, the relay and the subscriptions.
pub struct NatsStatus {
    state: Mutex<State>,
    command_sender: mpsc::Sender<RelayCommand>,
    commands: Mutex<Option<mpsc::Receiver<RelayCommand>>>,
}

impl Default for NatsStatus {
    fn default() -> Self {
        let (command_sender, commands) = mpsc::channel(COMMANDS);
        Self {
            state: Mutex::default(),
            command_sender,
            commands: Mutex::new(Some(commands)),
        }
    }
}

#[derive(Default)]
struct State {
    error: Option<String>,
    /// Whether the connection is lost, which is reported before any other error.
    is_lost: bool,
    notice: Option<String>,
    places: Option<FeedPosition>,
    subscriptions: BTreeMap<(ContextName, String), SubscriptionStatus>,
    held: BTreeSet<ContextName>,
}

/// The status of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionStatus {
    /// The stream that it is read from; none until it was found.
    pub stream: Option<String>,
    /// How many messages are still to be taken in; none until that is known.
    pub waiting: Option<u64>,
    /// How many messages the stream dropped before they were read.
    pub dropped: u64,
    /// What the stream has lost, as far as no operator has acknowledged it.
    pub loss: Option<StreamLoss>,
    /// The error that keeps messages from being read, if there is one.
    pub error: Option<String>,
}

impl NatsStatus {
    /// The error that keeps events from being published, if there is one.
    pub fn error(&self) -> Option<String> {
        let state = self.state.lock();
        match state.is_lost {
            true => Some(LOST.to_owned()),
            false => state.error.clone(),
        }
    }

    /// A notice for operators that is not an error.
    pub fn notice(&self) -> Option<String> {
        self.state.lock().notice.clone()
    }

    /// Sets the notice for operators.
    pub(super) fn note_notice(&self, notice: Option<String>) {
        self.state.lock().notice = notice;
    }

    /// Sends a command to the relay; false when too many are waiting.
    pub fn ask(&self, command: RelayCommand) -> bool {
        self.command_sender.try_send(command).is_ok()
    }

    /// The commands of operators. Only the first caller gets them.
    pub(super) fn commands(&self) -> mpsc::Receiver<RelayCommand> {
        let commands = self.commands.lock().take();
        commands.unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// Whether the events of a context wait, since one cannot be published and the context has as many dead letters as it may.
    pub fn is_held(&self, context: &str) -> bool {
        self.state.lock().held.contains(context)
    }

    /// Notes whose events wait.
    pub(super) fn note_held(&self, held: &BTreeSet<ContextName>) {
        self.state.lock().held.clone_from(held);
    }

    /// There is a connection.
    pub(super) fn note_connection(&self) {
        self.state.lock().is_lost = false;
    }

    /// There is none any more.
    pub(super) fn note_lost_connection(&self) {
        self.state.lock().is_lost = true;
    }

    /// The subscriptions, by source and subject.
    pub fn subscriptions(&self) -> BTreeMap<(ContextName, String), SubscriptionStatus> {
        let state = self.state.lock();
        let mut subscriptions = state.subscriptions.clone();
        if state.is_lost {
            for subscription in subscriptions.values_mut() {
                subscription.error.get_or_insert_with(|| LOST.to_owned());
            }
        }
        subscriptions
    }

    /// Notes the status of a subscription.
    pub(super) fn note_subscription(
        &self,
        source: &ContextName,
        subject: &str,
        change: impl FnOnce(&mut SubscriptionStatus),
    ) {
        let mut state = self.state.lock();
        let key = (source.to_owned(), subject.to_owned());
        change(state.subscriptions.entry(key).or_default());
    }

    /// Notes why events are not published. Says whether that is news.
    pub(super) fn note_error(&self, error: Option<String>) -> bool {
        let mut state = self.state.lock();
        let is_news = state.error != error;
        state.error = error;
        is_news
    }

    /// How far the events are published; `None` while that is not known.
    pub(super) fn places(&self) -> Option<FeedPosition> {
        self.state.lock().places.clone()
    }

    pub(super) fn note_place(&self, context: &ContextName, position: EventPosition) {
        if let Some(places) = &mut self.state.lock().places {
            places.note(context, position);
        }
    }

    pub(super) fn note_places(&self, places: FeedPosition) {
        self.state.lock().places = Some(places);
    }
}
