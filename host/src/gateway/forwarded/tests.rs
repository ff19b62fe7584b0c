use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn proxies() -> Vec<Network> {
    let networks = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"];
    networks.map(|network| network.parse().unwrap()).to_vec()
}

fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn sent(fields: &[(HeaderName, &str)]) -> Sender {
    sender(
        &proxies(),
        "127.0.0.1".parse().unwrap(),
        None,
        &headers(fields),
    )
}

fn client(fields: &[(HeaderName, &str)]) -> String {
    sent(fields).address.to_string()
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    let fields = headers(&[
        (X_FORWARDED_FOR, "192.0.2.1"),
        (X_FORWARDED_PROTO, "https"),
        (X_FORWARDED_HOST, "evil.example"),
        (
            header::FORWARDED,
            "for=192.0.2.1;proto=https;host=evil.example",
        ),
    ]);
    let peer: IpAddr = "203.0.113.9".parse().unwrap();
    let direct = Sender {
        address: peer,
        scheme: None,
        host: None,
        by_proxy: false,
    };
    assert_eq!(sender(&proxies(), peer, None, &fields), direct);
    let local = "127.0.0.1".parse().unwrap();
    let direct = Sender {
        address: local,
        ..direct
    };
    assert_eq!(sender(&[], local, None, &fields), direct);
}

#[test]
fn the_rightmost_that_is_no_trusted_proxy_is_the_client() {
    for (list, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("198.51.100.7, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.1.1.1", "192.0.2.1"),
        ("198.51.100.7 ,192.0.2.1,10.1.1.1,fd00::1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.1.1.1", "192.0.2.1"),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("192.0.2.1, ,, 10.1.1.1,", "192.0.2.1"),
        // What is none ends what can be believed.
        ("192.0.2.1, unknown, 10.1.1.1", "10.1.1.1"),
        ("192.0.2.1, unknown", "127.0.0.1"),
        ("192.0.2.1:x", "127.0.0.1"),
        ("192.0.2.1:", "127.0.0.1"),
        ("[192.0.2.1]", "127.0.0.1"),
        ("[2001:db8::1", "127.0.0.1"),
        ("256.0.0.1", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("192.0.2.1, \u{e9}", "127.0.0.1"),
    ] {
        assert_eq!(client(&[(X_FORWARDED_FOR, list)]), expected, "{list:?}");
    }
    let two = [
        (X_FORWARDED_FOR, "198.51.100.7, 192.0.2.1"),
        (X_FORWARDED_FOR, "10.1.1.1"),
    ];
    assert_eq!(
        client(&two),
        "192.0.2.1",
        "fields are joined in their order"
    );
}

#[test]
fn forwarded_is_read_as_its_standard_says() {
    for (list, expected) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=192.0.2.43, for=\"10.0.0.1:_port\"", "192.0.2.43"),
        ("for=\"192.0.2.4\\3\"", "192.0.2.43"),
        ("by=\"a,b;c\\\"d\";for=192.0.2.43", "192.0.2.43"),
        ("for=192.0.2.1;;", "192.0.2.1"),
        ("for=192.0.2.1 ; proto=http", "192.0.2.1"),
        ("for=\"_gazonk\"", "127.0.0.1"),
        ("for=unknown", "127.0.0.1"),
        ("for=192.0.2.1;for=192.0.2.2", "127.0.0.1"),
        ("for", "127.0.0.1"),
        ("for=\"192.0.2.1", "127.0.0.1"),
        ("for=\"192.0.2.1\"x", "127.0.0.1"),
        ("=192.0.2.1", "127.0.0.1"),
        ("", "127.0.0.1"),
        // What a client left open does not swallow what a proxy says.
        ("for=\"198.51.100.7, for=192.0.2.1", "192.0.2.1"),
        ("for=\"198.51.100.7\\, for=\"192.0.2.1\"", "192.0.2.1"),
        ("\", for=192.0.2.1, for=10.0.0.1", "192.0.2.1"),
    ] {
        assert_eq!(client(&[(header::FORWARDED, list)]), expected, "{list}");
    }
}

#[test]
fn scheme_and_host_are_those_of_the_client() {
    let standard = sent(&[(
        header::FORWARDED,
        "for=198.51.100.7;proto=http;host=evil, for=192.0.2.1;proto=HTTPS;host=\"inn.example:444\", for=10.1.1.1;proto=http;host=inner",
    )]);
    assert_eq!(standard.scheme, Some(Scheme::Https));
    assert_eq!(standard.host.as_deref(), Some("inn.example:444"));
    let common = sent(&[
        (X_FORWARDED_FOR, "192.0.2.1"),
        (X_FORWARDED_PROTO, "http, https"),
        (X_FORWARDED_HOST, "evil, inn.example"),
    ]);
    assert_eq!(common.scheme, Some(Scheme::Https));
    assert_eq!(common.host.as_deref(), Some("inn.example"));
    for (name, value) in [
        (X_FORWARDED_PROTO, "gopher"),
        (X_FORWARDED_HOST, "a b"),
        (X_FORWARDED_HOST, "user@evil"),
        (header::FORWARDED, "for=192.0.2.1;proto=x;host=\"a/b\""),
    ] {
        let nothing = sent(&[(name, value)]);
        assert_eq!((nothing.scheme, nothing.host), (None, None), "{value}");
    }
}

#[test]
fn what_contradicts_itself_is_not_believed() {
    let both =
        |standard, common| client(&[(header::FORWARDED, standard), (X_FORWARDED_FOR, common)]);
    assert_eq!(both("for=192.0.2.1", "192.0.2.1"), "192.0.2.1");
    assert_eq!(both("for=192.0.2.1", "198.51.100.7"), "127.0.0.1");
    assert_eq!(both("for=unknown", "198.51.100.7"), "198.51.100.7");
    let spoofed = sent(&[
        (header::FORWARDED, "for=192.0.2.1;proto=https"),
        (X_FORWARDED_FOR, "192.0.2.1"),
        (X_FORWARDED_PROTO, "http"),
    ]);
    assert_eq!(spoofed.scheme, None);
}

/// Addresses that no proxy of these tests has.
fn stranger() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..=255u8).prop_map(|last| IpAddr::from([192, 0, 2, last])),
        any::<u16>().prop_map(|last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])),
    ]
}

fn proxy() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..=255u8).prop_map(|last| IpAddr::from([10, 0, 0, last])),
        any::<u16>().prop_map(|last| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last])),
    ]
}

/// How a proxy may write an address.
fn written(address: IpAddr, way: u8) -> String {
    match (address, way % 3) {
        (IpAddr::V4(address), 0) => format!("{address}:8080"),
        (IpAddr::V6(address), 0) => format!("[{address}]:8080"),
        (IpAddr::V6(address), 1) => format!("[{address}]"),
        (address, _) => address.to_string(),
    }
}

proptest! {
    /// Whatever a client writes: what trusted proxies add to it says who it is.
    #[test]
    fn no_client_can_be_somebody_else(
        made_up in "[ -~]{0,40}",
        client in stranger(),
        chain in proptest::collection::vec((proxy(), any::<u8>()), 0..4),
        way in any::<u8>(),
        splits in any::<u8>(),
    ) {
        let mut hops = vec![(client, way)];
        hops.extend(chain);
        let mut common = vec![made_up.clone()];
        let mut standard = vec![made_up];
        for (place, (address, way)) in hops.into_iter().enumerate() {
            let quoted = format!("proto=http;for=\"{}\"", written(address, way));
            let plain = written(address, way);
            if splits >> place & 1 == 1 {
                common.push(plain);
                standard.push(quoted);
            } else {
                common.last_mut().unwrap().push_str(&format!(", {plain}"));
                standard.last_mut().unwrap().push_str(&format!(",{quoted}"));
            }
        }
        for (name, values) in [(X_FORWARDED_FOR, common), (header::FORWARDED, standard)] {
            let fields: Vec<_> = values.iter().map(|value| (name.clone(), value.as_str())).collect();
            prop_assert_eq!(sent(&fields).address, client, "{:?}", fields);
        }
    }

    /// Whatever stands there, it is read, and nobody is invented.
    #[test]
    fn anything_can_be_read(
        fields in proptest::collection::vec((0..4usize, "[ -~\u{e9}]{0,60}|([a-z=;,\"\\\\\\[\\]:.0-9 ]{0,60})"), 0..6),
    ) {
        let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, header::FORWARDED];
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (names[*name].clone(), value.as_str()))
            .collect();
        let sender = sent(&fields);
        prop_assert!(sender.by_proxy);
        prop_assert!(sender.host.is_none_or(|host| authority::is_valid(&host)));
    }
}
