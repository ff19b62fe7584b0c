//! Keys that an issuer offers at a URL: fetched beside requests, in intervals, and when a token names one that is not known.

use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::endpoint::Endpoint;
use super::keys::KeySet;
use crate::core::Backoff;
use crate::manifest::SignatureAlgorithm;

/// How long it is at least between two fetches that tokens ask for: whoever makes up names of keys does not have the issuer asked more often.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a request waits for keys that are being fetched.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause after a first failure; it doubles up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Keys at a URL.
pub(super) struct RemoteKeys {
    endpoint: Endpoint,
    refresh: Duration,
    state: Mutex<State>,
    wanted: Notify,
    /// Told when a fetch has ended, however it has.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Whether they are being fetched, or are about to be.
    under_way: bool,
    /// When a token last had them fetched.
    asked: Option<Instant>,
}

impl RemoteKeys {
    pub(super) fn new(endpoint: Endpoint, refresh: Duration) -> Self {
        Self {
            endpoint,
            refresh,
            state: Mutex::new(State {
                under_way: true,
                asked: None,
            }),
            wanted: Notify::new(),
            ended: watch::Sender::new(()),
        }
    }

    /// For a token whose key is not known: has the keys fetched, if none has had that done lately, and waits for a moment, until the deadline at most.
    pub(super) async fn fetched(&self, deadline: Instant) {
        let mut ended = self.ended.subscribe();
        let now = Instant::now();
        if self.begin_if_allowed(now) {
            let _in_time = timeout_at(deadline.min(now + PATIENCE), ended.changed()).await;
        }
    }

    /// Whether they are being fetched, or will be now.
    fn begin_if_allowed(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        if state.under_way {
            return true;
        }
        if state.asked.is_some_and(|asked| now < asked + PAUSE) {
            return false;
        }
        state.asked = Some(now);
        state.under_way = true;
        self.wanted.notify_one();
        true
    }

    /// Fetches them until `stop`. What goes wrong is said once, and leaves those that there are.
    pub(super) async fn keep_fresh(
        &self,
        keys: &ArcSwap<KeySet>,
        algorithms: &[SignatureAlgorithm],
        stop: &CancellationToken,
    ) {
        let mut complaint = String::new();
        let mut failures = 0;
        loop {
            self.state.lock().under_way = true;
            let Some(fetched) = stop.run_until_cancelled(self.endpoint.fetch()).await else {
                return;
            };
            let fetched = fetched.map_err(|error| error.to_string());
            match fetched.and_then(|text| KeySet::parse(&text, algorithms)) {
                Ok(fetched) => {
                    failures = 0;
                    complaint.clear();
                    super::exchange(keys, fetched);
                }
                Err(error) => {
                    failures += 1;
                    if error != complaint {
                        let stay = match keys.load().is_empty() {
                            true => "no token is taken until they are there",
                            false => "those that were fetched last are used",
                        };
                        tracing::warn!(
                            "the keys of [gateway.auth] cannot be fetched; {stay}: {error}"
                        );
                        complaint = error;
                    }
                }
            }
            self.state.lock().under_way = false;
            self.ended.send_replace(());
            let pause = match failures {
                0 => self.refresh,
                failures => Backoff::doubled(FIRST_PAUSE, self.refresh, failures - 1),
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
                () = self.asked_for() => {}
            }
        }
    }

    /// Waits until a token has them fetched.
    async fn asked_for(&self) {
        // A permit may be left of a token whose fetch the interval was quicker to begin.
        while !self.state.lock().under_way {
            self.wanted.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::KeyUrl;

    fn remote_keys() -> RemoteKeys {
        let url = KeyUrl::parse("http://127.0.0.1:1/").unwrap();
        RemoteKeys::new(Endpoint::new(url, None).unwrap(), Duration::from_secs(300))
    }

    #[tokio::test]
    async fn what_is_left_of_a_token_that_came_too_late_begins_no_fetch() {
        let keys = remote_keys();
        keys.state.lock().under_way = false;
        assert!(keys.begin_if_allowed(Instant::now()));
        // The interval began that fetch, and it has ended.
        keys.state.lock().under_way = false;
        let mut asked_for = Box::pin(keys.asked_for());
        assert!(futures::poll!(&mut asked_for).is_pending());
        assert!(keys.begin_if_allowed(Instant::now() + PAUSE));
        asked_for.await;
    }

    #[tokio::test]
    async fn tokens_have_keys_fetched_at_most_so_often() {
        let keys = remote_keys();
        let now = Instant::now();
        // The first fetch has not ended: all wait for it.
        assert!(keys.begin_if_allowed(now) && keys.begin_if_allowed(now));
        assert_eq!(keys.state.lock().asked, None);
        let end = || keys.state.lock().under_way = false;
        end();
        assert!(keys.begin_if_allowed(now) && keys.begin_if_allowed(now));
        end();
        assert!(!keys.begin_if_allowed(now + PAUSE / 2));
        assert!(keys.begin_if_allowed(now + PAUSE));
    }
}
