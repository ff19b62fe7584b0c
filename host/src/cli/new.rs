//! `innkeeper new`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output;
use crate::build::{self, Called, Created, Followed, Language, Offered, Outline, Sdk};

/// Make a context that builds, runs and is tested
///
/// In a directory with an innkeeper.toml the context is added to that app; elsewhere a new app is made in a directory of that name. With --offers and
/// --calls contexts call each other: the interface in WIT, what it does and how that is undone, and who calls it, each with its tests. What the app offers already in a shape of its own
/// can be called, too: then the call is declared, and made by you. An app has a copy of the
/// SDK, so that it builds without a registry and as it was; with --sdk it uses one that is elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper new lobby                 a new app in ./lobby, or a context of the app here
  innkeeper new night-desk --in stay  a context of the app in ./stay
  innkeeper new notes --language typescript
  innkeeper new library --contexts catalog,members,loans
  innkeeper new lobby --sdk ../innkeeper/components/sdk
  innkeeper new lobby --sdk 0.4.0
  innkeeper new estate --contexts barn,mill --offers barn/stock --calls mill:barn/stock
  innkeeper new inn --calls barn/stock  a context that calls one of the app here
  innkeeper new bell --bare --follows barn/EntryWritten  one without a sample, that follows one of the app here")]
pub(super) struct New {
    /// The context's name: lower-case letters, digits and dashes
    name: String,
    /// The directory of the app, or where to make it
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// What it is written in
    #[arg(long, value_enum, default_value_t)]
    language: Written,
    /// Make a new app of that name instead, with these contexts, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    contexts: Vec<String>,
    /// Interfaces that the contexts offer to others, such as barn/stock; `stock` is enough for one context
    #[arg(long, value_name = "INTERFACES", value_delimiter = ',')]
    offers: Vec<String>,
    /// Interfaces that the contexts call, such as mill:barn/stock; `barn/stock` is enough for one context
    #[arg(long, value_name = "CALLS", value_delimiter = ',')]
    calls: Vec<String>,
    /// Events that the contexts follow, such as mill:barn/EntryWritten; `barn/EntryWritten` is enough for one context
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    follows: Vec<String>,
    /// Without a sample: nothing but a route that says that the context is there, and what is called and followed, declared
    #[arg(long, conflicts_with = "offers")]
    bare: bool,
    /// Where contexts in Rust have the SDK from: a folder, a version in a registry such as 0.4.0, or `copy` for one of the app's own
    #[arg(long, value_name = "SOURCE")]
    sdk: Option<String>,
}

/// The languages by their names.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Written {
    #[default]
    Rust,
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
    #[value(name = "python", alias = "py")]
    Python,
}

impl From<Written> for Language {
    fn from(written: Written) -> Self {
        match written {
            Written::Rust => Self::Rust,
            Written::JavaScript => Self::JavaScript,
            Written::TypeScript => Self::TypeScript,
            Written::Python => Self::Python,
        }
    }
}

impl New {
    pub async fn run(self) -> Result<(), Failure> {
        let Self {
            name,
            directory,
            language,
            contexts,
            offers,
            calls,
            follows,
            bare,
            sdk,
        } = self;
        let language = Language::from(language);
        let sdk = sdk.map(|sdk| Sdk::read(&sdk));
        let making = tokio::task::spawn_blocking(move || {
            let made = match contexts.is_empty() {
                true => std::slice::from_ref(&name),
                false => contexts.as_slice(),
            };
            let offers = offers.iter().map(|offer| Offered::read(offer, made));
            let calls = calls.iter().map(|call| Called::read(call, made));
            let follows = follows.iter().map(|event| Followed::read(event, made));
            let outline = Outline {
                offers: offers.collect::<Result<_, _>>()?,
                calls: calls.collect::<Result<_, _>>()?,
                follows: follows.collect::<Result<_, _>>()?,
                is_bare: bare,
            };
            match contexts.is_empty() {
                true => build::new_context(&directory, &name, language, sdk.as_ref(), &outline)
                    .map(|created| vec![created]),
                false => {
                    let sdk = sdk.as_ref();
                    build::new_app(&directory, &name, &contexts, language, sdk, &outline)
                }
            }
        });
        let created = making.await.map_err(|_| Failure::Interrupted)??;
        tell(&created)
    }
}

fn tell(created: &[Created]) -> Result<(), Failure> {
    for Created { package, .. } in created {
        output::line(format_args!("made {}", package.display()))?;
    }
    let Some(Created { app, .. }) = created.first() else {
        return Ok(());
    };
    let enter = match app == Path::new(".") {
        true => String::new(),
        false => format!("cd {} && ", app.display()),
    };
    output::note(format_args!("Next: {enter}innkeeper up --watch"));
    Ok(())
}
