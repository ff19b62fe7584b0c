//! The stream that the events are kept in: made when there is none, and else taken as it is.

use std::error::Error;

use async_nats::jetstream::context::{
    GetStreamByNameError, GetStreamByNameErrorKind, GetStreamError, GetStreamErrorKind,
    RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};

use super::error::NatsError;
use super::message::{Address, PLACES, REPUBLISHED_FROM, SOURCE};
use super::raw_message::{self, RawMessage, Wanted};
use super::subject;
use crate::core::{ContextName, EventId};
use crate::events::feed_position::FeedPosition;
use crate::journal::EventPosition;
use crate::manifest::NatsSettings;

/// The subject that stands for all.
const ALL: &str = ">";

/// Where a stream ends.
pub(super) struct End {
    /// The sequence of its last message, whoever published that.
    pub sequence: u64,
    /// The last event that the relay has published.
    pub event: Option<Published>,
}

/// An event that is in the stream.
pub(super) struct Published {
    pub id: EventId,
    pub context: ContextName,
    /// How far the relay had come with it.
    pub places: FeedPosition,
    /// Where it is in its journal.
    pub place: Option<EventPosition>,
}

/// The stream, and whether it is new.
pub(super) struct Opened {
    pub stream: Stream,
    pub is_new: bool,
}

/// The stream, made when there is none.
pub(super) async fn open<'a>(
    context: &Context,
    address: &Address,
    settings: &NatsSettings,
    contexts: impl Iterator<Item = &'a ContextName>,
) -> Result<Opened, NatsError> {
    let subjects = contexts.map(|context| subject::of_context(&address.prefix, context));
    let wanted = config(address, settings, subjects.collect());
    let Some(mut stream) = get(context, &address.stream).await? else {
        let made = context.create_stream(wanted).await;
        let stream = made.map_err(|error| unusable(&address.stream, &error))?;
        return Ok(Opened {
            stream,
            is_new: true,
        });
    };
    let found = &stream.cached_info().config;
    let subjects = subjects_for(&wanted, found, address)?;
    if subjects != found.subjects {
        let changed = Config {
            subjects: subjects.clone(),
            ..found.clone()
        };
        let updated = context.update_stream(changed).await;
        updated.map_err(|error| unusable(&address.stream, &error))?;
        tracing::info!(
            stream = address.stream,
            "the stream's subjects are now {}, one for each context, so that it does not store calls",
            subjects.join(", ")
        );
        stream = find(context, &address.stream).await?;
    }
    let config = &stream.cached_info().config;
    let calls = subject::of_calls(&address.prefix);
    let mut taken = config.subjects.iter();
    if let Some(subject) = taken.find(|taken| subject::overlap(taken, &calls)) {
        tracing::warn!(
            stream = address.stream,
            "the stream's subject `{subject}` also matches calls (`{calls}`): it stores them, and a caller may get the stream's acknowledgement instead of the function's answer; give the stream one subject for each context, such as `{}`",
            wanted.subjects.first().map_or("", String::as_str)
        );
    }
    for difference in differences(&wanted, config) {
        tracing::warn!(
            stream = address.stream,
            "the stream's settings differ from the manifest and were left as they are: {difference}"
        );
    }
    Ok(Opened {
        stream,
        is_new: false,
    })
}

/// The subjects that a stream is to take. Those of one that the host made are brought up to date; one that somebody else made has to take them.
fn subjects_for(
    wanted: &Config,
    found: &Config,
    address: &Address,
) -> Result<Vec<String>, NatsError> {
    let is_own = found.description == wanted.description;
    // What versions before made the stream take. It takes mistyped calls, too.
    let former = subject::of_all(&address.prefix);
    let kept = found.subjects.iter();
    let mut subjects: Vec<String> = kept
        .filter(|subject| !(is_own && **subject == former))
        .cloned()
        .collect();
    let is_missing = |subjects: &[String], wanted: &str| {
        !subjects.iter().any(|taken| subject::covers(taken, wanted))
    };
    for wanted in &wanted.subjects {
        if !is_missing(&subjects, wanted) {
            continue;
        }
        if !is_own {
            return Err(NatsError::OtherSubjects {
                stream: address.stream.clone(),
                wanted: wanted.clone(),
                found: format!("{:?}", found.subjects),
            });
        }
        subjects.push(wanted.clone());
    }
    Ok(subjects)
}

/// A stream that is there.
pub(super) async fn find(context: &Context, name: &str) -> Result<Stream, NatsError> {
    let found = get(context, name).await?;
    found.ok_or_else(|| NatsError::NoStream(name.to_owned()))
}

/// Makes sure that a stream is there still.
pub(super) async fn is_there(context: &Context, name: &str) -> Result<(), NatsError> {
    match get(context, name).await? {
        Some(_) => Ok(()),
        None => Err(NatsError::Gone(name.to_owned())),
    }
}

/// How a stream is that was there before.
pub(super) async fn look(stream: &Stream, name: &str) -> Result<Info, NatsError> {
    let error = match stream.get_info().await {
        Ok(info) => return Ok(info),
        Err(error) => error,
    };
    match error.kind() {
        RequestErrorKind::TimedOut => Err(NatsError::Unreachable(
            "it does not answer in time".to_owned(),
        )),
        _ => Err(NatsError::Gone(name.to_owned())),
    }
}

/// A stream, if it is there.
async fn get(context: &Context, name: &str) -> Result<Option<Stream>, NatsError> {
    let error = match context.get_stream(name).await {
        Ok(stream) => return Ok(Some(stream)),
        Err(error) => error,
    };
    match error.kind() {
        GetStreamErrorKind::JetStream(why) if why.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            Ok(None)
        }
        GetStreamErrorKind::JetStream(why) if lacks_jetstream(why.error_code()) => {
            Err(NatsError::NoJetStream)
        }
        GetStreamErrorKind::JetStream(why) => Err(unusable(name, &why)),
        // A server without JetStream has nobody who listens to such a question.
        _ if nobody_answers(&error) => Err(NatsError::NoJetStream),
        _ => Err(NatsError::Unreachable(error.to_string())),
    }
}

/// Why there is no name of a stream for a subject.
pub(super) fn nobody_keeps(subject: &str, error: &GetStreamByNameError) -> NatsError {
    match error.kind() {
        GetStreamByNameErrorKind::NotFound => NatsError::NotKept(subject.to_owned()),
        GetStreamByNameErrorKind::JetStream(why) if lacks_jetstream(why.error_code()) => {
            NatsError::NoJetStream
        }
        _ => NatsError::Unreachable(error.to_string()),
    }
}

fn lacks_jetstream(code: ErrorCode) -> bool {
    [
        ErrorCode::JETSTREAM_NOT_ENABLED,
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ]
    .contains(&code)
}

fn unusable(stream: &str, reason: &impl ToString) -> NatsError {
    NatsError::Stream {
        stream: stream.to_owned(),
        reason: reason.to_string(),
    }
}

fn nobody_answers(error: &GetStreamError) -> bool {
    let reason = error.source().and_then(|reason| reason.downcast_ref());
    reason.is_some_and(|reason: &RequestError| reason.kind() == RequestErrorKind::NoResponders)
}

fn config(address: &Address, settings: &NatsSettings, subjects: Vec<String>) -> Config {
    Config {
        name: address.stream.clone(),
        description: Some(format!("The events of {}", address.app)),
        subjects,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: settings.max_age.unwrap_or_default(),
        max_bytes: settings
            .max_bytes
            .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        max_messages: -1,
        max_messages_per_subject: -1,
        num_replicas: usize::try_from(settings.replicas.get()).unwrap_or(1),
        ..Config::default()
    }
}

/// What a stream has otherwise than the manifest.
fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, wanted: String, found: String| {
        if wanted != found {
            differences.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    compare("retention", text(&wanted.retention), text(&found.retention));
    compare("storage", text(&wanted.storage), text(&found.storage));
    compare("discard", text(&wanted.discard), text(&found.discard));
    compare("max_age", text(&wanted.max_age), text(&found.max_age));
    compare("max_bytes", text(&wanted.max_bytes), text(&found.max_bytes));
    compare(
        "replicas",
        text(&wanted.num_replicas),
        text(&found.num_replicas),
    );
    differences
}

/// Where the stream ends, and the last event in it that the relay has published.
pub(super) async fn end<'a>(
    context: &Context,
    stream: &Stream,
    address: &Address,
    contexts: impl Iterator<Item = &'a ContextName>,
) -> Result<End, NatsError> {
    let info = stream.get_info().await;
    let info = info.map_err(|error| NatsError::Unreachable(error.to_string()))?;
    let sequence = info.state.last_sequence;
    if info.state.messages == 0 {
        return Ok(End {
            sequence,
            event: None,
        });
    }
    let last = last_message(context, address, ALL).await?;
    if let Some(event) = last.as_ref().and_then(published) {
        return Ok(End {
            sequence,
            event: Some(event),
        });
    }
    // The last message is another's: the relay's own last one is the newest of all contexts'.
    let mut newest: Option<(u64, Published)> = None;
    for name in contexts {
        let subject = subject::of_context(&address.prefix, name);
        let last = last_message(context, address, &subject).await?;
        if let Some(message) = last
            && let Some(event) = published(&message)
            && newest.as_ref().is_none_or(|(at, _)| *at < message.sequence)
        {
            newest = Some((message.sequence, event));
        }
    }
    Ok(End {
        sequence,
        event: newest.map(|(_, event)| event),
    })
}

/// The last event of a context that is in the stream.
pub(super) async fn last_of(
    context: &Context,
    address: &Address,
    name: &str,
) -> Result<Option<Published>, NatsError> {
    let subject = subject::of_context(&address.prefix, name);
    let last = last_message(context, address, &subject).await?;
    Ok(last.as_ref().and_then(published))
}

async fn last_message(
    context: &Context,
    address: &Address,
    subject: &str,
) -> Result<Option<RawMessage>, NatsError> {
    let wanted = Wanted::Last {
        last_by_subj: subject,
    };
    raw_message::find(context, &address.stream, &wanted).await
}

impl Published {
    /// Its context, and how far that one is published with it.
    pub(super) fn come_to(&self) -> Option<(ContextName, EventPosition)> {
        let place = self.places.0.get(&self.context)?;
        Some((self.context.clone(), *place))
    }
}

/// The event that a message is, if the relay has published it.
fn published(message: &RawMessage) -> Option<Published> {
    let headers = message.read_headers().ok()?;
    let header = |name: &str| Some(headers.get(name)?.as_str());
    let context: ContextName = header(SOURCE)?.rsplit('/').next()?.parse().ok()?;
    let places: FeedPosition = header(PLACES)?.parse().ok()?;
    let place = match header(REPUBLISHED_FROM) {
        // One that is published again is not the one that the relay has come to.
        Some(position) => {
            let (commit, index) = position.split_once('.')?;
            Some(EventPosition {
                commit: commit.parse().ok()?,
                index: index.parse().ok()?,
            })
        }
        None => places.0.get(&context).copied(),
    };
    Some(Published {
        id: header("ce-id")?.into(),
        context,
        places,
        place,
    })
}
