use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::path::plain_number;
use crate::{FromRequest, Problem, Request};

/// Which part of a collection is wanted: `?after=17&size=20`, what comes after an item, or `?page=0&size=20`, pages from 0; at most 100 on a page. Other
/// values are answered 400.
///
/// What comes after an item costs the same wherever that is, and so do the first pages and the last ones. A page in the middle costs the host a look at each
/// key up to the nearer end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Where it begins.
    pub start: Start,
    /// How many a page holds.
    pub size: u32,
    /// The path that it was asked for at, and the rest of the query; none where nobody asked.
    asked: Option<String>,
}

/// Where a part of a collection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At a page, from 0.
    Page(u32),
    /// After the item with this id, whether or not it is there.
    After(u64),
}

impl Paging {
    /// What it reads of a query.
    pub(crate) const NAMES: [&'static str; 3] = ["page", "after", "size"];
    const SIZE: u32 = 20;
    pub(crate) const MAX_SIZE: u32 = 100;

    /// A part that nobody has asked for: its answer has no links.
    pub const fn new(start: Start, size: u32) -> Self {
        Self {
            start,
            size,
            asked: None,
        }
    }

    /// A link to another part of the same collection.
    fn link(&self, asked: &str, start: Start, relation: &str) -> String {
        let start = match start {
            Start::Page(page) => format!("page={page}"),
            Start::After(id) => format!("after={id}"),
        };
        format!("<{asked}{start}&size={}>; rel=\"{relation}\"", self.size)
    }
}

impl FromRequest for Paging {
    const READS_BODY: bool = false;

    fn from_request(request: &Request) -> Result<Self, Problem> {
        let page = number(request, "page", "a page number")?;
        let after = number(request, "after", "the id of an item")?;
        let size = number(request, "size", "a number of items")?.unwrap_or(Self::SIZE);
        if !(1..=Self::MAX_SIZE).contains(&size) {
            return Err(Problem::new(
                400,
                format!(
                    "Invalid size in the query: it must be from 1 to {}.",
                    Self::MAX_SIZE
                ),
            ));
        }
        let start = match (page, after) {
            (None, Some(id)) => Start::After(id),
            (page, None) => Start::Page(page.unwrap_or(0)),
            (Some(_), Some(_)) => {
                return Err(Problem::new(
                    400,
                    "Invalid query: it has both page and after; send the one that you want to begin at.",
                ));
            }
        };
        Ok(Self {
            start,
            size,
            asked: Some(asked(request)),
        })
    }
}

/// The path and the query of a request, up to where the paging is said.
fn asked(request: &Request) -> String {
    let mut asked = request.path.clone();
    asked.push('?');
    for (name, value) in &request.query {
        if !Paging::NAMES.contains(&name.as_str()) {
            encode(name, &mut asked);
            asked.push('=');
            encode(value, &mut asked);
            asked.push('&');
        }
    }
    asked
}

/// Appends a text as a query has it.
fn encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                to.push(byte.into());
            }
            byte => to.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn number<T: core::str::FromStr>(
    request: &Request,
    name: &str,
    wanted: &str,
) -> Result<Option<T>, Problem> {
    let mut values = request
        .query
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    let value = values.next();
    if values.next().is_some() {
        return Err(Problem::new(
            400,
            format!("Invalid {name} in the query: it is there twice."),
        ));
    }
    value
        .map(|value| {
            plain_number(value).ok_or_else(|| {
                Problem::new(
                    400,
                    format!("Invalid {name} in the query: {value:?} is not {wanted}."),
                )
            })
        })
        .transpose()
}

/// A part of a collection, oldest first: the newest is on the last page. Answered with [`Response::page`](crate::Response::page).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// How many the collection has.
    pub total: u64,
    /// What was asked for.
    pub paging: Paging,
    /// The item that the next page comes after; none when this is the last one.
    pub next: Option<u64>,
}

impl<T> Page<T> {
    /// The same page, with each item turned into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            paging: self.paging,
            next: self.next,
        }
    }

    /// The same page, with each item turned into another, unless that fails.
    ///
    /// # Errors
    /// The first failure.
    pub fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            total: self.total,
            paging: self.paging,
            next: self.next,
        })
    }

    /// Where the other parts are, as a `Link` header says it (RFC 8288); none when nobody has asked for this one.
    pub(crate) fn links(&self) -> Option<String> {
        let Paging { start, size, asked } = &self.paging;
        let asked = asked.as_deref()?;
        let last = self.total.saturating_sub(1) / u64::from(*size).max(1);
        let last = Start::Page(u32::try_from(last).unwrap_or(u32::MAX));
        let previous = match start {
            Start::Page(page) => page.checked_sub(1).map(Start::Page),
            Start::After(_) => None,
        };
        let links = [
            (Some(Start::Page(0)), "first"),
            (previous, "prev"),
            (self.next.map(Start::After), "next"),
            (Some(last), "last"),
        ];
        let links = links
            .into_iter()
            .filter_map(|(start, relation)| Some(self.paging.link(asked, start?, relation)));
        Some(links.collect::<Vec<_>>().join(", "))
    }
}

impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct("Page", 4)?;
        page.serialize_field("items", &self.items)?;
        match self.paging.start {
            Start::Page(number) => page.serialize_field("page", &number)?,
            Start::After(id) => page.serialize_field("after", &id)?,
        }
        page.serialize_field("size", &self.paging.size)?;
        page.serialize_field("total", &self.total)?;
        page.end()
    }
}
