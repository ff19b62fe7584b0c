//! The engines that a component in JavaScript can have in it: a package says which, and QuickJS is there for those that say nothing. What makes components with another is installed when
//! a context asks for it, as the SDK pins it, beside what else is made on the way to components.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Package;
use super::npm;
use crate::build::Error;
use crate::build::lock::Lock;

/// What runs a context inside its component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Engine {
    /// Small, and soon ready. What makes components with it is installed with the SDK's tools.
    #[default]
    QuickJs,
    /// Mozilla's, with more of the web's interfaces.
    StarlingMonkey,
}

/// What says to npm what makes components with StarlingMonkey: in the SDK, and where that is installed.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

impl Engine {
    /// As packages and the SDK's tools name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::QuickJs => "quickjs",
            Self::StarlingMonkey => "starlingmonkey",
        }
    }

    /// Installs what makes components with it, unless that was done; answers where that is, if it is a folder of its own.
    pub(super) async fn install(
        self,
        package: &Package,
        target: &Path,
        line: impl Fn(&str) + Send + Sync,
    ) -> Result<Option<PathBuf>, Error> {
        const WHAT: &str = "StarlingMonkey";
        if self == Self::QuickJs {
            return Ok(None);
        }
        let pinned = package.installed("innkeeper-sdk/engines/starlingmonkey");
        let folder = target.join("engines/starlingmonkey");
        // Nobody changes what is to be installed while it is.
        let whom = "another build with StarlingMonkey";
        let _lock = Lock::of(folder.join("lock"), whom, &line).await?;
        for file in FILES {
            let (from, to) = (pinned.join(file), folder.join(file));
            let text = tokio::fs::read(&from).await;
            let text = text.map_err(|_| Error::NoEngine {
                context: package.name.to_string(),
                path: from,
            })?;
            if tokio::fs::read(&to).await.ok().as_ref() != Some(&text) {
                let written = tokio::fs::write(&to, &text).await;
                written.map_err(Error::file(&to))?;
            }
        }
        npm::install_in(&folder, WHAT, folder.join("install.lock"), line).await?;
        Ok(Some(folder))
    }
}
