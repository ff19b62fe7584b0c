//! Who exports: what the environment says of it (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`), and the app.

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use percent_encoding::percent_decode_str;

use super::variables::Environment;

const SERVICE_NAME: &str = "service.name";

/// Who exports. `app` is the service's name unless the environment gives another.
pub(super) fn of(environment: &Environment<'_>, app: &str) -> Resource {
    let said = environment.named("OTEL_RESOURCE_ATTRIBUTES");
    // All or none of them, as the specification has it.
    let attributes = environment.read(said, "write `name=value,name=value`", attributes);
    let attributes = attributes.unwrap_or_default();
    let name = environment.value("OTEL_SERVICE_NAME");
    let is_named = name.is_some()
        || attributes
            .iter()
            .any(|attribute| attribute.key == Key::new(SERVICE_NAME));
    let name = name.or_else(|| (!is_named).then(|| app.to_owned()));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match name {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// Attributes, as `name=value,name=value`; values are percent-encoded.
fn attributes(text: &str) -> Option<Vec<KeyValue>> {
    let pairs = text.split(',').map(str::trim);
    let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let value = percent_decode_str(value).decode_utf8().ok()?;
        (!name.is_empty()).then(|| KeyValue::new(name.to_owned(), value.into_owned()))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(variables: &[(&str, &str)], attribute: &str) -> (Option<String>, usize) {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let environment = Environment::new(&find);
        let resource = of(&environment, "stay");
        let value = resource.get(&Key::new(attribute.to_owned()));
        let value = value.map(|value| value.as_str().into_owned());
        (value, environment.ignored().len())
    }

    #[test]
    fn a_service_has_the_name_that_it_is_given() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name = an%20inn ,");
        let service = ("OTEL_SERVICE_NAME", "lodging");
        for (variables, wanted) in [
            (&[][..], "stay"),
            (&[("OTEL_RESOURCE_ATTRIBUTES", "a=service.name=b")], "stay"),
            (&[attributes], "an inn"),
            (&[attributes, service], "lodging"),
        ] {
            let found = named(variables, SERVICE_NAME);
            assert_eq!(found, (Some(wanted.to_owned()), 0), "{variables:?}");
        }
        assert_eq!(named(&[attributes], "a").0.as_deref(), Some("b"));
        assert!(named(&[], "telemetry.sdk.name").0.is_some());
    }

    #[test]
    fn attributes_are_followed_whole_or_not_at_all() {
        for malformed in ["a=b,c", "a=b,=c", "a=%ff"] {
            let found = named(&[("OTEL_RESOURCE_ATTRIBUTES", malformed)], "a");
            assert_eq!(found, (None, 1), "{malformed}");
        }
    }
}
