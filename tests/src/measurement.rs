//! Measurements on a machine that does other work, too.

/// How often it is measured.
const ATTEMPTS: usize = 3;

/// Measures until what was measured is as it is to be. Other work makes a measurement worse and never better, so that it
/// is enough if it holds once; what does not hold is seen every time.
///
/// # Panics
///
/// When it did not hold once; with what was measured.
pub async fn holds_once(what: &str, mut measure: impl AsyncFnMut() -> Result<(), String>) {
    let mut found = Vec::new();
    while found.len() < ATTEMPTS {
        match measure().await {
            Ok(()) => return,
            Err(reason) => {
                eprintln!("{what}: {reason}");
                found.push(reason);
            }
        }
    }
    panic!("{what}: not once of {ATTEMPTS}: {found:#?}");
}
