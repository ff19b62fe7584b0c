use super::{Error, Source};

/// What builds a context: a file of its package tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packaging {
    /// It is a package of cargo, in Rust.
    Cargo,
    /// It is a package of npm, in JavaScript or TypeScript.
    Npm,
}

impl Packaging {
    /// That of a context.
    pub(super) fn of(source: &Source) -> Result<Self, Error> {
        let has = |file: &str| source.package.join(file).is_file();
        match (has("Cargo.toml"), has("package.json")) {
            (true, _) => Ok(Self::Cargo),
            (false, true) => Ok(Self::Npm),
            (false, false) => Err(Error::NoPackage {
                context: source.name.clone(),
                path: source.package.clone(),
            }),
        }
    }
}

/// The contexts that cargo builds, and those that npm does.
pub(super) fn by_packaging(sources: &[Source]) -> Result<(Vec<&Source>, Vec<&Source>), Error> {
    let (mut cargo, mut npm) = (Vec::new(), Vec::new());
    for source in sources {
        match Packaging::of(source)? {
            Packaging::Cargo => cargo.push(source),
            Packaging::Npm => npm.push(source),
        }
    }
    Ok((cargo, npm))
}
