//! Invocations that end although their client has gone.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// A future that runs to its end on its own when it is dropped before.
///
/// An invocation that has called other contexts must commit or be compensated, whoever still listens; and most requests never pay for a task.
pub(super) struct Uninterrupted<F: Future<Output: Send> + Send + 'static> {
    future: Option<Pin<Box<F>>>,
    tasks: TaskTracker,
}

impl<F: Future<Output: Send> + Send + 'static> Uninterrupted<F> {
    /// `tasks` waits for those that were left.
    pub(super) fn new(future: F, tasks: &TaskTracker) -> Self {
        Self {
            future: Some(Box::pin(future)),
            tasks: tasks.clone(),
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Uninterrupted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let output = future.as_mut().poll(context);
        if output.is_ready() {
            self.future = None;
        }
        output
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Uninterrupted<F> {
    fn drop(&mut self) {
        // Without a runtime the process ends, and what is left is found at the next start.
        if let (Some(future), Ok(runtime)) = (self.future.take(), Handle::try_current()) {
            self.tasks.spawn_on(future, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_goes_on() {
        let tasks = TaskTracker::new();
        let (open, gate) = oneshot::channel::<()>();
        let (done, end) = oneshot::channel();
        let mut future = Box::pin(Uninterrupted::new(
            async move {
                let _ = gate.await;
                let _ = done.send(());
            },
            &tasks,
        ));
        assert!(futures::poll!(&mut future).is_pending());
        drop(future);
        assert_eq!(tasks.len(), 1);
        open.send(()).unwrap();
        end.await.unwrap();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_has_ended_does_not_begin_again() {
        let tasks = TaskTracker::new();
        assert_eq!(Uninterrupted::new(async { 7 }, &tasks).await, 7);
        assert!(tasks.is_empty());
    }
}
