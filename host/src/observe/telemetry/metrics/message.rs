//! What was measured as a message of OTLP.

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

use crate::observe::metrics::{self as measured, BOUNDS, Counted, Family, Snapshot, Value};

/// All that was measured, of a resource.
pub(super) fn of(snapshot: &Snapshot, resource: &Resource) -> ExportMetricsServiceRequest {
    let span = Span {
        start: nanoseconds(snapshot.since),
        end: nanoseconds(snapshot.until),
    };
    let families = snapshot.families.iter();
    let metrics = families.filter_map(|(name, family)| metric(name, family, span));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource.into()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "innkeeper".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: metrics.collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// From when to when it was measured.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

fn metric(name: &str, family: &Family, span: Span) -> Option<Metric> {
    let temporality = AggregationTemporality::Cumulative.into();
    let series = || family.series.iter();
    let data = match series().next()?.1 {
        Value::Counter(_) => Data::Sum(Sum {
            data_points: series()
                .filter_map(|(key, value)| number(key, value, span))
                .collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        Value::Gauge(_) => Data::Gauge(Gauge {
            data_points: series()
                .filter_map(|(key, value)| number(key, value, span))
                .collect(),
        }),
        Value::Histogram(_) => Data::Histogram(Histogram {
            data_points: series()
                .filter_map(|(key, value)| match value {
                    Value::Histogram(counted) => Some(histogram(key, counted, span)),
                    _ => None,
                })
                .collect(),
            aggregation_temporality: temporality,
        }),
    };
    Some(Metric {
        name: name.to_owned(),
        description: family.description.help.clone(),
        unit: family.description.unit.map_or("", unit).to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    })
}

fn number(key: &Key, value: &Value, span: Span) -> Option<NumberDataPoint> {
    let (start, value) = match value {
        Value::Counter(count) => (
            span.start,
            number_data_point::Value::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)),
        ),
        // A level has no beginning.
        Value::Gauge(level) => (0, number_data_point::Value::AsDouble(*level)),
        Value::Histogram(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(key),
        start_time_unix_nano: start,
        time_unix_nano: span.end,
        exemplars: Vec::new(),
        flags: 0,
        value: Some(value),
    })
}

fn histogram(key: &Key, counted: &Counted, span: Span) -> HistogramDataPoint {
    let exemplars = counted.exemplars.iter().flatten();
    HistogramDataPoint {
        attributes: attributes(key),
        start_time_unix_nano: span.start,
        time_unix_nano: span.end,
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
