//! What a component imports and exports, by the names that others know it by.

use wit_component::DecodedWasm;

use super::Error;

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
    let decoded = wit_component::decode(component);
    let decoded = decoded.map_err(|error| refused(format!("{error:#}")))?;
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
