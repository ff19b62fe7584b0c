//! Metrics by OTLP: what `/metrics` shows to Prometheus, sent to a collector every now and then.
//!
//! The SDK's instruments would count everything a second time, and have no exemplars. So the messages are made of the one registry that there is, and sent here.

mod delta;
mod message;
mod settings;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_sdk::Resource;
use prost::Message;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

pub use self::settings::SettingsError;
use self::settings::{Settings, Temporality};
use super::SHUTDOWN;
use super::address::with_causes;
use super::endpoint::EndpointError;
use super::variables::{Environment, Protocol, Signal};
use crate::core::human_duration;
use crate::observe::metrics::{Metrics, Snapshot};

/// Sends metrics to a collector.
pub struct MetricsExporter {
    transport: Transport,
    resource: Resource,
    temporality: Temporality,
    /// What was counted when messages were made last, where only what has come since is sent.
    told: Option<Arc<Snapshot>>,
    /// What a collector has refused, oldest first, where it is in no later message.
    refused: VecDeque<ExportMetricsServiceRequest>,
    interval: Duration,
    timeout: Duration,
    round_timeout: Duration,
}

enum Transport {
    Http {
        client: reqwest::Client,
        endpoint: String,
        headers: http::HeaderMap,
        compressed: bool,
    },
    Grpc {
        client: MetricsServiceClient<Channel>,
        metadata: MetadataMap,
    },
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
        let transport = match settings.protocol {
            Protocol::Http => Transport::Http {
                client: settings.certificates.http(settings.timeout / 2)?,
                endpoint: settings.endpoint,
                headers: settings.headers,
                compressed: settings.compressed,
            },
            Protocol::Grpc => {
                let unusable = |error: tonic::transport::Error| {
                    EndpointError::new(Signal::Metrics, &settings.endpoint, with_causes(&error))
                };
                let mut endpoint =
                    Endpoint::from_shared(settings.endpoint.clone()).map_err(unusable)?;
                if settings.endpoint.starts_with("https:") {
                    let tls = settings.certificates.grpc()?;
                    endpoint = endpoint.tls_config(tls).map_err(unusable)?;
                }
                // Less than a request has: who is not reached has taken nothing.
                let endpoint = endpoint.connect_timeout(settings.timeout / 2);
                let channel = endpoint.connect_lazy();
                let client = MetricsServiceClient::new(channel);
                Transport::Grpc {
                    client: match settings.compressed {
                        true => client.send_compressed(CompressionEncoding::Gzip),
                        false => client,
                    },
                    metadata: MetadataMap::from_headers(settings.headers),
                }
            }
        };
        Ok(Self {
            transport,
            resource,
            temporality: settings.temporality,
            told: None,
            refused: VecDeque::new(),
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
        let mut is_failing = false;
        loop {
            let round = async {
                ticks.tick().await;
                take_levels().await;
                self.send(metrics, self.round_timeout).await
            };
            match stop.run_until_cancelled(round).await {
                None => break,
                Some(Ok(())) => is_failing = false,
                // What is counted up to then is in the next one, too: it need not be said each time.
                Some(Err(error)) if !std::mem::replace(&mut is_failing, true) => {
                    tracing::warn!(
                        error,
                        "metrics cannot be exported by OTLP; it is tried again"
                    );
                }
                Some(Err(_)) => {}
            }
        }
        if let Err(error) = self.send(metrics, SHUTDOWN).await {
            tracing::warn!(error, "the last metrics could not be exported");
        }
    }

    /// Sends what was measured. What is refused does not keep the rest from being sent.
    async fn send(&mut self, metrics: Metrics, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        let refused = std::mem::take(&mut self.refused);
        let all = self.send_each(refused, deadline).await;
        // What is counted meanwhile is in the deltas that follow: there is never more to keep than those of one time.
        if !self.refused.is_empty() {
            return all;
        }
        let made = timeout_at(deadline, self.make(metrics)).await;
        let messages = made.map_err(|_| no_answer(within))??;
        all.and(self.send_each(messages, deadline).await)
    }

    /// Makes messages of what was measured, or of what has come since they were made last.
    async fn make(
        &mut self,
        metrics: Metrics,
    ) -> Result<VecDeque<ExportMetricsServiceRequest>, String> {
        let (resource, temporality) = (self.resource.clone(), self.temporality);
        let told = self.told.take();
        // Of very many contexts it is long.
        let making = tokio::task::spawn_blocking(move || {
            let now = metrics.snapshot();
            let messages = match &told {
                Some(told) => message::of(&delta::since(told, &now), temporality, &resource),
                None => message::of(&now, temporality, &resource),
            };
            let now = (temporality == Temporality::Delta).then(|| Arc::new(now));
            (messages.into(), now)
        });
        let (messages, now) = making.await.map_err(|error| error.to_string())?;
        self.told = now;
        Ok(messages)
    }

    async fn send_each(
        &mut self,
        messages: VecDeque<ExportMetricsServiceRequest>,
        deadline: Instant,
    ) -> Result<(), String> {
        let mut all = Ok(());
        for message in messages {
            let until = deadline.min(Instant::now() + self.timeout);
            let sending = self.transport.send(message.clone());
            let sent = timeout_at(until, sending).await;
            let unsent = sent.unwrap_or_else(|_| Err(Unsent::Unknown(no_answer(self.timeout))));
            if let Err(unsent) = unsent {
                // What may have been taken is not sent again: it would be counted twice.
                if matches!(unsent, Unsent::Refused(_)) && self.temporality == Temporality::Delta {
                    self.refused.push_back(message);
                }
                all = all.and(Err(unsent.reason()));
            }
        }
        all
    }
}

/// A message was not sent, or not to its end.
enum Unsent {
    /// Whoever it was for has not taken it.
    Refused(String),
    /// Nobody knows whether it was taken.
    Unknown(String),
}

impl Unsent {
    fn reason(self) -> String {
        match self {
            Self::Refused(reason) | Self::Unknown(reason) => reason,
        }
    }
}

fn no_answer(within: Duration) -> String {
    format!("no answer within {}", human_duration(within))
}

impl Transport {
    async fn send(&mut self, message: ExportMetricsServiceRequest) -> Result<(), Unsent> {
        match self {
            Self::Http {
                client,
                endpoint,
                headers,
                compressed,
            } => {
                let request = client
                    .post(endpoint.as_str())
                    .headers(headers.clone())
                    .header(http::header::CONTENT_TYPE, "application/x-protobuf");
                let body = message.encode_to_vec();
                let request = match compressed {
                    true => {
                        let compressing = tokio::task::spawn_blocking(move || compress(&body));
                        let compressed = compressing.await.map_err(io::Error::other);
                        let compressed = compressed.flatten();
                        let compressed =
                            compressed.map_err(|error| Unsent::Refused(error.to_string()))?;
                        let request = request.header(http::header::CONTENT_ENCODING, "gzip");
                        request.body(compressed)
                    }
                    false => request.body(body),
                };
                let answered = request.send().await;
                // Without the address, which may hold a secret.
                let answered = answered.map_err(|error| match error.is_connect() {
                    true => Unsent::Refused(with_causes(&error.without_url())),
                    false => Unsent::Unknown(with_causes(&error.without_url())),
                })?;
                let said = |status| format!("the collector answered {status}");
                match answered.status() {
                    status if status.is_success() => Ok(()),
                    // What stands between may say so of what was taken.
                    status @ (StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
                        Err(Unsent::Unknown(said(status)))
                    }
                    status => Err(Unsent::Refused(said(status))),
                }
            }
            Self::Grpc { client, metadata } => {
                let mut request = tonic::Request::new(message);
                *request.metadata_mut() = metadata.clone();
                let answered = client.export(request).await;
                answered.map(drop).map_err(|status| match status.code() {
                    Code::Cancelled | Code::DeadlineExceeded | Code::Unknown => {
                        Unsent::Unknown(with_causes(&status))
                    }
                    _ => Unsent::Refused(with_causes(&status)),
                })
            }
        }
    }
}

fn compress(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::*;

    fn exporter(endpoint: &str) -> MetricsExporter {
        let variables = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" => Some(endpoint.to_owned()),
            "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("3600000".to_owned()),
            "OTEL_METRIC_EXPORT_TIMEOUT" => Some("3600000".to_owned()),
            _ => None,
        };
        let resource = Resource::builder_empty().build();
        MetricsExporter::new(&Environment::new(&variables), resource).unwrap()
    }

    /// How long it takes to stop once `is_under_way`.
    async fn stopped<Levels: Future<Output = ()> + Send + 'static>(
        endpoint: &str,
        take_levels: impl Fn() -> Levels + Send + 'static + Sync,
        is_under_way: impl Future<Output = ()>,
    ) -> Duration {
        let (metrics, stop) = (Metrics::install().unwrap(), CancellationToken::new());
        let running = exporter(endpoint).run(metrics, take_levels, stop.clone());
        let running = tokio::spawn(running);
        is_under_way.await;
        let began = Instant::now();
        stop.cancel();
        running.await.unwrap();
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_no_collector() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        // It takes what is sent, and never answers.
        let mut held = None;
        let accepted = async { held = Some(silent.accept().await.unwrap()) };
        let took = stopped(&endpoint, || ready(()), accepted).await;
        assert!(took <= SHUTDOWN + Duration::from_millis(100), "{took:?}");
        drop(held);
        let looking = std::sync::Arc::new(Notify::new());
        let looks = looking.clone();
        let levels = move || {
            looks.notify_one();
            pending()
        };
        let took = stopped(&endpoint, levels, looking.notified()).await;
        assert!(took <= SHUTDOWN + Duration::from_millis(100), "{took:?}");
    }
}
