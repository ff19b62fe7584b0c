use super::*;

fn route(method: &str, path: &str) -> guest::Route {
    guest::Route {
        method: method.to_owned(),
        path: path.to_owned(),
        consumes: None,
    }
}

fn build(
    contexts: &[(&'static str, Vec<guest::Route>)],
) -> Result<Routes<&'static str>, RouteError> {
    let rules = BTreeMap::new();
    let named = contexts.iter().map(|(name, _)| ContextName::from(*name));
    let named: Vec<_> = named.collect();
    let offered = named.iter().zip(contexts);
    Routes::build(offered.map(|(name, (context, routes))| Offer {
        rules: &rules,
        context: *context,
        name,
        request_limit: 10,
        response_limit: 10,
        deadline: Duration::from_secs(5),
        requests_per_connection: None,
        routes,
    }))
}

fn find(routes: &Routes<&'static str>, method: Method, path: &str) -> String {
    let (host, path) = match path
        .strip_prefix("//")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((host, rest)) => (Some(host), &path[path.len() - rest.len() - 1..]),
        None => (None, path),
    };
    match routes.find(&method, host, path) {
        Found::Route(route, values) => format!(
            "{} {} {}",
            route.context,
            route.pattern.as_str(),
            values.join(",")
        ),
        Found::OtherMethods(allow) => format!("allow {}", allow.to_str().unwrap()),
        Found::Nothing | Found::Down(_) => "nothing".to_owned(),
    }
}

#[test]
fn contexts_share_paths_but_not_methods() {
    let routes = build(&[
        (
            "room",
            vec![
                route("GET", "/rooms/{id}"),
                route("GET", "/rooms"),
                route("POST", "/rooms"),
                route("GET", "/"),
            ],
        ),
        (
            "stay",
            vec![
                route("DELETE", "/rooms/{room}"),
                route("GET", "/rooms/new"),
                route("GET", "/rooms/{room}/guests/{guest}"),
            ],
        ),
    ])
    .unwrap();
    assert_eq!(find(&routes, Method::GET, "/rooms/1"), "room /rooms/{id} 1");
    assert_eq!(
        find(&routes, Method::DELETE, "/rooms/1"),
        "stay /rooms/{room} 1"
    );
    assert_eq!(find(&routes, Method::GET, "/rooms/new"), "stay /rooms/new ");
    assert_eq!(
        find(&routes, Method::GET, "/rooms/1/guests/2"),
        "stay /rooms/{room}/guests/{guest} 1,2"
    );
    assert_eq!(
        find(&routes, Method::HEAD, "/rooms/1"),
        "room /rooms/{id} 1"
    );
    assert_eq!(find(&routes, Method::GET, "/"), "room / ");
    assert_eq!(
        find(&routes, Method::PUT, "/rooms/1"),
        "allow DELETE, GET, HEAD, OPTIONS"
    );
    assert_eq!(find(&routes, Method::GET, "/rooms/1/guests"), "nothing");
    for nothing in [
        "/rooms/",
        "/rooms/1/",
        "//",
        "/rooms//guests/2",
        "",
        "*",
        "/room",
    ] {
        assert_eq!(find(&routes, Method::GET, nothing), "nothing", "{nothing}");
    }
}

#[test]
fn what_is_described_more_closely_goes_before_what_takes_the_rest() {
    let routes = build(&[
        (
            "files",
            vec![
                route("GET", "/files/{*path}"),
                route("PUT", "/files/{*path}"),
                route("GET", "/{*anything}"),
                route("PATCH", "/{*anything}"),
            ],
        ),
        (
            "room",
            vec![
                route("GET", "/files/{id}"),
                route("GET", "/files/new"),
                route("GET", "/files/{id}/parts/{part}"),
            ],
        ),
    ])
    .unwrap();
    for (method, path, found) in [
        ("GET", "/files/a/b/c", "files /files/{*path} a/b/c"),
        ("GET", "/files/a%2Fb/", "files /files/{*path} a%2Fb/"),
        ("GET", "/files/1", "room /files/{id} 1"),
        ("GET", "/files/new", "room /files/new "),
        (
            "GET",
            "/files/1/parts/2",
            "room /files/{id}/parts/{part} 1,2",
        ),
        ("GET", "/files/1/parts", "files /files/{*path} 1/parts"),
        // Where only the wider one takes the method, it answers.
        ("PUT", "/files/1", "files /files/{*path} 1"),
        ("DELETE", "/files/1", "allow GET, HEAD, OPTIONS, PUT"),
        ("DELETE", "/else", "allow GET, HEAD, OPTIONS, PATCH"),
        ("PATCH", "/files/1/2", "files /{*anything} files/1/2"),
        ("GET", "/else/where", "files /{*anything} else/where"),
        ("GET", "/files/", "files /{*anything} files/"),
        ("GET", "/", "nothing"),
    ] {
        assert_eq!(
            find(&routes, method.parse().unwrap(), path),
            found,
            "{path}"
        );
    }
}

#[test]
fn what_is_of_one_host_goes_before_what_is_of_all() {
    let routes = build(&[
        (
            "room",
            vec![route("GET", "/rooms"), route("GET", "/rooms/{id}")],
        ),
        (
            "docs",
            vec![
                route("GET", "//docs.example/"),
                route("GET", "//docs.example/rooms"),
                route("PUT", "//docs.example/rooms/{id}"),
            ],
        ),
        ("blog", vec![route("GET", "//blog.example/{*page}")]),
    ])
    .unwrap();
    for (method, path, found) in [
        ("GET", "/rooms", "room /rooms "),
        ("GET", "//other.example/rooms", "room /rooms "),
        ("GET", "//docs.example/rooms", "docs //docs.example/rooms "),
        ("GET", "//docs.example/", "docs //docs.example/ "),
        ("GET", "/", "nothing"),
        ("GET", "//docs.example/rooms/1", "room /rooms/{id} 1"),
        (
            "PUT",
            "//docs.example/rooms/1",
            "docs //docs.example/rooms/{id} 1",
        ),
        ("PUT", "/rooms/1", "allow GET, HEAD, OPTIONS"),
        (
            "DELETE",
            "//docs.example/rooms/1",
            "allow GET, HEAD, OPTIONS, PUT",
        ),
        (
            "GET",
            "//blog.example/rooms",
            "blog //blog.example/{*page} rooms",
        ),
    ] {
        assert_eq!(
            find(&routes, method.parse().unwrap(), path),
            found,
            "{path}"
        );
    }
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let error = build(&[
        ("files", vec![route("GET", "/files/{*path}")]),
        ("room", vec![route("PUT", "/files/{name}/{*more}")]),
    ])
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("context ")
            && error.contains("which cannot be told from another route")
            && error.ends_with("; change one of them"),
        "{error}"
    );
}

#[test]
fn rules_are_of_routes_that_there_are() {
    let routes = [
        route("POST", "/reservations"),
        route("GET", "/reservations/{id}"),
    ];
    let built = |rules: &[&str]| {
        let settings = || RouteSettings {
            require: Some(vec!["scope:book".to_owned().try_into().unwrap()]),
        };
        let rules = rules.iter().map(|rule| ((*rule).to_owned(), settings()));
        Routes::build([Offer {
            context: "reservation",
            name: &"reservation".into(),
            request_limit: 10,
            response_limit: 10,
            deadline: Duration::from_secs(5),
            requests_per_connection: None,
            routes: &routes,
            rules: &rules.collect(),
        }])
    };
    let asked = |rules: &[&str], method: Method, path: &str| {
        let routes = built(rules).unwrap();
        match routes.find(&method, None, path) {
            Found::Route(route, _) => route.require.clone().map(|required| required.len()),
            _ => panic!("{path}"),
        }
    };
    let one = &["POST /reservations"];
    assert_eq!(asked(one, Method::POST, "/reservations"), Some(1));
    assert_eq!(asked(one, Method::GET, "/reservations/1"), None);
    assert_eq!(asked(one, Method::HEAD, "/reservations/1"), None);
    assert_eq!(asked(&["*"], Method::HEAD, "/reservations/1"), Some(1));
    let error = built(&["POST /reservation"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the manifest says in [context.reservation.routes] who may ask for `POST /reservation`, which the context does not describe; did you mean `POST /reservations`?"
    );
}

#[test]
fn two_contexts_cannot_answer_the_same() {
    let error = build(&[
        ("room", vec![route("GET", "/rooms/{id}")]),
        ("stay", vec![route("GET", "/rooms/{room}")]),
    ])
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "contexts stay and room both have the route GET /rooms/{room} (room as /rooms/{id}); change one of them"
    );
}

#[test]
fn impossible_routes_are_refused() {
    let refused = |route: guest::Route| build(&[("room", vec![route])]).unwrap_err().to_string();
    assert_eq!(
        refused(route("get", "/rooms")),
        "context room describes the route get /rooms: `get` is not one of the methods that a route can have: GET, POST, PUT, PATCH, DELETE"
    );
    let plain = guest::Route {
        consumes: Some("json".to_owned()),
        ..route("POST", "/rooms")
    };
    assert_eq!(
        refused(plain),
        "context room describes the route POST /rooms: it consumes `json`, which is not a media type such as `application/json`"
    );
    assert!(
        refused(route("GET", "rooms")).starts_with("context room describes the route GET rooms: ")
    );
}
