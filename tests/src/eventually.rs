//! Waiting for what must come to be, instead of for a time.

use std::time::{Duration, Instant};

/// How long a test waits for what should take moments.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Asks until the answer is `Ok`, and gives that; panics with the last `Err` when it never is.
pub async fn eventually<T, E: std::fmt::Display>(
    what: &str,
    ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    match within(PATIENCE, ask).await {
        Ok(answer) => answer,
        Err(last) => panic!("{what}: not within {PATIENCE:?}: {last}"),
    }
}

/// Asks until the answer is `Ok`, for so long; then gives the last `Err`.
pub async fn within<T, E>(
    time: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let end = Instant::now() + time;
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
