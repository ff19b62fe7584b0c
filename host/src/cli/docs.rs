//! `innkeeper docs`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;

/// Write documents of what the app answers (OpenAPI), and of what it publishes and follows (AsyncAPI)
///
/// They tell what the versions that serve now describe. `gateway.openapi = true` tells the first to anybody, as GET /openapi.json at the public port.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper docs                      write openapi.json and asyncapi.json
  innkeeper docs --to docs/api
  innkeeper docs --print asyncapi | jq '.channels | keys'")]
pub(super) struct Docs {
    /// The directory that they are written into; it is made if need be
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    to: PathBuf,
    /// Print one of them instead
    #[arg(long, value_name = "DOCUMENT", conflicts_with = "to")]
    print: Option<Document>,
    #[command(flatten)]
    operator: OperatorFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    Openapi,
    Asyncapi,
}

impl Document {
    fn file(self) -> &'static str {
        match self {
            Self::Openapi => "openapi.json",
            Self::Asyncapi => "asyncapi.json",
        }
    }
}

impl Docs {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let get = async |document: Document| {
            let path = format!("/v1/documents/{}", document.file());
            client.get::<Value>(&path).await
        };
        if let Some(document) = self.print {
            return Ok(output::json(&get(document).await?)?);
        }
        // Both or none.
        let documents = [
            (Document::Openapi, get(Document::Openapi).await?),
            (Document::Asyncapi, get(Document::Asyncapi).await?),
        ];
        let made = tokio::fs::create_dir_all(&self.to).await;
        made.map_err(file_failure(&self.to))?;
        for (document, content) in documents {
            let file = self.to.join(document.file());
            let written = tokio::fs::write(&file, format!("{content:#}\n")).await;
            written.map_err(file_failure(&file))?;
            output::line(file.display())?;
        }
        Ok(())
    }
}

fn file_failure(file: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let file = file.to_owned();
    move |source| Failure::File { file, source }
}
