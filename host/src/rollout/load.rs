//! Bringing a component into the host: compiled, linked, asked what it is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use wasmtime::component::Type;

use super::describe;
use super::refusal::{Gate, Refusal};
use super::standard::{self, Granted};
use crate::core::{ContextName, VersionDigest};
use crate::guest::{
    self, ArtifactCache, CONTRACT_VERSION, Engine, Fault, Guest, Introspection, LoadError,
    Operation, Question, Route, Schema,
};
use crate::invocation::publishable;
use crate::manifest::ContextSettings;
use crate::versions::{
    Description, Documentation, EventTypes, Identity, LONGEST_TEXT, ResponseCache, Tables, Version,
};

/// Loads a component as a version of a context. Without its bytes, it must have been compiled before.
///
/// # Errors
///
/// The gate that it does not pass.
pub async fn load(
    engine: &Engine,
    artifacts: &ArtifactCache,
    context: &ContextName,
    settings: &ContextSettings,
    identity: Identity,
    bytes: Option<Vec<u8>>,
) -> Result<Version, Refusal> {
    let guest = guest(engine, artifacts, identity.digest, bytes).await;
    let guest = guest.map_err(|error| of_load(&error))?;
    of_guest(guest, context, settings, identity).await
}

/// What was compiled of a component, ready to be entered. Without the component's bytes, it must have been compiled before.
pub(super) async fn guest(
    engine: &Engine,
    artifacts: &ArtifactCache,
    digest: VersionDigest,
    bytes: Option<Vec<u8>>,
) -> Result<Arc<Guest>, LoadError> {
    let (engine, artifacts) = (engine.clone(), artifacts.clone());
    let (name, directory) = (digest.to_string(), artifacts.directory().to_owned());
    // Reading the compiled component blocks, and compiling it does where it is not compiled yet.
    let loading = tokio::task::spawn_blocking(move || match bytes {
        Some(bytes) => Guest::load(&engine, &artifacts, &name, &bytes),
        None => Guest::load_compiled(&engine, &artifacts, &name),
    });
    loading
        .await
        .unwrap_or(Err(LoadError::NotCompiled { directory }))
}

/// What was compiled of a component, read from disk anew although it is loaded already.
pub(super) async fn guest_anew(
    engine: &Engine,
    artifacts: &ArtifactCache,
    digest: VersionDigest,
) -> Result<Arc<Guest>, LoadError> {
    let (engine, artifacts) = (engine.clone(), artifacts.clone());
    let (name, directory) = (digest.to_string(), artifacts.directory().to_owned());
    let loading =
        tokio::task::spawn_blocking(move || Guest::reload_compiled(&engine, &artifacts, &name));
    loading
        .await
        .unwrap_or(Err(LoadError::NotCompiled { directory }))
}

/// A guest as a version of a context, when it passes the gates at which it is looked at alone.
pub(super) async fn of_guest(
    guest: Arc<Guest>,
    context: &ContextName,
    settings: &ContextSettings,
    identity: Identity,
) -> Result<Version, Refusal> {
    let Examined {
        description,
        schema,
    } = examine(
        &guest,
        settings.limits.memory,
        Some(Granted { context, settings }),
    )
    .await?;
    let answers = ResponseCache::new(settings.limits.answers);
    Ok(Version::new(
        context,
        identity,
        description,
        schema,
        guest,
        answers,
    ))
}

/// What a component says of itself.
pub(crate) struct Examined {
    description: Description,
    schema: Schema,
}

/// Asks a guest what it is, and looks whether that can be. Where nothing is known of the context that it is for, what its settings decide is left to be looked at later.
///
/// # Errors
///
/// The gate that it does not pass.
pub(crate) async fn examine(
    guest: &Guest,
    memory: u64,
    granted: Option<Granted<'_>>,
) -> Result<Examined, Refusal> {
    let asking = AssertUnwindSafe(ask(guest, memory, granted)).catch_unwind();
    // What goes wrong here goes wrong for one component, not for the host.
    asking.await.unwrap_or_else(|_| {
        Err(Refusal::at(
            Gate::Describe,
            "the host panicked while it asked the component what it is; see its log",
        ))
    })
}

async fn ask(
    guest: &Guest,
    memory: u64,
    granted: Option<Granted<'_>>,
) -> Result<Examined, Refusal> {
    let memory = usize::try_from(memory).unwrap_or(usize::MAX);
    if let Some(granted) = granted {
        granted.check(guest)?;
    }
    let Introspection {
        description,
        schema,
        documentation,
        fault,
    } = describe::introspect(guest, memory).await;
    // What a part says is looked at before the next one.
    let answered = |question| unanswered(question, fault.as_ref());
    answered(Question::Describe)?;
    let said = match description {
        Some(description) => description,
        None => standard::description(granted)?,
    };
    standard::check_buckets(guest, &said)?;
    if !describe::is_bounded(&said) {
        return Err(Refusal::at(
            Gate::Describe,
            format!(
                "the description has more than {} bytes; make it shorter",
                LONGEST_TEXT
            ),
        ));
    }
    answered(Question::Schema)?;
    if !describe::is_bounded(&schema) {
        return Err(Refusal::at(
            Gate::Schema,
            "`schema` lists far too many numbers in `reads`; list those that exist",
        ));
    }
    let tables = Tables::described(&said).map_err(|problem| {
        Refusal::at(
            Gate::Describe,
            format!("its tables are not described correctly: {problem}"),
        )
    })?;
    for kind in &said.publishes {
        publishable::check_kind(kind).map_err(|error| {
            Refusal::at(
                Gate::Describe,
                format!("it describes events that could not be published: {error}"),
            )
        })?;
    }
    let events = EventTypes::described(&said).map_err(|problem| {
        Refusal::at(
            Gate::Describe,
            format!("its events are not described correctly: {problem}"),
        )
    })?;
    answered(Question::Document)?;
    let documentation = documented(documentation, &said.routes)?;
    let description = Description::new(said, tables, events, documentation, guest);
    check_promises(&description, guest)?;
    check_schema(&schema, &description)?;
    Ok(Examined {
        description,
        schema,
    })
}

/// The gate that it does not pass when it failed at a question.
fn unanswered(question: Question, fault: Option<&(Question, Fault)>) -> Result<(), Refusal> {
    let Some((_, fault)) = fault.filter(|(failed, _)| *failed == question) else {
        return Ok(());
    };
    let (gate, function) = match question {
        Question::Describe => (Gate::Describe, "describe"),
        Question::Schema => (Gate::Schema, "schema"),
        Question::Document => (Gate::Describe, "document"),
    };
    Err(Refusal::at(
        gate,
        format!("`{function}` failed: {fault}; it may call no import, and has five seconds"),
    ))
}

/// What it says of the routes that it describes.
fn documented(said: guest::Documentation, described: &[Route]) -> Result<Documentation, Refusal> {
    if !describe::is_bounded(&said) {
        return Err(Refusal::at(
            Gate::Describe,
            format!("the documentation has more than {LONGEST_TEXT} bytes; make it shorter"),
        ));
    }
    Documentation::said(said, described).map_err(|problem| {
        Refusal::at(
            Gate::Describe,
            format!("its routes are not documented correctly: {problem}"),
        )
    })
}

/// The gate that what cannot be loaded does not pass.
pub(crate) fn of_load(error: &LoadError) -> Refusal {
    Refusal::at(gate_of(error), error)
}

fn gate_of(error: &LoadError) -> Gate {
    match error {
        LoadError::Invalid(_) => Gate::Component,
        LoadError::Cache { .. } | LoadError::NotCompiled { .. } | LoadError::OverLimits(_) => {
            Gate::Compile
        }
        LoadError::NotGranted(_) => Gate::Imports,
        LoadError::NoDescription
        | LoadError::TooManyTypes
        | LoadError::OtherContract(_)
        | LoadError::Contract(_)
        | LoadError::NoUnavailable { .. }
        | LoadError::NotPlain { .. } => Gate::Contract,
    }
}

/// What it describes, it exports.
fn check_promises(description: &Description, guest: &Guest) -> Result<(), Refusal> {
    let promise = |what: &str, export: &str| {
        Err(Refusal::at(
            Gate::Contract,
            format!(
                "it describes {what}, but does not export `{export}`; export it, or remove it from the description"
            ),
        ))
    };
    if !description.routes.is_empty() && !description.web {
        return promise(
            "routes",
            &format!("innkeeper:context/web@{CONTRACT_VERSION}"),
        );
    }
    if !description.follows.is_empty() && !description.policies {
        return promise(
            "events to follow",
            &format!("innkeeper:context/policies@{CONTRACT_VERSION}"),
        );
    }
    for compensation in &description.compensations {
        let offered = |function: &str| {
            let (interface, name) = function.split_once('#')?;
            guest.offers().get(interface)?.operations.get(name)
        };
        let Some(function) = offered(&compensation.function) else {
            return promise("a compensation", &compensation.function);
        };
        let Some(undo) = offered(&compensation.undo) else {
            return promise("a compensation", &compensation.undo);
        };
        if !undoes(undo, function) {
            return Err(Refusal::at(
                Gate::Contract,
                format!(
                    "{} is the compensation of {}, but its parameters differ ({}, {}); give it the same parameters, optionally followed by the ok value",
                    compensation.undo, compensation.function, undo.signature, function.signature
                ),
            ));
        }
    }
    Ok(())
}

/// Whether one function takes what another does, and perhaps its ok value behind that.
fn undoes(undo: &Operation, function: &Operation) -> bool {
    let types = |operation: &Operation| {
        let types = operation.parameters.iter();
        types.map(|(_, ty)| ty.clone()).collect::<Vec<_>>()
    };
    let (mut wanted, taken) = (types(function), types(undo));
    if taken == wanted {
        return true;
    }
    if let Some(Type::Result(result)) = &function.result {
        wanted.extend(result.ok());
    }
    taken == wanted
}

fn check_schema(schema: &Schema, description: &Description) -> Result<(), Refusal> {
    match schema.rebuild {
        true => description.not_a_projection().map_or(Ok(()), |reason| {
            Err(Refusal::at(
                Gate::Schema,
                format!(
                    "its state cannot be rebuilt from events, since {reason}; migrate it instead"
                ),
            ))
        }),
        false => Ok(()),
    }
}
