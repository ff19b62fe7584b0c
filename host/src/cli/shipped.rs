//! The components that the manifest names, at hand: those in registries are fetched, or are kept from an earlier start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures::stream::{self, StreamExt};

use crate::manifest::{ComponentSource, Manifest, OciReference};
use crate::registry::{Addressee, KeptCopies, Obtained, Registries};
use crate::rollout::Shipped;

/// Where copies are kept in the data directory.
const DIRECTORY: &str = "registry";
/// How many components are fetched at once.
const AT_ONCE: usize = 4;

/// What a reference in the manifest was resolved to.
pub(super) struct Resolved<'a> {
    pub context: &'a str,
    pub reference: &'a OciReference,
    pub obtained: &'a Obtained,
}

/// The component of each context: the files that there are, and what is named in registries. What cannot be fetched is said to be missing, with the reason.
pub(super) async fn components(
    manifest: &Manifest,
    files: BTreeMap<String, PathBuf>,
    tell: impl Fn(Resolved<'_>),
) -> BTreeMap<String, Shipped> {
    let copies = KeptCopies::new(manifest.journal.directory.join(DIRECTORY));
    let registries = Registries::new(manifest.registries.clone());
    let named: Vec<_> = manifest
        .contexts
        .iter()
        .filter_map(|(context, settings)| {
            let source = settings.component.as_ref();
            Some((context, source.and_then(ComponentSource::reference)?))
        })
        .collect();
    copies
        .keep_only(
            named
                .iter()
                .map(|(context, _)| (*context).clone())
                .collect::<BTreeSet<_>>(),
        )
        .await;
    let obtaining = named.into_iter().map(|(context, reference)| {
        let (copies, registries) = (&copies, &registries);
        let whom = Addressee {
            app: Some(manifest.app.name.clone()),
            context: Some(context.clone()),
        };
        async move {
            let (largest, signed) = (
                manifest.rollout.max_size,
                manifest.rollout.require_signature,
            );
            let obtained = copies.obtain(registries, reference, &whom, context, largest, signed);
            (context, reference, obtained.await)
        }
    });
    let mut obtained = stream::iter(obtaining).buffer_unordered(AT_ONCE);
    let files = files.into_iter();
    let mut components: BTreeMap<_, _> = files
        .map(|(context, file)| (context, Shipped::File(file)))
        .collect();
    while let Some((context, reference, obtained)) = obtained.next().await {
        let shipped = match obtained {
            Ok(obtained) => {
                tell(Resolved {
                    context,
                    reference,
                    obtained: &obtained,
                });
                Shipped::File(obtained.file)
            }
            Err(error) => Shipped::Missing {
                reason: format!("{reference}: {error}"),
            },
        };
        components.insert(context.clone(), shipped);
    }
    components
}
