//! Uploads that no toolchain makes: real components and modules with damage, and components of types that nobody would write.

use std::cell::Cell;

use innkeeper_tests::{Settings, TestHost, artifacts};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::runtime::Runtime;

use super::{fuzz, seeds};

/// How much more memory the host may have had afterwards, in KiB.
const MORE: u64 = 64 << 10;

/// What is uploaded.
#[derive(Clone, Debug)]
enum Upload {
    /// One of the real ones, after a damage that may take parts of another.
    Damaged(usize, usize, Damage),
    /// A component that is valid, and takes and gives values of these types.
    Typed(Vec<Shape>),
    /// One of the seeds, after a damage that may take parts of a real one.
    Seed(usize, usize, Damage),
}

/// A type made of those before it. Numbers choose among them, or among what needs no others.
#[derive(Clone, Debug)]
enum Shape {
    List(usize),
    Option(usize),
    Result(usize, usize),
    Tuple(Vec<usize>),
    Record(Vec<usize>),
    Variant(Vec<Option<usize>>),
    Enum(usize),
    Flags(usize),
}

const PRIMITIVES: [&str; 13] = [
    "bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string",
];

impl Shape {
    /// As text, where `number` types were made before it.
    fn text(&self, number: usize) -> String {
        let ty = |chosen: &usize| match chosen % (number + PRIMITIVES.len()) {
            earlier if earlier < number => format!("$e{earlier}"),
            primitive => PRIMITIVES[primitive - number].to_owned(),
        };
        let row = |count: usize| (0..count).map(|n| format!("\"n{n}\" ")).collect::<String>();
        match self {
            Self::List(of) => format!("(list {})", ty(of)),
            Self::Option(of) => format!("(option {})", ty(of)),
            Self::Result(good, bad) => format!("(result {} (error {}))", ty(good), ty(bad)),
            Self::Tuple(of) => format!(
                "(tuple {})",
                of.iter().map(ty).collect::<Vec<_>>().join(" ")
            ),
            Self::Record(of) => {
                let field = |(n, of): (usize, &usize)| format!("(field \"n{n}\" {})", ty(of));
                format!(
                    "(record {})",
                    of.iter().enumerate().map(field).collect::<String>()
                )
            }
            Self::Variant(of) => {
                let of = of.iter().enumerate();
                let case = |(n, of): (usize, &Option<usize>)| {
                    let payload = of.as_ref().map(ty).unwrap_or_default();
                    format!("(case \"n{n}\" {payload})")
                };
                format!("(variant {})", of.map(case).collect::<String>())
            }
            Self::Enum(count) => format!("(enum {})", row(*count)),
            Self::Flags(count) => format!("(flags {})", row(*count)),
        }
    }
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let any = || any::<usize>();
    let shape = prop_oneof![
        any().prop_map(Shape::List),
        any().prop_map(Shape::Option),
        (any(), any()).prop_map(|(good, bad)| Shape::Result(good, bad)),
        vec(any(), 1..8).prop_map(Shape::Tuple),
        vec(any(), 1..8).prop_map(Shape::Record),
        vec(prop::option::of(any()), 1..8).prop_map(Shape::Variant),
        (1..200_usize).prop_map(Shape::Enum),
        (1..33_usize).prop_map(Shape::Flags),
    ];
    vec(shape, 1..24)
}

/// A component that imports a function over these types.
fn typed(shapes: &[Shape]) -> Vec<u8> {
    let types: String = shapes
        .iter()
        .enumerate()
        .map(|(n, shape)| {
            format!(
                "(type $t{n} {}) (export \"t{n}\" (type $e{n} (eq $t{n})))\n",
                shape.text(n)
            )
        })
        .collect();
    let parameters: String = (0..shapes.len().min(16))
        .map(|n| format!("(param \"p{n}\" $e{n}) "))
        .collect();
    let last = shapes.len() - 1;
    let text = format!(
        r#"(component (import "stay:idler/types@0.1.0" (instance {types}
            (export "take" (func {parameters} (result $e{last}))))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// What is done to a component.
#[derive(Clone, Debug)]
enum Damage {
    /// The end is missing; so many thousandths are left.
    Cut(usize),
    /// Some bits are others: places in thousandths, and which.
    Flip(Vec<(usize, u8)>),
    /// A part of another one takes the place of its own.
    Splice(usize, usize, usize),
    /// A part is there twice.
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0..1_000_usize;
    prop_oneof![
        place.clone().prop_map(Damage::Cut),
        vec((place.clone(), 1..=255_u8), 1..4).prop_map(Damage::Flip),
        (place.clone(), place.clone(), 1..2_000_usize)
            .prop_map(|(from, to, length)| Damage::Splice(from, to, length)),
        (place, 1..2_000_usize).prop_map(|(place, length)| Damage::Repeat(place, length)),
    ]
}

/// A component after its damage. Its magic number stays, or nobody would look further.
fn damaged(mut bytes: Vec<u8>, other: &[u8], damage: &Damage) -> Vec<u8> {
    const MAGIC: usize = 8;
    let size = bytes.len();
    let at = |thousandth: usize| (size * thousandth / 1_000).clamp(MAGIC, size - 1);
    match damage {
        Damage::Cut(left) => bytes.truncate(at(*left)),
        Damage::Flip(flips) => {
            for (place, bits) in flips {
                bytes[at(*place)] ^= bits;
            }
        }
        Damage::Splice(from, to, length) => {
            let from = other.len() * from / 1_000;
            let part = &other[from..(from + length).min(other.len())];
            let to = at(*to);
            bytes.splice(to..(to + part.len()).min(size), part.iter().copied());
        }
        Damage::Repeat(place, length) => {
            let place = at(*place);
            let part = bytes[place..(place + length).min(size)].to_vec();
            bytes.splice(place..place, part);
        }
    }
    bytes
}

fn uploads() -> impl Strategy<Value = Upload> {
    let original = 0..ORIGINALS;
    let seed = (any::<usize>(), original.clone(), damage());
    prop_oneof![
        1 => seed.prop_map(|(seed, other, damage)| Upload::Seed(seed, other, damage)),
        4 => (original.clone(), original, damage()).prop_map(|(one, other, damage)| Upload::Damaged(one, other, damage)),
        2 => shapes().prop_map(Upload::Typed),
    ]
}

const ORIGINALS: usize = 3;

async fn originals() -> [Vec<u8>; ORIGINALS] {
    let components = artifacts::components().await;
    let file = |name: &str| std::fs::read(&components[name]).expect("it was built");
    let target = components["idler"]
        .ancestors()
        .nth(2)
        .expect("it lies in a target directory");
    let module = target.join("wasm32-unknown-unknown/release/idler.wasm");
    let module = std::fs::read(module).expect("cargo has made it");
    [file("idler"), module, file("message")]
}

impl Upload {
    fn bytes(&self, originals: &[Vec<u8>; ORIGINALS], seeds: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Damaged(one, other, damage) => {
                damaged(originals[*one].clone(), &originals[*other], damage)
            }
            Self::Typed(shapes) => typed(shapes),
            Self::Seed(seed, other, damage) => {
                let seed = seeds[seed % seeds.len()].clone();
                damaged(seed, &originals[*other], damage)
            }
        }
    }
}

#[test]
fn whatever_is_uploaded_is_refused_or_passes_and_the_host_goes_on() {
    let runtime = Runtime::new().expect("a runtime starts");
    let (host, originals) = runtime.block_on(async {
        let settings = Settings::empty()
            .with("idler", "idler")
            .await
            // What is tried here is the gates, not the limit before them.
            .set("admin.upload_limit.requests_per_second", 100_000)
            .set("admin.upload_limit.burst", 100_000);
        (TestHost::with(settings).await, originals().await)
    });
    let before = host.most_resident();
    let (refused, passed) = (Cell::new(0), Cell::new(0));
    let seeds: Vec<_> = seeds("components")
        .iter()
        .map(|text| {
            wat::parse_bytes(text)
                .expect("a seed is WebAssembly text")
                .into_owned()
        })
        .collect();
    let attempt = |bytes: Vec<u8>| {
        let reply = runtime.block_on(host.operators().deploy("idler", bytes, "dry-run=true"));
        match reply.status {
            200 => passed.set(passed.get() + 1),
            422 => refused.set(refused.get() + 1),
            status => return Err(TestCaseError::fail(format!("{status} {}", reply.text))),
        }
        prop_assert!(reply.text.len() < 8_000, "{} bytes", reply.text.len());
        Ok(())
    };
    for seed in &seeds {
        attempt(seed.clone()).expect("a seed");
    }
    assert_eq!(passed.get(), 0, "a seed passed");
    fuzz("components", &uploads(), |upload| {
        attempt(upload.bytes(&originals, &seeds))
    });
    let after = host.most_resident();
    eprintln!("{refused:?} refused, {passed:?} passed; {before} KiB, and then {after} KiB");
    assert!(refused > passed, "{refused:?} to {passed:?}");
    assert!(after < before + MORE, "{before} KiB, and then {after} KiB");
    assert!(!host.has_panicked());
    runtime.block_on(async {
        let edition = artifacts::edited("idler", "sound").await;
        host.operators()
            .deploy("idler", edition, "")
            .await
            .expect(201);
        drop(host);
    });
}
