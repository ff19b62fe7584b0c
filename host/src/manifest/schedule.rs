//! `[context.<name>.schedule.<name>]`: events at certain times.

use std::fmt;
use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp};
use serde::Deserialize;

use super::scalar;
use crate::core::check_name;

/// `[context.<name>.schedule.<name>]`: an event that the context publishes at certain times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The times, as in a crontab: minute, hour, day of the month, month, day of the week, and perhaps a time zone (`0 3 * * * Europe/Berlin`); UTC without one. Either this or
    /// `every`.
    #[serde(default)]
    pub cron: Option<Cron>,
    /// The time between two events. Either this or `cron`.
    #[serde(default, deserialize_with = "scalar::optional_duration")]
    pub every: Option<Duration>,
    /// The kind of the event. Its source is the context, its subject the schedule's name.
    pub event: String,
    /// What becomes of the times at which the host was down.
    #[serde(default)]
    pub missed: Missed,
}

/// What becomes of times at which the host was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Each has its event when the host is back, in their order, the last 1,000 of them.
    #[default]
    CatchUp,
    /// They have none.
    Skip,
}

/// Times as a crontab says them.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Cron {
    text: String,
    crontab: Crontab,
}

/// The shortest time between two events: less is work for a loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// When a year began that has each day that there is: 2024.
const LEAP_YEAR: u64 = 1_704_067_200_000;

impl Schedule {
    /// The first time after one, in milliseconds since the Unix epoch; none when there is none any more.
    pub fn next(&self, after: u64) -> Option<u64> {
        match (&self.cron, self.every) {
            (Some(cron), _) => cron.next(after),
            (None, Some(every)) => {
                let every = u64::try_from(every.as_millis()).ok()?;
                // At the same times on every host, and also after a restart.
                (after / every + 1).checked_mul(every)
            }
            (None, None) => None,
        }
    }

    /// Its times in one text: whatever changes it makes it another schedule.
    pub fn times(&self) -> String {
        match (&self.cron, self.every) {
            (Some(cron), _) => cron.text.clone(),
            (None, every) => format!("every {} ms", every.unwrap_or_default().as_millis()),
        }
    }
}

impl Cron {
    fn next(&self, after: u64) -> Option<u64> {
        let after = MakeTimestamp::from_millisecond(i64::try_from(after).ok()?).ok()?;
        let mut next = self.crontab.find_next(after).ok()?;
        let last = after.0.to_zoned(next.time_zone().clone());
        if self.names_hours() && next.datetime() == last.datetime() {
            // When clocks go back, what is to be at two is not to be at two again.
            next = self
                .crontab
                .find_next(MakeTimestamp(next.timestamp()))
                .ok()?;
        }
        u64::try_from(next.timestamp().as_millisecond()).ok()
    }
}

impl Cron {
    /// Whether it is to be at certain hours, rather than at all.
    fn names_hours(&self) -> bool {
        let hours = self.text.split_whitespace().nth(1);
        hours.is_some_and(|hours| !hours.starts_with('*'))
    }
}

impl TryFrom<String> for Cron {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let has_time_zone = text.split_whitespace().count() > 5;
        let whole = match has_time_zone {
            true => text.clone(),
            false => format!("{text} UTC"),
        };
        match cronexpr::parse_crontab(&whole) {
            Ok(crontab) => {
                let cron = Self { text, crontab };
                match cron.next(LEAP_YEAR) {
                    Some(_) => Ok(cron),
                    None => Err(format!(
                        "`{}` never comes: no such day is in any year",
                        cron.text
                    )),
                }
            }
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().next_back().unwrap_or_default().trim();
                Err(format!(
                    "`{text}` is not a schedule ({reason}); write minute, hour, day of the month, month and day of the week, for example `0 3 * * *` or `*/15 8-18 * * MON-FRI Europe/Berlin`"
                ))
            }
        }
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// What contradicts itself in a schedule, and under which key.
pub(super) fn check(name: &str, schedule: &Schedule) -> Result<(), (Option<&'static str>, String)> {
    check_name(name).map_err(|error| (None, error.to_string()))?;
    match (&schedule.cron, schedule.every) {
        (None, None) => {
            let message = "it has no times; write `cron = \"0 3 * * *\"` or `every = \"10m\"`";
            return Err((None, message.to_owned()));
        }
        (Some(_), Some(_)) => {
            let message = "`cron` says when already; remove one of them";
            return Err((Some("every"), message.to_owned()));
        }
        (None, Some(every)) if every < SHORTEST => {
            return Err((Some("every"), "must be at least `1s`".to_owned()));
        }
        _ => {}
    }
    let is_kind = !schedule.event.is_empty()
        && schedule.event.len() <= 128
        && schedule
            .event
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match is_kind {
        true => Ok(()),
        false => {
            let message = format!(
                "`{}` is not the kind of an event; write letters, digits, `-` and `_`, for example `NightlyDue`",
                schedule.event
            );
            Err((Some("event"), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-28T23:30:00Z: the night in which Berlin's clocks go forward.
    const BEFORE_SUMMER: u64 = 1_774_740_600_000;
    const HOUR: u64 = 3_600_000;

    fn cron(text: &str) -> Schedule {
        Schedule {
            cron: Some(text.to_owned().try_into().unwrap()),
            every: None,
            event: "Due".into(),
            missed: Missed::CatchUp,
        }
    }

    #[test]
    fn times_are_those_of_the_crontab_in_its_time_zone() {
        let utc = cron("0 3 * * *").next(BEFORE_SUMMER).unwrap();
        assert_eq!(utc, BEFORE_SUMMER + 3 * HOUR + HOUR / 2);
        // Three o'clock in Berlin is one o'clock UTC in summer.
        let berlin = cron("0 3 * * * Europe/Berlin").next(BEFORE_SUMMER).unwrap();
        assert_eq!(berlin, BEFORE_SUMMER + HOUR + HOUR / 2);
        let next = cron("0 3 * * * Europe/Berlin").next(berlin).unwrap();
        assert_eq!(next, berlin + 24 * HOUR);
    }

    #[test]
    fn what_is_daily_is_daily_also_when_clocks_go_back() {
        // 2026-10-24T12:00:00Z: the day before Berlin's clocks go back, at three o'clock in the morning.
        let noon = 1_792_843_200_000;
        let daily = cron("30 2 * * * Europe/Berlin");
        let first = daily.next(noon).unwrap();
        assert_eq!(first, noon + 12 * HOUR + HOUR / 2);
        assert_eq!(daily.next(first).unwrap(), first + 25 * HOUR);
        let hourly = cron("30 * * * * Europe/Berlin");
        assert_eq!(hourly.next(first).unwrap(), first + HOUR);
    }

    #[test]
    fn each_time_comes_after_the_one_before() {
        let schedule = Schedule {
            every: Some(Duration::from_secs(7)),
            cron: None,
            ..cron("* * * * *")
        };
        let mut times = vec![schedule.next(BEFORE_SUMMER).unwrap()];
        for _ in 0..5 {
            times.push(schedule.next(*times.last().unwrap()).unwrap());
        }
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 7_000));
    }

    #[test]
    fn what_never_comes_is_refused_and_what_comes_seldom_is_not() {
        for text in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            let refused = Cron::try_from(text.to_owned()).unwrap_err();
            assert!(refused.contains("never comes"), "{refused}");
        }
        for text in ["0 0 29 2 *", "0 0 31 * *", "0 0 30 2 MON", "0 0 1 1 *"] {
            assert!(cron(text).next(BEFORE_SUMMER).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "* * *",
            "61 * * * *",
            "0 3 * * * Atlantis/Capital",
            "tomorrow",
        ] {
            let refused = Cron::try_from(text.to_owned()).unwrap_err();
            assert!(
                refused.contains("is not a schedule") && !refused.contains('\n'),
                "{refused}"
            );
        }
    }
}
