//! How spans and logs wait until they are exported: `OTEL_BSP_*` and `OTEL_BLRP_*`.

use std::time::Duration;

use super::variables::Environment;

/// How many wait at most, and how many are exported at once, unless somebody says otherwise.
const QUEUE: usize = 2_048;
const SIZE: usize = 512;

/// How what is exported waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// How many wait at most; what is more is dropped.
    pub queue: usize,
    /// How many are exported at once.
    pub size: usize,
    /// How long they wait for others.
    pub delay: Duration,
}

impl Batch {
    /// As the variables that begin with `prefix` say. `delay` is how long they wait unless somebody says otherwise, in milliseconds.
    pub(super) fn of(environment: &Environment<'_>, prefix: &str, delay: u64) -> Self {
        let name = |what: &str| format!("{prefix}_{what}");
        let queue = environment.count(&name("MAX_QUEUE_SIZE"), QUEUE);
        let variable = name("MAX_EXPORT_BATCH_SIZE");
        let size = environment.count(&variable, SIZE.min(queue));
        if size > queue {
            environment.ignore(format!(
                "{variable} is {size}, and only {queue} may wait, which is taken; write less, or raise {prefix}_MAX_QUEUE_SIZE"
            ));
        }
        let timeout = name("EXPORT_TIMEOUT");
        if environment.named(&timeout).is_some() {
            environment.ignore(format!(
                "{timeout} is not followed; say by OTEL_EXPORTER_OTLP_TIMEOUT how long a request may take"
            ));
        }
        let said = environment.named(&name("SCHEDULE_DELAY"));
        Self {
            queue,
            size: size.min(queue),
            delay: environment.milliseconds(said, delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Batch, usize) {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let environment = Environment::new(&find);
        let batch = Batch::of(&environment, "OTEL_BSP", 5_000);
        (batch, environment.ignored().len())
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        let batch = |queue, size, delay| Batch {
            queue,
            size,
            delay: Duration::from_millis(delay),
        };
        for (variables, wanted, told) in [
            (&[][..], batch(2_048, 512, 5_000), 0),
            (
                &[
                    ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
                    ("OTEL_BSP_SCHEDULE_DELAY", "20"),
                ],
                batch(100, 100, 20),
                0,
            ),
            (
                &[
                    ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
                    ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
                    ("OTEL_BSP_EXPORT_TIMEOUT", "20"),
                ],
                batch(2_048, 512, 5_000),
                3,
            ),
            (
                &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096")],
                batch(2_048, 2_048, 5_000),
                1,
            ),
        ] {
            assert_eq!(read(variables), (wanted, told), "{variables:?}");
        }
    }
}
