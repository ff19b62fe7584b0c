//! What random tests begin with.

/// The seed, when a run is to be repeated.
const SEED: &str = "INNKEEPER_TESTS_SEED";

/// The seed that is given, or another one each time; it is printed.
pub fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    eprintln!("{SEED}={seed}");
    seed
}
