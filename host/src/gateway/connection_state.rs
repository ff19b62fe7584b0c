//! The state of an open connection: which protocol it speaks, whether it is idle, whether its client reads.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Version, header};
use tokio_util::sync::CancellationToken;

/// What an HTTP/2 client says first. No request of HTTP/1.1 is shorter.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Set in the count of requests when the connection is let go: none begins any more.
const RELEASED: u32 = 1 << 31;

/// The state of an open connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    began: Instant,
    /// Cancelled when the port closes.
    closing: CancellationToken,
    /// Whether a request's body was left unread.
    unread: AtomicBool,
    /// How many requests there have been.
    requests: AtomicU32,
    /// Whether no more are to be served.
    last: AtomicBool,
    /// How many bytes have come.
    received: AtomicU64,
    /// How many of the first of them are those of HTTP/2.
    preface: AtomicU32,
    /// Requests that are being answered.
    busy: AtomicU32,
    /// When the last of them ended.
    idle_since: AtomicU64,
    /// Since when the client takes nothing of what is written to it; 0 while it does.
    stalled_since: AtomicU64,
}

/// A request is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct RequestGuard(Arc<ConnectionState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Relaxed);
        self.0.busy.fetch_sub(1, AcqRel);
    }
}

impl ConnectionState {
    /// Of a connection that begins. `closing` is cancelled when its port closes.
    pub(crate) fn new(closing: CancellationToken) -> Self {
        Self {
            began: Instant::now(),
            closing,
            unread: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            last: AtomicBool::new(false),
            received: AtomicU64::new(0),
            preface: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
        }
    }

    /// Cancelled when the port closes.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// A request is answered before its body was read, so its connection is not used again, and the answer says so. When it is closed, the client may
    /// still be sending: closing at once would answer that with a reset, which can take the answer away from a client that has not read it yet.
    pub(crate) fn leave_unread(&self, version: Version, answer: &mut HeaderMap) {
        self.unread.store(true, Relaxed);
        if version <= Version::HTTP_11 {
            answer.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// The client may still be sending when the connection is closed.
    pub(super) fn linger(&self) {
        self.unread.store(true, Relaxed);
    }

    /// Whether something was left unread.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// A request has come.
    pub(crate) fn note_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// A request is answered by somebody who lets a connection serve so many: with the last of them it is closed.
    pub(super) fn serve_at_most(&self, most: NonZeroU32) {
        if self.requests.load(Relaxed) >= most.get() {
            self.last.store(true, Relaxed);
        }
    }

    /// Lets the connection end with this answer, when it has served what it may.
    pub(super) fn end_after(&self, version: Version, answer: &mut HeaderMap) {
        if !self.last.load(Relaxed) {
            return;
        }
        match version <= Version::HTTP_11 {
            true => {
                answer.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            // Whatever else is asked for by it is still answered.
            false => self.closing.cancel(),
        }
    }

    /// Whether a request has come.
    pub(super) fn has_requested(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// Bytes have come.
    pub(super) fn note_received(&self, bytes: &[u8]) {
        let before = self.received.fetch_add(bytes.len() as u64, Relaxed);
        if before >= PREFACE.len() as u64 {
            return;
        }
        // Only the connection's own task reads from it, so nobody counts at the same time.
        let matched = self.preface.load(Relaxed);
        let expected = PREFACE.get(matched as usize..).unwrap_or_default();
        let expected = expected.get(..bytes.len()).unwrap_or(expected);
        if u64::from(matched) == before && bytes.starts_with(expected) {
            let matched = matched.saturating_add(expected.len() as u32);
            self.preface.store(matched, Relaxed);
        }
    }

    /// Whether so little has come that it is not known yet which HTTP is spoken.
    pub(super) fn is_protocol_unknown(&self) -> bool {
        self.received.load(Relaxed) < PREFACE.len() as u64
    }

    /// Whether HTTP/2 is spoken.
    pub(super) fn is_http2(&self) -> bool {
        self.preface.load(Relaxed) as usize == PREFACE.len()
    }

    /// A request begins; none when the connection is let go.
    pub(super) fn begin_request(self: &Arc<Self>) -> Option<RequestGuard> {
        let more = |busy: u32| (busy & RELEASED == 0).then(|| busy + 1);
        let begun = self.busy.fetch_update(AcqRel, Acquire, more);
        begun.is_ok().then(|| RequestGuard(Arc::clone(self)))
    }

    /// How long nothing has been asked here, and nothing is being answered. What a client sends besides, such as pings, does not count.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let is_idle = self.busy.load(Acquire) == 0 && self.stalled_for().is_none();
        is_idle.then(|| self.since(self.idle_since.load(Relaxed)))
    }

    /// Lets go of a connection that is idle: whatever is asked here from now on has not begun.
    pub(super) fn close_if_idle(&self) -> bool {
        let exchanged = self.busy.compare_exchange(0, RELEASED, AcqRel, Acquire);
        exchanged.is_ok()
    }

    /// The client takes nothing for the moment.
    pub(super) fn note_stalled(&self) {
        if self.stalled_since.load(Relaxed) == 0 {
            self.stalled_since.store(self.now().max(1), Relaxed);
        }
    }

    /// The client takes what is written to it.
    pub(super) fn note_progress(&self) {
        if self.stalled_since.load(Relaxed) != 0 {
            self.stalled_since.store(0, Relaxed);
        }
    }

    /// How long the client has taken nothing of what there is for it.
    pub(super) fn stalled_for(&self) -> Option<Duration> {
        match self.stalled_since.load(Relaxed) {
            0 => None,
            since => Some(self.since(since)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, millis: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Arc<ConnectionState> {
        Arc::new(ConnectionState::new(CancellationToken::new()))
    }

    #[test]
    fn http2_is_recognised_in_whatever_pieces_it_comes() {
        for size in 1..PREFACE.len() {
            let state = state();
            for piece in PREFACE.chunks(size) {
                assert!(!state.is_http2());
                state.note_received(piece);
            }
            assert!(state.is_http2() && !state.is_protocol_unknown());
        }
        let whole = state();
        whole.note_received(&[PREFACE, b"more"].concat());
        assert!(whole.is_http2());
        for other in [
            &b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..],
            b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        ] {
            let state = state();
            for byte in other {
                state.note_received(&[*byte]);
            }
            assert!(!state.is_http2() && !state.is_protocol_unknown());
        }
    }

    #[test]
    fn who_is_let_go_begins_nothing_more() {
        let state = state();
        let (one, two) = (
            state.begin_request().unwrap(),
            state.begin_request().unwrap(),
        );
        assert!(state.idle_for().is_none() && !state.close_if_idle());
        drop(one);
        assert!(state.idle_for().is_none() && !state.close_if_idle());
        drop(two);
        assert!(state.idle_for().is_some());
        state.note_stalled();
        assert!(state.idle_for().is_none() && state.stalled_for().is_some());
        state.note_progress();
        assert!(state.close_if_idle() && !state.close_if_idle());
        assert!(state.begin_request().is_none());
    }
}
