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
    /// What has yet to be sent.
    unsent: VecDeque<ExportMetricsServiceRequest>,
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
            unsent: VecDeque::new(),
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

    /// Sends what was measured. A message that is not taken does not keep the others from being sent.
    async fn send(&mut self, metrics: Metrics, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        if self.temporality == Temporality::Cumulative {
            // It is all in the next ones.
            self.unsent.clear();
        }
        let earlier = self.send_all(deadline).await;
        // What is counted meanwhile is in the deltas that follow: there is never more to keep than those of one time.
        if !self.unsent.is_empty() {
            return earlier;
        }
        let made = timeout_at(deadline, self.make(metrics)).await;
        made.map_err(|_| no_answer(within))??;
        earlier.and(self.send_all(deadline).await)
    }

    /// Makes messages of what was measured, or of what has come since they were made last. Where it is cut off, nothing has been made.
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
            (messages.into(), now)
        });
        (self.unsent, self.told) = making.await.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Sends each message once, as far as there is time. Of what is under way when this is cut off nobody knows whether it was taken: it is not sent again.
    async fn send_all(&mut self, deadline: Instant) -> Result<(), String> {
        let mut all = Ok(());
        for _ in 0..self.unsent.len() {
            if Instant::now() >= deadline {
                return all.and(Err("there was no time for all of them".to_owned()));
            }
            let Some(message) = self.unsent.pop_front() else {
                break;
            };
            let until = deadline.min(Instant::now() + self.timeout);
            let sending = self.transport.send(message.clone());
            let sent = timeout_at(until, sending).await;
            let failure = sent.unwrap_or_else(|_| Err(Unsent::Unknown(no_answer(self.timeout))));
            if let Err(failure) = failure {
                if matches!(failure, Unsent::Later(_)) {
                    self.unsent.push_back(message);
                }
                all = all.and(Err(failure.reason()));
            }
        }
        all
    }
}

/// A message was not sent, or not to its end.
#[derive(Debug, PartialEq, Eq)]
enum Unsent {
    /// It was not taken, and may be taken later.
    Later(String),
    /// It was not taken, and never will be.
    Never(String),
    /// Nobody knows whether it was taken: what is sent again may be counted twice.
    Unknown(String),
}

impl Unsent {
    fn of_http(status: StatusCode) -> Self {
        let said = format!("the collector answered {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Later(said),
            // What stands between may say so of what was taken.
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Unknown(said),
            _ => Self::Never(said),
        }
    }

    fn of_grpc(status: &tonic::Status) -> Self {
        let said = with_causes(status);
        match status.code() {
            Code::Unavailable | Code::ResourceExhausted => Self::Later(said),
            // Also of a stream that was cut off.
            Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::Internal => {
                Self::Unknown(said)
            }
            _ => Self::Never(said),
        }
    }

    fn reason(self) -> String {
        match self {
            Self::Later(reason) | Self::Unknown(reason) => reason,
            Self::Never(reason) => format!("{reason}; what it did not take is not sent again"),
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
                            compressed.map_err(|error| Unsent::Never(error.to_string()))?;
                        let request = request.header(http::header::CONTENT_ENCODING, "gzip");
                        request.body(compressed)
                    }
                    false => request.body(body),
                };
                let answered = request.send().await;
                // Without the address, which may hold a secret.
                let answered = answered.map_err(|error| match error.is_connect() {
                    true => Unsent::Later(with_causes(&error.without_url())),
                    false => Unsent::Unknown(with_causes(&error.without_url())),
                })?;
                match answered.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(Unsent::of_http(status)),
                }
            }
            Self::Grpc { client, metadata } => {
                let mut request = tonic::Request::new(message);
                *request.metadata_mut() = metadata.clone();
                let answered = client.export(request).await;
                answered
                    .map(drop)
                    .map_err(|status| Unsent::of_grpc(&status))
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

    use futures::FutureExt;
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

    #[tokio::test]
    async fn deltas_that_are_cut_off_while_they_are_made_are_made_again() {
        let mut exporter = exporter("http://127.0.0.1:9");
        exporter.temporality = Temporality::Delta;
        let metrics = Metrics::install().unwrap();
        exporter.make(metrics).await.unwrap();
        exporter.unsent.clear();
        let told = exporter.told.clone().unwrap();
        let cut_off = exporter.make(metrics).now_or_never();
        assert!(cut_off.is_none());
        let still = exporter.told.as_ref().unwrap();
        assert!(Arc::ptr_eq(&told, still) && exporter.unsent.is_empty());
    }

    #[tokio::test]
    async fn what_may_be_taken_later_is_kept_and_what_there_was_no_time_for_too() {
        let mut exporter = exporter("http://127.0.0.1:9");
        exporter.temporality = Temporality::Delta;
        let message = ExportMetricsServiceRequest::default();
        exporter.unsent = [message.clone(), message].into();
        // Nobody listens there.
        let soon = Instant::now() + Duration::from_secs(60);
        exporter.send_all(soon).await.unwrap_err();
        assert_eq!(exporter.unsent.len(), 2);
        exporter.send_all(Instant::now()).await.unwrap_err();
        assert_eq!(exporter.unsent.len(), 2);
    }

    #[test]
    fn what_is_never_taken_is_told_from_what_may_have_been() {
        let http = |code: u16| Unsent::of_http(StatusCode::from_u16(code).unwrap());
        assert!(matches!(http(429), Unsent::Later(_)));
        assert!(matches!(http(503), Unsent::Later(_)));
        assert!(matches!(http(502), Unsent::Unknown(_)));
        assert!(
            [400, 401, 413, 500]
                .iter()
                .all(|&code| matches!(http(code), Unsent::Never(_)))
        );
        let grpc = |code| Unsent::of_grpc(&tonic::Status::new(code, ""));
        assert!(matches!(grpc(Code::Unavailable), Unsent::Later(_)));
        assert!(matches!(grpc(Code::Internal), Unsent::Unknown(_)));
        assert!(matches!(grpc(Code::InvalidArgument), Unsent::Never(_)));
    }
}
