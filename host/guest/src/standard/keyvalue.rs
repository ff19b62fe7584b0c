//! `wasi:keyvalue`: the buckets of a component are a table of its context's state, so they are read, staged and committed as all of it is.
//!
//! A row is what `docs/state.md` says of a table whose key is two texts, bucket and key, and whose values are bytes.

#![allow(missing_docs, clippy::all)]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource};

use self::bindings::wasi::keyvalue::store::{Error, KeyResponse};
use self::bindings::wasi::keyvalue::{atomics, batch, store};
use crate::store_data::StoreData;

/// The table that the buckets are.
pub const TABLE: &str = "keyvalue";
/// The longest key of the state, in bytes, by the contract.
const LONGEST: usize = 1_024;
/// How many keys are listed at a time.
const PAGE: u32 = 1_000;

/// An open bucket.
pub struct Bucket {
    /// What the keys of its rows begin with.
    prefix: String,
    /// Where lists of its keys have ended: how many keys had been listed, and the row of the last one.
    places: BTreeMap<u64, String>,
}

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-keyvalue",
        world: "imports",
        imports: {
            // The host may look at many keys.
            "wasi:keyvalue/store.[method]bucket.list-keys": async | trappable,
            default: trappable,
        },
        with: { "wasi:keyvalue/store.bucket": super::Bucket },
    });
}

pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> Result<()> {
    store::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    atomics::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    batch::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)
}

impl Bucket {
    fn named(name: &str) -> Self {
        let mut prefix = format!("{TABLE}/");
        for character in name.chars() {
            match character {
                '\u{0}' => prefix.push_str("\u{2}0"),
                '\u{1}' => prefix.push_str("\u{2}1"),
                '\u{2}' => prefix.push_str("\u{2}2"),
                other => prefix.push(other),
            }
        }
        prefix.push('\u{1}');
        Self {
            prefix,
            places: BTreeMap::new(),
        }
    }

    /// The row of a key.
    fn row(&self, key: &str) -> Result<String, Error> {
        let row = format!("{}{key}", self.prefix);
        match row.len() <= LONGEST {
            true => Ok(row),
            false => Err(Error::Other(format!(
                "the name of the bucket and the key have more than {} bytes together",
                LONGEST - TABLE.len() - 2
            ))),
        }
    }

    /// Where its rows end: behind the character that ends its name.
    fn end(&self) -> String {
        let mut end = self.prefix.clone();
        end.pop();
        end.push('\u{2}');
        end
    }
}

/// A value as a row has it: JSON, where bytes are Base64.
fn encode(value: &[u8]) -> Vec<u8> {
    format!("\"{}\"", STANDARD.encode(value)).into_bytes()
}

fn decode(row: &[u8]) -> Result<Vec<u8>, Error> {
    let text = serde_json::from_slice::<String>(row).ok();
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    bytes.ok_or_else(|| Error::Other("the value in the state is not bytes".to_owned()))
}

/// A number as a value has it: decimal digits, as others write it, too.
fn number(value: &[u8]) -> Result<u64, Error> {
    let text = std::str::from_utf8(value).ok();
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        Error::Other("the value is not a number from 0 to 18446744073709551615".to_owned())
    })
}

impl StoreData {
    fn row_of(&mut self, bucket: &Resource<Bucket>, key: &str) -> Result<Result<String, Error>> {
        Ok(self.table().get(bucket)?.row(key))
    }

    fn value_of(
        &mut self,
        bucket: &Resource<Bucket>,
        key: &str,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        let row = match self.row_of(bucket, key)? {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        let found = self.services().get(&row)?;
        Ok(found.map(|value| decode(&value)).transpose())
    }

    fn set_value(
        &mut self,
        bucket: &Resource<Bucket>,
        key: &str,
        value: &[u8],
    ) -> Result<Result<(), Error>> {
        match self.row_of(bucket, key)? {
            Ok(row) => Ok(Ok(self.services().put(row, encode(value))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn delete_value(&mut self, bucket: &Resource<Bucket>, key: &str) -> Result<Result<(), Error>> {
        match self.row_of(bucket, key)? {
            Ok(row) => Ok(Ok(self.services().delete(row)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl store::Host for StoreData {
    fn open(&mut self, identifier: String) -> Result<Result<Resource<Bucket>, Error>> {
        let bucket = Bucket::named(&identifier);
        match bucket.row("") {
            Ok(_) => Ok(Ok(self.table().push(bucket)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl store::HostBucket for StoreData {
    fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        self.value_of(&bucket, &key)
    }

    fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        self.set_value(&bucket, &key, &value)
    }

    fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<(), Error>> {
        self.delete_value(&bucket, &key)
    }

    fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<bool, Error>> {
        match self.row_of(&bucket, &key)? {
            Ok(row) => Ok(Ok(self.services().get(&row)?.is_some())),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<Result<KeyResponse, Error>> {
        let passed = cursor.unwrap_or_default();
        let opened = self.table().get(&bucket)?;
        let (prefix, end) = (opened.prefix.clone(), opened.end());
        // A cursor of another invocation is a number of keys only: they are passed over again.
        let (mut start, mut left) = match opened.places.get(&passed) {
            Some(last) => (behind(last), 0),
            None => (prefix.clone(), passed),
        };
        while left > 0 {
            let most = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE);
            let found = self.services().scan(start, end.clone(), most, false);
            let found = found.await?;
            let Some(last) = found.last() else {
                return Ok(Ok(KeyResponse {
                    keys: Vec::new(),
                    cursor: None,
                }));
            };
            start = behind(&last.key);
            left = left.saturating_sub(found.len() as u64);
        }
        let found = self.services().scan(start, end, PAGE + 1, false).await?;
        let has_more = found.len() > PAGE as usize;
        let mut rows: Vec<String> = found.into_iter().map(|entry| entry.key).collect();
        rows.truncate(PAGE as usize);
        let next = passed.saturating_add(rows.len() as u64);
        let keys = rows.iter().filter_map(|row| row.strip_prefix(&prefix));
        let keys = keys.map(str::to_owned).collect();
        if let Some(last) = rows.pop().filter(|_| has_more) {
            self.table().get_mut(&bucket)?.places.insert(next, last);
        }
        Ok(Ok(KeyResponse {
            keys,
            cursor: has_more.then_some(next),
        }))
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table().delete(bucket)?;
        Ok(())
    }
}

/// The first key behind another.
fn behind(row: &str) -> String {
    format!("{row}\u{0}")
}

impl atomics::Host for StoreData {
    fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<Result<u64, Error>> {
        let before = match self.value_of(&bucket, &key)? {
            Ok(Some(value)) => number(&value),
            Ok(None) => Ok(0),
            Err(error) => Err(error),
        };
        let sum = before.and_then(|before| {
            let sum = before.checked_add(delta);
            sum.ok_or_else(|| Error::Other("the sum is larger than a u64".to_owned()))
        });
        let sum = match sum {
            Ok(sum) => sum,
            Err(error) => return Ok(Err(error)),
        };
        let set = self.set_value(&bucket, &key, sum.to_string().as_bytes())?;
        Ok(set.map(|()| sum))
    }
}

impl batch::Host for StoreData {
    fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<Option<(String, Vec<u8>)>>, Error>> {
        let (mut found, mut size) = (Vec::new(), 0);
        for key in keys {
            match self.value_of(&bucket, &key)? {
                Ok(value) => {
                    // The same key may be asked for any number of times.
                    size += key.len() + value.as_ref().map_or(0, Vec::len);
                    if size > self.memory_limit() {
                        let message = "the values are more than the memory of the component";
                        return Ok(Err(Error::Other(message.to_owned())));
                    }
                    found.push(value.map(|value| (key, value)));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(found))
    }

    fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        key_values: Vec<(String, Vec<u8>)>,
    ) -> Result<Result<(), Error>> {
        for (key, value) in key_values {
            if let Err(error) = self.set_value(&bucket, &key, &value)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<(), Error>> {
        for key in keys {
            if let Err(error) = self.delete_value(&bucket, &key)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bucket_holds_the_rows_of_another() {
        let names = ["", "a", "a/b", "a\u{1}", "a\u{1}b", "a\u{2}1", "b"];
        let rows = |name: &str| {
            let bucket = Bucket::named(name);
            let keys = ["", "a", "b/c", "\u{1}b", "\u{2}", "\u{10ffff}"];
            keys.map(|key| bucket.row(key).unwrap())
        };
        for one in names {
            let bucket = Bucket::named(one);
            for other in names {
                for row in rows(other) {
                    let is_within =
                        (bucket.prefix.as_str()..bucket.end().as_str()).contains(&row.as_str());
                    assert_eq!(is_within, one == other, "{one:?} and {row:?}");
                }
            }
        }
    }

    #[test]
    fn what_the_state_cannot_have_is_an_error() {
        let bucket = Bucket::named("b");
        assert!(bucket.row(&"k".repeat(1_013)).is_ok());
        assert!(bucket.row(&"k".repeat(1_014)).is_err());
        assert!(decode(b"\"no base64\"").is_err() && decode(b"{}").is_err());
        assert_eq!(decode(&encode(&[0, 255])).ok(), Some(vec![0, 255]));
        assert!(number(b"-1").is_err() && number(b"18446744073709551616").is_err());
        assert_eq!(number(b"18446744073709551615").ok(), Some(u64::MAX));
    }
}
