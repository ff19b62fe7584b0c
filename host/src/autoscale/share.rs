//! How the slots of a host are shared by contexts that want more than there are.
//!
//! Each has its minimum. What is over the minima is given max-min fairly by need: nobody has more than it wants, and nobody could have more without taking it from
//! somebody who has no more than it.

/// What a context may have at least, and wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// What is kept for it.
    pub min: u32,
    /// What it wants, its minimum included.
    pub wanted: u32,
}

/// What each of them has. Together they have no more than `capacity`, unless their minima are more.
pub(super) fn share(capacity: u32, claims: &[Claim]) -> Vec<u32> {
    let least = |claim: &Claim| claim.min.min(claim.wanted);
    let mut shares: Vec<u32> = claims.iter().map(least).collect();
    // The minimum of one that wants less is kept for it all the same.
    let kept: u64 = claims.iter().map(|claim| u64::from(claim.min)).sum();
    let mut left = u64::from(capacity).saturating_sub(kept);
    // Those who want least over their minimum first: whoever comes behind has at least as much as they have.
    let over = |claim: &Claim| claim.wanted.saturating_sub(claim.min);
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by_key(|at| claims.get(*at).map_or(0, over));
    let mut waiting = order.len() as u64;
    for at in order {
        let (Some(claim), Some(share)) = (claims.get(at), shares.get_mut(at)) else {
            continue;
        };
        // Rounded up, so that the rest of a division goes to somebody: the first of those who want most.
        let fair = match waiting {
            0 => 0,
            waiting if over(claim) > 0 => left.div_ceil(waiting),
            _ => 0,
        };
        let more = fair.min(u64::from(over(claim)));
        *share = share.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        left = left.saturating_sub(more);
        waiting -= 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims(claims: &[(u32, u32)]) -> Vec<Claim> {
        let claim = |(min, wanted): &(u32, u32)| Claim {
            min: *min,
            wanted: *wanted,
        };
        claims.iter().map(claim).collect()
    }

    #[test]
    fn who_wants_little_has_it_and_the_others_share_the_rest() {
        let share = |capacity, wanted: &[(u32, u32)]| share(capacity, &claims(wanted));
        assert_eq!(share(20, &[(1, 10), (1, 3), (0, 5)]), [10, 3, 5]);
        assert_eq!(share(10, &[(1, 100), (1, 3), (0, 2)]), [5, 3, 2]);
        assert_eq!(share(9, &[(0, 100), (0, 100), (0, 100)]), [3, 3, 3]);
        assert_eq!(share(10, &[(4, 100), (0, 100)]), [7, 3]);
        // What is kept for one that is idle is not given away.
        assert_eq!(share(10, &[(4, 0), (0, 100)]), [0, 6]);
        assert_eq!(share(0, &[(0, 1)]), [0]);
        assert!(share(5, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn it_is_bounded_fair_and_wastes_nothing(
            capacity in 0_u32..200,
            wanted in prop::collection::vec((0_u32..5, 0_u32..60), 0..12),
        ) {
            let claims = claims(&wanted);
            let shares = share(capacity, &claims);
            let kept: u32 = claims.iter().map(|claim| claim.min).sum();
            let spare: u32 = claims.iter().map(|claim| claim.min.saturating_sub(claim.wanted)).sum();
            let given: u32 = shares.iter().sum();
            prop_assert!(given + spare <= capacity.max(kept));
            for (claim, share) in claims.iter().zip(&shares) {
                prop_assert!(*share <= claim.wanted);
                prop_assert!(*share >= claim.min.min(claim.wanted));
            }
            // Whoever has less than it wants has, over its minimum, at least as much as anybody, but for the rest of a division.
            let over = |at: usize| shares[at].saturating_sub(claims[at].min);
            for at in 0..claims.len() {
                if shares[at] < claims[at].wanted {
                    for other in 0..claims.len() {
                        prop_assert!(over(at) + 1 >= over(other), "{claims:?} {shares:?}");
                    }
                    prop_assert!(given + spare >= capacity, "{claims:?} {shares:?}");
                }
            }
        }
    }
}
