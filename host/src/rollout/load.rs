//! Bringing a component into the host: compiled, linked, asked what it is.

use wasmtime::component::Type;

use super::describe;
use super::gate::{Gate, Refusal};
use super::tables::Tables;
use super::version::{Description, Identity, Version};
use crate::guest::{ArtifactCache, CONTRACT_VERSION, Engine, Guest, LoadError, Operation, Schema};
use crate::invocation::publishable;
use crate::invocation::reuse::Answers;
use crate::manifest::ContextSettings;

/// Loads a component as a version of a context. Without its bytes, it must have been compiled before.
///
/// # Errors
///
/// The gate that it does not pass.
pub async fn load(
    engine: &Engine,
    artifacts: &ArtifactCache,
    context: &str,
    settings: &ContextSettings,
    identity: Identity,
    bytes: Option<Vec<u8>>,
) -> Result<Version, Refusal> {
    let loading = {
        let (engine, artifacts) = (engine.clone(), artifacts.clone());
        let digest = identity.digest.clone();
        // Reading the compiled component blocks, and compiling it does where it is not compiled yet.
        tokio::task::spawn_blocking(move || match bytes {
            Some(bytes) => Guest::load(&engine, &artifacts, &digest, &bytes),
            None => Guest::load_compiled(&engine, &artifacts, &digest),
        })
    };
    let loaded = loading
        .await
        .map_err(|_| Refusal::at(Gate::Compile, "the host is stopping"))?;
    let guest = loaded.map_err(|error| Refusal::at(gate_of(&error), error))?;
    let memory = usize::try_from(settings.limits.memory).unwrap_or(usize::MAX);
    let said = describe::describe(&guest, memory).await.map_err(|fault| {
        Refusal::at(
            Gate::Describe,
            format!("`describe` failed: {fault}; it may call no import, and has five seconds"),
        )
    })?;
    let schema = describe::schema(&guest, memory).await.map_err(|fault| {
        Refusal::at(
            Gate::Schema,
            format!("`schema` failed: {fault}; it may call no import, and has five seconds"),
        )
    })?;
    let tables = Tables::described(&said).map_err(|problem| {
        Refusal::at(
            Gate::Describe,
            format!("its tables are not described as they must be: {problem}"),
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
    let description = Description::new(said, tables, &guest);
    check_promises(&description, &guest)?;
    check_schema(&schema, &description)?;
    let answers = Answers::new(settings.limits.answers);
    Ok(Version::new(
        context,
        identity,
        description,
        schema,
        guest,
        answers,
    ))
}

fn gate_of(error: &LoadError) -> Gate {
    match error {
        LoadError::Invalid(_) => Gate::Component,
        LoadError::Cache { .. } | LoadError::NotCompiled { .. } => Gate::Compile,
        LoadError::NotGranted(_) => Gate::Imports,
        LoadError::NoDescription
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
                "it describes {what}, but does not export `{export}`; export it, or describe less"
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
                    "{} is to undo {}, but takes other parameters ({}, {}); let it take the same, and after them the ok value if it wants that",
                    compensation.undo, compensation.function, undo.shape, function.shape
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
