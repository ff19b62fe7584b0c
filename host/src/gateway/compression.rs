//! Answers in a content coding that the client takes (RFC 9110 8.4, 12.5.3), where the manifest allows it.
//!
//! By hand, since what a guest answers is whole: it is compressed at once, on a thread that may block, and has a length. A layer of `tower-http` would compress it piece by piece
//! on the runtime's threads, and could not say how long it is.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::{Compression as Level, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::manifest::ContentCoding;

/// The smallest body that is compressed: below, it would hardly fit into fewer packets.
const SMALLEST: u64 = 1024;
/// How long an answer may wait for a thread; after that it goes as it is.
const PATIENCE: Duration = Duration::from_millis(100);
/// How well Brotli is to compress, of 11: as gzip does, in the same time.
const BROTLI_QUALITY: i32 = 5;
/// The window that Brotli looks back through, as a power of two.
const BROTLI_WINDOW: i32 = 20;
/// Fields that are true of the body as it is, and would not be of another.
const OF_THE_BODY: [HeaderName; 5] = [
    header::CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// How answers are compressed.
pub(super) struct Compression {
    /// The codings, the preferred one first.
    codings: Vec<ContentCoding>,
    /// As many are compressed at once as there are processors.
    permits: Arc<Semaphore>,
}

impl Compression {
    /// With these codings; none when there are none.
    pub(super) fn new(codings: &[ContentCoding]) -> Option<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (!codings.is_empty()).then(|| Self {
            codings: codings.to_vec(),
            permits: Arc::new(Semaphore::new(processors)),
        })
    }

    /// The coding that a request's headers ask for.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Option<ContentCoding> {
        let wishes = Wishes::read(headers);
        let mut chosen: Option<(ContentCoding, u16)> = None;
        for coding in &self.codings {
            let weight = wishes.weight(name(*coding));
            if weight > chosen.map_or(0, |(_, most)| most) {
                chosen = Some((*coding, weight));
            }
        }
        chosen
            .filter(|(_, weight)| wishes.identity.is_none_or(|identity| *weight >= identity))
            .map(|(coding, _)| coding)
    }

    /// Compresses an answer, if it gains by that.
    pub(super) async fn apply(
        &self,
        coding: Option<ContentCoding>,
        mut response: Response<Full<Bytes>>,
    ) -> Response<Full<Bytes>> {
        if response.status() == StatusCode::NOT_MODIFIED {
            // It says what the answer that the client has said.
            vary(response.headers_mut());
        }
        if !is_worth_it(&response) {
            return response;
        }
        vary(response.headers_mut());
        let Some(coding) = coding else {
            return response;
        };
        // In a box: each request would otherwise be as large as this is.
        Box::pin(self.compressed(coding, response)).await
    }

    async fn compressed(
        &self,
        coding: ContentCoding,
        response: Response<Full<Bytes>>,
    ) -> Response<Full<Bytes>> {
        let permit = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned());
        // The semaphore is never closed.
        let Ok(Ok(permit)) = permit.await else {
            return response;
        };
        let (mut head, body) = response.into_parts();
        let Ok(plain) = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let source = plain.clone();
        let compressing = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            compress(coding, &source)
        });
        let body = match compressing.await {
            Ok(Ok(compressed)) if compressed.len() < plain.len() => {
                describe(&mut head.headers, coding);
                Bytes::from(compressed)
            }
            _ => plain,
        };
        Response::from_parts(head, Full::from(body))
    }
}

/// What a coding is called.
fn name(coding: ContentCoding) -> &'static str {
    match coding {
        ContentCoding::Br => "br",
        ContentCoding::Gzip => "gzip",
    }
}

/// What a client says of codings: weights in thousandths.
#[derive(Default)]
struct Wishes<'a> {
    named: Vec<(&'a str, u16)>,
    all_others: u16,
    identity: Option<u16>,
}

impl<'a> Wishes<'a> {
    /// What is none is taken for nothing.
    fn read(headers: &'a HeaderMap) -> Self {
        let mut wishes = Self::default();
        let values = headers.get_all(header::ACCEPT_ENCODING).iter();
        let items = values.filter_map(|value| value.to_str().ok());
        for item in items.flat_map(|text| text.split(',')) {
            let (coding, parameters) = match item.split_once(';') {
                Some((coding, parameters)) => (coding.trim(), Some(parameters)),
                None => (item.trim(), None),
            };
            let Some(weight) = parameters.map_or(Some(1000), weight) else {
                continue;
            };
            match coding {
                "*" => wishes.all_others = weight,
                coding if coding.eq_ignore_ascii_case("identity") => {
                    wishes.identity = Some(weight);
                }
                coding => wishes.named.push((coding, weight)),
            }
        }
        wishes
    }

    fn weight(&self, coding: &str) -> u16 {
        let mut named = self.named.iter();
        let named = named.find(|(name, _)| name.eq_ignore_ascii_case(coding));
        named.map_or(self.all_others, |(_, weight)| *weight)
    }
}

/// A weight such as `q=0.5` (RFC 9110 12.4.2), in thousandths.
fn weight(parameters: &str) -> Option<u16> {
    let (name, value) = parameters.trim().split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, decimals) = match value.trim().split_once('.') {
        Some((whole, decimals)) => (whole, decimals),
        None => (value.trim(), ""),
    };
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Whether an answer is smaller compressed, and means the same.
fn is_worth_it(response: &Response<Full<Bytes>>) -> bool {
    let headers = response.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // It is a list, perhaps in several fields; what is no text forbids it, to be safe.
    let mut cache_control = headers.get_all(header::CACHE_CONTROL).iter();
    let may_be_changed = cache_control.all(|field| {
        let text = field.to_str().map(str::to_ascii_lowercase);
        text.is_ok_and(|text| !text.contains("no-transform"))
    });
    response.status() != StatusCode::PARTIAL_CONTENT
        && response.body().size_hint().lower() >= SMALLEST
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !OF_THE_BODY.iter().any(|name| headers.contains_key(name))
        && may_be_changed
        && text(header::CONTENT_TYPE).is_some_and(is_compressible)
}

/// Whether what a media type stands for is not compressed already. Of events, each is to come as it happens.
fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if essence == "text/event-stream" {
        return false;
    }
    const OTHERS: [&str; 10] = [
        "application/json",
        "application/xml",
        "application/javascript",
        "application/x-ndjson",
        "application/graphql",
        "application/wasm",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
    ];
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || OTHERS.contains(&essence.as_str())
}

/// Says that another client may be answered in another coding.
fn vary(headers: &mut HeaderMap) {
    let varies = headers.get_all(header::VARY).iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        let mut names = text.split(',').map(str::trim);
        names.any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    });
    if !varies {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// Says what the body has become.
fn describe(headers: &mut HeaderMap, coding: ContentCoding) {
    let name = HeaderValue::from_static(name(coding));
    headers.insert(header::CONTENT_ENCODING, name);
    // Parts of the body are asked for as it was.
    headers.remove(header::ACCEPT_RANGES);
    // A strong one is of one body to the byte (RFC 9110 8.8.1).
    if let Some(etag) = headers.get(header::ETAG)
        && !etag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat())
    {
        headers.insert(header::ETAG, weak);
    }
}

fn compress(coding: ContentCoding, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = Vec::with_capacity(plain.len() / 2);
    match coding {
        ContentCoding::Gzip => {
            let mut encoder = GzEncoder::new(compressed, Level::default());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        ContentCoding::Br => {
            let parameters = BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW,
                size_hint: plain.len(),
                ..BrotliEncoderParams::default()
            };
            brotli::BrotliCompress(&mut &*plain, &mut compressed, &parameters)?;
            Ok(compressed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(codings: &[ContentCoding], accepted: &str) -> Option<ContentCoding> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
        Compression::new(codings).unwrap().choose(&headers)
    }

    #[test]
    fn clients_choose_and_the_order_of_the_manifest_decides_between_equals() {
        use ContentCoding::{Br, Gzip};
        for (accepted, expected) in [
            ("gzip", Some(Gzip)),
            ("GZip", Some(Gzip)),
            ("gzip, br", Some(Br)),
            ("gzip, deflate, br, zstd", Some(Br)),
            ("br;q=0.5, gzip;q=0.8", Some(Gzip)),
            ("br;q=0.5, gzip;q=0.500", Some(Br)),
            ("br ; q=0.001", Some(Br)),
            ("*", Some(Br)),
            ("br;q=0, *", Some(Gzip)),
            ("*;q=0", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("identity", None),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Gzip)),
            ("identity;q=0", None),
            ("", None),
            ("deflate, compress", None),
            // What is no weight makes a wish none.
            ("gzip;q=2", None),
            ("gzip;q=0.1234", None),
            ("gzip;q=", None),
            ("gzip;q=+1", None),
            ("gzip;level=1", None),
            ("gzip;q=1.001, br;q=0.1", Some(Br)),
        ] {
            assert_eq!(chosen(&[Br, Gzip], accepted), expected, "{accepted}");
        }
        assert_eq!(chosen(&[Gzip, Br], "br, gzip"), Some(Gzip));
        assert_eq!(chosen(&[Gzip], "br"), None);
    }

    #[test]
    fn what_is_compressed_already_or_comes_bit_by_bit_is_left_alone() {
        for media_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
            "text/html",
            "image/svg+xml",
        ] {
            assert!(is_compressible(media_type), "{media_type}");
        }
        for media_type in [
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            "image/png",
            "application/zip",
            "application/octet-stream",
            "video/mp4",
            "",
        ] {
            assert!(!is_compressible(media_type), "{media_type}");
        }
    }
}
