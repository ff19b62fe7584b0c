//! The headers that go with each request to a collector: `OTEL_EXPORTER_OTLP_HEADERS`.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::variables::{Environment, Signal};

/// Those of a signal's exporter. A pair that is none is left out, and told without what it says: such headers hold secrets.
pub(super) fn of(environment: &Environment<'_>, signal: Signal) -> HeaderMap {
    let Some((variable, value)) = environment.of_exporter(signal, "HEADERS") else {
        return HeaderMap::new();
    };
    let pairs = value.split(',').map(str::trim);
    let mut headers = HeaderMap::new();
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        match header(pair) {
            Some((name, value)) => {
                headers.append(name, value);
            }
            None => environment.ignore(format!(
                "{variable} has something that is no header and is left out; write `name=value,name=value`"
            )),
        }
    }
    headers
}

/// A header, as `name=value`; the value is percent-encoded.
fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    Some((
        name.trim().parse().ok()?,
        HeaderValue::from_str(&value).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_header_is_left_out_and_told_without_what_it_says() {
        let variables = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_HEADERS" => {
                Some("api-key=a%20b, secret,x=1,no name=secret,".to_owned())
            }
            _ => None,
        };
        let environment = Environment::new(&variables);
        let headers = of(&environment, Signal::Logs);
        assert_eq!(
            (&headers["api-key"], headers.len()),
            (&HeaderValue::from_static("a b"), 2)
        );
        let ignored = environment.ignored();
        assert_eq!(ignored.len(), 1, "{ignored:?}");
        assert!(!ignored[0].contains("secret"), "{ignored:?}");
    }
}
