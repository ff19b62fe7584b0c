//! Metrics by OTLP: what `/metrics` shows to Prometheus, sent to a collector every now and then.
//!
//! The SDK's instruments would count everything a second time, and have no exemplars. So the messages are made of the one registry that there is, and sent here.

mod delta;
mod message;
mod settings;
mod transport;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};
use tokio_util::sync::CancellationToken;

pub use self::settings::SettingsError;
use self::settings::{Settings, Temporality};
use self::transport::{Transport, Unsent};
use super::SHUTDOWN;
use super::variables::Environment;
use crate::core::human_duration;
use crate::observe::metrics::{Metrics, Snapshot};

/// Sends metrics to a collector.
pub struct MetricsExporter {
    transport: Transport,
    resource: Resource,
    temporality: Temporality,
    /// What was counted when messages were made last, where only what has come since is sent.
    told: Option<Arc<Snapshot>>,
    /// What was made and may yet be sent, all of one time.
    queue: VecDeque<ExportMetricsServiceRequest>,
    interval: Duration,
    timeout: Duration,
    round_timeout: Duration,
}

impl MetricsExporter {
    /// As the variables say. Nothing is sent before it is run.
    ///
    /// # Errors
    ///
    /// When there is nowhere to send them to.
    pub(super) fn new(
        environment: &Environment<'_>,
        resource: Resource,
    ) -> Result<Self, SettingsError> {
        let settings = Settings::read(environment)?;
        Ok(Self {
            transport: Transport::new(&settings)?,
            resource,
            temporality: settings.temporality,
            told: None,
            queue: VecDeque::new(),
            interval: settings.interval,
            timeout: settings.timeout,
            round_timeout: settings.round_timeout,
        })
    }

    /// Sends what was measured, again and again, and a last time at the stop. Before each but the last, the levels are taken. A stop waits for nothing that is
    /// under way, and for the last time no longer than [`SHUTDOWN`].
    pub async fn run<Levels: Future<Output = ()>>(
        mut self,
        metrics: Metrics,
        take_levels: impl Fn() -> Levels,
        stop: CancellationToken,
    ) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_failing, mut is_losing) = (false, false);
        loop {
            let round = async {
                ticks.tick().await;
                take_levels().await;
                self.send(metrics, self.round_timeout).await
            };
            let sent = match stop.run_until_cancelled(round).await {
                None => break,
                Some(sent) => sent,
            };
            // It need not be said each time.
            match sent {
                Ok(()) => (is_failing, is_losing) = (false, false),
                Err(Unsent::Never(error)) if !std::mem::replace(&mut is_losing, true) => {
                    tracing::warn!(
                        error,
                        "metrics cannot be exported by OTLP; what the collector never takes is dropped"
                    );
                }
                Err(Unsent::Later(error) | Unsent::Unknown(error))
                    if !std::mem::replace(&mut is_failing, true) =>
                {
                    tracing::warn!(
                        error,
                        "metrics cannot be exported by OTLP; it is tried again"
                    );
                }
                Err(_) => {}
            }
        }
        if let Err(unsent) = self.send(metrics, SHUTDOWN).await {
            let error = unsent.reason();
            tracing::warn!(error, "the last metrics could not be exported");
        }
    }

    /// Sends what was measured. What is not taken does not keep the rest from being sent.
    async fn send(&mut self, metrics: Metrics, within: Duration) -> Result<(), Unsent> {
        let deadline = Instant::now() + within;
        if self.temporality == Temporality::Cumulative {
            // All of it is in what is made now, too.
            self.queue.clear();
        }
        let left = self.send_queue(deadline).await;
        // What is counted meanwhile is in the deltas that follow: there is never more to keep than those of one time.
        if !self.queue.is_empty() {
            return left;
        }
        let made = timeout_at(deadline, self.make(metrics)).await;
        let made = made.unwrap_or_else(|_| Err(no_answer(within)));
        let sent = match made {
            Ok(()) => self.send_queue(deadline).await,
            Err(reason) => Err(Unsent::Later(reason)),
        };
        graver(left, sent)
    }

    /// Makes messages of what was measured, or of what has come since they were made last, once all of those are off the queue. What is cut off has made
    /// nothing.
    async fn make(&mut self, metrics: Metrics) -> Result<(), String> {
        let (resource, temporality) = (self.resource.clone(), self.temporality);
        let told = self.told.clone();
        // Of very many contexts it is long.
        let making = tokio::task::spawn_blocking(move || {
            let now = metrics.snapshot();
            let messages = match &told {
                Some(told) => message::of(&delta::since(told, &now), temporality, &resource),
                None => message::of(&now, temporality, &resource),
            };
            let now = (temporality == Temporality::Delta).then(|| Arc::new(now));
            (messages, now)
        });
        let (messages, now) = making.await.map_err(|error| error.to_string())?;
        self.queue = messages.into();
        self.told = now;
        Ok(())
    }

    /// Sends each message of the queue once, as far as there is time. What may be taken later stays; what is cut off is under way, and does not.
    async fn send_queue(&mut self, deadline: Instant) -> Result<(), Unsent> {
        let mut all = Ok(());
        for untried in (1..=self.queue.len()).rev() {
            if Instant::now() >= deadline {
                let reason = format!("there was no time for {untried} messages");
                return graver(all, Err(Unsent::Later(reason)));
            }
            // Off before it is sent: what may have been taken is not sent again, or it would be counted twice.
            let Some(message) = self.queue.pop_front() else {
                break;
            };
            let until = deadline.min(Instant::now() + self.timeout);
            let sending = self.transport.send(message.clone());
            let sent = timeout_at(until, sending).await;
            let sent = sent.unwrap_or_else(|_| Err(Unsent::Unknown(no_answer(self.timeout))));
            if matches!(sent, Err(Unsent::Later(_))) {
                self.queue.push_back(message);
            }
            all = graver(all, sent);
        }
        all
    }
}

/// Of two the first that failed, unless something is lost by the second alone.
fn graver(first: Result<(), Unsent>, second: Result<(), Unsent>) -> Result<(), Unsent> {
    match (&first, &second) {
        (Ok(()), _) => second,
        (Err(Unsent::Later(_) | Unsent::Unknown(_)), Err(Unsent::Never(_))) => second,
        _ => first,
    }
}

fn no_answer(within: Duration) -> String {
    format!("no answer within {}", human_duration(within))
}

#[cfg(test)]
mod tests;
