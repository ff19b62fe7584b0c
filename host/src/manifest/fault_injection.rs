//! `[context.<name>.fault]`: what is made to go wrong on purpose, so that resilience can be tried. The words are Istio's.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use super::scalar;

/// `[context.<name>.fault]`: faults that are injected into requests and calls to the context. None unless it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultInjection {
    /// Some are kept waiting before the guest runs.
    pub delay: Option<Delay>,
    /// Some are answered with an error, and the guest does not run.
    pub abort: Option<Abort>,
}

/// `[context.<name>.fault.delay]`: requests and calls that are kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// How many of a hundred.
    #[serde(deserialize_with = "scalar::percent_or_zero")]
    pub percent: u8,
    /// How long.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub fixed: Duration,
}

/// `[context.<name>.fault.abort]`: requests and calls that are answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// How many of a hundred.
    #[serde(deserialize_with = "scalar::percent_or_zero")]
    pub percent: u8,
    /// The status that a request is answered with; a call is `unavailable`.
    #[serde(deserialize_with = "error_status")]
    pub status: u16,
}

/// The longest time that faults are switched on for while the host runs.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl FaultInjection {
    /// As it is asked for while the host runs: a delay such as `10%:2s`, an abort such as `5%:503`, or both, for a time such as `10m`.
    ///
    /// # Errors
    ///
    /// In words for who has asked, when one of them is none, or nothing would go wrong.
    pub fn for_a_time(
        delay: Option<&str>,
        abort: Option<&str>,
        time: &str,
    ) -> Result<(Self, Duration), String> {
        let injection = Self {
            delay: delay.map(str::parse).transpose()?,
            abort: abort.map(str::parse).transpose()?,
        };
        if injection.is_none() {
            return Err("nothing would go wrong; say a `delay` such as `10%:2s`, or an `abort` such as `5%:503`".to_owned());
        }
        let found = scalar::parse_duration(time);
        let found = found.filter(|time| !time.is_zero() && *time <= LONGEST);
        let found = found.ok_or_else(|| {
            format!(
                "`{time}` is not a time that faults can be injected for; write for example `10m`, a day at most"
            )
        })?;
        Ok((injection, found))
    }

    /// Whether anything is made to go wrong.
    pub fn is_none(&self) -> bool {
        self.delay.is_none_or(|delay| delay.percent == 0)
            && self.abort.is_none_or(|abort| abort.percent == 0)
    }
}

fn is_error(status: u16) -> bool {
    (400..=599).contains(&status)
}

fn error_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = scalar::number(deserializer)?;
    let status = u16::try_from(status)
        .ok()
        .filter(|status| is_error(*status));
    status.ok_or_else(|| {
        D::Error::custom("must be the status of an error, from 400 to 599, for example 503")
    })
}

/// As it is written on the command line: `10%:2s`.
impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (percent, fixed) = text.split_once(':')?;
            Some(Self {
                percent: percent_of(percent)?,
                fixed: scalar::parse_duration(fixed).filter(|fixed| !fixed.is_zero())?,
            })
        };
        read().ok_or_else(|| {
            format!("`{text}` is not a delay; write how many and how long, for example `10%:2s`")
        })
    }
}

/// As it is written on the command line: `5%:503`.
impl FromStr for Abort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (percent, status) = text.split_once(':')?;
            Some(Self {
                percent: percent_of(percent)?,
                status: status.parse().ok().filter(|status| is_error(*status))?,
            })
        };
        read().ok_or_else(|| {
            format!(
                "`{text}` is not an abort; write how many and with which status, 400 to 599, for example `5%:503`"
            )
        })
    }
}

/// A whole percentage with its sign.
fn percent_of(text: &str) -> Option<u8> {
    let percent = text.strip_suffix('%')?.parse().ok()?;
    (percent <= 100).then_some(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written_on_the_command_line() {
        let delay = Delay {
            percent: 10,
            fixed: Duration::from_secs(2),
        };
        assert_eq!("10%:2s".parse(), Ok(delay));
        let abort = Abort {
            percent: 5,
            status: 503,
        };
        assert_eq!("5%:503".parse(), Ok(abort));
        for wrong in [
            "", "10", "10%", "10:2s", "101%:2s", "10%:0s", "10%:2", "-1%:2s",
        ] {
            assert!(wrong.parse::<Delay>().is_err(), "{wrong}");
        }
        for wrong in ["", "5%", "5:503", "5%:200", "5%:600", "5%:x", "300%:503"] {
            assert!(wrong.parse::<Abort>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_goes_wrong_unless_it_is_asked_for() {
        assert!(FaultInjection::default().is_none());
        let never = FaultInjection {
            abort: "0%:503".parse().ok(),
            ..FaultInjection::default()
        };
        assert!(never.is_none());
    }
}
