//! `[context.<name>.autoscale]`: how many invocations of a context run at once, by how many there are. The words are those of Kubernetes' HorizontalPodAutoscaler.

use std::{num::NonZeroU32, time::Duration};

use serde::Deserialize;

use super::{Manifest, scalar};
use crate::core::human_duration;
use crate::guest;

/// The longest period of a policy, and the longest window.
const LONGEST_PERIOD: Duration = Duration::from_secs(30 * 60);
const LONGEST_WINDOW: Duration = Duration::from_secs(60 * 60);

/// `[context.<name>.autoscale]`: how many slots a context has, between a least and a most.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Autoscale {
    /// How many slots it has at least: these are kept for it. With 0 it leaves memory when it is idle.
    #[serde(deserialize_with = "scalar::number")]
    pub min: u32,
    /// How many slots it has at most.
    #[serde(deserialize_with = "scalar::positive")]
    pub max: NonZeroU32,
    /// Which part of its slots is to be in use, in percent.
    #[serde(deserialize_with = "scalar::percent")]
    pub target_utilization: u8,
    /// How far the use may be from that without any change, in thousandths of it.
    #[serde(deserialize_with = "scalar::thousandths")]
    pub tolerance: u32,
    /// So far back is looked for the highest recommendation before slots are taken away.
    #[serde(deserialize_with = "scalar::duration")]
    pub stabilization_window: Duration,
    /// With `min = 0`: after how long without work it leaves memory.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub idle: Duration,
    /// How fast slots are added.
    pub scale_up: ScaleUp,
    /// How fast slots are taken away.
    pub scale_down: ScaleDown,
}

impl Default for Autoscale {
    fn default() -> Self {
        Self {
            min: 1,
            max: NonZeroU32::MIN.saturating_add(9),
            target_utilization: 50,
            tolerance: 100,
            stabilization_window: Duration::from_secs(30),
            idle: Duration::from_secs(5 * 60),
            scale_up: ScaleUp::default(),
            scale_down: ScaleDown::default(),
        }
    }
}

/// `[context.<name>.autoscale.scale_up]`: how fast slots are added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleUp {
    /// So far back is looked for the lowest recommendation before slots are added.
    #[serde(deserialize_with = "scalar::duration")]
    pub stabilization_window: Duration,
    /// Which of the policies counts.
    pub select: SelectPolicy,
    /// How many may be added in a time; without a limit when there are none.
    pub policies: Vec<ScalingPolicy>,
}

/// `[context.<name>.autoscale.scale_down]`: how fast slots are taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleDown {
    /// Which of the policies counts.
    pub select: SelectPolicy,
    /// How many may be taken away in a time; without a limit when there are none.
    pub policies: Vec<ScalingPolicy>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: there is no change in this direction.
    Disabled,
}

/// How much may change in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingPolicy {
    /// What `value` counts.
    pub r#type: PolicyType,
    /// So much may change within `period`.
    #[serde(deserialize_with = "scalar::positive")]
    pub value: NonZeroU32,
    /// How long that is.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub period: Duration,
}

/// What a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyType {
    /// Slots.
    Slots,
    /// Percent of the slots that there were at the beginning of the period.
    Percent,
}

/// What is wrong with the section of a context, and at which of its keys.
pub(super) fn check(autoscale: &Autoscale) -> Result<(), (&'static [&'static str], String)> {
    let Autoscale { min, max, .. } = autoscale;
    if *min > max.get() {
        let message = format!("must be at most `max`, which is {max}");
        return Err((&["min"], message));
    }
    if autoscale.stabilization_window > LONGEST_WINDOW {
        return Err((&["stabilization_window"], too_long(LONGEST_WINDOW)));
    }
    if autoscale.scale_up.stabilization_window > LONGEST_WINDOW {
        let keys = &["scale_up", "stabilization_window"];
        return Err((keys, too_long(LONGEST_WINDOW)));
    }
    let is_too_long = |policies: &[ScalingPolicy]| {
        let mut policies = policies.iter();
        policies.any(|policy| policy.period > LONGEST_PERIOD)
    };
    let message = || format!("`period` {}", too_long(LONGEST_PERIOD));
    if is_too_long(&autoscale.scale_up.policies) {
        return Err((&["scale_up", "policies"], message()));
    }
    if is_too_long(&autoscale.scale_down.policies) {
        return Err((&["scale_down", "policies"], message()));
    }
    Ok(())
}

fn too_long(most: Duration) -> String {
    format!("must be at most {}", human_duration(most))
}

/// What is kept for all contexts together must be there, and leave something for those that have nothing of their own; otherwise the context that it is too
/// much with, and why.
pub(super) fn check_minima(manifest: &Manifest) -> Result<(), (&str, String)> {
    let most = guest::first_calls(manifest.host.instances()).saturating_sub(1);
    let mut all = 0_u32;
    for (name, context) in &manifest.contexts {
        let min = context.autoscale.as_ref().map_or(0, |scale| scale.min);
        all = all.saturating_add(min);
        if all > most {
            let message = format!(
                "the contexts up to this one want {all} slots at least, but the host can keep {most} of its {} instances for them; lower `min`, or raise `host.instances`",
                manifest.host.instances()
            );
            return Err((name, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(section: &str) -> Result<Manifest, String> {
        let text = format!("[context.room]\ncomponent = \"room.wasm\"\n{section}\n");
        let read = Manifest::read(Path::new("i.toml"), &text, []);
        read.map_err(|error| error.to_string())
    }

    fn autoscale(section: &str) -> Autoscale {
        let mut manifest = read(section).unwrap();
        let room = manifest.contexts.remove("room").unwrap();
        room.autoscale.unwrap()
    }

    #[test]
    fn an_empty_section_is_the_defaults_and_none_is_none() {
        assert_eq!(autoscale("[context.room.autoscale]"), Autoscale::default());
        assert_eq!(read("").unwrap().contexts["room"].autoscale, None);
    }

    #[test]
    fn all_of_it_is_read() {
        let read = autoscale(
            "[context.room.autoscale]
            min = 0
            max = 20
            target_utilization = 80
            tolerance = 0.25
            stabilization_window = \"1m\"
            idle = \"10s\"
            scale_up = { stabilization_window = \"3s\", select = \"min\", policies = [{ type = \"percent\", value = 100, period = \"15s\" }] }
            [[context.room.autoscale.scale_down.policies]]
            type = \"slots\"
            value = 4
            period = \"1m\"",
        );
        let policy = |r#type, value, seconds| ScalingPolicy {
            r#type,
            value: NonZeroU32::new(value).unwrap(),
            period: Duration::from_secs(seconds),
        };
        let expected = Autoscale {
            min: 0,
            max: NonZeroU32::new(20).unwrap(),
            target_utilization: 80,
            tolerance: 250,
            stabilization_window: Duration::from_secs(60),
            idle: Duration::from_secs(10),
            scale_up: ScaleUp {
                stabilization_window: Duration::from_secs(3),
                select: SelectPolicy::Min,
                policies: vec![policy(PolicyType::Percent, 100, 15)],
            },
            scale_down: ScaleDown {
                select: SelectPolicy::Max,
                policies: vec![policy(PolicyType::Slots, 4, 60)],
            },
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (lines, place, said) in [
            (
                "min = 5\nmax = 3",
                "i.toml:4:1",
                "must be at most `max`, which is 3",
            ),
            ("max = 0", "i.toml:4:7", "a whole number from 1"),
            ("target_utilization = 0", "i.toml:4:22", "from 1 to 100"),
            ("tolerance = 1.5", "i.toml:4:13", "must be from 0 to 1"),
            ("tolerance = -0.1", "i.toml:4:13", "must be from 0 to 1"),
            ("idle = \"0s\"", "i.toml:4:8", "must be longer than 0"),
            (
                "stabilization_window = \"2h\"",
                "i.toml:4:1",
                "must be at most 1 h",
            ),
            ("minimum = 1", "i.toml:4:1", "unknown key `minimum`"),
            (
                "scale_up.policies = [{ type = \"pods\", value = 1, period = \"15s\" }]",
                "i.toml:4:",
                "`slots`",
            ),
            (
                "scale_down.policies = [{ type = \"slots\", value = 1, period = \"2h\" }]",
                "i.toml:4:",
                "`period` must be at most 30 min",
            ),
            ("min = 749\nmax = 800", "", ""),
            (
                "min = 750\nmax = 800",
                "i.toml:4:1",
                "can keep 749 of its 1000 instances",
            ),
        ] {
            let read = read(&format!("[context.room.autoscale]\n{lines}"));
            match (read, said) {
                (Ok(_), "") => {}
                (Err(error), _) => {
                    assert!(
                        error.contains(place) && error.contains(said),
                        "{lines}: {error}"
                    );
                    assert_eq!(error.lines().count(), 1, "{error}");
                }
                (Ok(_), _) => panic!("{lines} is not refused"),
            }
        }
    }
}
