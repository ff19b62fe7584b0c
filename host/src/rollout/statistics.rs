//! How likely it is that a difference between two versions is one of chance.

/// Where the rate of failures of the version before may lie is looked at in so many places.
const PLACES: u32 = 400;
/// How far from its mean, in standard deviations.
const SPREAD: f64 = 16.0;
/// What adds less than this part to a sum does not count.
const NEGLIGIBLE: f64 = 1e-15;

/// So many of so many failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub errors: u64,
    pub count: u64,
}

/// How likely a version that fails no more often than another one, and `margin` more, fails at least as often as the new one did: its p-value.
///
/// How often the other one fails is known only as well as it was seen: every rate counts by how well it explains what was seen (its posterior, with
/// every rate as likely as any other before). So little that was seen of either makes everything likely.
pub(super) fn chance(new: Failed, old: Failed, margin: f64) -> f64 {
    if new.errors == 0 {
        return 1.0;
    }
    let (errors, successes) = (
        old.errors as f64,
        old.count.saturating_sub(old.errors) as f64,
    );
    let mean = (errors + 1.0) / (errors + successes + 2.0);
    let deviation = (mean * (1.0 - mean) / (errors + successes + 3.0)).sqrt();
    let low = (mean - SPREAD * deviation).max(0.0);
    let high = (mean + SPREAD * deviation).min(1.0);
    let width = (high - low) / f64::from(PLACES);
    let likelihood = |rate: f64| errors * rate.ln() + successes * (-rate).ln_1p();
    let top = (errors / (errors + successes).max(1.0)).clamp(low + width / 2.0, high - width / 2.0);
    let (mut weights, mut sum) = (0.0, 0.0);
    for place in 0..PLACES {
        let rate = low + width * (f64::from(place) + 0.5);
        // Compared with the likeliest rate, so that no number is too small to be told from 0.
        let weight = (likelihood(rate) - likelihood(top)).exp();
        weights += weight;
        sum += weight * at_least(new.errors, new.count, rate + margin);
    }
    sum / weights
}

/// How likely it is that at least `errors` of `count` fail which fail at this rate, each for itself.
pub(super) fn at_least(errors: u64, count: u64, rate: f64) -> f64 {
    if errors == 0 || rate >= 1.0 {
        return 1.0;
    }
    if rate <= 0.0 || errors > count {
        return 0.0;
    }
    // From where the terms fall on.
    match errors as f64 > count as f64 * rate {
        true => upwards(errors, count, rate),
        false => 1.0 - downwards(errors - 1, count, rate),
    }
}

fn upwards(errors: u64, count: u64, rate: f64) -> f64 {
    let odds = rate / (1.0 - rate);
    let mut term = exactly(errors, count, rate);
    let mut sum = term;
    for number in errors..count {
        term *= (count - number) as f64 / (number + 1) as f64 * odds;
        sum += term;
        if term < sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

fn downwards(errors: u64, count: u64, rate: f64) -> f64 {
    let odds = (1.0 - rate) / rate;
    let mut term = exactly(errors, count, rate);
    let mut sum = term;
    for number in (1..=errors).rev() {
        term *= number as f64 / (count - number + 1) as f64 * odds;
        sum += term;
        if term < sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

fn exactly(errors: u64, count: u64, rate: f64) -> f64 {
    let ways = ln_factorial(count) - ln_factorial(errors) - ln_factorial(count - errors);
    let logarithm = ways + errors as f64 * rate.ln() + (count - errors) as f64 * (-rate).ln_1p();
    logarithm.exp()
}

/// The logarithm of `number!`: Stirling's series, from where it is exact to the last digits.
fn ln_factorial(number: u64) -> f64 {
    if number < 16 {
        return (2..=number).map(|factor| (factor as f64).ln()).sum();
    }
    let n = number as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(errors: u64, count: u64) -> Failed {
        Failed { errors, count }
    }

    fn is_near(found: f64, expected: f64) {
        let difference = (found - expected).abs();
        assert!(
            difference < expected * 0.01 + 1e-9,
            "{found} instead of {expected}"
        );
    }

    #[test]
    fn tails_of_the_binomial_distribution_are_as_in_the_tables() {
        is_near(at_least(1, 5, 0.01), 0.0490);
        is_near(at_least(3, 20, 0.01), 0.001_004);
        is_near(at_least(5, 10, 0.5), 0.623_05);
        is_near(at_least(60, 100, 0.5), 0.028_44);
        // By the normal distribution, three standard deviations away.
        is_near(at_least(500_000 + 1_500, 1_000_000, 0.5), 0.001_354);
        assert_eq!(at_least(3, 2, 0.5), 0.0);
    }

    #[test]
    fn what_was_seen_of_the_old_version_bounds_how_sure_one_can_be() {
        // Nothing was seen of it: any rate may be its own. Closed forms of the beta function.
        is_near(chance(failed(20, 20), failed(0, 0), 0.0), 1.0 / 21.0);
        is_near(
            chance(failed(20, 20), failed(0, 1), 0.0),
            2.0 / (21.0 * 22.0),
        );
        is_near(
            chance(failed(1, 1_000), failed(0, 1_000), 0.0),
            1_000.0 / 2_001.0,
        );
        // It fails as often.
        assert!(chance(failed(100, 1_000), failed(100, 1_000), 0.0) > 0.4);
        assert!(chance(failed(50, 50), failed(50, 50), 0.0) > 0.4);
        // It does not.
        assert!(chance(failed(20, 100), failed(0, 1_000), 0.01) < 1e-9);
        assert!(chance(failed(3, 3), failed(0, 100_000), 0.01) < 1e-5);
        // A point more is allowed.
        assert!(chance(failed(15, 1_000), failed(0, 10_000), 0.01) > 0.05);
        assert!(chance(failed(15_000, 1_000_000), failed(0, 1_000_000), 0.01) < 1e-9);
        assert_eq!(chance(failed(0, 5), failed(0, 0), 0.01), 1.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn more_failures_are_less_likely_chance(
            count in 1..2_000_u64,
            errors in 0..2_000_u64,
            old_count in 0..2_000_u64,
            old_errors in 0..2_000_u64,
            margin in 0.0..0.1_f64,
        ) {
            let errors = errors % count;
            let old = failed(old_errors.min(old_count), old_count);
            let fewer = chance(failed(errors, count), old, margin);
            let more = chance(failed(errors + 1, count), old, margin);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&fewer), "{fewer}");
            prop_assert!(more <= fewer + 1e-9, "{more} {fewer}");
            prop_assert!(chance(failed(errors, count), old, margin + 0.05) >= fewer - 1e-9);
        }
    }
}
