//! Counts visitors as the standard component `visitors` does, by the same routes: the rows of a bucket are those of a table of the SDK.

use innkeeper_sdk::prelude::*;

const BUCKETS: Table<(String, String), Vec<u8>> = Table::new("keyvalue");

fn counted(bucket: &str, name: &str) -> Result<Option<u64>, Problem> {
    let Some(value) = BUCKETS.get((bucket, name))? else {
        return Ok(None);
    };
    let number = String::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Problem::new(500, "the row is no number"))
}

fn show(Path((bucket, name)): Path<(String, String)>) -> Answer {
    match counted(&bucket, &name)? {
        Some(number) => Response::ok(&number),
        None => Err(Problem::new(404, "none")),
    }
}

fn count(Path((bucket, name)): Path<(String, String)>) -> Answer {
    let number = counted(&bucket, &name)?.unwrap_or_default() + 1;
    BUCKETS.put((&bucket, &name), &number.to_string().into_bytes())?;
    Response::ok(&number)
}

innkeeper_sdk::context! {
    summary: "Counts visitors.",
    tables: [BUCKETS],
    routes: {
        GET "/visitors/{bucket}/{name}" => show,
        POST "/visitors/{bucket}/{name}" => count,
    },
}
