//! Documents of what the app answers, publishes and follows, as those of its versions describe it that serve now.
//!
//! Sources: OpenAPI 3.1.0 (<https://spec.openapis.org/oas/v3.1.0>), AsyncAPI 3.0.0 (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).

mod asyncapi;
mod openapi;
mod public;

use std::collections::BTreeMap;

use twox_hash::XxHash64;

use crate::core::VersionDigest;
use crate::manifest::{Manifest, RouteSettings};
use crate::versions::{Description, Wiring};

pub use self::asyncapi::asyncapi;
pub use self::openapi::openapi;
pub use self::public::PublicDocument;

/// A context, as the version describes it that serves it.
struct Described<'a> {
    name: &'a str,
    digest: VersionDigest,
    description: &'a Description,
    /// Who may ask for its routes.
    rules: &'a BTreeMap<String, RouteSettings>,
}

/// The contexts that serve, by name.
fn described<'a>(manifest: &'a Manifest, wiring: &'a Wiring) -> Vec<Described<'a>> {
    let servings = wiring.servings().filter_map(|(name, serving)| {
        let version = serving.version()?;
        Some(Described {
            name,
            digest: version.digest,
            description: &version.description,
            rules: &manifest.contexts.get(name)?.routes,
        })
    });
    servings.collect()
}

/// The version of a document: another one for other versions of the contexts. An app has no number of its own.
fn version(contexts: &[Described<'_>]) -> String {
    let versions = contexts
        .iter()
        .map(|context| format!("{}={}\n", context.name, context.digest));
    let text = versions.collect::<String>();
    format!("{:016x}", XxHash64::oneshot(0, text.as_bytes()))
}
