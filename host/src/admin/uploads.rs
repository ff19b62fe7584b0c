//! How much may be uploaded at a time: so many uploads of one caller, and so many of all at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::caller::Caller;
use super::problem::Problem;
use super::state::State;
use crate::gateway::rate_limit::RateLimiter;
use crate::manifest::RateLimit;

/// Uploads at once.
const PLACES: usize = 8;
/// Uploads of one caller at once: whoever does not let go of theirs leaves places for others.
const SHARE: usize = 4;
/// How long one more waits for a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets uploads in, a few at a time.
pub(super) struct Uploads {
    limiter: RateLimiter<String>,
    places: Arc<Semaphore>,
    /// What each caller has of them; there are no more callers than tokens.
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
    patience: Duration,
}

/// A place for one upload, until it is dropped. A handler that takes one before the body is admitted before the body is read.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Uploads {
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limiter: RateLimiter::new(limit),
            places: Arc::new(Semaphore::new(PLACES)),
            shares: Mutex::default(),
            patience: PATIENCE,
        }
    }

    /// Waits for a place. No more wait than this port has connections.
    pub async fn admit(&self, caller: &Caller) -> Result<Place, Problem> {
        let admitted = self.limiter.admit(caller.name.clone(), Instant::now());
        admitted.map_err(|wait| {
            let name = &caller.name;
            Problem::of_kind(
                StatusCode::TOO_MANY_REQUESTS,
                "rate-limited",
                "Rate limited",
                format!("`{name}` uploads more often than `admin.upload_limit` allows"),
            )
            .retry_after(wait)
        })?;
        let taking = async {
            // One's own first: who waits for that keeps no place from others.
            let share = self.share_of(caller).acquire_owned().await.ok()?;
            let place = self.places.clone().acquire_owned().await.ok()?;
            Some(Place {
                _place: place,
                _share: share,
            })
        };
        match timeout(self.patience, taking).await {
            Ok(Some(place)) => Ok(place),
            // The semaphores are never closed.
            Ok(None) | Err(_) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{PLACES} uploads are already in progress, or {SHARE} of `{}`; try again when one has ended", caller.name),
            )
            .retry_after(self.patience)),
        }
    }

    fn share_of(&self, caller: &Caller) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        let share = shares.entry(caller.name.clone());
        share
            .or_insert_with(|| Arc::new(Semaphore::new(SHARE)))
            .clone()
    }
}

impl FromRequestParts<Arc<State>> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        state.uploads.admit(&caller).await
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use http::header;

    use super::*;
    use crate::manifest::Role;

    fn uploads(burst: u32, patience: Duration) -> Uploads {
        let limit = RateLimit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(burst).unwrap(),
        };
        Uploads {
            patience,
            ..Uploads::new(limit)
        }
    }

    fn caller(name: &str) -> Caller {
        Caller {
            name: name.to_owned(),
            role: Role::Deploy,
        }
    }

    #[tokio::test]
    async fn each_caller_has_a_bucket() {
        let uploads = uploads(2, PATIENCE);
        let (one, other) = (caller("ci"), caller("night-shift"));
        drop(uploads.admit(&one).await.unwrap());
        drop(uploads.admit(&one).await.unwrap());
        let refused = uploads.admit(&one).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.detail().contains("`ci`"), "{}", refused.detail());
        assert_eq!(refused.headers()[0].0, header::RETRY_AFTER);
        assert!(uploads.admit(&other).await.is_ok());
    }

    #[tokio::test]
    async fn one_too_many_waits_for_a_place_and_then_is_sent_away() {
        let uploads = uploads(100, Duration::from_millis(50));
        let caller = caller("ci");
        let mut places = Vec::new();
        for _ in 0..SHARE {
            places.push(uploads.admit(&caller).await.unwrap());
        }
        let refused = uploads.admit(&caller).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[0].0, header::RETRY_AFTER);
        let uploads = Uploads {
            patience: PATIENCE,
            ..uploads
        };
        let waiting = uploads.admit(&caller);
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            places.pop();
        };
        let (admitted, ()) = tokio::join!(waiting, leaving);
        assert!(admitted.is_ok());
    }

    #[tokio::test]
    async fn one_caller_leaves_places_for_others() {
        let uploads = uploads(100, Duration::from_millis(50));
        let (one, other) = (caller("ci"), caller("night-shift"));
        let mut places = Vec::new();
        while let Ok(place) = uploads.admit(&one).await {
            places.push(place);
        }
        assert_eq!(places.len(), SHARE);
        for _ in 0..SHARE {
            places.push(uploads.admit(&other).await.unwrap());
        }
        assert_eq!(places.len(), PLACES);
        let third = uploads.admit(&caller("third")).await.unwrap_err();
        assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
