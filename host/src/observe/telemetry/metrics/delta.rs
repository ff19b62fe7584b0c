//! What was counted since an earlier time, for a collector that adds up itself (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta`).

use std::array;
use std::collections::BTreeMap;
use std::time::SystemTime;

use metrics::Key;

use crate::observe::metrics::{Counted, Family, Snapshot, Value};

/// What `now` has counted and `earlier` had not. Levels are what they are; what has not counted anything meanwhile is left out.
pub(super) fn since(earlier: &Snapshot, now: &Snapshot) -> Snapshot {
    let families = now.families.iter().map(|(name, family)| {
        let before = earlier.families.get(name);
        let before = before.map_or(&[][..], |before| &before.series);
        let family = Family {
            description: family.description.clone(),
            series: series_since(before, &family.series, earlier.until),
        };
        (name.clone(), family)
    });
    Snapshot {
        families: families.collect(),
        since: earlier.until,
        until: now.until,
    }
}

fn series_since(
    before: &[(Key, Value)],
    now: &[(Key, Value)],
    time: SystemTime,
) -> Vec<(Key, Value)> {
    let before: BTreeMap<&Key, &Value> = before.iter().map(|(key, value)| (key, value)).collect();
    let counted = now.iter().filter_map(|(key, value)| {
        let value = match (value, before.get(key)) {
            (Value::Counter(now), Some(Value::Counter(before))) => {
                Value::Counter(now.saturating_sub(*before))
            }
            (Value::Histogram(now), Some(Value::Histogram(before))) => {
                Value::Histogram(Box::new(counted_since(before, now, time)))
            }
            (value, _) => value.clone(),
        };
        let has_counted = match &value {
            Value::Counter(count) => *count > 0,
            Value::Gauge(_) => true,
            Value::Histogram(counted) => counted.count() > 0,
        };
        has_counted.then(|| (key.clone(), value))
    });
    counted.collect()
}

fn counted_since(before: &Counted, now: &Counted, time: SystemTime) -> Counted {
    Counted {
        buckets: array::from_fn(|bucket| {
            now.buckets[bucket].saturating_sub(before.buckets[bucket])
        }),
        // Both are counted while it is read: one may be ahead of the other.
        sum: (now.sum - before.sum).max(0.0),
        exemplars: array::from_fn(|bucket| now.exemplars[bucket].filter(|one| one.time >= time)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use metrics::Label;

    use super::*;

    fn key(context: &str) -> Key {
        Key::from_parts("name", vec![Label::new("context", context.to_owned())])
    }

    fn snapshot(seconds: u64, series: Vec<(Key, Value)>) -> Snapshot {
        let family = Family {
            series,
            ..Family::default()
        };
        Snapshot {
            families: BTreeMap::from([("name".to_owned(), family)]),
            since: UNIX_EPOCH,
            until: UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }

    fn counted(buckets: u64, sum: f64) -> Value {
        Value::Histogram(Box::new(Counted {
            buckets: array::from_fn(|_| buckets),
            sum,
            exemplars: array::from_fn(|_| None),
        }))
    }

    #[test]
    fn what_has_counted_since_is_told_and_nothing_else() {
        let earlier = snapshot(
            10,
            vec![
                (key("busy"), Value::Counter(5)),
                (key("idle"), Value::Counter(3)),
            ],
        );
        let now = snapshot(
            20,
            vec![
                (key("busy"), Value::Counter(9)),
                (key("idle"), Value::Counter(3)),
                (key("new"), Value::Counter(2)),
            ],
        );
        let told = since(&earlier, &now);
        assert_eq!((told.since, told.until), (earlier.until, now.until));
        assert_eq!(
            told.families["name"].series,
            [
                (key("busy"), Value::Counter(4)),
                (key("new"), Value::Counter(2))
            ]
        );
    }

    #[test]
    fn a_histogram_is_told_by_bucket_and_a_level_as_it_is() {
        let earlier = snapshot(
            10,
            vec![
                (key("histogram"), counted(1, 2.0)),
                (key("level"), Value::Gauge(7.0)),
            ],
        );
        let now = snapshot(
            20,
            vec![
                (key("histogram"), counted(3, 5.0)),
                (key("level"), Value::Gauge(7.0)),
            ],
        );
        assert_eq!(
            since(&earlier, &now).families["name"].series,
            [
                (key("histogram"), counted(2, 3.0)),
                (key("level"), Value::Gauge(7.0))
            ]
        );
    }
}
