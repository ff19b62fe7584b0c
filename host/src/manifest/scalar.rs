//! The values a manifest is made of: names, addresses, durations, sizes.

use std::{fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{self, Error, Unexpected, Visitor},
};

use crate::core::{Timestamp, check_name};

pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check_name(&text).map_err(D::Error::custom)?;
    Ok(text)
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| D::Error::custom(format!("`{text}` is not an address; write an IP address and a port, for example `127.0.0.1:8080`")))
}

pub(super) fn token<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(text))
    } else {
        Err(D::Error::custom(
            "a token consists of visible ASCII characters without spaces, and is not empty",
        ))
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = deserializer.deserialize_str(Text(
        "a duration in quotes, for example `\"500ms\"`, `\"2s\"` or `\"1m30s\"`",
    ))?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is not a duration; write for example `500ms`, `2s`, `1m30s` or `24h` (units: us, ms, s, m, h, d)"))
    })
}

pub(super) fn positive_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration.is_zero() {
        Err(D::Error::custom("must be longer than 0"))
    } else {
        Ok(duration)
    }
}

/// What the system counts in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration.is_zero() || duration.subsec_nanos() > 0 {
        Err(D::Error::custom("must be whole seconds, and at least 1s"))
    } else {
        Ok(duration)
    }
}

/// Durations such as `500ms` or `1m30s`. By hand: the crate `humantime` reads `5M` as five months.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = tail.split_at(
            tail.find(|c: char| c.is_ascii_digit())
                .unwrap_or(tail.len()),
        );
        let number: u64 = number.parse().ok()?;
        let part = match unit {
            "us" => Duration::from_micros(number),
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(60 * 60)?),
            "d" => Duration::from_secs(number.checked_mul(24 * 60 * 60)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = tail;
    }
    // More than a century is a typing error, and would overflow where it is added to a time.
    (total <= Duration::from_secs(100 * 365 * 24 * 60 * 60)).then_some(total)
}

/// A time as people write it: with or without milliseconds.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let whole = || format!("{}.000Z", text.strip_suffix('Z').unwrap_or(text));
    text.parse().or_else(|_| whole().parse()).ok()
}

pub(super) fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = deserializer.deserialize_str(Text(
        "a time in quotes, for example `\"2027-01-31T00:00:00Z\"`",
    ))?;
    let time = parse_time(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "`{text}` is not a time; write it in UTC, for example `2027-01-31T00:00:00Z`"
        ))
    })?;
    Ok(Some(time))
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let bytes = deserializer.deserialize_any(Size)?;
    if bytes == 0 {
        Err(D::Error::custom("must be more than 0 bytes"))
    } else {
        Ok(bytes)
    }
}

/// A size that may be nothing.
pub(super) fn size_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Size)
}

pub(super) fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    const PAGE: u64 = 64 * 1024;
    let bytes = size(deserializer)?;
    if (PAGE..=4 << 30).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(D::Error::custom(
            "must be from 64KiB (one page of WebAssembly) to 4GiB (all that 32 bits can address)",
        ))
    }
}

/// What a journal keeps in memory. The engine starts with less, and is of no use then.
pub(super) fn cache<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    const LEAST: u64 = 64 * 1024;
    match size(deserializer)? {
        bytes if bytes >= LEAST => Ok(bytes),
        _ => Err(D::Error::custom("must be at least 64KiB")),
    }
}

pub(super) fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    positive_duration(deserializer).map(Some)
}

pub(super) fn optional_size<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(Some)
}

pub(super) fn optional_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    number(deserializer).map(Some)
}

/// A number of processors as Kubernetes writes it, `0.5` or `"500m"`; in thousandths.
pub(super) fn processors<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    let thousandths = deserializer.deserialize_any(Processors)?;
    match NonZeroU32::new(thousandths) {
        Some(thousandths) if (10..=1_000_000).contains(&thousandths.get()) => Ok(Some(thousandths)),
        _ => Err(D::Error::custom(
            "must be from 10m (a hundredth of a processor) to 1000 processors",
        )),
    }
}

struct Processors;

impl Visitor<'_> for Processors {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of processors, for example `0.5`, `2` or `\"500m\"`")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        let thousandths = u32::try_from(number)
            .ok()
            .and_then(|n| n.checked_mul(1_000));
        Ok(thousandths.unwrap_or(0))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(-1))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u32, E> {
        // Whatever is not a number, or too large for one, is out of the range that is checked.
        Ok((number * 1_000.0).round() as u32)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let thousandths = match text.strip_suffix('m') {
            Some(thousandths) => thousandths.parse().ok(),
            None => text
                .parse()
                .ok()
                .map(|number: f64| (number * 1_000.0).round() as u32),
        };
        thousandths.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// NATS servers, separated by commas, without secrets.
pub(super) fn servers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check_servers(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// What is wrong with a list of NATS servers. Says nothing of what is in it: it may hold a secret.
pub(crate) fn check_servers(text: &str) -> Result<(), &'static str> {
    if text.contains('@') {
        return Err(
            "the URL of a NATS server must not contain a user or a secret; set `user`, and `password_file` or `token_file`",
        );
    }
    let schemes = ["nats://", "tls://"];
    let is_server = |server: &str| {
        let server = server.trim();
        schemes.iter().any(|scheme| {
            server
                .strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty())
        })
    };
    match text.split(',').all(is_server) {
        true => Ok(()),
        false => Err(
            "write the URL of a NATS server, or several with commas between them, for example `nats://127.0.0.1:4222`",
        ),
    }
}

/// The name of a stream.
pub(super) fn stream<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.chars().all(is_allowed) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!(
            "`{text}` is not a valid stream name; use letters, digits, `-` and `_`"
        ))),
    }
}

/// A subject without wildcards.
pub(super) fn subject<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_token = |token: &str| !token.is_empty() && token.chars().all(is_allowed);
    match text.split('.').all(is_token) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!(
            "`{text}` is not a valid subject prefix; write words of letters, digits, `-` and `_` with dots between them"
        ))),
    }
}

/// A number from 1.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    let number = deserializer.deserialize_i64(Number {
        from: 1,
        to: u32::MAX,
    })?;
    NonZeroU32::new(number).ok_or_else(|| D::Error::custom("must be at least 1"))
}

/// How many changes one commit may make: nobody reads, in any context, while it is written, and that takes longer than in proportion.
pub(super) fn committed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<NonZeroU32, D::Error> {
    let number = deserializer.deserialize_i64(Number {
        from: 1,
        to: 10_000,
    })?;
    NonZeroU32::new(number).ok_or_else(|| D::Error::custom("must be at least 1"))
}

/// A number from 0.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_i64(Number {
        from: 0,
        to: u32::MAX,
    })
}

/// How deep calls may nest: for each level there is something that is made beforehand.
pub(super) fn call_depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_i64(Number { from: 0, to: 100 })
}

/// A whole percentage from `from` to 100.
fn percentage<'de, D: Deserializer<'de>>(deserializer: D, from: u32) -> Result<u8, D::Error> {
    let number = deserializer.deserialize_i64(Number { from, to: 100 })?;
    u8::try_from(number).map_err(D::Error::custom)
}

/// A percentage from 0 to 100.
pub(super) fn percent_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    percentage(deserializer, 0)
}

/// A percentage from 1 to 100.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    percentage(deserializer, 1)
}

/// Percentages from 1 to 100.
pub(super) fn percents<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Percent(u8);

    impl<'de> Deserialize<'de> for Percent {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            percentage(deserializer, 1).map(Self)
        }
    }

    let percents = Vec::<Percent>::deserialize(deserializer)?;
    Ok(percents
        .into_iter()
        .map(|Percent(percent)| percent)
        .collect())
}

/// A share such as `0.1`, in thousandths.
pub(super) fn thousandths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_any(Share { parts: 1_000 })
}

/// A share such as `0.0001`, in millionths.
pub(super) fn millionths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_any(Share { parts: 1_000_000 })
}

/// Takes a share, in so many parts of the whole.
struct Share {
    parts: u32,
}

impl Visitor<'_> for Share {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share from 0 to 1, for example `0.1`")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        match number {
            0 => Ok(0),
            1 => Ok(self.parts),
            _ => Err(E::custom("must be from 0 to 1")),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u32, E> {
        if !(0.0..=1.0).contains(&number) {
            return Err(E::custom("must be from 0 to 1"));
        }
        let parts = (number * f64::from(self.parts)).round() as u32;
        // Somebody who asks for a little, or for nearly all, does not mean nothing, or all.
        if (parts == 0 && number > 0.0) || (parts == self.parts && number < 1.0) {
            let least = 1.0 / f64::from(self.parts);
            return Err(E::custom(format!(
                "must be 0, 1, or from {least} to {}",
                1.0 - least
            )));
        }
        Ok(parts)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        match text.trim().parse() {
            Ok(number) => self.visit_f64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

/// Sizes such as `64MiB`, or plain bytes. By hand: the crate `bytesize` guesses what `64mb` or `1.5k` is meant to be.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Takes a text, and says what it would be when it finds something else.
struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Takes a whole number from `from` to `to`.
struct Number {
    from: u32,
    to: u32,
}

impl Visitor<'_> for Number {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.from, self.to)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (self.from..=self.to).contains(number))
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

struct Size;

impl Visitor<'_> for Size {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size, for example `\"64MiB\"` or a number of bytes")
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<u64, E> {
        u64::try_from(bytes).map_err(|_| E::custom("must be more than 0 bytes"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse_size(text).ok_or_else(|| {
            E::custom(format!("`{text}` is not a size; write for example `512KiB`, `64MiB`, `1GiB` or a number of bytes (units: B, kB, MB, GB, KiB, MiB, GiB)"))
        })
    }
}
