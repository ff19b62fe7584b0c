//! How often one client may call: a token bucket for each.
//!
//! By hand, because the keyed limiters of the crate `governor` have no bound on their keys: every new address would take memory for good.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::manifest::RateLimit;

/// Shards, so that clients seldom wait for each other.
const SHARDS: usize = 16;
/// Clients that a shard remembers at most.
const MOST_CLIENTS: usize = 8192;

/// The buckets of all clients, by what tells them apart.
///
/// A bucket is kept as the one time at which it will be full again, so a client whose time has passed needs none.
pub(crate) struct RateLimiter<Client> {
    /// What one request takes out of the bucket, as the time to regain it.
    interval: Duration,
    /// What a full bucket holds, likewise.
    capacity: Duration,
    shards: [Mutex<HashMap<Client, Instant>>; SHARDS],
    hasher: RandomState,
}

impl<Client: Eq + Hash> RateLimiter<Client> {
    /// Full buckets for all.
    pub(crate) fn new(limit: RateLimit) -> Self {
        let interval = Duration::from_secs(1) / limit.requests_per_second.get();
        Self {
            interval,
            capacity: interval.saturating_mul(limit.burst.get()),
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }
    }

    /// Takes one request out of the client's bucket, or says when there will be one in it again.
    pub(crate) fn admit(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let index = self.hasher.hash_one(&client) as usize % SHARDS;
        let Some(shard) = self.shards.get(index) else {
            return Ok(());
        };
        let mut clients = shard.lock();
        let full = clients
            .get(&client)
            .copied()
            .filter(|full| *full > now)
            .unwrap_or(now)
            + self.interval;
        let wait = full
            .saturating_duration_since(now)
            .saturating_sub(self.capacity);
        if !wait.is_zero() {
            return Err(wait);
        }
        if clients.len() >= MOST_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, full| *full > now);
            if clients.len() >= MOST_CLIENTS {
                // Forgetting everyone lets some send a second burst; remembering everyone would let anyone fill the memory.
                clients.clear();
            }
        }
        clients.insert(client, full);
        Ok(())
    }

    /// Puts back what a request took that does not count after all.
    pub(crate) fn give_back(&self, client: &Client, now: Instant) {
        let index = self.hasher.hash_one(client) as usize % SHARDS;
        let Some(shard) = self.shards.get(index) else {
            return;
        };
        let mut clients = shard.lock();
        let Some(full) = clients.get_mut(client) else {
            return;
        };
        match full.checked_sub(self.interval) {
            Some(before) if before > now => *full = before,
            _ => drop(clients.remove(client)),
        }
    }
}

/// The client that an address belongs to: of IPv6, everyone has a whole network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(requests_per_second: u32, burst: u32) -> RateLimiter<IpAddr> {
        RateLimiter::new(RateLimit {
            requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limiter = limiter(10, 3);
        let client = "10.0.0.1".parse().unwrap();
        let start = Instant::now();
        let admit = |millis| limiter.admit(client, start + Duration::from_millis(millis));
        assert_eq!([admit(0), admit(0), admit(0)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(admit(0), Err(Duration::from_millis(100)));
        assert_eq!(admit(40), Err(Duration::from_millis(60)));
        assert_eq!(admit(100), Ok(()));
        assert_eq!(admit(100), Err(Duration::from_millis(100)));
        assert_eq!(admit(10_000), Ok(()));
        assert_eq!(limiter.admit("10.0.0.2".parse().unwrap(), start), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let limiter = limiter(1, 2);
        let client = "10.0.0.1".parse().unwrap();
        let now = Instant::now();
        for _ in 0..100 {
            assert_eq!(limiter.admit(client, now), Ok(()));
            limiter.give_back(&client, now);
        }
        limiter.give_back(&client, now);
        let admitted = (0..10).filter(|_| limiter.admit(client, now).is_ok());
        assert_eq!(admitted.count(), 2);
        limiter.give_back(&client, now);
        let admitted = (0..10).filter(|_| limiter.admit(client, now).is_ok());
        assert_eq!(admitted.count(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let client = |address: &str| network(address.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
    }

    #[test]
    fn the_memory_is_bounded() {
        let limiter = limiter(1, 1);
        let now = Instant::now();
        for number in 0..400_000u32 {
            assert_eq!(limiter.admit(IpAddr::V4(number.into()), now), Ok(()));
        }
        assert!(
            limiter
                .shards
                .iter()
                .all(|shard| shard.lock().len() <= MOST_CLIENTS)
        );
    }
}
