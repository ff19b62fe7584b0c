//! What a version says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::versions;

/// What a version says of itself, and what its imports and exports say.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The tables of its state.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// The routes it answers.
    pub routes: Vec<Route>,
    /// The event kinds it publishes.
    pub publishes: Vec<String>,
    /// The events it follows.
    pub follows: Vec<Followed>,
    /// What the data of these events is made of, where the version says so.
    #[serde(default)]
    pub events: Vec<EventData>,
    /// Which functions undo which.
    pub compensations: Vec<Compensation>,
    /// The interfaces it offers to other contexts.
    pub offers: Vec<String>,
    /// The interfaces of other contexts that it uses.
    pub uses: Vec<String>,
}

/// A table of the state.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The type of its keys, as WIT would write it.
    pub key: String,
    /// The type of its values.
    pub value: String,
}

/// A route.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The method.
    pub method: String,
    /// The path, with placeholders in braces.
    pub path: String,
    /// The media type that a request's body must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumes: Option<String>,
}

/// An event that is followed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// The context that publishes it.
    pub source: String,
    /// Its kind.
    pub kind: String,
}

/// What the data of an event is made of.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// The context that publishes it, where this one follows it; none where it publishes it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its kind.
    pub kind: String,
    /// The type of what is published, or of as much as is read, as WIT would write it.
    pub value: String,
}

/// A function, and the one that undoes it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compensation {
    /// What others call.
    pub function: String,
    /// What undoes it, with the same parameters.
    pub undo: String,
}

impl From<&versions::Description> for Description {
    fn from(description: &versions::Description) -> Self {
        let routes = description.routes.iter().map(|route| Route {
            method: route.method.clone(),
            path: route.path.clone(),
            consumes: route.consumes.clone(),
        });
        let follows = description.follows.iter().map(|followed| Followed {
            source: followed.source.clone(),
            kind: followed.kind.clone(),
        });
        let compensations = description.compensations.iter();
        let compensations = compensations.map(|compensation| Compensation {
            function: compensation.function.clone(),
            undo: compensation.undo.clone(),
        });
        let tables = description.tables.iter().map(|(name, table)| Table {
            name: name.to_owned(),
            key: table.key(),
            value: table.value(),
        });
        let published = description.events.published();
        let published = published.map(|(kind, shape)| EventData {
            source: None,
            kind: kind.to_owned(),
            value: shape.to_string(),
        });
        let read = description.events.read();
        let read = read.map(|(source, kind, shape)| EventData {
            source: Some(source.to_owned()),
            kind: kind.to_owned(),
            value: shape.to_string(),
        });
        Self {
            events: published.chain(read).collect(),
            tables: tables.collect(),
            routes: routes.collect(),
            publishes: description.publishes.clone(),
            follows: follows.collect(),
            compensations: compensations.collect(),
            offers: description.offers.clone(),
            uses: description.uses.clone(),
        }
    }
}
