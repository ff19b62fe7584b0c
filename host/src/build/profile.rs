/// What is more important of a component: how fast it runs, or how soon it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// How fast it runs: with the package's own release profile.
    #[default]
    Release,
    /// How soon it is there: optimized a little, in parts, and only what has changed.
    Quick,
}

/// What cargo is told of the quick profile. It needs nothing in the app's own files.
const QUICK: &[&str] = &[
    "--profile=quick",
    "--config=profile.quick.inherits=\"release\"",
    "--config=profile.quick.lto=false",
    "--config=profile.quick.codegen-units=16",
    "--config=profile.quick.opt-level=1",
    "--config=profile.quick.incremental=true",
];

impl Profile {
    /// Its name for cargo, which is also that of its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "quick",
        }
    }

    /// What cargo is told.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Release => &["--release"],
            Self::Quick => QUICK,
        }
    }
}
