use super::*;
use crate::manifest::RegistrySettings;

/// Where somebody is sent on to from a registry over TLS.
fn sent_on(location: &'static str) -> Result<String, String> {
    let plain = RegistrySettings {
        plain_http: true,
        ..RegistrySettings::default()
    };
    let hosts = Hosts::new([("plain.example".to_owned(), plain)].into());
    let docker = Arc::new(DockerConfig::of_the_user());
    let hosts = Arc::new(hosts);
    let repository = Repository::new(hosts, docker, "a.example", "room", Access::Push);
    let here = repository.place("blobs/uploads/").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, HeaderValue::from_static(location));
    let place = repository.sent_on(&here, &headers);
    place
        .map(|place| place.shown())
        .map_err(|error| error.to_string())
}

#[test]
fn who_is_asked_over_tls_is_asked_over_tls_further_whatever_it_says_of_itself() {
    for (location, place) in [
        ("/v2/x?y=1", "https://a.example/v2/x"),
        ("http://A.example/v2/x", "https://a.example/v2/x"),
        ("https://b.example/x", "https://b.example/x"),
        ("http://plain.example:80/x", "http://plain.example:80/x"),
    ] {
        assert_eq!(sent_on(location).as_deref(), Ok(place), "{location}");
    }
    for location in ["http://a.example:5000/x", "http://b.example/x"] {
        let refused = sent_on(location).unwrap_err();
        assert!(refused.contains("not encrypted"), "{refused}");
    }
    assert!(sent_on("nowhere").unwrap_err().contains("no good URL"));
}
