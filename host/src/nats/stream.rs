//! The stream that the events are kept in: made when there is none, and else taken as it is.

use std::error::Error;

use async_nats::jetstream::context::{
    GetStreamByNameError, GetStreamByNameErrorKind, GetStreamError, GetStreamErrorKind,
    RequestError, RequestErrorKind,
};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};

use super::message::{Address, PLACES, SOURCE};
use super::subject;
use super::trouble::Trouble;
use crate::events::place::Places;
use crate::journal::EventPosition;
use crate::manifest::NatsSettings;

/// Where a stream ends.
pub(super) struct End {
    /// The sequence of its last message, whoever published that.
    pub sequence: u64,
    /// The last event that the relay has published.
    pub event: Option<Published>,
}

/// An event that is in the stream.
pub(super) struct Published {
    pub id: String,
    pub context: String,
    pub places: Places,
}

/// The stream, made when there is none.
pub(super) async fn open(
    context: &Context,
    address: &Address,
    settings: &NatsSettings,
) -> Result<Stream, Trouble> {
    let wanted = config(address, settings);
    let stream = match get(context, &address.stream).await? {
        Some(stream) => stream,
        None => {
            let made = context.create_stream(wanted).await;
            return made.map_err(|error| unusable(&address.stream, &error));
        }
    };
    let config = &stream.cached_info().config;
    let all = subject::of_all(&address.prefix);
    if !config
        .subjects
        .iter()
        .any(|taken| subject::covers(taken, &all))
    {
        return Err(Trouble::OtherSubjects {
            stream: address.stream.clone(),
            wanted: all,
            found: format!("{:?}", config.subjects),
        });
    }
    for difference in differences(&wanted, config) {
        tracing::warn!(
            stream = address.stream,
            "the stream has other settings than the manifest, and stays as it is: {difference}"
        );
    }
    Ok(stream)
}

/// A stream that is there.
pub(super) async fn find(context: &Context, name: &str) -> Result<Stream, Trouble> {
    let found = get(context, name).await?;
    found.ok_or_else(|| Trouble::NoStream(name.to_owned()))
}

/// A stream, if it is there.
async fn get(context: &Context, name: &str) -> Result<Option<Stream>, Trouble> {
    let error = match context.get_stream(name).await {
        Ok(stream) => return Ok(Some(stream)),
        Err(error) => error,
    };
    match error.kind() {
        GetStreamErrorKind::JetStream(why) if why.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            Ok(None)
        }
        GetStreamErrorKind::JetStream(why) if lacks_jetstream(why.error_code()) => {
            Err(Trouble::NoJetStream)
        }
        GetStreamErrorKind::JetStream(why) => Err(unusable(name, &why)),
        // A server without JetStream has nobody who listens to such a question.
        _ if nobody_answers(&error) => Err(Trouble::NoJetStream),
        _ => Err(Trouble::Unreachable(error.to_string())),
    }
}

/// Why there is no name of a stream for a subject.
pub(super) fn nobody_keeps(subject: &str, error: &GetStreamByNameError) -> Trouble {
    match error.kind() {
        GetStreamByNameErrorKind::NotFound => Trouble::NotKept(subject.to_owned()),
        GetStreamByNameErrorKind::JetStream(why) if lacks_jetstream(why.error_code()) => {
            Trouble::NoJetStream
        }
        _ => Trouble::Unreachable(error.to_string()),
    }
}

fn lacks_jetstream(code: ErrorCode) -> bool {
    [
        ErrorCode::JETSTREAM_NOT_ENABLED,
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ]
    .contains(&code)
}

fn unusable(stream: &str, reason: &impl ToString) -> Trouble {
    Trouble::Stream {
        stream: stream.to_owned(),
        reason: reason.to_string(),
    }
}

fn nobody_answers(error: &GetStreamError) -> bool {
    let reason = error.source().and_then(|reason| reason.downcast_ref());
    reason.is_some_and(|reason: &RequestError| reason.kind() == RequestErrorKind::NoResponders)
}

fn config(address: &Address, settings: &NatsSettings) -> Config {
    Config {
        name: address.stream.clone(),
        description: Some(format!("The events of {}", address.app)),
        subjects: vec![subject::of_all(&address.prefix)],
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
    compare("subjects", text(&wanted.subjects), text(&found.subjects));
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
    stream: &Stream,
    address: &Address,
    contexts: impl Iterator<Item = &'a String>,
) -> Result<End, Trouble> {
    let info = stream.get_info().await;
    let info = info.map_err(|error| Trouble::Unreachable(error.to_string()))?;
    let sequence = info.state.last_sequence;
    if info.state.messages == 0 {
        return Ok(End {
            sequence,
            event: None,
        });
    }
    if let Ok(last) = stream.get_raw_message(sequence).await
        && let Some(event) = published(&last)
    {
        return Ok(End {
            sequence,
            event: Some(event),
        });
    }
    // The last message is another's, or was deleted: the relay's own last one is the newest of all contexts'.
    let mut newest: Option<(u64, Published)> = None;
    for context in contexts {
        let last = last_message(stream, address, context).await?;
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
    stream: &Stream,
    address: &Address,
    context: &str,
) -> Result<Option<Published>, Trouble> {
    let last = last_message(stream, address, context).await?;
    Ok(last.as_ref().and_then(published))
}

async fn last_message(
    stream: &Stream,
    address: &Address,
    context: &str,
) -> Result<Option<StreamMessage>, Trouble> {
    let subject = subject::of_context(&address.prefix, context);
    match stream.get_last_raw_message_by_subject(&subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unusable(&address.stream, &error)),
    }
}

impl Published {
    /// Its context, and where it is in that one's journal.
    pub(super) fn place(&self) -> Option<(String, EventPosition)> {
        let place = self.places.0.get(&self.context)?;
        Some((self.context.clone(), *place))
    }
}

fn is_absent(error: &async_nats::jetstream::stream::LastRawMessageError) -> bool {
    use async_nats::jetstream::stream::LastRawMessageErrorKind::{JetStream, NoMessageFound};
    match error.kind() {
        NoMessageFound => true,
        JetStream(why) => why.error_code() == ErrorCode::NO_MESSAGE_FOUND,
        _ => false,
    }
}

fn published(message: &StreamMessage) -> Option<Published> {
    let header = |name: &str| Some(message.headers.get(name)?.as_str());
    Some(Published {
        id: header("ce-id")?.to_owned(),
        context: header(SOURCE)?.rsplit('/').next()?.to_owned(),
        places: header(PLACES)?.parse().ok()?,
    })
}
