use super::{Error, Source};

/// What builds a context: a file of its package tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packaging {
    /// It is a package of cargo, in Rust.
    Cargo,
    /// It is a package of npm, in JavaScript or TypeScript.
    Npm,
    /// It is a project in Python.
    Python,
}

/// The files that tell, the first that is there.
const FILES: [(&str, Packaging); 3] = [
    ("Cargo.toml", Packaging::Cargo),
    ("package.json", Packaging::Npm),
    ("pyproject.toml", Packaging::Python),
];

impl Packaging {
    /// That of a context.
    pub(super) fn of(source: &Source) -> Result<Self, Error> {
        let has = |file: &str| source.package.join(file).is_file();
        let found = FILES.into_iter().find(|(file, _)| has(file));
        let missing = || Error::NoPackage {
            context: source.name.to_string(),
            path: source.package.clone(),
        };
        found.map(|(_, packaging)| packaging).ok_or_else(missing)
    }
}

/// Contexts by what builds them.
#[derive(Debug, Default)]
pub(super) struct ByPackaging<'a> {
    /// By cargo.
    pub(super) cargo: Vec<&'a Source>,
    /// By what npm installs.
    pub(super) npm: Vec<&'a Source>,
    /// By what pip installs.
    pub(super) python: Vec<&'a Source>,
}

impl<'a> ByPackaging<'a> {
    /// These contexts.
    pub(super) fn of(sources: &'a [Source]) -> Result<Self, Error> {
        let mut all = Self::default();
        for source in sources {
            let several = match Packaging::of(source)? {
                Packaging::Cargo => &mut all.cargo,
                Packaging::Npm => &mut all.npm,
                Packaging::Python => &mut all.python,
            };
            several.push(source);
        }
        Ok(all)
    }
}
