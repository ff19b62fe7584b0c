//! Keys keep their order and their spaces apart.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::key::{self, Span};
use super::*;

fn spaces() -> impl Strategy<Value = Space> {
    prop_oneof![select(SPACES.to_vec()), any::<u32>().prop_map(Space::State)]
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn sort_as_in_their_space(space in spaces(), one: Vec<u8>, other: Vec<u8>) {
        let encoded = key::encode(space, &one).cmp(&key::encode(space, &other));
        prop_assert_eq!(encoded, one.cmp(&other));
    }

    #[test]
    fn come_back(space in spaces(), key: Vec<u8>) {
        let encoded = key::encode(space, &key);
        prop_assert_eq!(key::decode(&encoded).unwrap(), (space, key.as_slice()));
    }

    #[test]
    fn stay_in_their_space(space in spaces(), other in spaces(), key: Vec<u8>) {
        let all = Span::of(space, &KeyRange::all());
        let encoded = key::encode(other, &key);
        let inside = all.start <= encoded && encoded < all.end;
        prop_assert_eq!(inside, space == other);
    }

    #[test]
    fn of_a_prefix(prefix in prop::collection::vec(select(vec![0, 1, 0xfe, 0xff]), 0..4), key in prop::collection::vec(select(vec![0, 1, 0xfe, 0xff]), 0..6)) {
        prop_assert_eq!(KeyRange::prefix(prefix.clone()).contains(&key), key.starts_with(&prefix));
    }

    #[test]
    fn of_events_sort_by_position(lane in 0..LANES, one: (u64, u16), other: (u64, u16)) {
        let position = |(commit, index)| EventPosition { commit, index };
        let (one, other) = (position(one), position(other));
        let (first, second) = (key::event(lane, one), key::event(lane, other));
        prop_assert_eq!(first.cmp(&second), one.cmp(&other));
        prop_assert_eq!(key::event_position(&first).unwrap(), one);
    }

    #[test]
    fn of_stories_are_not_taken_for_others(one in "[a\0]{0,12}", other in "[a\0]{0,12}", position: u64) {
        let span = key::story_span(&one);
        let key = key::story(&other, position);
        prop_assert_eq!(span.start <= key && key < span.end, one == other);
        prop_assert_eq!(key::position(&key).unwrap(), position);
    }
}
