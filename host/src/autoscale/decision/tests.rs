use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::manifest::{PolicyType, ScaleDown, ScaleUp, SelectPolicy};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn settings(min: u32, max: u32) -> Autoscale {
    Autoscale {
        min,
        max: NonZeroU32::new(max).unwrap(),
        ..Autoscale::default()
    }
}

fn scaler(settings: Autoscale) -> Scaler {
    Scaler::new(settings, 256)
}

fn policy(r#type: PolicyType, value: u32, period: u64) -> ScalingPolicy {
    ScalingPolicy {
        r#type,
        value: NonZeroU32::new(value).unwrap(),
        period: seconds(period),
    }
}

/// Drives a scaler for some seconds, each time with what it decided; gives what it had after each.
fn drive(scaler: &mut Scaler, from: u64, slots: &mut u32, demand: &[f64]) -> Vec<u32> {
    let mut had = Vec::new();
    for (after, demand) in demand.iter().enumerate() {
        let now = seconds(from + after as u64);
        let seen = Seen {
            slots: *slots,
            demand: *demand,
        };
        let desired = scaler.decide(now, seen).desired;
        scaler.changed(now, *slots, desired);
        *slots = desired;
        had.push(desired);
    }
    had
}

/// "If the current metric value is 200m, and the desired value is 100m, the number of replicas will be doubled, since 200.0 / 100.0 == 2.0. If the current value
/// is instead 50m, you'll halve the number of replicas."
#[test]
fn the_formula_of_the_documentation() {
    let settings = Autoscale {
        stabilization_window: Duration::ZERO,
        ..settings(1, 100)
    };
    for (slots, utilization, desired) in [
        (3, 100.0, 6),
        (4, 25.0, 2),
        (3, 25.0, 2),
        (10, 50.0, 10),
        (1, 10_000.0, 100),
        (7, 0.0, 1),
    ] {
        let seen = Seen {
            slots,
            demand: f64::from(slots) * utilization / 100.0,
        };
        let decided = scaler(settings.clone()).decide(seconds(1), seen);
        assert_eq!(decided.desired, desired, "{seen:?}");
        assert_eq!(f64::from(decided.utilization), utilization);
    }
}

#[test]
fn within_the_tolerance_nothing_changes() {
    let settings = Autoscale {
        stabilization_window: Duration::ZERO,
        ..settings(1, 100)
    };
    for (demand, desired) in [(5.0, 10), (5.5, 10), (4.5, 10), (5.51, 12), (4.49, 9)] {
        let decided = scaler(settings.clone()).decide(seconds(1), Seen { slots: 10, demand });
        assert_eq!(decided.desired, desired, "{demand}");
    }
}

#[test]
fn it_scales_up_at_once_and_down_when_the_window_is_over() {
    let mut scaler = scaler(settings(1, 10));
    let mut slots = 1;
    let siege = drive(&mut scaler, 0, &mut slots, &[0.0, 100.0, 100.0, 100.0]);
    assert_eq!(siege, [1, 10, 10, 10]);
    // The last high recommendation was in second 3.
    let lull = drive(&mut scaler, 4, &mut slots, &[0.0; 40]);
    assert_eq!(lull[..29], [10; 29]);
    assert_eq!(lull[29..], [1; 11]);
}

#[test]
fn a_short_lull_takes_nothing_away() {
    let mut scaler = scaler(settings(1, 10));
    let mut slots = 1;
    for round in 0..5 {
        let mut demand = [0.0; 20];
        demand[0] = 3.0;
        let had = drive(&mut scaler, round * 20, &mut slots, &demand);
        assert_eq!(had, [6; 20]);
    }
}

#[test]
fn what_it_waits_for_is_told() {
    let mut scaler = scaler(settings(2, 10));
    let mut decide = |at, slots, demand| scaler.decide(seconds(at), Seen { slots, demand });
    let high = decide(1, 2, 40.0);
    assert_eq!((high.desired, high.limited), (10, Limited::TooManySlots));
    let falling = decide(2, 10, 1.0);
    assert_eq!(falling.able, Able::ScaleDownStabilized);
    assert_eq!(falling.desired, 10);
    let low = decide(60, 10, 0.0);
    assert_eq!((low.desired, low.limited), (2, Limited::TooFewSlots));
    assert_eq!(low.able, Able::ReadyForNewScale);
}

#[test]
fn policies_slow_it_down_in_both_directions() {
    let settings = Autoscale {
        stabilization_window: Duration::ZERO,
        scale_up: ScaleUp {
            policies: vec![
                policy(PolicyType::Percent, 100, 15),
                policy(PolicyType::Slots, 4, 15),
            ],
            ..ScaleUp::default()
        },
        scale_down: ScaleDown {
            select: SelectPolicy::Max,
            policies: vec![policy(PolicyType::Slots, 2, 10)],
        },
        ..settings(1, 30)
    };
    let mut scaler = scaler(settings);
    let mut slots = 1;
    let up = drive(&mut scaler, 0, &mut slots, &[100.0; 46]);
    assert_eq!((up[0], up[14], up[15], up[30], up[45]), (5, 5, 10, 20, 30));
    let down = drive(&mut scaler, 100, &mut slots, &[0.0; 21]);
    assert_eq!((down[0], down[9], down[10], down[20]), (28, 28, 26, 24));
}

#[test]
fn where_a_direction_is_disabled_nothing_changes_in_it() {
    let settings = Autoscale {
        stabilization_window: Duration::ZERO,
        scale_down: ScaleDown {
            select: SelectPolicy::Disabled,
            policies: Vec::new(),
        },
        ..settings(1, 10)
    };
    let mut scaler = scaler(settings);
    let mut slots = 1;
    let had = drive(&mut scaler, 0, &mut slots, &[2.0, 0.0, 0.0]);
    assert_eq!(had, [4, 4, 4]);
    let decided = scaler.decide(seconds(9), Seen { slots, demand: 0.0 });
    assert_eq!(decided.limited, Limited::ScaleDownLimit);
}

#[test]
fn more_can_be_waited_for_before_slots_are_added() {
    let settings = Autoscale {
        scale_up: ScaleUp {
            stabilization_window: seconds(3),
            ..ScaleUp::default()
        },
        ..settings(1, 10)
    };
    let mut scaler = scaler(settings);
    let mut slots = 1;
    let had = drive(&mut scaler, 0, &mut slots, &[0.2, 9.0, 9.0, 9.0, 9.0]);
    assert_eq!(had, [1, 1, 1, 10, 10]);
}

#[test]
fn from_nothing_the_first_work_brings_it_back_and_only_being_idle_takes_it_away() {
    let settings = settings(0, 10);
    let mut scaler = scaler(settings);
    let mut slots = 0;
    assert_eq!(drive(&mut scaler, 0, &mut slots, &[0.0, 0.0]), [0, 0]);
    let woken = drive(&mut scaler, 2, &mut slots, &[3.0]);
    assert_eq!(woken, [6]);
    let lull = drive(&mut scaler, 3, &mut slots, &[0.0; 60]);
    assert_eq!(
        lull.last(),
        Some(&1),
        "the controller decides when it is idle"
    );
    scaler.forget();
    slots = 0;
    assert_eq!(drive(&mut scaler, 70, &mut slots, &[1.0]), [2]);
}

#[test]
fn the_breaker_bounds_it_too() {
    let mut scaler = Scaler::new(settings(1, 100), 7);
    let decided = scaler.decide(
        seconds(1),
        Seen {
            slots: 1,
            demand: 99.0,
        },
    );
    assert_eq!(decided.desired, 7);
    assert_eq!(decided.limited, Limited::TooManySlots);
}

fn any_settings() -> impl Strategy<Value = Autoscale> {
    let policies = || {
        let policy = (any::<bool>(), 1_u32..150, 1_u64..60).prop_map(|(slots, value, period)| {
            let r#type = match slots {
                true => PolicyType::Slots,
                false => PolicyType::Percent,
            };
            policy(r#type, value, period)
        });
        prop::collection::vec(policy, 0..3)
    };
    let select = || prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min)];
    let windows = (0_u64..60, 0_u64..10);
    let range = (0_u32..5, 0_u32..40, 1_u8..=100, 0_u32..500);
    (range, windows, policies(), select(), policies(), select()).prop_map(
        |(
            (min, over, target, tolerance),
            (down, up),
            up_policies,
            up_select,
            down_policies,
            down_select,
        )| {
            Autoscale {
                min,
                max: NonZeroU32::new(min + over).unwrap_or(NonZeroU32::MIN),
                target_utilization: target,
                tolerance,
                stabilization_window: seconds(down),
                scale_up: ScaleUp {
                    stabilization_window: seconds(up),
                    select: up_select,
                    policies: up_policies,
                },
                scale_down: ScaleDown {
                    select: down_select,
                    policies: down_policies,
                },
                ..Autoscale::default()
            }
        },
    )
}

proptest! {
    /// Whatever comes: the number is within the range, goes up only when more is wanted than there is, and down only when less was wanted all over the window.
    #[test]
    fn the_number_stays_in_its_range_and_moves_only_for_a_reason(
        settings in any_settings(),
        demand in prop::collection::vec(0.0_f64..60.0, 1..120),
    ) {
        let mut scaler = scaler(settings.clone());
        let mut slots = settings.min;
        let mut recommended = Vec::new();
        for (at, demand) in demand.into_iter().enumerate() {
            let now = seconds(at as u64);
            let seen = Seen { slots, demand };
            recommended.push(scaler.recommended(seen));
            let decided = scaler.decide(now, seen);
            let least = match slots == 0 && demand <= 0.0 {
                true => 0,
                false => settings.min.max(1),
            };
            prop_assert!((least..=settings.max.get()).contains(&decided.desired), "{decided:?}");
            let window = settings.stabilization_window.as_secs() as usize;
            let lately = &recommended[(at + 1).saturating_sub(window.max(1))..];
            let highest = lately.iter().copied().max().unwrap_or_default();
            if decided.desired < slots {
                prop_assert!(highest < slots, "{lately:?} {decided:?}");
                prop_assert!(decided.desired >= highest.clamp(settings.min.max(1), settings.max.get()));
            }
            if decided.desired > slots {
                prop_assert!(recommended[at] > slots || slots == 0);
                prop_assert!(decided.desired <= recommended[at].max(settings.min.max(1)));
            }
            scaler.changed(now, slots, decided.desired);
            slots = decided.desired;
        }
    }

    /// A steady load ends at a steady number, at which the use is at the target or below it, or all that may be is used.
    #[test]
    fn a_steady_load_ends_at_a_steady_number(demand in 0.1_f64..40.0, from in 1_u32..60, target in 10_u8..=100) {
        let settings = Autoscale {
            target_utilization: target,
            ..settings(1, 60)
        };
        let mut scaler = scaler(settings);
        let mut slots = from;
        let had = drive(&mut scaler, 0, &mut slots, &[demand; 80]);
        prop_assert!(had[60..].iter().all(|one| *one == slots), "{had:?}");
        let utilization = demand * 100.0 / f64::from(slots);
        prop_assert!(slots == 60 || utilization <= f64::from(target) * 1.1 + 1e-6, "{utilization}");
    }
}
