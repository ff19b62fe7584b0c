//! What a line of the log says.

use std::net::IpAddr;
use std::time::SystemTime;

use axum::extract::Request;
use serde::{Deserialize, Serialize};

use crate::admin::caller::Caller;
use crate::admin::peer::Peer;
use crate::core::Timestamp;

/// How much of a path and a query is written down.
const LONGEST_PATH: usize = 1_024;

/// What is written down of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place in the log, from 1.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
    /// Whose token was sent; absent when none was, or one that nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What that token is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status that it was answered with; of an action absent when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The line in which the action began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<u64>,
    /// Why it was refused, or did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Refusals before this one that were counted only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unwritten: u64,
    /// The hash of the line before; of the first, that of nothing.
    pub before: String,
}

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// An action that is about to be done.
    Begun,
    /// What came of one.
    Done,
    /// One that was refused.
    Refused,
}

/// Who asks for what, as the log knows it.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct Asked {
    pub who: Option<String>,
    pub role: Option<String>,
    pub from: Option<String>,
    pub method: String,
    pub path: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Asked {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        let target = request.uri().path_and_query();
        let from: Option<IpAddr> = request.extensions().get().map(|Peer(address)| *address);
        Self {
            from: from.map(|address| address.to_string()),
            method: request.method().to_string(),
            path: target.map(ToString::to_string).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Who asks for it.
    pub fn note(&mut self, caller: Option<&Caller>) {
        self.who = caller.map(|caller| caller.name.clone());
        self.role = caller.map(|caller| caller.role.to_string());
    }
}

impl Line {
    /// What happened to what was asked for. Where it stands is known when it is written.
    pub(super) fn new(asked: &Asked, what: What) -> Self {
        let Asked {
            who,
            role,
            from,
            method,
            path,
        } = asked.clone();
        Self {
            number: 0,
            before: String::new(),
            time: Timestamp::from(SystemTime::now()),
            what,
            who,
            role,
            from,
            method,
            path: path.chars().take(LONGEST_PATH).collect(),
            status: None,
            began: None,
            reason: None,
            unwritten: 0,
        }
    }

    /// The end of the action that this is the beginning of.
    pub(super) fn end(self, status: Option<u16>, reason: Option<&str>) -> Self {
        Self {
            time: Timestamp::from(SystemTime::now()),
            what: What::Done,
            began: Some(self.number),
            status,
            reason: reason.map(str::to_owned),
            ..self
        }
    }
}
