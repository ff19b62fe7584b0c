//! `/v1/contexts/{name}/commits`

use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Named, Query, reading};
use super::problem::Problem;
use super::redaction::Redactor;
use super::view;
use crate::journal::{self, Recorded};

/// The most commits in one answer.
const MOST: usize = 1000;

/// Which commits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those after this position.
    #[serde(default)]
    after: u64,
    /// At most so many, and never more than 1000.
    #[serde(default = "a_hundred")]
    limit: usize,
}

fn a_hundred() -> usize {
    100
}

/// A context's journal: the commits that are on disk, in order
#[utoipa::path(get, path = "/v1/contexts/{name}/commits", tag = "contexts", params(("name", description = "the context"), Page), responses(
    (status = 200, body = view::Commits),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(
    Named { host, context }: Named,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<view::Commits>, Problem> {
    let limit = limit.clamp(1, MOST);
    let commits = reading(move || {
        let flushed = context.ledger.flushed();
        let mut found = context.ledger.journal().commits(after, limit)?;
        found.retain(|(position, ..)| *position <= flushed);
        let next = found.last().map(|(position, ..)| *position);
        let manifest = host.manifest();
        let app = &manifest.app.name;
        let name = &context.name;
        let mut redactor = Redactor::new(&host);
        let view = |commit: Recorded| {
            let redaction = redactor.of_commit(name, &commit.1)?;
            Ok(view::Commit::new(app, name, commit, &redaction))
        };
        Ok(view::Commits {
            flushed,
            next: next.filter(|position| *position < flushed),
            commits: found
                .into_iter()
                .map(view)
                .collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(commits.await?))
}
