//! What an event is called outside, whichever way it leaves: the attributes of CloudEvents 1.0.

/// The content type of data that is JSON.
pub(crate) const JSON: &str = "application/json";
/// The content type of data that is not.
pub(crate) const BYTES: &str = "application/octet-stream";

/// The attribute `source`: who published it.
pub(crate) fn source(app: &str, context: &str) -> String {
    format!("/{app}/{context}")
}

/// The attribute `type`: what happened.
pub(crate) fn kind(app: &str, context: &str, kind: &str) -> String {
    format!("{app}.{context}.{kind}")
}

/// The content type of data that nobody has said more of.
pub(crate) fn content_type(data: &[u8]) -> &'static str {
    match serde_json::from_slice::<serde::de::IgnoredAny>(data) {
        Ok(_) => JSON,
        Err(_) => BYTES,
    }
}
