//! What was measured as text: Prometheus' own format, and OpenMetrics, which has exemplars.

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use metrics::Key;

use super::histogram::{BOUNDS, Counted, Exemplar};
use super::registry::{Family, Snapshot, Value};

/// How OpenMetrics wants the bounds of histograms to be written, so that all who write them agree.
const CANONICAL_BOUNDS: [&str; BOUNDS.len()] = [
    "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
    "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0",
];
/// What the name of a counter ends with; in OpenMetrics it is not of the name, but of the value.
const TOTAL: &str = "_total";

/// A format of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// What `Content-Type` says of it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What was measured, as text.
pub(super) fn text(snapshot: &Snapshot, format: TextFormat) -> String {
    let mut page = Page {
        text: String::new(),
        format,
    };
    for (name, family) in &snapshot.families {
        page.family(name, family);
    }
    if format == TextFormat::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page {
    text: String,
    format: TextFormat,
}

impl Page {
    fn family(&mut self, name: &str, family: &Family) {
        let kind = match family.series.first() {
            Some((_, Value::Counter(_))) => "counter",
            Some((_, Value::Gauge(_))) => "gauge",
            Some((_, Value::Histogram(_))) => "histogram",
            None => return,
        };
        let titled = match (self.format, kind) {
            (TextFormat::OpenMetrics, "counter") => name.strip_suffix(TOTAL).unwrap_or(name),
            _ => name,
        };
        let help = &family.description.help;
        if !help.is_empty() {
            self.text.push_str("# HELP ");
            self.text.push_str(titled);
            self.text.push(' ');
            match self.format {
                TextFormat::OpenMetrics => escape_with_quotes(&mut self.text, help),
                TextFormat::Prometheus => escape(&mut self.text, help),
            }
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "# TYPE {titled} {kind}");
        for (key, value) in &family.series {
            match value {
                Value::Counter(count) => {
                    let suffix = match name.ends_with(TOTAL) {
                        true => "",
                        false if self.format == TextFormat::OpenMetrics => TOTAL,
                        false => "",
                    };
                    self.value(key, suffix, None, &count.to_string());
                    self.text.push('\n');
                }
                Value::Gauge(level) => {
                    self.value(key, "", None, &number(*level));
                    self.text.push('\n');
                }
                Value::Histogram(counted) => self.histogram(key, counted),
            }
        }
    }

    fn histogram(&mut self, key: &Key, counted: &Counted) {
        let mut sum = 0;
        for (bucket, count) in counted.buckets.iter().enumerate() {
            sum += count;
            let bound = match (BOUNDS.get(bucket), self.format) {
                (None, _) => "+Inf".to_owned(),
                (Some(bound), TextFormat::Prometheus) => bound.to_string(),
                (Some(_), TextFormat::OpenMetrics) => CANONICAL_BOUNDS[bucket].to_owned(),
            };
            self.value(key, "_bucket", Some(&bound), &sum.to_string());
            if let Some(exemplar) = &counted.exemplars[bucket]
                && self.format == TextFormat::OpenMetrics
            {
                self.exemplar(exemplar);
            }
            self.text.push('\n');
        }
        self.value(key, "_sum", None, &number(counted.sum));
        self.text.push('\n');
        self.value(key, "_count", None, &sum.to_string());
        self.text.push('\n');
    }

    fn value(&mut self, key: &Key, suffix: &str, bound: Option<&str>, value: &str) {
        self.text.push_str(key.name());
        self.text.push_str(suffix);
        let labels = key.labels().map(|label| (label.key(), label.value()));
        let labels = labels.chain(bound.map(|bound| ("le", bound)));
        let mut before = '{';
        for (name, value) in labels {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape_with_quotes(&mut self.text, value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        self.text.push(' ');
        self.text.push_str(value);
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let since = exemplar.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let _ = write!(
            self.text,
            " # {{trace_id=\"{}\",span_id=\"{}\"}} {} {}.{:03}",
            hex::encode(exemplar.place.trace),
            hex::encode(exemplar.place.span),
            number(exemplar.seconds),
            since.as_secs(),
            since.subsec_millis()
        );
    }
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

/// Adds a text that stands in quotes, with what would end it escaped.
fn escape_with_quotes(page: &mut String, text: &str) {
    let mut parts = text.split('"');
    escape(page, parts.next().unwrap_or_default());
    for part in parts {
        page.push_str("\\\"");
        escape(page, part);
    }
}

/// Adds a text with what would end its line escaped.
fn escape(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '\n' => page.push_str("\\n"),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::histogram::Place;
    use super::*;

    fn snapshot() -> Snapshot {
        let mut counted = Counted {
            buckets: [0; BOUNDS.len() + 1],
            sum: 1.004,
            exemplars: [None; BOUNDS.len() + 1],
        };
        counted.buckets[6] = 1;
        counted.buckets[13] = 1;
        counted.exemplars[6] = Some(Exemplar {
            place: Place {
                trace: [0xab; 16],
                span: [0xcd; 8],
            },
            seconds: 0.004,
            time: UNIX_EPOCH + Duration::from_millis(1_500),
        });
        let family = |help: &str, key: Key, value| {
            let mut family = Family::default();
            family.description.help = help.to_owned();
            family.series.push((key, value));
            family
        };
        let labelled = Key::from_parts(
            "took_seconds",
            vec![metrics::Label::new("route", "/\"\\\n")],
        );
        let families = [
            (
                "done_total",
                family(
                    "All \"done\".",
                    Key::from_name("done_total"),
                    Value::Counter(7),
                ),
            ),
            (
                "level",
                family("", Key::from_name("level"), Value::Gauge(0.5)),
            ),
            (
                "took_seconds",
                family("How long.", labelled, Value::Histogram(Box::new(counted))),
            ),
        ];
        Snapshot {
            families: families
                .map(|(name, family)| (name.to_owned(), family))
                .into(),
            since: SystemTime::now(),
            until: SystemTime::now(),
        }
    }

    #[test]
    fn prometheus_text_has_no_exemplars() {
        let text = text(&snapshot(), TextFormat::Prometheus);
        let begin = "# HELP done_total All \"done\".\n# TYPE done_total counter\ndone_total 7\n\
             # TYPE level gauge\nlevel 0.5\n# HELP took_seconds How long.\n# TYPE took_seconds histogram\n\
             took_seconds_bucket{route=\"/\\\"\\\\\\n\",le=\"0.00005\"} 0\n";
        assert!(text.starts_with(begin), "{text}");
        let end = "took_seconds_bucket{route=\"/\\\"\\\\\\n\",le=\"+Inf\"} 2\n\
             took_seconds_sum{route=\"/\\\"\\\\\\n\"} 1.004\ntook_seconds_count{route=\"/\\\"\\\\\\n\"} 2\n";
        assert!(text.ends_with(end), "{text}");
        assert!(!text.contains("trace_id"), "{text}");
    }

    #[test]
    fn openmetrics_has_exemplars_and_an_end() {
        let text = text(&snapshot(), TextFormat::OpenMetrics);
        assert!(
            text.starts_with("# HELP done All \\\"done\\\".\n# TYPE done counter\ndone_total 7\n"),
            "{text}"
        );
        let trace = "ab".repeat(16);
        let span = "cd".repeat(8);
        let bucket =
            format!("le=\"0.005\"}} 1 # {{trace_id=\"{trace}\",span_id=\"{span}\"}} 0.004 1.500\n");
        assert!(text.contains(&bucket), "{text}");
        assert!(text.contains("le=\"1.0\"} 2\n"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        assert!(text.lines().all(|line| !line.is_empty()), "{text}");
    }

    #[test]
    fn the_bounds_are_written_as_they_are() {
        let read = CANONICAL_BOUNDS.map(|bound| bound.parse::<f64>().unwrap());
        assert_eq!(read, BOUNDS);
    }
}
