use proptest::collection::vec;
use proptest::prelude::*;

use innkeeper_tests::TestHost;
use proptest::test_runner::TestCaseError;

use super::{damaged, exchange, fuzz, is_well, open, seeds};

/// Pieces that requests are made of, right ones and wrong ones.
const PIECES: [&str; 44] = [
    "GET /rooms/1 HTTP/1.1\r\n",
    "POST /rooms HTTP/1.1\r\n",
    "GET /rooms?page=0&size=5 HTTP/1.0\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "CONNECT inn:80 HTTP/1.1\r\n",
    "GET http://inn/rooms/1 HTTP/1.1\r\n",
    "GET  /rooms/1  HTTP/1.1\r\n",
    "get /rooms/1 http/1.1\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /rooms/1 HTTP/9.9\r\n",
    "GET /rooms/%00 HTTP/1.1\r\n",
    "host: inn\r\n",
    "Host: inn\r\n",
    "host: \r\n",
    "host: a\r\nhost: b\r\n",
    "content-length: 0\r\n",
    "content-length: 15\r\n",
    "content-length: 14\r\ncontent-length: 15\r\n",
    "content-length: -1\r\n",
    "content-length: +15\r\n",
    "content-length: 99999999999999999999\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "transfer-encoding: chunked, chunked\r\n",
    "transfer-encoding: gzip, chunked\r\n",
    "transfer-encoding:\x0bchunked\r\n",
    "content-type: application/json\r\n",
    "expect: 100-continue\r\n",
    "expect: 200-maybe\r\n",
    "connection: close\r\n",
    "connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAAA\r\n",
    " folded: line\r\n",
    "no colon\r\n",
    "x: \u{fffd}\u{0}\r\n",
    "idempotency-key: a\r\n",
    "\r\n",
    "\n",
    "\r",
    "f\r\n{\"desc\": \"x\"}  \r\n",
    "0\r\n\r\n",
    "ffffffffffffffffff\r\n",
    "5;ext=\"\r\n\"\r\nabcde\r\n",
    "{\"desc\": \"x\"}  ",
    "0\r\ntrailer: x\r\n\r\n",
];

#[derive(Clone, Debug)]
enum Piece {
    Known(usize),
    Random(Vec<u8>),
    Long(u8, u16),
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(index) => PIECES[*index].as_bytes().to_vec(),
            Self::Random(bytes) => bytes.clone(),
            Self::Long(byte, times) => vec![*byte; usize::from(*times)],
        }
    }
}

fn requests() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        20 => (0..PIECES.len()).prop_map(Piece::Known),
        2 => vec(any::<u8>(), 0..20).prop_map(Piece::Random),
        1 => (any::<u8>(), any::<u16>()).prop_map(|(byte, times)| Piece::Long(byte, times)),
    ];
    // Most begin as requests do, so that some get far.
    let begun = vec(piece.clone(), 1..12).prop_map(|mut pieces| {
        pieces.insert(0, Piece::Known(1));
        pieces.insert(1, Piece::Known(11));
        pieces
    });
    let seed = damaged("http1").prop_map(|seed| vec![Piece::Random(seed)]);
    prop_oneof![2 => begun, 1 => vec(piece, 1..16), 1 => seed]
}

/// The statuses of what was answered.
///
/// # Errors
///
/// What is no answer.
fn statuses(mut read: &[u8]) -> Result<Vec<u16>, String> {
    let mut statuses = Vec::new();
    while !read.is_empty() {
        // A client that speaks of HTTP/2 is answered in its frames.
        if !read.starts_with(b"HTTP/1.") {
            return match statuses.is_empty() && read.len() > 3 && read[3] == 4 {
                true => Ok(statuses),
                false => Err(format!("no answer: {:?}", String::from_utf8_lossy(read))),
            };
        }
        let end = read.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or("a head without an end")?;
        let head = std::str::from_utf8(&read[..end]).map_err(|error| error.to_string())?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("no status: {head}"))?;
        statuses.push(status);
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or(0);
        read = read
            .get(end + 4 + length..)
            .ok_or("a body that is cut off")?;
    }
    Ok(statuses)
}

/// Sends it, and sees whether what comes is by the rules.
async fn attempt(host: &TestHost, pieces: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let read = exchange(host.gateway().base(), pieces).await;
    let read = read.unwrap_or_default();
    let statuses = statuses(&read).map_err(TestCaseError::fail)?;
    let is_fault = |status: &&u16| matches!(**status, 500 | 502 | 504..);
    prop_assert_eq!(
        statuses
            .iter()
            .find(|status| is_fault(status) && **status != 505),
        None
    );
    is_well(host).await
}

#[test]
fn whatever_comes_is_answered_by_the_rules_or_closed() {
    let (runtime, host) = open();
    for seed in seeds("http1") {
        let bytes: Vec<_> = seed.iter().map(|byte| vec![*byte]).collect();
        for pieces in [vec![seed], bytes] {
            runtime.block_on(attempt(&host, &pieces)).expect("a seed");
        }
    }
    fuzz("http1", &requests(), |pieces| {
        let pieces: Vec<_> = pieces.iter().map(Piece::bytes).collect();
        runtime.block_on(attempt(&host, &pieces))
    });
    runtime.block_on(async { drop(host) });
}
