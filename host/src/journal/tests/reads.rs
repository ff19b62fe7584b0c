//! A set of reads stays small, and never forgets anything.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::key;
use super::*;

#[derive(Clone, Debug)]
enum Read {
    Key(Space, Vec<u8>),
    Range(Space, Vec<u8>, Vec<u8>),
}

fn reads() -> impl Strategy<Value = Vec<Read>> {
    let space = || {
        select(vec![
            Space::Meta,
            Space::State(0),
            Space::State(1),
            Space::Result,
        ])
    };
    let key = || {
        prop_oneof![
            4 => (0..9_000_u32).prop_map(|id| format!("rooms/{id:016x}").into_bytes()),
            1 => vec(any::<u8>(), 0..6),
        ]
    };
    let read = prop_oneof![
        9 => (space(), key()).prop_map(|(space, key)| Read::Key(space, key)),
        1 => (space(), key(), key()).prop_map(|(space, start, end)| Read::Range(space, start, end)),
    ];
    vec(read, 3_000..9_000)
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn however_many_they_are(reads in reads(), others in vec(any::<u32>(), 20)) {
        let mut set = ReadSet::default();
        for read in &reads {
            match read {
                Read::Key(space, key) => set.note_key(*space, key),
                Read::Range(space, start, end) => set.note_range(*space, &KeyRange::new(start.clone(), Some(end.clone()))),
            }
            prop_assert!(set.parts() <= 4_096);
        }
        prop_assert!(set.bytes() < 5 << 20);
        let holds = |space, key: &[u8]| {
            let encoded = key::encode(space, key);
            set.covers(&encoded) || set.keys().any(|key| key == encoded)
        };
        for read in &reads {
            match read {
                Read::Key(space, key) => prop_assert!(holds(*space, key)),
                Read::Range(space, start, end) if start < end => prop_assert!(holds(*space, start)),
                Read::Range(..) => {}
            }
        }
        // What is in a space that nothing was read of is not in it.
        for other in others {
            for space in [Space::Cursor, Space::Intent, Space::State(7), Space::Timer] {
                let key = format!("rooms/{other:016x}");
                prop_assert!(!holds(space, key.as_bytes()));
            }
        }
    }
}

#[test]
fn neighbours_become_one_and_others_do_not() {
    let mut set = ReadSet::default();
    set.note_key(Space::State(0), b"reviews/1");
    for id in 0..100_000_u32 {
        set.note_key(Space::State(0), format!("rooms/{id:016x}").as_bytes());
    }
    set.note_key(Space::State(0), b"totals/1");
    let covers = |key: &str| set.covers(&key::encode(Space::State(0), key.as_bytes()));
    assert!(covers("rooms/0000000000000100") && covers("rooms/0000000000012000"));
    assert!(!covers("rooms/0000000000ffffff"), "it was not read");
    assert!(!covers("reviews/2") && !covers("totals/2"));
    assert!(set.bytes() < 1 << 20, "{}", set.bytes());
}
