//! What was measured, kept once, for whoever asks: as text for Prometheus, or as messages of OTLP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::Storage;
use parking_lot::RwLock;

use super::histogram::{Counted, DurationHistogram};

/// All that is measured in this process.
pub(super) struct Registry {
    series: metrics_util::registry::Registry<Key, Counting>,
    descriptions: RwLock<HashMap<String, Description>>,
    since: SystemTime,
}

/// What counts.
struct Counting;

impl Storage<Key> for Counting {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<DurationHistogram>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

/// What a metric means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// In a sentence.
    pub help: String,
    /// What it is counted in.
    pub unit: Option<Unit>,
}

/// What a metric has counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// How often something has happened.
    Counter(u64),
    /// How much there is of something.
    Gauge(f64),
    /// How long something took.
    Histogram(Box<Counted>),
}

/// All metrics of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// What it means.
    pub description: Description,
    /// What was counted, by labels.
    pub series: Vec<(Key, Value)>,
}

/// What was measured up to a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The metrics, by name.
    pub families: BTreeMap<String, Family>,
    /// Since when it has been counted.
    pub since: SystemTime,
    /// The moment.
    pub until: SystemTime,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            series: metrics_util::registry::Registry::new(Counting),
            descriptions: RwLock::default(),
            since: SystemTime::now(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut take = |key: &Key, value| {
            let family = families.entry(key.name().to_owned()).or_default();
            family.series.push((key.clone(), value));
        };
        self.series
            .visit_counters(|key, count| take(key, Value::Counter(count.load(Relaxed))));
        self.series.visit_gauges(|key, level| {
            take(key, Value::Gauge(f64::from_bits(level.load(Relaxed))));
        });
        self.series.visit_histograms(|key, histogram| {
            take(key, Value::Histogram(Box::new(histogram.counted())));
        });
        let descriptions = self.descriptions.read();
        for (name, family) in &mut families {
            family.series.sort_by(|(one, _), (other, _)| one.cmp(other));
            if let Some(description) = descriptions.get(name) {
                family.description = description.clone();
            }
        }
        Snapshot {
            families,
            since: self.since,
            until: SystemTime::now(),
        }
    }

    #[cfg(test)]
    pub(super) fn described(&self) -> Vec<String> {
        self.descriptions.read().keys().cloned().collect()
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>, help: SharedString) {
        let description = Description {
            help: help.into_owned(),
            unit,
        };
        self.descriptions
            .write()
            .insert(name.as_str().to_owned(), description);
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(&name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(&name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(&name, unit, help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.series
            .get_or_create_counter(key, |count| count.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.series
            .get_or_create_gauge(key, |level| level.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.series
            .get_or_create_histogram(key, |histogram| histogram.clone().into())
    }
}
