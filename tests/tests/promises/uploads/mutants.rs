//! Real components, and modules, with damage: cut off, with bytes flipped, with parts of others in them.

use innkeeper_tests::{Inn, artifacts};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::{has_panicked, idler};

/// How many are tried.
const CASES: usize = 60;
/// How much more memory the host may have had afterwards, in KiB.
const MORE: u64 = 64 << 10;

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
        prop::collection::vec((place.clone(), 1..=255_u8), 1..4).prop_map(Damage::Flip),
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

#[tokio::test]
async fn damaged_components_are_refused_and_the_host_goes_on() {
    let inn = Inn::with(idler().await).await;
    let components = artifacts::components().await;
    let file = |name: &str| std::fs::read(&components[name]).expect("it was built");
    let target = components["idler"].parent().unwrap().parent().unwrap();
    let module = target.join("wasm32-unknown-unknown/release/idler.wasm");
    let originals = [
        file("idler"),
        std::fs::read(module).expect("cargo has made it"),
        file("message"),
    ];
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let before = inn.most_resident();
    let (mut refused, mut passed) = (0, 0);
    for case in 0..CASES {
        let original = originals[case % originals.len()].clone();
        let other = &originals[(case + 1) % originals.len()];
        let damage = damage().new_tree(&mut runner).unwrap().current();
        let bytes = damaged(original, other, &damage);
        let reply = inn.operators().deploy("idler", bytes, "dry-run=true").await;
        match reply.status {
            200 => passed += 1,
            422 => refused += 1,
            status => panic!("{case}: {damage:?}: {status} {}", reply.text),
        }
        assert!(
            reply.text.len() < 8_000,
            "{damage:?}: {} bytes",
            reply.text.len()
        );
    }
    let after = inn.most_resident();
    eprintln!("{refused} refused, {passed} passed; {before} KiB, and then {after} KiB");
    assert!(refused > CASES / 2, "{refused} of {CASES}");
    assert!(after < before + MORE, "{before} KiB, and then {after} KiB");
    assert!(!has_panicked(&inn));
    let edition = artifacts::edited("idler", "sound").await;
    inn.operators()
        .deploy("idler", edition, "")
        .await
        .expect(201);
}
