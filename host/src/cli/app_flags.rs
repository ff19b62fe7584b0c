//! The flags that say which app, and where its data are.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use crate::invocation::Safeguards;
use crate::manifest::{Manifest, ManifestError, check_servers};

/// Which app.
#[derive(Args, Clone, Debug)]
pub(super) struct AppFlags {
    /// The app's manifest
    #[arg(
        long = "app",
        value_name = "FILE",
        env = "INNKEEPER_APP",
        default_value = AppFlags::DEFAULT
    )]
    pub manifest: PathBuf,
    /// Where journals, compiled components and the operators' token are kept; overrides the manifest's `journal.directory`
    #[arg(long, value_name = "DIR", env = "INNKEEPER_DATA")]
    pub data: Option<PathBuf>,
}

impl AppFlags {
    /// Where the manifest is when nothing else is said.
    pub const DEFAULT: &str = "innkeeper.toml";

    /// Reads the manifest.
    pub fn load(&self) -> Result<Manifest, Failure> {
        let mut manifest = Manifest::load(&self.manifest).map_err(|error| self.explained(error))?;
        if let Some(data) = &self.data {
            manifest.journal.directory.clone_from(data);
        }
        Ok(manifest)
    }

    /// Where no manifest is named and none is here, what else may be done is more than to name one.
    fn explained(&self, error: ManifestError) -> Failure {
        if let ManifestError::Invalid(reason) = &error
            && self.is_of_somebody_else()
        {
            return ManifestError::Invalid(format!(
                "{reason}. Is it an app's manifest? That is a file such as {}, and --app names it",
                Self::DEFAULT
            ))
            .into();
        }
        let is_missing = matches!(&error, ManifestError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound);
        if !is_missing || self.manifest != Path::new(Self::DEFAULT) {
            return error.into();
        }
        let here = std::env::current_dir().unwrap_or_default();
        let above = here.ancestors().skip(1);
        let mut above = above.map(|directory| directory.join(Self::DEFAULT));
        Failure::NoApp {
            above: above.find(|file| file.is_file()),
        }
    }

    /// Whether what is named is known by its name to be something else.
    fn is_of_somebody_else(&self) -> bool {
        let is_toml = self
            .manifest
            .extension()
            .is_some_and(|found| found == "toml");
        let others = ["Cargo.toml", "pyproject.toml", "rust-toolchain.toml"];
        !is_toml || others.into_iter().any(|name| self.manifest.ends_with(name))
    }

    /// Whether there is a manifest here, or one is named.
    pub fn is_there(&self) -> bool {
        self.manifest != Path::new(Self::DEFAULT) || self.manifest.exists()
    }

    /// The app's manifest, if there is one here or one is named; or that of an app without one, whose data directory is named.
    pub fn find(&self) -> Result<Option<Manifest>, Failure> {
        if self.is_there() {
            return Ok(Some(self.load()?));
        }
        Ok(self.data.as_ref().map(|data| {
            let mut manifest = Manifest::default();
            manifest.journal.directory.clone_from(data);
            manifest
        }))
    }
}

/// How the app is served.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeFlags {
    #[command(flatten)]
    pub app: AppFlags,
    /// Where the public gateway listens; port 0 takes a free one [default: the manifest's, else 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "INNKEEPER_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Where operators look; port 0 takes a free one. Elsewhere than on the loopback interface, looking needs the token, too
    /// [default: the manifest's, else 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS", env = "INNKEEPER_ADMIN", value_parser = address)]
    pub admin: Option<SocketAddr>,
    /// The bearer token of operators; made at the first start and kept in the data directory when there is none. Prefer the variable: a
    /// command line is seen by everybody on the machine
    #[arg(
        long,
        value_name = "TOKEN",
        env = "INNKEEPER_ADMIN_TOKEN",
        hide_env_values = true,
        value_parser = token
    )]
    pub admin_token: Option<String>,
    /// The NATS servers that events are published to, separated by commas; overrides the manifest's `nats.url`
    #[arg(long, value_name = "URL", env = "INNKEEPER_NATS", value_parser = servers)]
    pub nats: Option<String>,
    /// What is logged: a level, or a list such as `info,innkeeper::events=debug` [default: the manifest's, else info]
    #[arg(long, value_name = "LEVEL", env = "INNKEEPER_LOG")]
    pub log: Option<String>,
    /// Do not start when a component is refused, instead of serving on what served before it
    #[arg(long, env = "INNKEEPER_STRICT")]
    pub strict: bool,
    /// Runs without a safeguard, to show what it is for. Loses and doubles work
    #[arg(
        long,
        env = "INNKEEPER_UNSAFE_WITHOUT",
        value_delimiter = ',',
        hide = true
    )]
    unsafe_without: Vec<Safeguard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Safeguard {
    Intents,
    Compensation,
}

impl ServeFlags {
    /// Reads the manifest, with what the flags change in it.
    pub fn load(&self) -> Result<Manifest, Failure> {
        self.applied_to(self.app.load()?)
    }

    /// A manifest, with what the flags change in it.
    pub fn applied_to(&self, mut manifest: Manifest) -> Result<Manifest, Failure> {
        if let Some(data) = &self.app.data {
            manifest.journal.directory.clone_from(data);
        }
        if let Some(listen) = self.listen {
            manifest.gateway.listen = listen;
        }
        if let Some(listen) = self.admin {
            manifest.admin.listen = listen;
        }
        if let Some(token) = &self.admin_token {
            manifest.admin.token = Some(token.clone());
        }
        if let Some(url) = &self.nats {
            manifest.nats.get_or_insert_default().url.clone_from(url);
        }
        let (gateway, admin) = (manifest.gateway.listen, manifest.admin.listen);
        if gateway == admin && gateway.port() != 0 {
            return Err(Failure::Usage(format!(
                "the gateway and the operators' port cannot both listen on {gateway}; choose another with --listen or --admin"
            )));
        }
        Ok(manifest)
    }

    /// What keeps the promises of sagas.
    pub fn safeguards(&self) -> Safeguards {
        Safeguards {
            intents: !self.unsafe_without.contains(&Safeguard::Intents),
            compensation: !self.unsafe_without.contains(&Safeguard::Compensation),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, for example 127.0.0.1:8080 or [::]:8080".into()
    })
}

fn servers(text: &str) -> Result<String, String> {
    check_servers(text)?;
    Ok(text.to_owned())
}

/// A token that fits a header.
pub(super) fn token(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(
            "a token consists of visible ASCII characters without spaces, and is not empty".into(),
        ),
    }
}
