use std::path::PathBuf;

use quote::quote;

use super::*;

/// A package with two interfaces in the folder `wit` above it.
struct Package {
    directory: PathBuf,
}

impl Package {
    fn new(name: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("innkeeper-context-{}-{name}", std::process::id()));
        let wit = |package: &str, text: &str| {
            let directory = root.join("wit").join(package);
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("all.wit"), text).unwrap();
        };
        wit(
            "room",
            "package inn:room@0.1.0;
             interface rooms {
                 variant room-error { taken(string), unavailable(string) }
                 hold: func(room: u64, name: string) -> result<_, room-error>;
                 release: func(room: u64, name: string) -> result<_, room-error>;
                 rename: func(room: u64) -> result<_, room-error>;
             }
             interface odd { count: func() -> u64; }
             interface late { variant e { unavailable(string), deadline-exceeded } wait: func() -> result<_, e>; }",
        );
        wit(
            "old",
            "package inn:bar@0.1.0; interface drinks { variant e { unavailable(string) } pour: func() -> result<_, e>; }",
        );
        wit(
            "bar",
            "package inn:bar@0.2.0; interface drinks { variant e { unavailable(string) } pour: func() -> result<_, e>; }",
        );
        wit(
            "other",
            "package other:room; interface rooms { variant e { unavailable(string) } see: func() -> result<_, e>; }",
        );
        wit(
            "sun",
            "package inn:sun; interface rays { use inn:moon/tides.{high}; variant e { unavailable(string) } shine: func(on: high) -> result<_, e>; }",
        );
        wit(
            "moon",
            "package inn:moon; interface tides { use inn:sun/rays.{e}; type high = u64; pull: func() -> result<_, e>; }",
        );
        std::fs::write(root.join("innkeeper.toml"), "").unwrap();
        let directory = root.join("components/desk");
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    fn made(&self, input: TokenStream) -> String {
        expand(input, &self.directory).unwrap().to_string()
    }

    fn refusal(&self, input: TokenStream) -> String {
        expand(input, &self.directory).unwrap_err().to_string()
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        if let Some(root) = self.directory.ancestors().nth(2) {
            let _ = std::fs::remove_dir_all(root);
        }
    }
}

#[test]
fn interfaces_are_found_and_get_their_bindings() {
    let package = Package::new("found");
    let made = package.made(quote! {
        calls: "inn:bar/drinks@0.2.0",
        compensations: { "inn:room/rooms": "hold" => "release" },
        offers: ["inn:room/rooms", "other:room/rooms" as others],
        summary: "A desk.",
    });
    for part in [
        "\"inn:room/rooms@0.1.0#hold\" , \"inn:room/rooms@0.1.0#release\"",
        "pub mod calls",
        "pub mod offers",
        "as others",
        "pub const POUR",
        "interface : \"other:room/rooms\"",
    ] {
        assert!(made.contains(part), "{part} is not in {made}");
    }
}

#[test]
fn a_mistake_is_named_with_what_to_do() {
    let package = Package::new("mistakes");
    for (input, said) in [
        (quote!(routes: {}), "`summary` is missing"),
        (
            quote!(summary: "x", ruotes: {}),
            "no part `ruotes`; did you mean `routes`?",
        ),
        (
            quote!(summary: "x", summary: "y"),
            "`summary` is there twice",
        ),
        (
            quote!(summary: "x" tables: []),
            "a comma is missing before this, at the end of `summary`",
        ),
        (quote!(summary "x"), "it is written like this: `summary: "),
        (
            quote!(summary: "x", tables: { A }),
            "it is written like this: `tables: [ROOMS, ENDED]`",
        ),
        (
            quote!(summary: "x", routes: { GTE "/a" => b }),
            "no method `GTE`; did you mean `GET`?",
        ),
        (
            quote!(summary: "x", routes: { GET "a" => b }),
            "begins with `/`",
        ),
        (
            quote!(summary: "x", routes: { GET "/a" => b, GET "/a" => c }),
            "GET /a is there twice",
        ),
        (
            quote!(summary: "x", schema: { nubmer: 1 }),
            "did you mean `number`?",
        ),
        (
            quote!(summary: "x", calls: "rooms"),
            "names no interface; one is named like",
        ),
        (
            quote!(summary: "x", calls: "inn:kitchen/meals"),
            "the package inn:kitchen was not found in",
        ),
        (
            quote!(summary: "x", calls: "inn:room/room"),
            "did you mean `rooms`?",
        ),
        (
            quote!(summary: "x", calls: "inn:bar/drinks"),
            "several versions of the package inn:bar: say which, as in `@0.2.0` or `@0.1.0`",
        ),
        (
            quote!(summary: "x", calls: "inn:sun/rays"),
            "packages use each other in a circle: inn:sun uses inn:moon uses inn:sun",
        ),
        (
            quote!(summary: "x", routes: { get "/a" => b }),
            "no method `get`; did you mean `GET`?",
        ),
        (
            quote!(summary: "x", calls: "inn:room/odd"),
            "`count` of inn:room/odd@0.1.0 must return `result<_, E>`",
        ),
        (
            quote!(summary: "x", calls: "inn:room/late"),
            "of `wait` of inn:room/late@0.1.0 must be `deadline-exceeded(string)`",
        ),
        (
            quote!(summary: "x", calls: ["inn:room/rooms", "other:room/rooms"]),
            "two interfaces are called `rooms`",
        ),
        (
            quote!(summary: "x", offers: "inn:room/rooms", compensations: { "inn:room/rooms": "hold" => "relaese" }),
            "did you mean `release`?",
        ),
        (
            quote!(summary: "x", offers: "inn:room/rooms", compensations: { "inn:room/rooms": "hold" => "rename" }),
            "`rename` takes 1 parameters; to undo `hold` it must take the same 2",
        ),
        (
            quote!(summary: "x", offers: "inn:room/rooms", compensations: { "inn:rom/rooms": "hold" => "release" }),
            "did you mean `inn:room/rooms`?",
        ),
    ] {
        let refusal = package.refusal(input.clone());
        assert!(refusal.contains(said), "{input}: {refusal}");
    }
}

#[test]
fn parts_come_in_any_order() {
    let package = Package::new("any-order");
    let mut parts = vec![
        quote!(summary: "Holds rooms."),
        quote!(offers: "inn:room/rooms"),
        quote!(calls: ["inn:bar/drinks@0.2.0"]),
        quote!(tables: [ROOMS, ENDED]),
        quote!(routes: { GET "/rooms/{id}" => show, POST "/rooms" => register }),
        quote!(publishes: [RoomRegistered]),
        quote!(shares: [contracts::RoomHeld]),
        quote!(follows: { "reservation": Confirmed => reserve }),
        quote!(compensations: { "inn:room/rooms": "hold" => "release" }),
        quote!(config: Settings),
        quote!(ready: is_ready),
        quote!(live: is_live),
        quote!(export: Guarded),
        quote!(schema: { number: 2, migrate: rows }),
    ];
    let expected = package.made(quote!(#(#parts),*));
    assert!(expected.contains("Holds rooms."), "{expected}");
    for _ in 0..parts.len() {
        parts.rotate_left(1);
        assert_eq!(package.made(quote!(#(#parts),*)), expected);
        let reversed = parts.iter().rev();
        assert_eq!(package.made(quote!(#(#reversed),*)), expected);
    }
}
