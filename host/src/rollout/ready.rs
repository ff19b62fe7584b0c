//! Asking a version whether it can serve.

use std::sync::Arc;
use std::time::Duration;

use super::load::RolloutError;
use crate::app::{Context, Host};
use crate::invocation;

/// How often it is asked, and the pause in between.
const TIMES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until a context's version says that it is ready.
///
/// # Errors
///
/// [`RolloutError::NotReady`] when it does not say so within ten seconds.
pub async fn ready(host: &Arc<Host>, context: &Arc<Context>) -> Result<(), RolloutError> {
    let mut reason = String::new();
    for _ in 0..TIMES {
        match invocation::ready(host, context).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(said)) => reason = said,
            Err(failure) => reason = failure.to_string(),
        }
        tokio::select! {
            () = host.shutdown.cancelled() => return Err(RolloutError::Stopping),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    Err(RolloutError::NotReady {
        context: context.name.clone(),
        reason,
    })
}
