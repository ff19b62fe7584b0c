//! How a component lies in a registry: one layer, and a config that says what it is, as CNCF's guidance for WebAssembly has it.

use bytes::Bytes;
use serde::Serialize;

use super::Pushing;
use super::artifact::{Descriptor, ImageManifest, TITLE, bytes_of};
use super::error::RegistryError;
use crate::core::{ContentDigest, Timestamp};
use crate::manifest::OciReference;

/// The types of a component and of the config beside it.
const COMPONENT: &str = "application/wasm";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// What others have called a component before: Spin does.
const ALSO_COMPONENTS: &[&str] = &[COMPONENT, "application/vnd.wasm.content.layer.v1+wasm"];
/// What a registry has in the place of an operating system: `wasip2` is what components are called there, whatever they import.
const COMPONENTS_SYSTEM: &str = "wasip2";

/// The config.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig<'a> {
    created: Timestamp,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [ContentDigest; 1],
    component: World<'a>,
}

/// What the component imports and exports.
#[derive(Serialize)]
struct World<'a> {
    exports: &'a [String],
    imports: &'a [String],
}

/// The config and the manifest of a component, as they are stored.
pub(super) fn of(pushing: &Pushing) -> (Bytes, Bytes) {
    let layer = Descriptor::of(&pushing.component, COMPONENT).annotated(TITLE, &pushing.title);
    let config = bytes_of(&WasmConfig {
        created: pushing.created,
        architecture: "wasm",
        os: COMPONENTS_SYSTEM,
        layer_digests: [layer.digest],
        component: World {
            exports: &pushing.world.exports,
            imports: &pushing.world.imports,
        },
    });
    let manifest = ImageManifest::new(Descriptor::of(&config, CONFIG), layer);
    (config.into(), bytes_of(&manifest).into())
}

/// The layer that is the component.
pub(super) fn component_of<'m>(
    reference: &OciReference,
    manifest: &'m ImageManifest,
) -> Result<&'m Descriptor, RegistryError> {
    let is_component = |layer: &&Descriptor| ALSO_COMPONENTS.contains(&layer.media_type.as_str());
    let mut components = manifest.layers.iter().filter(is_component);
    let no_component = |reason: String| RegistryError::NoComponent {
        reference: reference.to_string(),
        reason,
    };
    match (components.next(), components.count()) {
        (Some(component), 0) => Ok(component),
        (Some(_), more) => Err(no_component(format!(
            "it holds {} of them, and a context is one",
            more + 1
        ))),
        (None, _) => {
            let types = manifest
                .layers
                .iter()
                .map(|layer| layer.media_type.as_str());
            let types: Vec<_> = types.collect();
            Err(no_component(format!(
                "its layers are of the types {}, and none is {COMPONENT}",
                types.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(types: &[&str]) -> ImageManifest {
        let mut manifest =
            ImageManifest::new(Descriptor::of(b"{}", CONFIG), Descriptor::of(b"", "x"));
        let layer = |media_type: &&str| Descriptor::of(media_type.as_bytes(), media_type);
        manifest.layers = types.iter().map(layer).collect();
        manifest
    }

    fn found(types: &[&str]) -> Result<String, String> {
        let reference = "oci://registry.example/inn/room:1".parse().unwrap();
        let manifest = manifest(types);
        let found = component_of(&reference, &manifest).map(|layer| layer.media_type.clone());
        found.map_err(|error| error.to_string())
    }

    #[test]
    fn one_layer_is_the_component_by_whichever_of_its_names() {
        for name in ALSO_COMPONENTS {
            assert_eq!(found(&["application/json", name]).as_deref(), Ok(*name));
        }
    }

    #[test]
    fn several_components_or_none_are_refused() {
        let several = found(&[COMPONENT, ALSO_COMPONENTS[1]]).unwrap_err();
        assert!(several.contains("holds 2 of them"), "{several}");
        let none = found(&["application/vnd.oci.image.layer.v1.tar+gzip"]).unwrap_err();
        assert!(none.contains("v1.tar+gzip"), "{none}");
    }
}
