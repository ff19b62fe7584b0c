//! What the manifest says that is read again while the host runs. All else is read when it starts.

use super::Manifest;

/// The keys, as docs/manifest.md names them, with all that is below them.
const LIVE: [&str; 2] = ["admin.tokens.<name>", "context.<name>.config"];

/// Whether a key, by its name in docs/manifest.md, is read again while the host runs.
pub(super) fn is_live(key: &str) -> bool {
    LIVE.iter().any(|live| {
        let below = key.strip_prefix(live);
        below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
    })
}

impl Manifest {
    /// Whether a host that was started with this one has to be started anew for the other.
    pub fn needs_a_start_for(&self, other: &Self) -> bool {
        self.without_what_is_live() != other.without_what_is_live()
    }

    fn without_what_is_live(&self) -> Self {
        let mut manifest = self.clone();
        manifest.admin.tokens.clear();
        for context in manifest.contexts.values_mut() {
            context.config = Default::default();
        }
        manifest
    }
}
