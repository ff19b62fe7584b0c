//! What was measured as messages of OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Key, Unit};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, number_data_point,
};
use opentelemetry_sdk::Resource;
use prost::Message;

use super::settings::Temporality;
use crate::observe::metrics::{self as measured, BOUNDS, Counted, Family, Snapshot, Value};

/// How large a message gets, in bytes, and a bit: collectors refuse what is over 4 MiB, and what was refused once would be again.
const LARGEST: usize = 1 << 20;

/// What stands before a part of a message at most: what it is, and how long.
const LENGTH: usize = 6;

/// All that was measured, of a resource.
pub(super) fn of(
    snapshot: &Snapshot,
    temporality: Temporality,
    resource: &Resource,
) -> Vec<ExportMetricsServiceRequest> {
    in_parts(snapshot, temporality, resource, LARGEST)
}

/// In messages of so many bytes at most, besides what each says of the resource, and the one data point that there is in each at least.
fn in_parts(
    snapshot: &Snapshot,
    temporality: Temporality,
    resource: &Resource,
    largest: usize,
) -> Vec<ExportMetricsServiceRequest> {
    let period = Period {
        start: nanoseconds(snapshot.since),
        end: nanoseconds(snapshot.until),
        temporality: match temporality {
            Temporality::Cumulative => AggregationTemporality::Cumulative,
            Temporality::Delta => AggregationTemporality::Delta,
        },
    };
    let families = snapshot.families.iter();
    let metrics = families.flat_map(|(name, family)| metrics(name, family, period, largest));
    let parts = split(metrics, Metric::encoded_len, largest);
    parts.map(|metrics| message(metrics, resource)).collect()
}

fn message(metrics: Vec<Metric>, resource: &Resource) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource.into()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "innkeeper".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// Parts of a sequence, each as long as it may be, and of one item at least.
fn split<T>(
    items: impl Iterator<Item = T>,
    size: impl Fn(&T) -> usize,
    largest: usize,
) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.peekable();
    let with_length = move |item: &T| size(item) + LENGTH;
    std::iter::from_fn(move || {
        let first = items.next()?;
        let mut taken = with_length(&first);
        let mut part = vec![first];
        while let Some(item) = items.next_if(|item| taken + with_length(item) <= largest) {
            taken += with_length(&item);
            part.push(item);
        }
        Some(part)
    })
}

/// From when to when it was measured, and whether that is since the beginning.
#[derive(Clone, Copy)]
struct Period {
    start: u64,
    end: u64,
    temporality: AggregationTemporality,
}

/// A metric, in parts where it has very many series.
fn metrics(name: &str, family: &Family, period: Period, largest: usize) -> Vec<Metric> {
    let temporality = period.temporality.into();
    let series = family.series.iter();
    let head = Metric {
        name: name.to_owned(),
        description: family.description.help.clone(),
        unit: family.description.unit.map_or("", unit).to_owned(),
        metadata: Vec::new(),
        data: None,
    };
    let largest = largest.saturating_sub(head.encoded_len() + 2 * LENGTH);
    let with = |data| Metric {
        data: Some(data),
        ..head.clone()
    };
    let Some((_, first)) = family.series.first() else {
        return Vec::new();
    };
    match first {
        Value::Histogram(_) => {
            let points = series.filter_map(|(key, value)| match value {
                Value::Histogram(counted) => Some(histogram(key, counted, period)),
                _ => None,
            });
            let parts = split(points, HistogramDataPoint::encoded_len, largest);
            let data = parts.map(|data_points| {
                Data::Histogram(Histogram {
                    data_points,
                    aggregation_temporality: temporality,
                })
            });
            data.map(with).collect()
        }
        Value::Counter(_) | Value::Gauge(_) => {
            let is_counter = matches!(first, Value::Counter(_));
            let points = series.filter_map(|(key, value)| number(key, value, period));
            let parts = split(points, NumberDataPoint::encoded_len, largest);
            let data = parts.map(|data_points| match is_counter {
                true => Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: temporality,
                    is_monotonic: true,
                }),
                false => Data::Gauge(Gauge { data_points }),
            });
            data.map(with).collect()
        }
    }
}

fn number(key: &Key, value: &Value, period: Period) -> Option<NumberDataPoint> {
    let (start, value) = match value {
        Value::Counter(count) => (
            period.start,
            number_data_point::Value::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)),
        ),
        // A level has no beginning.
        Value::Gauge(level) => (0, number_data_point::Value::AsDouble(*level)),
        Value::Histogram(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(key),
        start_time_unix_nano: start,
        time_unix_nano: period.end,
        exemplars: Vec::new(),
        flags: 0,
        value: Some(value),
    })
}

fn histogram(key: &Key, counted: &Counted, period: Period) -> HistogramDataPoint {
    let exemplars = counted.exemplars.iter().flatten();
    HistogramDataPoint {
        attributes: attributes(key),
        start_time_unix_nano: period.start,
        time_unix_nano: period.end,
        count: counted.count(),
        sum: Some(counted.sum),
        bucket_counts: counted.buckets.to_vec(),
        explicit_bounds: BOUNDS.to_vec(),
        exemplars: exemplars.map(exemplar).collect(),
        flags: 0,
        min: None,
        max: None,
    }
}

fn exemplar(exemplar: &measured::Exemplar) -> Exemplar {
    Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: nanoseconds(exemplar.time),
        span_id: exemplar.place.span.to_vec(),
        trace_id: exemplar.place.trace.to_vec(),
        value: Some(exemplar::Value::AsDouble(exemplar.seconds)),
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    let labels = key.labels().map(|label| KeyValue {
        key: label.key().to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(label.value().to_owned())),
        }),
        ..KeyValue::default()
    });
    labels.collect()
}

/// A unit as UCUM writes it.
fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Microseconds => "us",
        Unit::Bytes => "By",
        Unit::Percent => "%",
        _ => "",
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use metrics::Label;

    use super::*;

    const CUMULATIVE: Temporality = Temporality::Cumulative;

    fn snapshot(contexts: usize) -> Snapshot {
        let series = |value: fn() -> Value| Family {
            series: (0..contexts)
                .map(|context| {
                    let labels = vec![Label::new("context", format!("context-{context}"))];
                    (Key::from_parts("name", labels), value())
                })
                .collect(),
            ..Family::default()
        };
        Snapshot {
            families: BTreeMap::from([
                ("counter".to_owned(), series(|| Value::Counter(1))),
                ("empty".to_owned(), Family::default()),
                ("gauge".to_owned(), series(|| Value::Gauge(1.0))),
                (
                    "histogram".to_owned(),
                    series(|| {
                        Value::Histogram(Box::new(Counted {
                            buckets: std::array::from_fn(|_| 1),
                            sum: 1.0,
                            exemplars: std::array::from_fn(|_| None),
                        }))
                    }),
                ),
            ]),
            since: UNIX_EPOCH,
            until: UNIX_EPOCH,
        }
    }

    /// Which series are in messages.
    fn series(messages: &[ExportMetricsServiceRequest]) -> Vec<(String, String)> {
        let context = |attributes: &[KeyValue]| format!("{:?}", attributes[0].value);
        let of_metric = |metric: &Metric| -> Vec<(String, String)> {
            let contexts: Vec<_> = match metric.data.as_ref().unwrap() {
                Data::Sum(sum) => sum
                    .data_points
                    .iter()
                    .map(|point| context(&point.attributes))
                    .collect(),
                Data::Gauge(gauge) => gauge
                    .data_points
                    .iter()
                    .map(|point| context(&point.attributes))
                    .collect(),
                Data::Histogram(histogram) => histogram
                    .data_points
                    .iter()
                    .map(|point| context(&point.attributes))
                    .collect(),
                other => panic!("{other:?}"),
            };
            let named = contexts.into_iter();
            named
                .map(|context| (metric.name.clone(), context))
                .collect()
        };
        let metrics = messages
            .iter()
            .flat_map(|message| &message.resource_metrics[0].scope_metrics);
        metrics
            .flat_map(|scope| &scope.metrics)
            .flat_map(of_metric)
            .collect()
    }

    #[test]
    fn however_many_series_there_are_no_message_is_too_large_and_each_is_in_one() {
        let resource = Resource::builder_empty().build();
        let around = message(Vec::new(), &resource).encoded_len() + 3 * LENGTH;
        for (contexts, largest) in [
            (0, 1_000),
            (1, 1_000),
            (100, 1_000),
            (3_000, 1 << 16),
            (3_000, LARGEST),
        ] {
            let messages = in_parts(&snapshot(contexts), CUMULATIVE, &resource, largest);
            for message in &messages {
                assert!(message.encoded_len() <= largest + around);
            }
            let mut found = series(&messages);
            assert_eq!(found.len(), 3 * contexts);
            found.sort();
            found.dedup();
            assert_eq!(found.len(), 3 * contexts);
        }
        // What is small is sent at once.
        assert_eq!(
            in_parts(&snapshot(10), CUMULATIVE, &resource, LARGEST).len(),
            1
        );
        // One that is too large by itself is sent all the same.
        assert_eq!(in_parts(&snapshot(1), CUMULATIVE, &resource, 1).len(), 3);
    }
}
