//! The mood of a component that misbehaves in one of several ways: it is chosen by writing its name over [`MOOD`] in the component's file.

use std::hint::black_box;

/// The mark that the file is searched for, and the mood, filled up with dots. No mood: it behaves.
static MOOD: [u8; 64] = *b"the mood of this component: ....................................";

/// Where in it the mood begins.
const BEGIN: usize = 28;

/// The mood that the file says.
pub fn mood() -> String {
    // Not what the compiler knows, but what the file says by now.
    let bytes = black_box(&MOOD)[BEGIN..].iter();
    let mood = bytes.take_while(|byte| **byte != b'.');
    mood.map(|byte| char::from(*byte)).collect()
}
