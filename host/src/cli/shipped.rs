//! The components that the manifest names, at hand: those in registries are fetched, or are kept from an earlier start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::sought_signatures::sought;
use crate::manifest::{ComponentSource, Manifest, OciReference};
use crate::registry::{Addressee, KeptCopies, Named, Obtained, Registries};
use crate::rollout::Shipped;

/// How many components are fetched at once.
const AT_ONCE: usize = 4;
/// How long a start waits for all of them: nothing serves before.
const FETCHING: Duration = Duration::from_secs(120);

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
    let copies = KeptCopies::of(&manifest.journal.directory);
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
    let until = Instant::now() + FETCHING;
    let rollout = &manifest.rollout;
    let obtaining = named.into_iter().map(|(context, reference)| {
        let (copies, registries) = (&copies, &registries);
        let whom = Addressee {
            app: Some(manifest.app.name.clone()),
            context: Some(context.clone()),
        };
        let sought = sought(Some(manifest), whom);
        // What is named by its digest is the manifest's word.
        let is_own_word = reference.digest.is_some() && !rollout.require_shipped_signature;
        let needs_signature = rollout.require_signature && !is_own_word;
        async move {
            let named = Named {
                context,
                reference,
                sought: &sought,
                needs_signature,
                largest: rollout.max_size,
                until,
            };
            let obtained = copies.obtain(registries, named).await;
            (context, reference, obtained)
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
                for note in &obtained.notes {
                    tracing::warn!(context, %reference, "{note}");
                }
                tell(Resolved {
                    context,
                    reference,
                    obtained: &obtained,
                });
                Shipped::File(obtained.file)
            }
            Err(error) => Shipped::Missing {
                reason: format!(
                    "{reference}: {error}; the next start tries again, or bring it with `innkeeper deploy {context} {reference}`"
                ),
            },
        };
        components.insert(context.clone(), shipped);
    }
    components
}
