//! What metrics are sent by, and what becomes of a message that a collector has not taken.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use prost::Message;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use super::settings::{Settings, SettingsError};
use crate::observe::telemetry::address::with_causes;
use crate::observe::telemetry::endpoint::EndpointError;
use crate::observe::telemetry::variables::{Protocol, Signal};

/// What messages are sent by.
pub(super) enum Transport {
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

/// Why a message was not sent, or not to its end.
#[derive(Debug)]
pub(super) enum Unsent {
    /// Nobody has taken it, and later somebody may.
    Later(String),
    /// Whoever it is for does not take it, however often it is sent.
    Never(String),
    /// Nobody knows whether it was taken.
    Unknown(String),
}

impl Unsent {
    /// Why, without secrets.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Later(reason) | Self::Never(reason) | Self::Unknown(reason) => reason,
        }
    }

    /// By what a collector, or whoever stands before it, has answered over HTTP.
    fn by_status(status: StatusCode) -> Self {
        let reason = format!("the collector answered {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Later(reason),
            // What stands between may say so of what was taken.
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Unknown(reason),
            _ => Self::Never(reason),
        }
    }

    /// By what a collector has answered over gRPC, or what the connection has come to.
    fn by_code(status: &tonic::Status) -> Self {
        let reason = with_causes(status);
        match status.code() {
            Code::Unavailable | Code::ResourceExhausted => Self::Later(reason),
            // A stream that is reset after the request is an internal error.
            Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::Internal => {
                Self::Unknown(reason)
            }
            _ => Self::Never(reason),
        }
    }
}

impl Transport {
    /// As the settings say. Nobody is connected to before something is sent.
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        // Less than a request has: who is not reached has taken nothing.
        let connect_timeout = settings.timeout / 2;
        match settings.protocol {
            Protocol::Http => Ok(Self::Http {
                client: settings.certificates.http(connect_timeout)?,
                endpoint: settings.endpoint.clone(),
                headers: settings.headers.clone(),
                compressed: settings.compressed,
            }),
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
                let endpoint = endpoint.connect_timeout(connect_timeout);
                let channel = endpoint.connect_lazy();
                let client = MetricsServiceClient::new(channel);
                Ok(Self::Grpc {
                    client: match settings.compressed {
                        true => client.send_compressed(CompressionEncoding::Gzip),
                        false => client,
                    },
                    metadata: MetadataMap::from_headers(settings.headers.clone()),
                })
            }
        }
    }

    /// Sends a message once, and waits for the answer as long as the caller does.
    pub(super) async fn send(
        &mut self,
        message: ExportMetricsServiceRequest,
    ) -> Result<(), Unsent> {
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
                    status => Err(Unsent::by_status(status)),
                }
            }
            Self::Grpc { client, metadata } => {
                let mut request = tonic::Request::new(message);
                *request.metadata_mut() = metadata.clone();
                let answered = client.export(request).await;
                let answered = answered.map_err(|status| Unsent::by_code(&status));
                answered.map(drop)
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
    use super::*;

    #[test]
    fn a_code_says_whether_a_message_was_taken() {
        for code in (0..=16).map(Code::from_i32) {
            let said = Unsent::by_code(&tonic::Status::new(code, "said"));
            let is_expected = match code {
                Code::Unavailable | Code::ResourceExhausted => matches!(said, Unsent::Later(_)),
                Code::Cancelled | Code::Unknown | Code::DeadlineExceeded | Code::Internal => {
                    matches!(said, Unsent::Unknown(_))
                }
                _ => matches!(said, Unsent::Never(_)),
            };
            assert!(is_expected, "{code:?}: {said:?}");
        }
    }
}
