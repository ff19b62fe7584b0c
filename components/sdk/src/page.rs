use serde::Serialize;

use crate::path::plain_number;
use crate::{FromRequest, Problem, Request};

/// Which part of a collection is wanted: `?page=0&size=20`, pages from 0, at most 100 on a page. Other values are answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// The page, from 0.
    pub page: u32,
    /// How many a page holds.
    pub size: u32,
}

impl Paging {
    const SIZE: u32 = 20;
    const MAX_SIZE: u32 = 100;

    /// How many come before the page.
    pub fn offset(&self) -> u64 {
        u64::from(self.page) * u64::from(self.size)
    }
}

impl FromRequest for Paging {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        let page = number(request, "page")?.unwrap_or(0);
        let size = number(request, "size")?.unwrap_or(Self::SIZE);
        if !(1..=Self::MAX_SIZE).contains(&size) {
            return Err(Problem::new(
                400,
                format!(
                    "Invalid size in the query: it must be from 1 to {}.",
                    Self::MAX_SIZE
                ),
            ));
        }
        Ok(Self { page, size })
    }
}

fn number(request: &Request, name: &str) -> Result<Option<u32>, Problem> {
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
                    format!("Invalid {name} in the query: {value:?} is not a page number or size."),
                )
            })
        })
        .transpose()
}

/// A page of a collection, oldest first: the newest is on the last page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// Which page it is, from 0.
    pub page: u32,
    /// How many a page holds.
    pub size: u32,
    /// How many the collection has.
    pub total: u64,
}

impl<T> Page<T> {
    /// The same page, with each item turned into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            page: self.page,
            size: self.size,
            total: self.total,
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
            page: self.page,
            size: self.size,
            total: self.total,
        })
    }
}
