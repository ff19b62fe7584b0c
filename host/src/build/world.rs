//! What a component imports and exports, by the names that others know it by.

use wit_component::DecodedWasm;

use super::Error;

/// How a component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The interfaces that a component imports and exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// What it needs, such as `innkeeper:context/state@0.5.0`.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// What a component imports and exports; `name` is what it is called in an error.
///
/// # Errors
/// When it is none.
pub fn world(name: &str, component: &[u8]) -> Result<World, Error> {
    let refused = |reason: String| Error::Component {
        context: name.to_owned(),
        reason,
    };
    if !component.starts_with(COMPONENT) {
        return Err(refused("it does not begin as one does".to_owned()));
    }
    let decoded = wit_component::decode(component);
    // What is wrong may be shown there in several lines.
    let decoded = decoded.map_err(|error| {
        let reason = format!("{error:#}");
        refused(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(refused("it is a package of interfaces only".to_owned()));
    };
    let world = resolve
        .worlds
        .get(world)
        .ok_or_else(|| refused("it has no world".to_owned()))?;
    let names = |keys: Vec<_>| -> Vec<String> {
        let names = keys.into_iter().map(|key| resolve.name_world_key(key));
        names.collect()
    };
    Ok(World {
        imports: names(world.imports.keys().collect()),
        exports: names(world.exports.keys().collect()),
    })
}
