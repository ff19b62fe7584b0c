//! Bringing a component into the host: compiled, linked, asked what it is.

use super::describe;
use super::gate::{Gate, Refusal};
use super::version::{Description, Identity, Version};
use crate::guest::{ArtifactCache, Engine, Guest, LoadError, Schema};
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
    let description = Description::new(said, &guest);
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
        return promise("routes", "innkeeper:context/web@0.2.0");
    }
    if !description.follows.is_empty() && !description.policies {
        return promise("events to follow", "innkeeper:context/policies@0.2.0");
    }
    for compensation in &description.compensations {
        for function in [&compensation.function, &compensation.undo] {
            let offered = function
                .split_once('#')
                .and_then(|(interface, name)| guest.offers().get(interface)?.operations.get(name));
            if offered.is_none() {
                return promise("a compensation", function);
            }
        }
    }
    Ok(())
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
