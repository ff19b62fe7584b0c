//! How a request says where its body ends, beyond what the parser makes sure of: a proxy in front must not see another end than we do.

use http::{HeaderMap, StatusCode, header};

use super::problem::Problem;

/// The one coding that ends a body.
const CHUNKED: &str = "chunked";
/// The longest body that can be announced: what a signed number of 64 bits holds, since somebody between us may have one.
const LONGEST: u64 = i64::MAX as u64;

/// Refuses codings that are not understood, and lengths that cannot be.
///
/// # Errors
///
/// 501 where a body is coded in another way than in chunks, 400 where it is in chunks twice, or where its length is no number that all can hold.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = 0;
    for value in headers.get_all(header::TRANSFER_ENCODING) {
        let value = value
            .to_str()
            .map_err(|_| bad("Transfer-Encoding cannot be read"))?;
        for coding in value.split(',').map(str::trim) {
            if coding.is_empty() {
                continue;
            }
            if !coding.eq_ignore_ascii_case(CHUNKED) {
                return Err(Problem::new(
                    StatusCode::NOT_IMPLEMENTED,
                    "the transfer coding of the request body is not supported; send it plain or chunked",
                ));
            }
            codings += 1;
        }
    }
    if codings > 1 {
        return Err(bad("a request body can be chunked only once"));
    }
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let digits = value.to_str().unwrap_or_default();
        let length = digits.trim().parse::<u64>().ok();
        if length.is_none_or(|length| length > LONGEST) {
            return Err(bad("Content-Length is not a valid length"));
        }
    }
    Ok(())
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn status(fields: &[(HeaderName, &'static str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        check(&headers)
            .err()
            .map(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_body_ends_in_one_way() {
        let coded = |value| status(&[(header::TRANSFER_ENCODING, value)]);
        for (value, expected) in [
            ("chunked", None),
            ("Chunked", None),
            (", chunked", None),
            ("gzip, chunked", Some(501)),
            ("gzip", Some(501)),
            ("chunked;q=1", Some(501)),
            ("chunked, chunked", Some(400)),
            ("chunked,chunked,chunked", Some(400)),
        ] {
            assert_eq!(coded(value), expected, "{value}");
        }
        let twice = (header::TRANSFER_ENCODING, "chunked");
        assert_eq!(status(&[twice.clone(), twice]), Some(400));
    }

    #[test]
    fn a_length_fits_everybody() {
        let long = |value| status(&[(header::CONTENT_LENGTH, value)]);
        for (value, expected) in [
            ("0", None),
            ("9223372036854775807", None),
            ("9223372036854775808", Some(400)),
            ("18446744073709551613", Some(400)),
            ("18446744073709551616", Some(400)),
            ("-1", Some(400)),
            ("", Some(400)),
        ] {
            assert_eq!(long(value), expected, "{value}");
        }
    }
}
