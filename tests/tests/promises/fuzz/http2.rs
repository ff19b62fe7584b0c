use proptest::collection::vec;
use proptest::prelude::*;

use innkeeper_tests::TestHost;
use proptest::test_runner::TestCaseError;

use super::{damaged, exchange, fuzz, is_well, open, seeds};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET /rooms/1` of the authority `host`, as HPACK writes it without tables.
const GET_ROOM: &[u8] = b"\x82\x86\x04\x08/rooms/1\x01\x03inn";

#[derive(Clone, Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
    /// What it says of its length, if not the truth.
    length: Option<u32>,
}

impl Frame {
    fn bytes(&self) -> Vec<u8> {
        let length = self.length.unwrap_or(self.payload.len() as u32);
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let payload = prop_oneof![
        3 => Just(GET_ROOM.to_vec()),
        1 => Just(Vec::new()),
        1 => vec(any::<u8>(), 4..=4),
        1 => vec(any::<u8>(), 6..=6),
        1 => vec(any::<u8>(), 8..=8),
        2 => vec(any::<u8>(), 0..64),
        1 => Just(vec![0; 20_000]),
    ];
    let kind = prop_oneof![4 => Just(1_u8), 6 => 0_u8..11, 1 => any::<u8>()];
    let flags = prop_oneof![3 => Just(5_u8), 2 => 0_u8..64, 1 => any::<u8>()];
    let stream =
        prop_oneof![6 => (0_u32..8).prop_map(|n| 2 * n + 1), 2 => 0_u32..6, 1 => any::<u32>()];
    let length = prop_oneof![12 => Just(None), 1 => any::<u32>().prop_map(Some)];
    let frame = (kind, flags, stream, payload, length).prop_map(
        |(kind, flags, stream, payload, length)| Frame {
            kind,
            flags,
            stream,
            payload,
            length,
        },
    );
    vec(frame, 0..24)
}

/// Whether what was read is a row of frames.
fn is_framed(mut read: &[u8]) -> bool {
    while !read.is_empty() {
        let [high, middle, low, ..] = *read else {
            return false;
        };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match read.get(9 + length..) {
            Some(rest) => read = rest,
            None => return false,
        }
    }
    true
}

/// Sends a preface and what comes behind it, and sees whether frames come back.
async fn attempt(
    host: &TestHost,
    pieces: impl IntoIterator<Item = Vec<u8>>,
) -> Result<(), TestCaseError> {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0].to_vec();
    let begin = [PREFACE.to_vec(), settings];
    let pieces: Vec<_> = begin.into_iter().chain(pieces).collect();
    let read = exchange(host.gateway().base(), &pieces).await;
    let read = read.unwrap_or_default();
    prop_assert!(is_framed(&read), "{read:?}");
    is_well(host).await
}

#[test]
fn whatever_frames_come_are_answered_by_frames_or_closed() {
    let (runtime, host) = open();
    for seed in seeds("http2") {
        let seed = attempt(&host, [seed]);
        runtime.block_on(seed).expect("a seed");
    }
    let made = frames().prop_map(|frames| frames.iter().map(Frame::bytes).collect::<Vec<_>>());
    let seed = damaged("http2").prop_map(|seed| vec![seed]);
    fuzz("http2", &prop_oneof![3 => made, 1 => seed], |pieces| {
        runtime.block_on(attempt(&host, pieces))
    });
    runtime.block_on(async { drop(host) });
}
